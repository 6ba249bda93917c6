import { Kind, type Schedule } from "../schedule/schedule.ts";
import { describeOp } from "./describe.ts";
import { type Links, NONE } from "./links.ts";
import type { Report } from "./report.ts";

/** Links of a chain that are spelled out; of a longer one only the first are. */
const MAX_NAMED = 8;

/**
 * Says who waits for whom in a schedule that cannot run: lets every stream go as far as it can, then follows from a
 * stream that is stuck to what it waits for. Adds nothing where all streams reach their end in some order.
 */
export function explainDeadlock(schedule: Schedule, links: Links, report: Report): void {
  if (report.isFull()) return;
  const rest = runToRest(schedule, links);
  const stuck = rest.head.findIndex((op) => op !== NONE);
  if (stuck === -1) return;
  const chain = followBlockers(schedule, rest, stuck);
  report.add("deadlock", chain.ops, chain.text);
}

/** Where streams (index `rank · streams + stream`) have come to rest. */
interface Rest {
  /** First op of the group that a stream stands at, `NONE` at its end. */
  readonly head: Int32Array;
  /** The op of that group which holds the stream up, and the op that it waits for (`NONE`: nothing can help it). */
  readonly held: Int32Array;
  readonly blocker: Int32Array;
}

/** Runs all streams until nothing moves. A stream that is held up waits in the list of one op, which wakes it. */
function runToRest(schedule: Schedule, links: Links): Rest {
  const { rank, stream, kind, depsStart, deps } = schedule.ops;
  const { previous, partner, groupFirst, barriers } = links;
  const numAll = schedule.ranks * schedule.streams.length;
  const head = new Int32Array(numAll).fill(NONE);
  const held = new Int32Array(numAll).fill(NONE);
  const blocker = new Int32Array(numAll).fill(NONE);
  const next = new Int32Array(kind.length).fill(NONE);
  const posted = new Uint8Array(kind.length);
  const ended = new Uint8Array(kind.length);
  /** Ranks that have reached each barrier. */
  const gathered = new Int32Array(barriers.start.length);
  const waiters = new Map<number, number[]>();
  const ready: number[] = [];
  const streamOf = (op: number) => rank[op]! * schedule.streams.length + stream[op]!;

  for (let op = 0; op < kind.length; op++) {
    if (previous[op] === NONE) head[streamOf(op)] = op;
    else next[previous[op]!] = op;
  }

  /** Lets go on who waits for the op, and its own stream, which may have stood at it. */
  function end(op: number): void {
    ended[op] = 1;
    for (const waiting of waiters.get(op) ?? []) ready.push(waiting);
    waiters.delete(op);
    ready.push(streamOf(op));
  }

  function hold(s: number, op: number, by: number): false {
    held[s] = op;
    blocker[s] = by;
    const list = waiters.get(by);
    if (list) list.push(s);
    else waiters.set(by, [s]);
    return false;
  }

  function inGroup(op: number, first: number): boolean {
    return op === first || (op !== NONE && groupFirst.length > 0 && groupFirst[op] === first);
  }

  /** Once all dependencies have ended: posts the group, and ends what has all it needs. */
  function post(first: number): void {
    for (let op = first; inGroup(op, first); op = next[op]!) posted[op] = 1;
    for (let op = first; inGroup(op, first); op = next[op]!) {
      if (kind[op] === Kind.send || kind[op] === Kind.receive) meet(op);
      else if (kind[op] === Kind.barrier) gatherAt(partner[op]!);
      else if (kind[op] !== Kind.wait) end(op);
    }
  }

  function meet(op: number): void {
    const other = partner[op]!;
    if (other === NONE || posted[other] === 0) return;
    end(op);
    end(other);
  }

  function gatherAt(k: number): void {
    if (++gathered[k]! < schedule.ranks) return;
    for (let i = barriers.start[k]!; i < barriers.start[k + 1]!; i++) end(barriers.ops[i]!);
  }

  /** The op that a posted one waits for. */
  function missing(op: number): number {
    return kind[op] === Kind.barrier ? NONE : partner[op]!;
  }

  function findUnmet(op: number): number {
    for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) if (ended[deps[i]!] === 0) return deps[i]!;
    return NONE;
  }

  /** Moves a stream past its group, or holds it. */
  function advance(s: number): boolean {
    const first = head[s]!;
    if (posted[first] === 0) {
      for (let op = first; inGroup(op, first); op = next[op]!) {
        const unmet = findUnmet(op);
        if (unmet !== NONE) return hold(s, op, unmet);
      }
      post(first);
    }
    let op = first;
    for (; inGroup(op, first); op = next[op]!) {
      if (kind[op] === Kind.wait && partner[op] !== NONE && ended[partner[op]!] === 1 && ended[op] === 0) end(op);
      if (ended[op] === 0) return hold(s, op, missing(op));
    }
    head[s] = op;
    return true;
  }

  for (let s = numAll - 1; s >= 0; s--) ready.push(s);
  while (ready.length > 0) {
    const s = ready.pop()!;
    while (head[s] !== NONE && advance(s));
  }
  for (let s = 0; s < numAll; s++) {
    if (head[s] === NONE || kind[held[s]!] !== Kind.barrier || blocker[s] !== NONE) continue;
    const k = partner[held[s]!]!;
    const members = barriers.ops.subarray(barriers.start[k]!, barriers.start[k + 1]!);
    blocker[s] = members.find((op) => posted[op] === 0) ?? NONE;
  }
  return { head, held, blocker };
}

/** From a stuck stream to the op that it waits for, to the stream of that, until one comes again or nothing can help. */
function followBlockers(schedule: Schedule, rest: Rest, stuck: number): { ops: number[]; text: string } {
  const { rank, stream } = schedule.ops;
  const chain: number[] = [];
  let at = stuck;
  while (!chain.includes(at)) {
    chain.push(at);
    const by = rest.blocker[at]!;
    if (by === NONE) return describeEnd(schedule, rest.held[at]!);
    at = rank[by]! * schedule.streams.length + stream[by]!;
  }
  const cycle = chain.slice(chain.indexOf(at));
  const named = cycle.slice(0, MAX_NAMED);
  const parts = named.map((s, i) => describeLink(schedule, rest, s, cycle[(i + 1) % cycle.length]!));
  const more = cycle.length > named.length ? `; and so on through ${cycle.length} streams to the first` : "";
  return { ops: named.map((s) => rest.held[s]!), text: parts.join("; ") + more };
}

function describeEnd(schedule: Schedule, op: number): { ops: number[]; text: string } {
  return { ops: [op], text: `${describeOp(schedule, op)} waits for what never comes` };
}

function describeLink(schedule: Schedule, rest: Rest, s: number, following: number): string {
  const by = rest.blocker[s]!;
  const heldThere = rest.held[following]!;
  const behind = by === heldThere ? "" : `, which comes after ${describeOp(schedule, heldThere)}`;
  return `${describeOp(schedule, rest.held[s]!)} waits for ${describeOp(schedule, by)}${behind}`;
}
