import { Kind, type Schedule } from "../schedule/schedule.ts";
import { type Links, NONE } from "./links.ts";
import type { LocalClocks } from "./local-clocks.ts";

/** Finds out whether an op is among those that come before another. */
export interface BackwardSearch {
  /** Searches for `a` among what comes before `b`. */
  finds(a: number, b: number): boolean;
  /**
   * The least op of those that start and end with this one: the two ends of a transfer, all members of a barrier.
   * Whatever comes before a node has a lesser one.
   */
  nodeOf(op: number): number;
  /** Nodes that searches in vain have visited, so far. */
  visits(): number;
}

/**
 * Breadth-first over nodes, from `b` backward: what `a` precedes is mostly a few edges away, and depth-first goes astray.
 * It is cut at nodes below `a`'s, and ends where it reaches `a`'s rank after `a`.
 */
export function createBackwardSearch(schedule: Schedule, links: Links, local: LocalClocks): BackwardSearch {
  const { kind, rank } = schedule.ops;
  const { partner, barriers } = links;
  const isTwoSided = links.groupFirst.length > 0;
  const stamps = new Int32Array(kind.length);
  let queue = new Int32Array(1024);
  let length = 0;
  let stamp = 0;
  let wanted = 0;
  let wantedNode = 0;
  let inVain = 0;

  function nodeOf(op: number): number {
    if (kind[op] === Kind.barrier) return barriers.ops[barriers.start[partner[op]!]!]!;
    return isTwoSided && partner[op]! !== NONE && partner[op]! < op ? partner[op]! : op;
  }

  /** Puts the op's node in the queue, once; true if it is the one. */
  function visit(op: number): boolean {
    const node = nodeOf(op);
    if (node < wantedNode || stamps[node] === stamp) return false;
    stamps[node] = stamp;
    if (length === queue.length) {
      const wider = new Int32Array(2 * queue.length);
      wider.set(queue);
      queue = wider;
    }
    queue[length++] = node;
    return node === wantedNode;
  }

  /** Whether the op comes after the one that is looked for on their own rank. */
  function isAfterWanted(op: number): boolean {
    return rank[op] === rank[wanted] && local.precedes(wanted, op);
  }

  const createStep = isTwoSided ? createTwoSidedStep : createOneSidedStep;
  const step = createStep(schedule, links, local, { visit, isAfterWanted, stamp: () => stamp });

  return {
    nodeOf,
    visits: () => inVain,
    finds(a, b) {
      stamp++;
      wanted = a;
      wantedNode = nodeOf(a);
      length = 0;
      if (visit(b)) return true;
      for (let head = 0; head < length; head++) if (step(queue[head]!)) return true;
      inVain += length;
      return false;
    },
  };
}

/** What a step calls: all of them say whether the search has found what it looks for. */
interface Search {
  readonly visit: (op: number) => boolean;
  readonly isAfterWanted: (op: number) => boolean;
  /** A number of this search's own. */
  readonly stamp: () => number;
}

/** Visits what comes before a node. */
type Step = (node: number) => boolean;

/**
 * Ranks meet in waits and barriers. So it suffices to go from one of these to the last of each stream that has ended
 * before it, and from a wait to its write: what lies between them is on one rank, where the clocks know the order.
 */
function createOneSidedStep(schedule: Schedule, links: Links, local: LocalClocks, search: Search): Step {
  const { kind } = schedule.ops;
  const { partner, barriers } = links;
  const numStreams = schedule.streams.length;
  const lastMeeting = lastMeetings(schedule, links);

  function visitMeetings(op: number): boolean {
    if (search.isAfterWanted(op)) return true;
    for (let s = 0; s < numStreams; s++) {
      const last = local.lastEnded(op, s);
      if (last !== NONE && lastMeeting[last] !== NONE && search.visit(lastMeeting[last]!)) return true;
    }
    return false;
  }

  return (node) => {
    if (kind[node] !== Kind.barrier)
      return visitMeetings(node) || (kind[node] === Kind.wait && search.visit(partner[node]!));
    const k = partner[node]!;
    for (let i = barriers.start[k]!; i < barriers.start[k + 1]!; i++) if (visitMeetings(barriers.ops[i]!)) return true;
    return false;
  };
}

/** For each op the last wait or barrier of its stream up to it. */
function lastMeetings(schedule: Schedule, { previous }: Links): Int32Array {
  const { kind } = schedule.ops;
  const last = new Int32Array(kind.length);
  for (let op = 0; op < kind.length; op++) {
    const meets = kind[op] === Kind.wait || kind[op] === Kind.barrier;
    last[op] = meets ? op : previous[op] === NONE ? NONE : last[previous[op]!]!;
  }
  return last;
}

/** Transfers are where ranks meet, and there is little beside them: goes over every op, groups being posted as a whole. */
function createTwoSidedStep(schedule: Schedule, links: Links, _: LocalClocks, search: Search): Step {
  const { kind, depsStart, deps } = schedule.ops;
  const { previous, following, groupFirst, partner, barriers } = links;
  /** Stamps of groups whose posting was visited, by their first op. */
  const posted = new Int32Array(kind.length);

  function visitDeps(op: number): boolean {
    for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) if (search.visit(deps[i]!)) return true;
    return false;
  }

  /** Visits what ends before the stream goes on past `op`: all members of its group. */
  function visitGroup(op: number): boolean {
    if (op === NONE) return false;
    const first = groupFirst[op]!;
    for (let m = op; m >= first; m = previous[m]!) if (search.visit(m)) return true;
    return false;
  }

  /** Visits what ends before the op is posted, with its group. */
  function visitPost(op: number): boolean {
    if (search.isAfterWanted(op)) return true;
    const first = groupFirst[op]!;
    if (posted[first] === search.stamp()) return false;
    posted[first] = search.stamp();
    for (let m = first; m !== NONE && groupFirst[m] === first; m = following[m]!) if (visitDeps(m)) return true;
    return visitGroup(previous[first]!);
  }

  return (node) => {
    if (kind[node] !== Kind.barrier) return visitPost(node) || (partner[node] !== NONE && visitPost(partner[node]!));
    const k = partner[node]!;
    for (let i = barriers.start[k]!; i < barriers.start[k + 1]!; i++) if (visitPost(barriers.ops[i]!)) return true;
    return false;
  };
}
