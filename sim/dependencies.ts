import { UsageError } from "../plan/errors.ts";
import { Kind, numOps, type Schedule } from "../plan/schedule/schedule.ts";

/** No op. */
export const NO_OP = -1;

/**
 * The static graph of a schedule. A *unit* is what is posted together: one op, the sends and receives of a group, or the
 * k-th barriers of all ranks. It is posted when `numPredecessors` of its leader, the member that stands first, have ended.
 */
export interface Dependencies {
  /** By op: predecessors of the unit that it leads; 0 for the members that do not lead. */
  readonly numPredecessors: Int32Array;
  /** By op: the leader of its unit. */
  readonly leader: Int32Array;
  /** By op: the next member of its unit, or `NO_OP`. */
  readonly nextMember: Int32Array;
  /** By op: the other end of a send or receive, or `NO_OP`. */
  readonly partner: Int32Array;
  /**
   * Successors of op i are `successors[start[i] … start[i+1] − 1]`: a leader whose unit waits for the end of i, or, as
   * `~op`, a wait whose word i writes.
   */
  readonly start: Uint32Array;
  readonly successors: Int32Array;
}

/** An edge from the end of one op; `target` as in `Dependencies.successors`. */
type OnEdge = (source: number, target: number) => void;

/**
 * Builds the graph in time and memory linear in the ops. Throws a UsageError (`format`) on what can never run: a wait
 * for a value that no earlier op writes, a send without receive, ranks with different numbers of barriers, or a
 * predecessor that stands later.
 */
export function buildDependencies(schedule: Schedule): Dependencies {
  const count = numOps(schedule);
  const units = findUnits(schedule);
  const partner = matchPairs(schedule);
  const numPredecessors = new Int32Array(count);
  const start = new Uint32Array(count + 1);
  forEachEdge(schedule, units, (source, target) => {
    start[source + 1]!++;
    if (target >= 0) numPredecessors[target]!++;
  });
  for (let op = 0; op < count; op++) start[op + 1]! += start[op]!;
  const successors = new Int32Array(start[count]!);
  const next = start.slice(0, count);
  forEachEdge(schedule, units, (source, target) => {
    successors[next[source]!++] = target;
  });
  return { numPredecessors, ...units, partner, start, successors };
}

interface Units {
  readonly leader: Int32Array;
  readonly nextMember: Int32Array;
}

function isTwoSided(kind: number): boolean {
  return kind === Kind.send || kind === Kind.receive;
}

/** Groups of sends and receives, and barriers, as lists from their leaders on; every other op is its own unit. */
function findUnits(schedule: Schedule): Units {
  const { kind, rank, stream, group } = schedule.ops;
  const count = numOps(schedule);
  const leader = new Int32Array(count);
  const nextMember = new Int32Array(count).fill(NO_OP);
  const numStreams = schedule.streams.length;
  const previous = new Int32Array(schedule.ranks * numStreams).fill(NO_OP);
  const numBarriers = new Int32Array(schedule.ranks);
  const lastBarriers: number[] = [];
  for (let op = 0; op < count; op++) {
    const of = rank[op]!;
    const lane = of * numStreams + stream[op]!;
    const before = previous[lane]!;
    previous[lane] = op;
    leader[op] = op;
    let joined = NO_OP;
    if (kind[op] === Kind.barrier) {
      const index = numBarriers[of]!++;
      joined = lastBarriers[index] ?? NO_OP;
      lastBarriers[index] = op;
    } else if (isGrouped(before, op)) joined = before;
    if (joined === NO_OP) continue;
    leader[op] = leader[joined]!;
    nextMember[joined] = op;
  }
  checkBarriers(numBarriers);
  return { leader, nextMember };

  function isGrouped(before: number, op: number): boolean {
    return (
      group[op] !== 0 &&
      isTwoSided(kind[op]!) &&
      before !== NO_OP &&
      group[before] === group[op] &&
      isTwoSided(kind[before]!)
    );
  }
}

function checkBarriers(numBarriers: Int32Array): void {
  const odd = numBarriers.findIndex((count) => count !== numBarriers[0]);
  if (odd < 0) return;
  throw malformed(`rank 0 has ${numBarriers[0]} barriers, rank ${odd} has ${numBarriers[odd]}`);
}

/** Edges in the order of their later ops. The caller counts in one pass and fills in another. */
function forEachEdge(schedule: Schedule, units: Units, onEdge: OnEdge): void {
  const { kind, rank, stream, deps, depsStart, signal, signalValue } = schedule.ops;
  const { leader, nextMember } = units;
  const count = numOps(schedule);
  const numStreams = schedule.streams.length;
  /** By lane: the leader of the last unit posted on it, but for barriers the op itself. */
  const last = new Int32Array(schedule.ranks * numStreams).fill(NO_OP);
  const lastWrite = new Int32Array(schedule.signals.rank.length).fill(NO_OP);
  /** By op: the write of the same word before this one. */
  const earlierWrite = new Int32Array(count);

  for (let op = 0; op < count; op++) {
    const code = kind[op]!;
    const unit = leader[op]!;
    const lane = rank[op]! * numStreams + stream[op]!;
    if (code === Kind.barrier || unit === op) {
      edgesFromStream(last[lane]!, unit);
      last[lane] = op;
    }
    for (let at = depsStart[op]!; at < depsStart[op + 1]!; at++) {
      if (deps[at]! >= op) throw malformed(`op ${op} depends on op ${deps[at]}, which does not stand before it`);
      onEdge(deps[at]!, unit);
    }
    if (signalValue[op] === 0) continue;
    const word = signal[op]!;
    if (code === Kind.wait) onEdge(writeOf(word, op), ~op);
    else {
      earlierWrite[op] = lastWrite[word]!;
      lastWrite[word] = op;
    }
  }

  /** From all members of the unit that was posted before on the stream. */
  function edgesFromStream(before: number, unit: number): void {
    if (before === NO_OP) return;
    onEdge(before, unit);
    if (kind[before] === Kind.barrier) return;
    for (let member = nextMember[before]!; member !== NO_OP; member = nextMember[member]!) onEdge(member, unit);
  }

  /** The first write of the word that makes it at least the awaited value. */
  function writeOf(word: number, op: number): number {
    const value = signalValue[op]!;
    let write = lastWrite[word] ?? NO_OP;
    if (write === NO_OP || signalValue[write]! < value) {
      throw malformed(`op ${op} waits for ${value} on signal ${word}, which no earlier op writes`);
    }
    for (let earlier = earlierWrite[write]!; earlier !== NO_OP && signalValue[earlier]! >= value; ) {
      write = earlier;
      earlier = earlierWrite[write]!;
    }
    return write;
  }
}

/** Partner of each send and receive, `NO_OP` of others: the k-th send from a to b matches the k-th receive at b from a. */
export function matchPairs(schedule: Schedule): Int32Array {
  const { kind, rank, peer } = schedule.ops;
  const count = numOps(schedule);
  const partner = new Int32Array(count).fill(NO_OP);
  /** By pair: first and last op without partner; `partner` links them until they have one. */
  const waiting = new Map<number, { first: number; last: number }>();
  for (let op = 0; op < count; op++) {
    const code = kind[op]!;
    if (!isTwoSided(code)) continue;
    const key = code === Kind.send ? rank[op]! * schedule.ranks + peer[op]! : peer[op]! * schedule.ranks + rank[op]!;
    const queue = waiting.get(key);
    if (queue === undefined) waiting.set(key, { first: op, last: op });
    else if (queue.first === NO_OP) {
      queue.first = op;
      queue.last = op;
    } else if (kind[queue.first] === code) {
      partner[queue.last] = op;
      queue.last = op;
    } else {
      const other = queue.first;
      queue.first = partner[other]!;
      partner[other] = op;
      partner[op] = other;
    }
  }
  for (const { first } of waiting.values()) {
    if (first !== NO_OP)
      throw malformed(`op ${first}, a ${kind[first] === Kind.send ? "send" : "receive"}, has no other end`);
  }
  return partner;
}

function malformed(message: string): UsageError {
  return new UsageError("format", message, { hint: "Check the schedule first: toroid check FILE." });
}
