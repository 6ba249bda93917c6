import { useEffect, useRef, useState } from "preact/hooks";
import type { DirectedLink } from "./links.ts";

type OnLinkRate = (from: string, to: string, bytesPerSecond: number) => void;

export interface LinkEditing {
  /** What the controls show: the newest wish until the topology has it. */
  readonly bytesPerSecond: number;
  readonly makespanBeforeNs: number | null;
  change(bytesPerSecond: number): void;
}

/** Two rates that people would not tell apart. */
const NEAR = 1e-6;

/**
 * Changes of one link. Wishes go out once a frame at most, the newest wins; the topology follows when it has been worked
 * out.
 */
export function useLinkEdit(link: DirectedLink | null, makespanNs: number | null, onLinkRate: OnLinkRate): LinkEditing {
  const [wish, setWish] = useState<{ readonly name: string; readonly rate: number } | null>(null);
  const [before, setBefore] = useState<{ readonly name: string; readonly ns: number } | null>(null);
  const frame = useRef(0);
  const send = useRef<() => void>(() => {});
  const name = link?.name ?? null;
  const current = link?.bytesPerSecond ?? 0;
  useEffect(() => {
    if (wish !== null && (wish.name !== name || Math.abs(current - wish.rate) <= NEAR * wish.rate)) setWish(null);
  }, [current, name, wish]);
  useEffect(() => {
    if (before !== null && before.name !== name) setBefore(null);
  }, [name, before]);
  const change = (rate: number) => {
    if (link === null || !(rate > 0)) return;
    if (makespanNs !== null && before?.name !== link.name) setBefore({ name: link.name, ns: makespanNs });
    setWish({ name: link.name, rate });
    send.current = () => onLinkRate(link.edited.from, link.edited.to, rate / link.numParallel);
    if (frame.current !== 0) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      send.current();
    });
  };
  const wished = wish !== null && wish.name === name ? wish.rate : null;
  return {
    bytesPerSecond: wished ?? current,
    makespanBeforeNs: before !== null && before.name === name ? before.ns : null,
    change,
  };
}
