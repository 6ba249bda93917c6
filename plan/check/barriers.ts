import { Kind, OP_KINDS, type Schedule } from "../schedule/schedule.ts";
import { describeOp } from "./describe.ts";
import type { Barriers, Links } from "./links.ts";
import type { Report } from "./report.ts";

/** Joins the k-th barriers of all ranks, sets the `partner` of each to k, and reports ranks that begin or end without. */
export function linkBarriers(schedule: Schedule, partner: Int32Array, report: Report): Barriers {
  const { kind, rank } = schedule.ops;
  const counts = new Int32Array(schedule.ranks);
  const first = new Int32Array(schedule.ranks).fill(-1);
  const last = new Int32Array(schedule.ranks).fill(-1);
  for (let op = 0; op < kind.length; op++) {
    const r = rank[op]!;
    if (first[r] === -1) first[r] = op;
    last[r] = op;
    if (kind[op] === Kind.barrier) partner[op] = counts[r]!++;
  }
  for (let r = 0; r < schedule.ranks && !report.isFull(); r++) {
    expectBarrier(schedule, r, "first", first[r]!, report);
    expectBarrier(schedule, r, "last", last[r]!, report);
    if (counts[r] !== counts[0]) report.addAtRanks("barrier-count", [r], r, counts[0]!, counts[r]!);
  }
  return collectBarriers(kind, partner, Math.max(0, ...counts));
}

function expectBarrier(schedule: Schedule, rank: number, end: string, op: number, report: Report): void {
  if (op === -1) report.addAtRanks("barrier-ends", [rank], rank, end, "no op at all");
  else if (schedule.ops.kind[op] !== Kind.barrier)
    report.add("barrier-ends", [op], rank, end, OP_KINDS[schedule.ops.kind[op]!]!);
}

function collectBarriers(kind: Uint8Array, partner: Int32Array, numBarriers: number): Barriers {
  const start = new Int32Array(numBarriers + 1);
  for (let op = 0; op < kind.length; op++) if (kind[op] === Kind.barrier) start[partner[op]! + 1]!++;
  for (let k = 0; k < numBarriers; k++) start[k + 1]! += start[k]!;
  const ops = new Int32Array(start[numBarriers]!);
  const next = start.slice();
  for (let op = 0; op < kind.length; op++) if (kind[op] === Kind.barrier) ops[next[partner[op]!]!++] = op;
  return { start, ops };
}

/**
 * Every op but a rank's first and last barrier comes after the one and before the other by stream order and
 * dependencies alone: two passes that carry a mark along these edges. Assumes that predecessors stand earlier.
 */
export function checkInsideBarriers(schedule: Schedule, links: Links, report: Report): void {
  const { kind } = schedule.ops;
  const last = links.barriers.start.length - 2;
  const isFirst = (op: number) => kind[op] === Kind.barrier && links.partner[op] === 0;
  const isLast = (op: number) => kind[op] === Kind.barrier && links.partner[op] === last;
  const after = marksAfter(schedule, links, isFirst);
  const before = marksBefore(schedule, links, isLast);
  for (let op = 0; op < kind.length && !report.isFull(); op++) {
    if (after[op] === 0) report.add("outside-barriers", [op], describeOp(schedule, op), "after the first");
    if (before[op] === 0) report.add("outside-barriers", [op], describeOp(schedule, op), "before the last");
  }
}

/** 1 for ops that are, or come after, one of `isRoot` on their rank. Members of a group are posted together. */
function marksAfter(schedule: Schedule, links: Links, isRoot: (op: number) => boolean): Uint8Array {
  const { previous, groupFirst, following } = links;
  const marks = new Uint8Array(previous.length);
  for (let op = 0; op < marks.length; op++) {
    const first = groupFirst.length === 0 ? op : groupFirst[op]!;
    if (first !== op) {
      marks[op] = marks[first]!;
      continue;
    }
    let mark = isRoot(op) || (previous[op] !== -1 && marks[previous[op]!] === 1) || hasMarkedDep(schedule, op, marks);
    if (groupFirst.length > 0)
      for (let m = following[op]!; m !== -1 && groupFirst[m] === op && !mark; m = following[m]!)
        mark = hasMarkedDep(schedule, m, marks);
    if (mark) marks[op] = 1;
  }
  return marks;
}

function hasMarkedDep(schedule: Schedule, op: number, marks: Uint8Array): boolean {
  const { depsStart, deps } = schedule.ops;
  for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) if (marks[deps[i]!] === 1) return true;
  return false;
}

/** 1 for ops that are, or come before, one of `isRoot` on their rank. */
function marksBefore(schedule: Schedule, links: Links, isRoot: (op: number) => boolean): Uint8Array {
  const { depsStart, deps } = schedule.ops;
  const { previous, groupFirst } = links;
  const marks = new Uint8Array(previous.length);
  for (let op = marks.length - 1; op >= 0; op--) {
    if (isRoot(op)) marks[op] = 1;
    if (marks[op] === 0) continue;
    for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) marks[deps[i]!] = 1;
    if (groupFirst.length === 0) {
      if (previous[op] !== -1) marks[previous[op]!] = 1;
    } else markGroupBefore(links, op, marks);
  }
  return marks;
}

/** Marks what ends before `op`'s group is posted: all members of the group before it, or the one op. */
function markGroupBefore({ previous, groupFirst }: Links, op: number, marks: Uint8Array): void {
  const before = previous[groupFirst[op]!]!;
  if (before === -1) return;
  for (let m = before; m >= groupFirst[before]!; m = previous[m]!) marks[m] = 1;
}
