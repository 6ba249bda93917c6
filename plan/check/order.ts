import { Kind, type Schedule } from "../schedule/schedule.ts";
import { describeOp, describeWord } from "./describe.ts";
import { explainDeadlock } from "./deadlock.ts";
import { type Links, NONE } from "./links.ts";
import type { Report } from "./report.ts";
import { countWrites } from "./signals.ts";

/**
 * Every predecessor of an op stands before it. Then the op list is itself an order in which all ops can run: none waits
 * for one that waits for it. If one does not, also says whether there is another order, or who waits for whom.
 */
export function checkOrder(schedule: Schedule, links: Links, report: Report): void {
  checkDependencies(schedule, report);
  if (schedule.transport === "one-sided") checkWaits(schedule, links, report);
  else checkRendezvous(schedule, links, report);
  checkBarriers(schedule, links, report);
  if (report.isEmpty()) return;
  explainDeadlock(schedule, links, report);
}

function checkDependencies(schedule: Schedule, report: Report): void {
  const { rank, depsStart, deps } = schedule.ops;
  for (let op = 0; op < rank.length && !report.isFull(); op++) {
    for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) {
      const dep = deps[i]!;
      if (dep < op && rank[dep] === rank[op]) continue;
      const rule = rank[dep] === rank[op] ? "dependency-order" : "dependency-rank";
      report.add(rule, [op, dep], describeOp(schedule, op), describeOp(schedule, dep));
    }
  }
}

function checkWaits(schedule: Schedule, links: Links, report: Report): void {
  const { kind, signal, signalValue } = schedule.ops;
  for (let op = 0; op < kind.length && !report.isFull(); op++) {
    if (kind[op] !== Kind.wait) continue;
    const write = links.partner[op]!;
    const value = signalValue[op]!;
    if (write === NONE) {
      const word = describeWord(schedule, signal[op]!);
      const last = countWrites(links.writes, signal[op]!);
      report.add("wait-unsatisfiable", [op], describeOp(schedule, op), word, value, last);
    } else if (write > op) {
      report.add("wait-order", [op, write], describeOp(schedule, op), describeOp(schedule, write), value);
    }
  }
}

/** What must end before any member of a barrier starts stands before the first of them. */
function checkBarriers(schedule: Schedule, links: Links, report: Report): void {
  const { start, ops } = links.barriers;
  for (let i = 0, k = 0; i < ops.length && !report.isFull(); i++) {
    if (i >= start[k + 1]!) k++;
    const late = lastPredecessor(schedule, links, ops[i]!);
    if (late < ops[start[k]!]!) continue;
    report.add(
      "barrier-order",
      [late, ops[start[k]!]!],
      describeOp(schedule, late),
      describeOp(schedule, ops[start[k]!]!),
    );
  }
}

/** The latest of the ops that must have ended before this one may start by itself. */
function lastPredecessor(schedule: Schedule, links: Links, op: number): number {
  const { depsStart, deps } = schedule.ops;
  let last = links.previous[op]!;
  for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) last = Math.max(last, deps[i]!);
  return last;
}

/** What must end before any member of a rendezvous is posted stands before the first of them. */
function checkRendezvous(schedule: Schedule, links: Links, report: Report): void {
  const { kind } = schedule.ops;
  const firstOf = firstMembers(schedule, links);
  for (let op = 0; op < kind.length && !report.isFull(); op++) {
    if (kind[op] !== Kind.send && kind[op] !== Kind.receive) continue;
    const late = lastBeforePost(schedule, links, op);
    const first = firstOf[op]!;
    if (late < first) continue;
    const [member, predecessor] = [describeOp(schedule, op), describeOp(schedule, late)];
    report.add("rendezvous-order", [op, late, first], member, predecessor, describeOp(schedule, first));
  }
}

/** As `lastPredecessor`; the members before it in its own group are posted with it. */
function lastBeforePost(schedule: Schedule, links: Links, op: number): number {
  const { depsStart, deps } = schedule.ops;
  let last = links.previous[links.groupFirst[op]!]!;
  for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) last = Math.max(last, deps[i]!);
  return last;
}

/** First op of each op's rendezvous: what groups and matches join (union by least id, with path halving). */
function firstMembers(schedule: Schedule, { partner, groupFirst }: Links): Int32Array {
  const { kind } = schedule.ops;
  const parent = Int32Array.from(groupFirst);
  const find = (op: number): number => {
    let at = op;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  for (let op = 0; op < kind.length; op++) {
    if (kind[op] !== Kind.send || partner[op] === NONE) continue;
    const [a, b] = [find(op), find(partner[op]!)];
    parent[Math.max(a, b)] = Math.min(a, b);
  }
  for (let op = 0; op < kind.length; op++) parent[op] = find(op);
  return parent;
}
