import { Kind, type Schedule } from "../schedule/schedule.ts";
import { type Links, NONE } from "./links.ts";
import { createLocalClocks } from "./local-clocks.ts";
import { createPairMap } from "./pair-map.ts";

/** Answers whether one op has ended before another moves or computes anything. */
export interface HappensBefore {
  /** Whether `a` ends before `b` does its work, in every execution. Assumes that every predecessor stands earlier. */
  before(a: number, b: number): boolean;
  /** Visits of searches that found nothing, so far. */
  visits(): number;
  /** Whether the limit of such visits is reached: from then on `before` says true to what it would have to search. */
  isExhausted(): boolean;
}

/**
 * Happens-before on demand: the transitive closure of stream order, dependencies, signal write → wait, rendezvous and
 * barriers, without storing it.
 *
 * The two ends of a transfer, and all members of a barrier, start and end together: they are one node, named by its
 * least id. Predecessors of a node have lesser names, so a search backward from `b` is cut at names below `a`'s. It is
 * breadth-first: what `a` precedes is mostly a few edges away, and depth-first goes astray. It ends where it reaches
 * `a`'s rank after `a`. What was found is kept as the furthest op of `a`'s stream that is known to be before `b`'s
 * stream, which answers most queries that follow, as queries come roughly in the order of the op list.
 */
export function createHappensBefore(schedule: Schedule, links: Links, maxVisits: number): HappensBefore {
  const { kind, rank, stream, depsStart, deps } = schedule.ops;
  const { previous, following, groupFirst, partner, nextWait, barriers } = links;
  const numOps = kind.length;
  const numStreams = schedule.streams.length;
  const numAll = schedule.ranks * numStreams;
  const isTwoSided = groupFirst.length > 0;
  const local = createLocalClocks(schedule, links);
  const stamps = new Int32Array(numOps);
  /** The same for the posting of a group, by its first op. */
  const postStamps = new Int32Array(isTwoSided ? numOps : 0);
  /** For (stream of b, stream of a): `value` the furthest op a, `at` the op b that it is known to be before. */
  const known = createPairMap();
  let queue = new Int32Array(1024);
  let length = 0;
  let stamp = 0;
  let target = 0;
  /** The op that is looked for, at whose rank the local clocks end the search. */
  let wanted = 0;
  let fruitless = 0;

  function nodeOf(op: number): number {
    const k = kind[op]!;
    if (k === Kind.barrier) return barriers.ops[barriers.start[partner[op]!]!]!;
    if (isTwoSided && partner[op]! !== NONE && partner[op]! < op) return partner[op]!;
    return op;
  }

  /** Whether `a` precedes `b` on one stream; members of one group are not ordered. */
  function precedesOnStream(a: number, b: number): boolean {
    if (a >= b || stream[a] !== stream[b] || rank[a] !== rank[b]) return false;
    return !isTwoSided || groupFirst[a] !== groupFirst[b];
  }

  function visit(op: number): boolean {
    const node = nodeOf(op);
    if (node < target || stamps[node] === stamp) return false;
    stamps[node] = stamp;
    if (length === queue.length) {
      const wider = new Int32Array(2 * queue.length);
      wider.set(queue);
      queue = wider;
    }
    queue[length++] = node;
    return node === target;
  }

  function visitDeps(op: number): boolean {
    for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) if (visit(deps[i]!)) return true;
    return false;
  }

  /** Visits what ends before the stream goes on past `op`: the op, or all members of its group. */
  function visitGroup(op: number): boolean {
    if (op === NONE) return false;
    if (!isTwoSided) return visit(op);
    const first = groupFirst[op]!;
    for (let m = op; m >= first; m = previous[m]!) if (visit(m)) return true;
    return false;
  }

  /** Visits what must end before `op`, a send or receive, is posted with its group. */
  function visitPost(op: number): boolean {
    const first = groupFirst[op]!;
    if (postStamps[first] === stamp) return false;
    postStamps[first] = stamp;
    for (let m = first; m !== NONE && groupFirst[m] === first; m = following[m]!) if (visitDeps(m)) return true;
    return visitGroup(previous[first]!);
  }

  function isAfterWanted(op: number): boolean {
    return rank[op] === rank[wanted] && local.precedes(wanted, op);
  }

  function expand(node: number): boolean {
    const k = kind[node]!;
    if (isAfterWanted(node)) return true;
    if (k === Kind.send || k === Kind.receive)
      return isAfterWanted(partner[node]!) || visitPost(node) || visitPost(partner[node]!);
    if (k === Kind.barrier) return expandBarrier(partner[node]!);
    if (visitGroup(previous[node]!) || visitDeps(node)) return true;
    return k === Kind.wait && visit(partner[node]!);
  }

  function expandBarrier(k: number): boolean {
    for (let i = barriers.start[k]!; i < barriers.start[k + 1]!; i++) {
      const member = barriers.ops[i]!;
      if (visitGroup(previous[member]!) || visitDeps(member)) return true;
    }
    return false;
  }

  function search(a: number, b: number): boolean {
    stamp++;
    target = nodeOf(a);
    wanted = a;
    length = 0;
    if (visit(nodeOf(b))) return true;
    for (let head = 0; head < length; head++) if (expand(queue[head]!)) return true;
    fruitless += length;
    return false;
  }

  function streamIndex(op: number): number {
    return rank[op]! * numStreams + stream[op]!;
  }

  /** Whether `a` writes a signal that was awaited at `b`'s rank before `b`: where the search would go far astray. */
  function isSeenBefore(a: number, b: number): boolean {
    if (kind[a] !== Kind.put && kind[a] !== Kind.notify) return false;
    for (let wait = nextWait[a]!; wait !== NONE; wait = nextWait[wait]!)
      if (rank[wait] === rank[b] && (wait === b || local.precedes(wait, b))) return true;
    return false;
  }

  function before(a: number, b: number): boolean {
    if (rank[a] === rank[b] && local.precedes(a, b)) return true;
    if (nodeOf(a) >= nodeOf(b)) return false;
    if (isSeenBefore(a, b)) return true;
    const entry = known.find(streamIndex(b) * numAll + streamIndex(a));
    const knownA = known.values[entry]!;
    const knownB = known.ats[entry]!;
    const isNew = knownA === NONE;
    if (!isNew && (knownB === b || precedesOnStream(knownB, b)) && (knownA === a || precedesOnStream(a, knownA)))
      return true;
    if (fruitless > maxVisits) return true;
    if (!search(a, b)) return false;
    if (isNew || knownA < a || b < knownB) known.set(entry, a, b);
    return true;
  }

  return { before, visits: () => fruitless, isExhausted: () => fruitless > maxVisits };
}
