import { Kind } from "../schedule/schedule.ts";
import type { OpFacts } from "./op-facts.ts";
import { NONE, type Releases } from "./releases.ts";
import type { Timeline } from "./timeline.ts";

/** How many ops that ended at one instant are looked at for one of another rank. */
const MAX_LOOKED_AT = 64;

/**
 * Guesses what releases the ops of two traces from their times, where there is no schedule to ask. Barriers are sure.
 * Before an op comes the op of its rank that ended last when it started; a wait awaits the put or notify that ended last
 * when it ended (of another rank, if one did), in the prediction if it waited there, whose instants are exact, or else in
 * the measurement; the ends of a transfer are those that end as one in both. A guess can name a wrong rank where several
 * do the same at the same instant, and a wrong op where many end in the time that a wait takes to see its signal.
 * Time n log n in the ops of the timelines; what `latestBefore` is asked of may be others, such as single passes.
 */
export function inferReleases(facts: OpFacts, predicted: Timeline, measured: Timeline): Releases {
  const units = joinBarriers(facts, predicted, measured);
  const lanes = new WeakMap<Timeline, ReadonlyMap<number, readonly Lane[]>>();
  const lanesOf = (timeline: Timeline) => {
    const known = lanes.get(timeline) ?? collectLanes(facts, timeline);
    lanes.set(timeline, known);
    return known;
  };
  const findPartner = matchPairs(facts, predicted, measured);
  const findWrite = matchWrites(facts, predicted, measured);
  return {
    unitOf(op) {
      const other = findPartner(op);
      return units.get(op) ?? (other === NONE ? [op] : [op, other]);
    },
    writeOf: findWrite,
    latestBefore: (op, timeline) => latestBefore(facts, lanesOf(timeline).get(facts.rank[op]!) ?? [], op, timeline),
  };
}

/** The k-th barriers of all ranks, by each of them. */
function joinBarriers(facts: OpFacts, predicted: Timeline, measured: Timeline): Map<number, readonly number[]> {
  const numOf = new Map<number, number>();
  const units: number[][] = [];
  const unitOf = new Map<number, readonly number[]>();
  for (let op = 0; op < facts.numOps; op++) {
    if (facts.kind[op] !== Kind.barrier || (predicted.hasOp[op] !== 1 && measured.hasOp[op] !== 1)) continue;
    const index = numOf.get(facts.rank[op]!) ?? 0;
    numOf.set(facts.rank[op]!, index + 1);
    const unit = (units[index] ??= []);
    unit.push(op);
    unitOf.set(op, unit);
  }
  return unitOf;
}

/** The ops of a stream of a rank by their ends, ties by id. */
interface Lane {
  readonly stream: number;
  readonly ops: number[];
}

/** By rank. Streams are in-order queues, so most are sorted as they stand: all but those with groups. */
function collectLanes({ rank, stream }: OpFacts, timeline: Timeline): Map<number, Lane[]> {
  const lanesOf = new Map<number, Lane[]>();
  for (const op of timeline.ops) {
    let lanes = lanesOf.get(rank[op]!);
    if (lanes === undefined) lanesOf.set(rank[op]!, (lanes = []));
    let lane = lanes.find((one) => one.stream === stream[op]);
    if (lane === undefined) lanes.push((lane = { stream: stream[op]!, ops: [] }));
    lane.ops.push(op);
  }
  const { endNs } = timeline;
  for (const { ops } of [...lanesOf.values()].flat()) {
    const isSorted = ops.every((op, at) => at === 0 || endNs[ops[at - 1]!]! <= endNs[op]!);
    if (!isSorted) ops.sort((a, b) => endNs[a]! - endNs[b]! || a - b);
  }
  return lanesOf;
}

/** Of ops that ended at one instant the one of its own stream, then one that waits for other ranks, released it. */
function latestBefore(
  { kind, stream }: OpFacts,
  lanes: readonly Lane[],
  op: number,
  { startNs, endNs }: Timeline,
): number {
  const weightOf = (candidate: number) => {
    if (stream[candidate] === stream[op]) return 2;
    return kind[candidate] === Kind.wait || kind[candidate] === Kind.receive || kind[candidate] === Kind.get ? 1 : 0;
  };
  let latest = NONE;
  for (const { ops } of lanes) {
    const limitNs = startNs[op]!;
    const count = countWhile(ops, (one) => endNs[one]! < limitNs || (endNs[one] === limitNs && one < op));
    if (count === 0) continue;
    const candidate = ops[count - 1]!;
    const isLater = latest === NONE || endNs[candidate]! > endNs[latest]!;
    if (isLater || (endNs[candidate] === endNs[latest] && weightOf(candidate) > weightOf(latest))) latest = candidate;
  }
  return latest;
}

/** How many of the first elements fulfill what none after them does. */
function countWhile(list: ArrayLike<number>, holds: (element: number) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ops of both timelines by their ends in one, ties by their ends in the other. */
function sortByEnds(ops: readonly number[], first: Timeline, second: Timeline): readonly number[] {
  return ops.toSorted((a, b) => first.endNs[a]! - first.endNs[b]! || second.endNs[a]! - second.endNs[b]! || a - b);
}

function selectOps({ kind }: OpFacts, { ops }: Timeline, { hasOp }: Timeline, kinds: ReadonlySet<number>): number[] {
  const selected: number[] = [];
  for (const op of ops) if (hasOp[op] === 1 && kinds.has(kind[op]!)) selected.push(op);
  return selected;
}

/** Finds the other end of a send or receive: an opposite one of another rank that ends when it ends, in both. */
function matchPairs(facts: OpFacts, predicted: Timeline, measured: Timeline): (op: number) => number {
  const { kind, rank } = facts;
  const ends = selectOps(facts, predicted, measured, new Set([Kind.send, Kind.receive]));
  const sorted = sortByEnds(ends, predicted, measured);
  const isOther = (a: number, b: number) => kind[a] !== kind[b] && rank[a] !== rank[b];
  const order = (a: number, b: number) =>
    predicted.endNs[a]! - predicted.endNs[b]! || measured.endNs[a]! - measured.endNs[b]!;
  return (op) => {
    if ((kind[op] !== Kind.send && kind[op] !== Kind.receive) || predicted.hasOp[op] !== 1 || measured.hasOp[op] !== 1)
      return NONE;
    const first = countWhile(sorted, (one) => order(one, op) < 0);
    for (let at = first; at < Math.min(sorted.length, first + MAX_LOOKED_AT) && order(sorted[at]!, op) === 0; at++) {
      if (isOther(sorted[at]!, op)) return sorted[at]!;
    }
    return NONE;
  };
}

function matchWrites(facts: OpFacts, predicted: Timeline, measured: Timeline): (op: number) => number {
  const writes = selectOps(facts, predicted, measured, new Set([Kind.put, Kind.notify]));
  const inPrediction = searchWrites(facts, writes, predicted, measured);
  const inMeasurement = searchWrites(facts, writes, measured, predicted);
  return (op) => {
    if (facts.kind[op] !== Kind.wait || predicted.hasOp[op] !== 1 || measured.hasOp[op] !== 1) return NONE;
    const write = inPrediction(op);
    return write === NONE ? inMeasurement(op) : write;
  };
}

/**
 * Finds the write that ended last in `first` in the time that a wait took there: at the very instant of the wait's end,
 * of several then the last that had ended in `second` as well; or before it.
 */
function searchWrites({ rank }: OpFacts, writes: readonly number[], first: Timeline, second: Timeline) {
  const sorted = sortByEnds(writes, first, second);
  return (wait: number): number => {
    const endNs = first.endNs[wait]!;
    const last = countWhile(sorted, (op) => first.endNs[op]! <= endNs) - 1;
    const isInTime = (op: number) => first.endNs[op]! < endNs || second.endNs[op]! <= second.endNs[wait]!;
    const at = countWhile(sorted, (op) => first.endNs[op]! <= endNs && isInTime(op)) - 1;
    const isAtEnd = last >= 0 && first.endNs[sorted[last]!] === endNs;
    // None of those that ended with the wait had ended in `second`: the first of them was noted down late there.
    const from = isAtEnd && (at < 0 || first.endNs[sorted[at]!] !== endNs) ? at + 1 : at;
    if (from < 0 || first.endNs[sorted[from]!]! <= first.startNs[wait]!) return NONE;
    for (let near = from; near >= 0 && near > from - MAX_LOOKED_AT; near--) {
      const write = sorted[near]!;
      if (first.endNs[write]! <= first.startNs[wait]!) break;
      if (rank[write] !== rank[wait] && first.endNs[write] === first.endNs[sorted[from]!]) return write;
    }
    return sorted[from]!;
  };
}
