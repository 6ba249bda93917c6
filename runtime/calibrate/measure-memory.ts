import { movedBytes } from "../../plan/schedule/moved-bytes.ts";
import { Kind } from "../../plan/schedule/schedule.ts";
import { median } from "../../plan/statistics.ts";
import { fitTimes } from "./least-squares.ts";
import { type MadeOp, makeSchedule, type Place } from "./make-schedule.ts";
import { type Measured, type Measuring, measure, shape, spreadOf } from "./measure.ts";
import type { Residual } from "./residual.ts";

/** Streams of `makeSchedule`. */
const INTRA = 1;

/** Shard of the copies that are measured: 8 MiB of Q in rows of 4 KiB. */
const ROWS = 2048;
const HEADS = 16;
const HEAD_DIM = 64;
const TOKEN_BYTES = HEADS * HEAD_DIM * 4;

/** Copies of one rank to its neighbor, one after the other. */
const COPIES = 8;

/** Round trips, and notifies in a row, of the measurements of latency. */
const ROUND_TRIPS = 40;
const NOTIFIES = 200;

export interface CopyFigures {
  readonly copyBytesPerSecond: number;
  readonly copyRunNs: number;
  /** By how many ranks copy at once: what all together reach. */
  readonly atOnce: readonly { readonly ranks: number; readonly bytesPerSecond: number; readonly spread: number }[];
  readonly residuals: readonly Residual[];
}

/** Number of measurements that `measureCopies` makes up to so many ranks at once. */
export function numCopyMeasurements(ranks: number): number {
  return 3 + pairCounts(ranks).length - 1;
}

/** Copies between heaps: long runs and short ones by one rank alone, then by several at once. */
export async function measureCopies(ranks: number, measuring: Measuring): Promise<CopyFigures> {
  const samples: { row: number[]; ns: number; what: string }[] = [];
  const atOnce: CopyFigures["atOnce"][number][] = [];
  for (const numHeads of [HEADS, 4, 1]) {
    const measured = await measure(copySchedule(1, numHeads), `copies of ${numHeads * HEAD_DIM * 4} B runs`, measuring);
    samples.push(...copySamples(measured, numHeads));
    if (numHeads === HEADS) atOnce.push({ ranks: 1, ...totalRate(measured, 1) });
  }
  for (const pairs of pairCounts(ranks).slice(1)) {
    const measured = await measure(copySchedule(pairs, HEADS), `copies by ${pairs} ranks at once`, measuring);
    atOnce.push({ ranks: pairs, ...totalRate(measured, pairs) });
  }
  const x = fitTimes(
    samples.map(({ row }) => row),
    samples.map(({ ns }) => ns),
  );
  const [byteNs = 0, copyRunNs = 0] = x;
  return {
    copyBytesPerSecond: 1e9 / byteNs,
    copyRunNs,
    atOnce,
    residuals: samples.map(({ row, ns, what }) => ({
      what,
      measuredNs: ns,
      fittedNs: row[0]! * byteNs + row[1]! * copyRunNs,
    })),
  };
}

function pairCounts(ranks: number): number[] {
  const counts: number[] = [1];
  while (counts.at(-1)! * 4 <= ranks) counts.push(counts.at(-1)! * 2);
  return counts;
}

/** Ranks 0, 2, … put parts of their Q into O of the rank after them; without signals, so that nobody wakes. */
function copySchedule(pairs: number, numHeads: number) {
  const workload = shape(ROWS * 2 * pairs, HEADS, HEAD_DIM);
  const numTokens = ROWS / COPIES;
  const ops: MadeOp[] = [];
  for (let copy = 0; copy < COPIES; copy++) {
    for (let pair = 0; pair < pairs; pair++) {
      const part = { row: copy * numTokens, column: 0, numTokens, numHeads };
      const from: Place[] = [{ slot: "Q", ...part }];
      const to: Place[] = [{ slot: "O", ...part }];
      ops.push({ kind: "put", rank: 2 * pair, stream: INTRA, peer: 2 * pair + 1, from, to });
    }
  }
  return makeSchedule({ ranks: 2 * pairs, workload, ops });
}

function copySamples({ schedule, result }: Measured, numHeads: number) {
  const puts = Array.from(schedule.ops.kind.keys()).filter((op) => schedule.ops.kind[op] === Kind.put);
  const numTokens = ROWS / COPIES;
  const row = [numTokens * numHeads * HEAD_DIM * 4, numHeads === HEADS ? 1 : numTokens];
  const what = `copy of ${numTokens} × ${numHeads * HEAD_DIM * 4} B`;
  return puts.map((op) => ({ what, row, ns: result.medianNs[op]! }));
}

function totalRate({ schedule, result }: Measured, pairs: number) {
  const puts = Array.from(schedule.ops.kind.keys()).filter((op) => schedule.ops.kind[op] === Kind.put);
  const startNs = Math.min(...puts.map((op) => result.startNs[op]!));
  const endNs = Math.max(...puts.map((op) => result.endNs[op]!));
  return { bytesPerSecond: (pairs * ROWS * TOKEN_BYTES * 1e9) / (endNs - startNs), spread: spreadOf(result) };
}

export interface LatencyFigures {
  readonly opNs: number;
  readonly wakeNs: number;
  /** Of the round trips. */
  readonly spread: number;
}

export const NUM_LATENCY_MEASUREMENTS = 2;

/** What an op costs, by notifies in a row; and what it takes to wake a thread, by puts that answer each other. */
export async function measureLatency(measuring: Measuring): Promise<LatencyFigures> {
  const workload = shape(64, 1, 32);
  const signal = (word: number, value: number) => ({ signal: { word, value } });
  const notifies = Array.from(
    { length: NOTIFIES },
    (_, i): MadeOp => ({ kind: "notify", rank: 0, stream: INTRA, peer: 1, ...signal(0, i + 1) }),
  );
  const row = await measure(makeSchedule({ ranks: 2, workload, ops: notifies }), "notifies", measuring);
  const gaps = Array.from({ length: NOTIFIES - 2 }, (_, i) => row.result.startNs[i + 4]! - row.result.startNs[i + 3]!);
  const opNs = median(gaps);
  const place = (slot: "Q" | "O"): Place => ({ slot, row: 0, column: 0, numTokens: 1, numHeads: 1 });
  const answers: MadeOp[] = [];
  for (let trip = 1; trip <= ROUND_TRIPS; trip++) {
    for (const rank of [0, 1]) {
      const peer = 1 - rank;
      const to = { kind: "put", rank, stream: INTRA, peer, from: [place("Q")], to: [place("O")] } as const;
      answers.push({ ...to, ...signal(0, trip) }, { kind: "wait", rank: peer, stream: INTRA, ...signal(0, trip) });
    }
  }
  const trips = await measure(makeSchedule({ ranks: 2, workload, ops: answers }), "round trips", measuring);
  const hopNs = trips.result.makespanNs / (2 * ROUND_TRIPS);
  return { opNs, wakeNs: Math.max(0, hopNs - 2 * opNs), spread: spreadOf(trips.result) };
}

export const NUM_KERNEL_MEASUREMENTS = 2;

/** Bytes per second of merge (all reads and writes), and FLOP/s of `compute` ops. */
export async function measureKernels(measuring: Measuring) {
  const workload = shape(2048, 8, 64);
  const part = { column: 0, numTokens: 1024, numHeads: 8 };
  const attend = (row: number): MadeOp => ({
    kind: "attend",
    rank: 0,
    stream: 0,
    from: [
      { slot: "Q", row, ...part },
      { slot: "KV", row: 0, column: 0, numTokens: 16, numHeads: 8 },
    ],
    to: [{ slot: "accumulator", row, ...part }],
  });
  const merge: MadeOp = {
    kind: "merge",
    rank: 0,
    stream: 0,
    from: [{ slot: "accumulator", row: 0, ...part }],
    to: [{ slot: "accumulator", row: 1024, ...part }],
  };
  const merges = makeSchedule({ ranks: 1, workload, ops: [attend(0), attend(1024), merge] });
  const merged = await measure(merges, "merge", measuring);
  const flops = 2e9;
  const work: MadeOp = { kind: "compute", rank: 0, stream: 0, work: 0 };
  const computes = makeSchedule({
    ranks: 1,
    workload,
    ops: [work],
    computes: [{ name: "matrix products", flops, bytes: 0 }],
  });
  const computed = await measure(computes, "matrix products", measuring);
  const timeOf = ({ result }: Measured, op: number) => result.medianNs[op]!;
  return {
    mergeBytesPerSecond: (movedBytes(merges, 3) * 1e9) / timeOf(merged, 3),
    matmulFlops: (flops * 1e9) / timeOf(computed, 1),
  };
}
