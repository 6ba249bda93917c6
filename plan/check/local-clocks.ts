import type { Schedule } from "../schedule/schedule.ts";
import { type Links, NONE } from "./links.ts";

/** Answers what follows from stream order and dependencies of one rank alone, in constant time. */
export interface LocalClocks {
  /** Whether `a` ends before `b` of the same rank starts, as far as their own rank's order tells. */
  precedes(a: number, b: number): boolean;
  /** The last op of a stream of the op's rank that has, by the same order, ended before the op starts; or `NONE`. */
  lastEnded(op: number, stream: number): number;
}

/**
 * For each op and each stream of its rank the last op of that stream that has ended before it starts: one row an op,
 * the greatest of its predecessors' rows and of the predecessors themselves. Assumes that predecessors stand earlier.
 */
export function createLocalClocks(schedule: Schedule, links: Links): LocalClocks {
  const { stream, depsStart, deps } = schedule.ops;
  const { previous, following, groupFirst } = links;
  const numStreams = schedule.streams.length;
  const isTwoSided = groupFirst.length > 0;
  const clocks = new Int32Array(stream.length * numStreams).fill(NONE);

  /** What has ended before `earlier`, and it itself, has ended before `op`. */
  function follow(op: number, earlier: number): void {
    const row = op * numStreams;
    const other = earlier * numStreams;
    for (let s = 0; s < numStreams; s++)
      if (clocks[other + s]! > clocks[row + s]!) clocks[row + s] = clocks[other + s]!;
    if (earlier > clocks[row + stream[earlier]!]!) clocks[row + stream[earlier]!] = earlier;
  }

  function followDeps(op: number, member: number): void {
    for (let i = depsStart[member]!; i < depsStart[member + 1]!; i++) follow(op, deps[i]!);
  }

  for (let op = 0; op < stream.length; op++) {
    const first = isTwoSided ? groupFirst[op]! : op;
    if (first !== op) {
      clocks.copyWithin(op * numStreams, first * numStreams, (first + 1) * numStreams);
      continue;
    }
    if (previous[op] !== NONE) follow(op, previous[op]!);
    followDeps(op, op);
    if (!isTwoSided) continue;
    for (let m = following[op]!; m !== NONE && groupFirst[m] === op; m = following[m]!) followDeps(op, m);
  }

  return {
    precedes(a, b) {
      const last = clocks[b * numStreams + stream[a]!]!;
      // Of the group of `last` only that one member is known to have ended.
      return last === a || (last > a && (!isTwoSided || groupFirst[last] !== groupFirst[a]));
    },
    lastEnded: (op, s) => clocks[op * numStreams + s]!,
  };
}
