import { Kind } from "../schedule/schedule.ts";
import { type NamedOp, nameOp, type OpFacts } from "./op-facts.ts";
import { findRelease, NONE, type Release, type Releases, releaserOf } from "./releases.ts";
import type { Timeline } from "./timeline.ts";

/**
 * What time on the chain goes to.
 * - `attend`; `other kernels`: merge, finalize, copy, compute. From start to end.
 * - `transfers`: put, get and notify from start to end, send and receive from the later start of the two.
 * - `waits`: from the end of the awaited write, or the later start of the wait, to the end of the wait.
 * - `barriers`: from the last rank's arrival to the end.
 * - `gaps`: between the end of the last op that had to end before an op, and its start: launches, scheduling.
 * - `slack`: time in which ops of the chain awaited others that are not on it. Only in the trace whose chain it is not.
 */
export const CAUSES = ["attend", "other kernels", "transfers", "waits", "barriers", "gaps", "slack"] as const;
export type Cause = (typeof CAUSES)[number];

/** What a cause takes of the chain, and how much it adds to the difference. Means over passes. */
export interface CauseShare {
  readonly cause: Cause;
  readonly predictedNs: number;
  readonly measuredNs: number;
  /** Measured − predicted. */
  readonly differenceNs: number;
  /** The op that adds most of it, in one pass, and how much; null where no op does. */
  readonly mostAt: (NamedOp & { readonly differenceNs: number }) | null;
}

/** Parts of measured − predicted makespan. */
export interface Explanation {
  /** Whose critical chain was followed: of the trace that took longer, the measured of equals. */
  readonly chainOf: "predicted" | "measured";
  /** Where the order of ops is from: the schedule, or guessed from the times of both traces. */
  readonly order: "schedule" | "times";
  /** Ops on the chain, mean over passes. */
  readonly numOps: number;
  /**
   * In the order of `CAUSES`, without those that took nothing. But for the rounding of doubles `predictedNs` add up to the
   * predicted makespan, `measuredNs` to the measured one.
   */
  readonly causes: readonly CauseShare[];
}

/** What is compared: passes of the trace whose chain is followed, each against one timeline of the other. */
export interface Pair extends Pick<Explanation, "chainOf" | "order"> {
  readonly releases: Releases;
  readonly passes: Iterable<Timeline>;
  readonly other: Timeline;
}

/**
 * Explains the difference of two makespans by the critical chain of the trace that took longer: from its last end on, at
 * each op to the one that released it (`findRelease`), down to the start. The ends of the ops on the chain cut that trace
 * into pieces, each of which is some op's own time or the gap before it. The ends of the *same* ops cut the other trace
 * too, so both makespans are sums over the same ops, and so is their difference: what one op takes here against what it
 * takes there. Where another chain was critical in the other trace, ops of this one had to await it, which is slack there.
 *
 * Comparing the two critical chains with each other would add up as well, but where they differ (one bound by transfers,
 * the other by attends) it says "attends +10 ms, transfers −9 ms" although no op took longer than 1 ms more. Following the
 * chain of the faster trace would miss what made the other slow. Time is linear in the ops, but for what `releases` cost.
 */
export function explainDifference(facts: OpFacts, { chainOf, order, releases, passes, other }: Pair): Explanation {
  const tally = createTally(chainOf);
  let numPasses = 0;
  let numOps = 0;
  for (const timeline of passes) {
    numOps += followChain(facts, releases, timeline, other, tally);
    numPasses++;
  }
  return {
    chainOf,
    order,
    numOps: numPasses === 0 ? 0 : numOps / numPasses,
    causes: sharesOf(facts, tally, numPasses),
  };
}

/** Sums of one of the traces. */
interface Side {
  /** +1 for the measured one, −1 for the predicted one: how its times count in a difference. */
  readonly sign: number;
  /** By cause. */
  readonly ns: Float64Array;
  /** The time down to which all is booked, in the timeline that is followed now. */
  reachedNs: number;
}

interface Tally {
  readonly followed: Side;
  readonly other: Side;
  /** By cause: what the op that is booked now adds to the difference. */
  readonly ofOp: Float64Array;
  /** By cause: the op that added most, or `NONE`, and how much. */
  readonly mostOp: Int32Array;
  readonly mostNs: Float64Array;
}

const causeCode = Object.fromEntries(CAUSES.map((cause, code) => [cause, code])) as Readonly<Record<Cause, number>>;

function createTally(chainOf: Explanation["chainOf"]): Tally {
  const createSide = (sign: number): Side => ({ sign, ns: new Float64Array(CAUSES.length), reachedNs: 0 });
  const sign = chainOf === "measured" ? 1 : -1;
  return {
    followed: createSide(sign),
    other: createSide(-sign),
    ofOp: new Float64Array(CAUSES.length),
    mostOp: new Int32Array(CAUSES.length).fill(NONE),
    mostNs: new Float64Array(CAUSES.length),
  };
}

/** Books all of both makespans and returns how many ops the chain has. */
function followChain(facts: OpFacts, releases: Releases, timeline: Timeline, other: Timeline, tally: Tally): number {
  tally.followed.reachedNs = timeline.makespanNs;
  tally.other.reachedNs = other.makespanNs;
  // Guessed releases could go round in a circle of ops that take no time.
  const visited = new Set<number>();
  for (let op = lastToEnd(timeline); op !== NONE && !visited.has(op); ) {
    visited.add(op);
    const release = findRelease(releases, timeline, op);
    const next = releaserOf(release);
    const isWrite = next !== NONE && next === release.write;
    bookOp(facts, tally, tally.followed, timeline, op, release, isWrite);
    if (other.hasOp[op] === 1) {
      bookOp(facts, tally, tally.other, other, op, findRelease(releases, other, op, release.member), isWrite);
    }
    closeOp(tally, op);
    op = next;
  }
  book(tally, tally.followed, "gaps", tally.followed.reachedNs);
  book(tally, tally.other, "slack", tally.other.reachedNs);
  tally.ofOp.fill(0);
  return visited.size;
}

function lastToEnd({ ops, endNs }: Timeline): number {
  let last = NONE;
  for (const op of ops) if (last === NONE || endNs[op]! >= endNs[last]!) last = op;
  return last;
}

/** Books the time from where the chain goes on to what is booked already. */
function bookOp(
  facts: OpFacts,
  tally: Tally,
  side: Side,
  { endNs }: Timeline,
  op: number,
  { postedNs, arrivedNs, readyNs }: Release,
  isWrite: boolean,
): void {
  book(tally, side, "slack", side.reachedNs - endNs[op]!);
  book(tally, side, causeOf(facts.kind[op]!), endNs[op]! - arrivedNs);
  side.reachedNs = arrivedNs;
  if (isWrite) return;
  book(tally, side, "slack", arrivedNs - postedNs);
  book(tally, side, "gaps", postedNs - readyNs);
  side.reachedNs = readyNs;
}

function book({ ofOp }: Tally, { sign, ns }: Side, cause: Cause, amountNs: number): void {
  ns[causeCode[cause]]! += amountNs;
  ofOp[causeCode[cause]]! += sign * amountNs;
}

function closeOp({ ofOp, mostOp, mostNs }: Tally, op: number): void {
  for (let cause = 0; cause < CAUSES.length; cause++) {
    if (Math.abs(ofOp[cause]!) > Math.abs(mostNs[cause]!)) {
      mostOp[cause] = op;
      mostNs[cause] = ofOp[cause]!;
    }
  }
  ofOp.fill(0);
}

function causeOf(kind: number): Cause {
  switch (kind) {
    case Kind.attend:
      return "attend";
    case Kind.wait:
      return "waits";
    case Kind.barrier:
      return "barriers";
    case Kind.put:
    case Kind.get:
    case Kind.notify:
    case Kind.send:
    case Kind.receive:
      return "transfers";
    default:
      return "other kernels";
  }
}

function sharesOf(facts: OpFacts, { followed, other, mostOp, mostNs }: Tally, numPasses: number): CauseShare[] {
  const [measured, predicted] = followed.sign > 0 ? [followed, other] : [other, followed];
  return CAUSES.flatMap((cause, code) => {
    if (predicted.ns[code] === 0 && measured.ns[code] === 0) return [];
    const predictedNs = predicted.ns[code]! / numPasses;
    const measuredNs = measured.ns[code]! / numPasses;
    const most = mostOp[code]!;
    const mostAt = most === NONE ? null : { ...nameOp(facts, most), differenceNs: mostNs[code]! };
    return [{ cause, predictedNs, measuredNs, differenceNs: measuredNs - predictedNs, mostAt }];
  });
}
