import type { Schedule } from "../schedule/schedule.ts";
import { createBackwardSearch } from "./backward-search.ts";
import { type Links, NONE } from "./links.ts";
import { createLocalClocks } from "./local-clocks.ts";
import { createMessages } from "./messages.ts";
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
 * barriers, without storing it. Within a rank the local clocks know most of it; between ranks mostly one message does;
 * then there is what earlier searches have found, the furthest op of `a`'s stream that is known to be before `b`'s stream,
 * which answers many queries as they come roughly in the order of the op list; and the last resort is a search.
 */
export function createHappensBefore(schedule: Schedule, links: Links, maxVisits: number): HappensBefore {
  const { rank, stream } = schedule.ops;
  const { groupFirst } = links;
  const numStreams = schedule.streams.length;
  const numAll = schedule.ranks * numStreams;
  const isTwoSided = groupFirst.length > 0;
  const local = createLocalClocks(schedule, links);
  const messages = isTwoSided ? null : createMessages(schedule, links, local);
  const search = createBackwardSearch(schedule, links, local);
  /** For (stream of b, stream of a): `value` the furthest op a, `at` the op b that it is known to be before. */
  const known = createPairMap();

  /** Whether `a` is `b`, or precedes it on its stream; members of one group are not ordered. */
  function isUpTo(a: number, b: number): boolean {
    if (a >= b) return a === b;
    return stream[a] === stream[b] && rank[a] === rank[b] && (!isTwoSided || groupFirst[a] !== groupFirst[b]);
  }

  function streamIndex(op: number): number {
    return rank[op]! * numStreams + stream[op]!;
  }

  function before(a: number, b: number): boolean {
    if (rank[a] === rank[b] && local.precedes(a, b)) return true;
    if (search.nodeOf(a) >= search.nodeOf(b)) return false;
    if (messages?.tellOf(a, b)) return true;
    const entry = known.find(streamIndex(b) * numAll + streamIndex(a));
    const knownA = known.values[entry]!;
    const knownB = known.ats[entry]!;
    if (knownA !== NONE && isUpTo(knownB, b) && isUpTo(a, knownA)) return true;
    if (search.visits() > maxVisits) return true;
    if (!search.finds(a, b)) return false;
    if (knownA < a || b < knownB) known.set(entry, a, b);
    return true;
  }

  return { before, visits: search.visits, isExhausted: () => search.visits() > maxVisits };
}
