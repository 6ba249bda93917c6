import { Kind } from "../schedule/schedule.ts";
import { boundsOf, type Pass, passesOf } from "./passes.ts";
import type { Trace } from "./trace.ts";

/** How a stream of a rank spent a pass, ns; means over passes. */
export interface StreamTimes {
  /** Some op ran that is neither a wait nor a barrier; the ends of a transfer run from when they are posted. */
  readonly busyNs: number;
  /** All else between first start and last end: waits, barriers and gaps. */
  readonly idleNs: number;
  /** From the first start of the pass. */
  readonly firstStartNs: number;
  readonly lastEndNs: number;
}

/** A stream of one rank; null in a trace that has no op of it. */
export interface RankStreamComparison {
  readonly rank: number;
  readonly stream: string;
  readonly predicted: StreamTimes | null;
  readonly measured: StreamTimes | null;
}

/** A stream over all ranks that have it. */
export interface StreamComparison {
  readonly stream: string;
  readonly numRanks: number;
  /** Means over those ranks. */
  readonly predicted: StreamTimes | null;
  readonly measured: StreamTimes | null;
  /** The rank whose busy time differs most, the first of equals. */
  readonly worst: RankStreamComparison;
}

/** Compares each stream of each rank that is in either trace, by rank, then stream. Time is linear in the spans. */
export function compareRankStreams(predicted: Trace, measured: Trace): readonly RankStreamComparison[] {
  const [a, b] = [streamTimes(predicted), streamTimes(measured)];
  const { streams } = predicted.streams.length < measured.streams.length ? measured : predicted;
  const lanes = [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x - y);
  return lanes.map((lane) => ({
    rank: Math.floor(lane / MAX_STREAMS),
    stream: streams[lane % MAX_STREAMS]!,
    predicted: a.get(lane) ?? null,
    measured: b.get(lane) ?? null,
  }));
}

/** Folds `compareRankStreams` over the ranks, streams in the order in which they first stand there. */
export function foldRanks(rows: readonly RankStreamComparison[]): readonly StreamComparison[] {
  const groups = new Map<string, RankStreamComparison[]>();
  for (const row of rows) groups.set(row.stream, [...(groups.get(row.stream) ?? []), row]);
  return [...groups].map(([stream, ofStream]) => ({
    stream,
    numRanks: ofStream.length,
    predicted: meanOf(ofStream.map(({ predicted }) => predicted)),
    measured: meanOf(ofStream.map(({ measured }) => measured)),
    worst: ofStream.reduce((worst, row) => (differenceOf(row) > differenceOf(worst) ? row : worst)),
  }));
}

/** Streams of a rank at most: a code is one byte. */
const MAX_STREAMS = 256;

/** Sums over the passes of one stream of a rank, and where its present pass stands. */
interface Lane {
  numPasses: number;
  busyNs: number;
  firstStartNs: number;
  lastEndNs: number;
  firstNs: number;
  /** Up to here the present pass is counted. */
  reachedNs: number;
}

function streamTimes(trace: Trace): Map<number, StreamTimes> {
  const lanes = new Map<number, Lane>();
  for (const pass of passesOf(trace)) addPass(trace, pass, lanes);
  return new Map([...lanes].map(([key, lane]) => [key, timesOf(lane)]));
}

function addPass(trace: Trace, pass: Pass, lanes: Map<number, Lane>): void {
  const { startNs: originNs } = boundsOf(trace, pass);
  const begun = new Map<number, Lane>();
  for (let row = pass.first; row < pass.end; row++) {
    const key = trace.rank[row]! * MAX_STREAMS + trace.stream[row]!;
    const startNs = trace.startNs[row]! - originNs;
    let lane = begun.get(key);
    if (lane === undefined) {
      lane = beginPass(lanes, key, startNs);
      begun.set(key, lane);
    }
    addSpan(lane, startNs, trace.endNs[row]! - originNs, trace.kind[row]!);
  }
  for (const lane of begun.values()) {
    lane.firstStartNs += lane.firstNs;
    lane.lastEndNs += lane.reachedNs;
  }
}

function beginPass(lanes: Map<number, Lane>, key: number, startNs: number): Lane {
  const lane = lanes.get(key) ?? { numPasses: 0, busyNs: 0, firstStartNs: 0, lastEndNs: 0, firstNs: 0, reachedNs: 0 };
  lanes.set(key, lane);
  lane.numPasses++;
  lane.firstNs = startNs;
  lane.reachedNs = startNs;
  return lane;
}

/** Spans of a stream stand in the order of their starts; those of a group overlap and count once. */
function addSpan(lane: Lane, startNs: number, endNs: number, kind: number): void {
  const isBusy = kind !== Kind.wait && kind !== Kind.barrier;
  if (isBusy) lane.busyNs += Math.max(0, endNs - Math.max(startNs, lane.reachedNs));
  lane.firstNs = Math.min(lane.firstNs, startNs);
  lane.reachedNs = Math.max(lane.reachedNs, endNs);
}

function timesOf({ numPasses, busyNs, firstStartNs, lastEndNs }: Lane): StreamTimes {
  return {
    busyNs: busyNs / numPasses,
    idleNs: (lastEndNs - firstStartNs - busyNs) / numPasses,
    firstStartNs: firstStartNs / numPasses,
    lastEndNs: lastEndNs / numPasses,
  };
}

function meanOf(times: readonly (StreamTimes | null)[]): StreamTimes | null {
  const present = times.filter((one) => one !== null);
  const mean = (key: keyof StreamTimes) => present.reduce((sum, one) => sum + one[key], 0) / present.length;
  if (present.length === 0) return null;
  return {
    busyNs: mean("busyNs"),
    idleNs: mean("idleNs"),
    firstStartNs: mean("firstStartNs"),
    lastEndNs: mean("lastEndNs"),
  };
}

function differenceOf({ predicted, measured }: RankStreamComparison): number {
  return Math.abs((predicted?.busyNs ?? 0) - (measured?.busyNs ?? 0));
}
