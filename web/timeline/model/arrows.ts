import type { Frame } from "../model-types.ts";
import type { TimelineSource } from "../timeline-source.ts";
import { middleOf } from "./layout.ts";

/** Most arrows of a picture: more of them are a carpet. */
export const MAX_ARROWS = 400;

/** Arrow ends in CSS pixels of the canvas. */
export interface ArrowLine {
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
}

interface Ends {
  /** Indices of arrows by span: those of span s are `arrow[start[s] … start[s+1]−1]`. */
  readonly start: Uint32Array;
  readonly arrow: Uint32Array;
}

const endsOf = new WeakMap<TimelineSource, Ends>();

/** Arrows that the frame shows, and how many would be in sight. */
export function arrowsOf(
  frame: Frame,
  widthPx: number,
  heightPx: number,
): { readonly lines: ArrowLine[]; readonly total: number } {
  const { source } = frame.prepared;
  const { from, to } = source.arrows;
  const lines: ArrowLine[] = [];
  let total = 0;
  const add = (arrow: number) => {
    const line = placeArrow(frame, from[arrow]!, to[arrow]!, widthPx);
    if (!isSeen(line, widthPx, heightPx)) return;
    total++;
    if (lines.length < MAX_ARROWS) lines.push(line);
  };
  if (frame.arrows === "all") for (let arrow = 0; arrow < from.length; arrow++) add(arrow);
  else if (frame.arrows === "selected" && frame.selected >= 0) {
    const { start, arrow } = findEnds(source);
    for (let at = start[frame.selected]!; at < start[frame.selected + 1]!; at++) add(arrow[at]!);
  }
  return { lines, total };
}

function findEnds(source: TimelineSource): Ends {
  const known = endsOf.get(source);
  if (known !== undefined) return known;
  const { from, to } = source.arrows;
  const start = new Uint32Array(source.numSpans + 2);
  for (const ends of [from, to]) for (const span of ends) start[span + 2]!++;
  for (let span = 2; span < start.length; span++) start[span]! += start[span - 1]!;
  const arrow = new Uint32Array(from.length + to.length);
  for (const ends of [from, to]) {
    for (let index = 0; index < ends.length; index++) arrow[start[ends[index]! + 1]!++] = index;
  }
  const made = { start, arrow };
  endsOf.set(source, made);
  return made;
}

/** From the end of what releases to the end of what was released, or to its start where that is later. */
function placeArrow(frame: Frame, from: number, to: number, widthPx: number): ArrowLine {
  const { startNs, endNs } = frame.prepared.source;
  const { window, scrollY } = frame;
  const x = (ns: number) => ((ns - window.startNs) / (window.endNs - window.startNs)) * widthPx;
  const releaseNs = endNs[from]!;
  return {
    fromX: x(releaseNs),
    fromY: middleOf(frame, from) - scrollY,
    toX: x(Math.max(startNs[to]!, Math.min(endNs[to]!, releaseNs))),
    toY: middleOf(frame, to) - scrollY,
  };
}

function isSeen({ fromX, fromY, toX, toY }: ArrowLine, widthPx: number, heightPx: number): boolean {
  const isBeside = (fromX < 0 && toX < 0) || (fromX > widthPx && toX > widthPx);
  const isAbove = (fromY < 0 && toY < 0) || (fromY > heightPx && toY > heightPx);
  return !isBeside && !isAbove;
}

/** Control points of the curve: it leaves and arrives sideways. */
export function curveOf({ fromX, toX }: ArrowLine): number {
  return Math.min(Math.max(Math.abs(toX - fromX) / 2, 16), 60);
}
