import { UsageError } from "../errors.ts";
import type { CreateHasher } from "../packed/hasher.ts";
import { scheduleHash } from "../schedule/codec-packed.ts";
import { OP_KINDS, type OpKind, type Schedule } from "../schedule/schedule.ts";
import { type Explanation, explainDifference } from "./explain-difference.ts";
import { inferReleases } from "./inferred-releases.ts";
import { collectOps, type NamedOp, nameOp, type OpFacts } from "./op-facts.ts";
import { passesOf } from "./passes.ts";
import { findRelease, NONE, type Releases, releaserOf } from "./releases.ts";
import { scheduleReleases } from "./schedule-releases.ts";
import { compareRankStreams, foldRanks, type RankStreamComparison, type StreamComparison } from "./stream-times.ts";
import { meanTimeline, passTimelines, type Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";

/** Times are means over the passes of each trace, `error` the signed (predicted − measured) / measured. */
interface Compared {
  readonly predictedNs: number;
  readonly measuredNs: number;
  /** Null where something was predicted and nothing measured. */
  readonly error: number | null;
}

export interface KindComparison extends Compared {
  readonly kind: OpKind;
}

export interface OpComparison extends Compared, NamedOp {
  /** What released it in the measured trace: the write that it awaited, or else what ended last before it could start. */
  readonly awaited: NamedOp | null;
}

/** What a trace says of itself. */
export interface TraceSummary extends Pick<Trace, "source" | "emulated" | "notes"> {
  readonly passes: number;
}

export interface Comparison {
  readonly predicted: TraceSummary;
  readonly measured: TraceSummary;
  /** Makespan of a pass. */
  readonly predictedNs: number;
  readonly measuredNs: number;
  readonly makespanError: number | null;
  readonly explanation: Explanation;
  /** Sums over the ops of each kind, in the order of `OP_KINDS`; kinds without ops are left out. */
  readonly perKind: readonly KindComparison[];
  readonly perStream: readonly StreamComparison[];
  readonly perRankStream: readonly RankStreamComparison[];
  /** The ops with the largest difference in ns, largest first, ties by id. */
  readonly worstOps: readonly OpComparison[];
  /** Ops that only one of the traces has; they are in no figure but the makespan, the explanation and the streams. */
  readonly unmatchedOps: number;
}

export interface CompareOptions {
  /** How many ops `worstOps` lists at most. */
  readonly numWorst?: number;
  /** The schedule of the traces: who awaits whom is asked there instead of guessed from times. */
  readonly schedule?: Schedule;
  /** For the schedule's hash. */
  readonly createHasher?: CreateHasher;
}

/**
 * Compares two traces of one schedule: makespans and what explains their difference, sums by kind and stream, and op by
 * op. A pass goes once through the ops (a trace of repeats has several), and the time between passes counts nowhere.
 * Any two traces will do; what is said of predicted and measured then means the first and the second.
 * Time n log n in the spans. Errors: `hash` for traces of different schedules or a schedule that is not theirs, `limit` for
 * op ids that no schedule has, `format` for traces with ops that the schedule has not, or a schedule whose ops do not fit together.
 */
export function compareTraces(predicted: Trace, measured: Trace, options: CompareOptions = {}): Comparison {
  checkSameSchedule(predicted, measured, options);
  const facts = collectOps([predicted, measured]);
  const a = summarize(predicted, facts);
  const b = summarize(measured, facts);
  const releases = findReleases(facts, a, b, options.schedule);
  const { matched, unmatchedOps } = matchOps(a.count, b.count);
  const perRankStream = compareRankStreams(predicted, measured);
  return {
    predicted: describeTrace(predicted),
    measured: describeTrace(measured),
    predictedNs: a.timeline.makespanNs,
    measuredNs: b.timeline.makespanNs,
    makespanError: signedError(a.timeline.makespanNs, b.timeline.makespanNs),
    explanation: explain(facts, a, b, releases, options.schedule === undefined ? "times" : "schedule"),
    perKind: compareKinds(facts, a, b, matched),
    perStream: foldRanks(perRankStream),
    perRankStream,
    worstOps: findWorst(a, b, matched, options.numWorst ?? 10).map((op) => ({
      ...nameOp(facts, op),
      ...compareTimes(meanNs(a, op), meanNs(b, op)),
      awaited: awaitedBy(facts, releases, b.timeline, op),
    })),
    unmatchedOps,
  };
}

function checkSameSchedule(predicted: Trace, measured: Trace, { schedule, createHasher }: CompareOptions): void {
  const hash = predicted.scheduleHash;
  if (hash !== measured.scheduleHash) throw notOne("traces of one schedule", `${hash} and ${measured.scheduleHash}`);
  if (schedule === undefined) return;
  const given = scheduleHash(schedule, createHasher);
  if (hash !== given) throw notOne(`the schedule of the traces, ${hash}`, given);
}

function notOne(expected: string, got: string): UsageError {
  return new UsageError("hash", `expected ${expected}, got ${got}`, {
    path: "scheduleHash",
    hint: "Simulate and run the same schedule file.",
  });
}

function describeTrace(trace: Trace): TraceSummary {
  const { source, emulated, notes } = trace;
  let passes = 0;
  for (const _ of passesOf(trace)) passes++;
  return { source, emulated, notes, passes };
}

function findReleases(facts: OpFacts, a: Summary, b: Summary, schedule: Schedule | undefined): Releases {
  return schedule === undefined ? inferReleases(facts, a.timeline, b.timeline) : scheduleReleases(schedule, facts);
}

function explain(facts: OpFacts, a: Summary, b: Summary, releases: Releases, order: Explanation["order"]): Explanation {
  const isMeasured = b.timeline.makespanNs >= a.timeline.makespanNs;
  const [followed, other] = isMeasured ? [b, a] : [a, b];
  // The mean over one pass is that pass.
  const isOnePass = followed.timeline.ops === followed.trace.op;
  const passes = isOnePass ? [followed.timeline] : passTimelines(followed.trace, facts.numOps);
  const chainOf = isMeasured ? "measured" : "predicted";
  return explainDifference(facts, { chainOf, order, releases, passes, other: other.timeline });
}

function awaitedBy(facts: OpFacts, releases: Releases, timeline: Timeline, op: number): NamedOp | null {
  const releaser = releaserOf(findRelease(releases, timeline, op));
  return releaser === NONE ? null : nameOp(facts, releaser);
}

function matchOps(a: Uint32Array, b: Uint32Array): { matched: number[]; unmatchedOps: number } {
  const matched: number[] = [];
  let unmatchedOps = 0;
  for (let op = 0; op < a.length; op++) {
    const inA = a[op]! > 0;
    const inB = b[op]! > 0;
    if (inA && inB) matched.push(op);
    else if (inA || inB) unmatchedOps++;
  }
  return { matched, unmatchedOps };
}

function signedError(predictedNs: number, measuredNs: number): number | null {
  if (measuredNs !== 0) return (predictedNs - measuredNs) / measuredNs;
  return predictedNs === 0 ? 0 : null;
}

/** A trace over its passes; by op id how many spans it has, and the sum of their durations. */
interface Summary {
  readonly trace: Trace;
  readonly timeline: Timeline;
  readonly count: Uint32Array;
  readonly totalNs: Float64Array;
}

function summarize(trace: Trace, { numOps }: OpFacts): Summary {
  const { op, startNs, endNs } = trace;
  const count = new Uint32Array(numOps);
  const totalNs = new Float64Array(numOps);
  for (let span = 0; span < op.length; span++) {
    const id = op[span]!;
    count[id]!++;
    totalNs[id]! += endNs[span]! - startNs[span]!;
  }
  return { trace, timeline: meanTimeline(trace, numOps), count, totalNs };
}

function meanNs({ count, totalNs }: Summary, op: number): number {
  return totalNs[op]! / count[op]!;
}

function compareKinds({ kind: kinds }: OpFacts, a: Summary, b: Summary, ops: readonly number[]): KindComparison[] {
  const predicted = new Float64Array(OP_KINDS.length);
  const measured = new Float64Array(OP_KINDS.length);
  const present = new Set<number>();
  for (const op of ops) {
    const kind = kinds[op]!;
    present.add(kind);
    predicted[kind]! += meanNs(a, op);
    measured[kind]! += meanNs(b, op);
  }
  return OP_KINDS.flatMap((kind, code) =>
    present.has(code) ? [{ kind, ...compareTimes(predicted[code]!, measured[code]!) }] : [],
  );
}

function compareTimes(predictedNs: number, measuredNs: number): Compared {
  return { predictedNs, measuredNs, error: signedError(predictedNs, measuredNs) };
}

function findWorst(a: Summary, b: Summary, ops: readonly number[], numWorst: number): readonly number[] {
  const difference = (op: number) => Math.abs(meanNs(a, op) - meanNs(b, op));
  const worst: number[] = [];
  for (const op of ops) {
    if (worst.length === numWorst && difference(op) <= difference(worst[numWorst - 1]!)) continue;
    worst.push(op);
    worst.sort((x, y) => difference(y) - difference(x) || x - y);
    if (worst.length > numWorst) worst.pop();
  }
  return worst;
}
