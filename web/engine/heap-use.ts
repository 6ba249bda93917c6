import { Kind, type Schedule } from "../../plan/schedule/schedule.ts";
import type { PlanDetail } from "./protocol.ts";

/** A slot of a rank holds data that somebody still reads. */
interface Hold {
  readonly startNs: number;
  readonly endNs: number;
  readonly first: number;
  readonly end: number;
}

/** Ranks that are looked at for the one that needs most: plans are alike on all of them, but for the edges of a ring. */
const MAX_RANKS = 16;

/**
 * Bytes of the symmetric heap in use over one pass, at the rank with the highest peak. A slot is in use from the start of
 * what writes it to the end of the last op that reads it before it is written anew; slots that share bytes count once.
 */
export function heapUse(
  schedule: Schedule,
  times: { readonly startNs: Float64Array; readonly endNs: Float64Array },
  limitBytes: number,
): PlanDetail["heap"] {
  const touches = touchesBySlot(schedule, Math.min(schedule.ranks, MAX_RANKS), times);
  let best: { rank: number; peak: number; steps: Steps } | null = null;
  touches.forEach((slots, rank) => {
    const steps = addUp(slots.flatMap((list, slot) => holdsOf(schedule, slot, list, times)));
    const peak = steps.bytes.reduce((most, bytes) => Math.max(most, bytes), 0);
    if (best === null || peak > best.peak) best = { rank, peak, steps };
  });
  const { rank, steps } = best ?? { rank: 0, steps: { timeNs: [], bytes: [] } };
  return { rank, timeNs: Float64Array.from(steps.timeNs), bytes: Float64Array.from(steps.bytes), limitBytes };
}

interface Touch {
  readonly startNs: number;
  readonly endNs: number;
  readonly isWrite: boolean;
}

/** By rank and slot: who reads and writes it, in order of start. */
function touchesBySlot(
  schedule: Schedule,
  numRanks: number,
  { startNs, endNs }: { readonly startNs: Float64Array; readonly endNs: Float64Array },
): Touch[][][] {
  const { ops, operands, slots } = schedule;
  const touches = Array.from({ length: numRanks }, () => slots.map((): Touch[] => []));
  for (let op = 0; op < ops.kind.length; op++) {
    const kind = ops.kind[op]!;
    const [here, there] = [ops.rank[op]!, ops.peer[op]!];
    const source = kind === Kind.get ? there : here;
    const target = kind === Kind.put ? there : here;
    const add = (rank: number, list: Uint32Array, first: number, end: number, isWrite: boolean) => {
      if (rank >= numRanks) return;
      const seen = new Set<number>();
      for (let at = first; at < end; at++) seen.add(operands.slot[list[at]!]!);
      for (const slot of seen) touches[rank]![slot]!.push({ startNs: startNs[op]!, endNs: endNs[op]!, isWrite });
    };
    add(source, ops.from, ops.fromStart[op]!, ops.fromStart[op + 1]!, false);
    add(target, ops.to, ops.toStart[op]!, ops.toStart[op + 1]!, true);
  }
  for (const slotsOfRank of touches) {
    for (const list of slotsOfRank) list.sort((a, b) => a.startNs - b.startNs || Number(a.isWrite) - Number(b.isWrite));
  }
  return touches;
}

function holdsOf(
  { slots }: Schedule,
  index: number,
  touches: readonly Touch[],
  { endNs }: { readonly endNs: Float64Array },
): Hold[] {
  const { role, offset, bytes } = slots[index]!;
  if (role === "accumulator") return [];
  const holds: Hold[] = [];
  const place = { first: offset, end: offset + bytes };
  // Inputs hold data from the start on, outputs to the end.
  let from = role === "input" ? 0 : Number.NaN;
  let until = 0;
  let wasRead = false;
  for (const touch of touches) {
    if (touch.isWrite && (wasRead || Number.isNaN(from))) {
      if (wasRead && until > from) holds.push({ startNs: from, endNs: until, ...place });
      from = Math.max(touch.startNs, wasRead ? until : 0);
      wasRead = false;
    }
    if (!touch.isWrite) wasRead = true;
    until = Math.max(until, touch.endNs);
  }
  if (Number.isNaN(from)) return holds;
  const last = role === "output" ? endNs.reduce((most, ns) => Math.max(most, ns), 0) : until;
  if (last > from) holds.push({ startNs: from, endNs: last, ...place });
  return holds;
}

interface Steps {
  readonly timeNs: readonly number[];
  readonly bytes: readonly number[];
}

/** Bytes of the union of what is held, at each time where it changes. */
function addUp(holds: readonly Hold[]): Steps {
  const edges = [...new Set(holds.flatMap(({ first, end }) => [first, end]))].sort((a, b) => a - b);
  const count = new Int32Array(edges.length);
  const changes = holds
    .flatMap((hold) => [
      { ns: hold.startNs, by: 1, hold },
      { ns: hold.endNs, by: -1, hold },
    ])
    .sort((a, b) => a.ns - b.ns || a.by - b.by);
  const timeNs: number[] = [];
  const bytes: number[] = [];
  let total = 0;
  for (const { ns, by, hold } of changes) {
    for (let edge = edges.indexOf(hold.first); edges[edge]! < hold.end; edge++) {
      const size = edges[edge + 1]! - edges[edge]!;
      if (by > 0 && count[edge]!++ === 0) total += size;
      else if (by < 0 && --count[edge]! === 0) total -= size;
    }
    if (timeNs.at(-1) === ns) bytes[bytes.length - 1] = total;
    else {
      timeNs.push(ns);
      bytes.push(total);
    }
  }
  return { timeNs, bytes };
}
