import { threadsMachine } from "../../plan/topology/threads-preset.ts";
import type { HostFigures, Topology } from "../../plan/topology/topology.ts";
import { describeHardware } from "../hardware.ts";
import type { KernelName } from "../job.ts";
import { type Measuring, ROUNDS } from "./measure.ts";
import { HEAD_DIMS, measureAttend, numAttendMeasurements } from "./measure-attend.ts";
import { type CoreFigures, measureCores, rankCounts } from "./measure-cores.ts";
import {
  type CopyFigures,
  measureCopies,
  measureKernels,
  measureLatency,
  NUM_KERNEL_MEASUREMENTS,
  NUM_LATENCY_MEASUREMENTS,
  numCopyMeasurements,
} from "./measure-memory.ts";
import type { Residual } from "./residual.ts";

/** What was measured of this machine. */
export interface Calibration {
  readonly topology: Topology;
  readonly figures: HostFigures;
  /** By how many ranks copy, and compute, at once. */
  readonly copies: CopyFigures["atOnce"];
  readonly compute: CoreFigures["atOnce"];
  /** Of the round trips by which waking was measured. */
  readonly latencySpread: number;
  readonly residuals: readonly Residual[];
}

export interface CalibrateOptions {
  /** Ranks that are measured at once, at most; from 2. */
  readonly ranks: number;
  readonly kernel: KernelName;
  /** Head sizes that attention is measured with; 32, 64 and 128 if not given. */
  readonly headDims?: readonly number[];
  /** Passes over all measurements, from 1; two if not given. */
  readonly rounds?: number;
  /** Date for the topology's source, `YYYY-MM-DD`. */
  readonly date: string;
  readonly onProgress: (done: number, total: number, what: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Measures this machine as ranks on threads see it: latencies, copies, attention, other kernels and shared cores, each by
 * running schedules made for it, in rounds. Takes a minute. Throws `RunFailed` where a measurement does not come to its end.
 */
export async function calibrateThreads(options: CalibrateOptions): Promise<Calibration> {
  const { ranks, kernel, signal, onProgress, date, headDims = HEAD_DIMS, rounds = ROUNDS } = options;
  const perRound =
    NUM_LATENCY_MEASUREMENTS +
    numCopyMeasurements(ranks) +
    numAttendMeasurements(headDims) +
    NUM_KERNEL_MEASUREMENTS +
    rankCounts(ranks).length;
  let done = 0;
  const measuring: Measuring = {
    kernel,
    ...(signal === undefined ? {} : { signal }),
    earlier: new Map(),
    onDone: (what) => onProgress(++done, rounds * perRound, what),
  };
  let measured = await measureAll(ranks, headDims, measuring);
  for (let round = 1; round < rounds; round++) measured = await measureAll(ranks, headDims, measuring);
  const { latency, copies, cores, attend, kernels } = measured;
  const figures: HostFigures = {
    cores: cores.cores,
    sharedBy: "topology",
    copyBytesPerSecond: copies.copyBytesPerSecond,
    allCopiesBytesPerSecond: Math.max(...copies.atOnce.map(({ bytesPerSecond }) => bytesPerSecond)),
    copyRunNs: copies.copyRunNs,
    opNs: latency.opNs,
    wakeNs: latency.wakeNs,
    mergeBytesPerSecond: kernels.mergeBytesPerSecond,
    finalizeBytesPerSecond: attend.finalizeBytesPerSecond,
    matmulFlops: kernels.matmulFlops,
    attend: attend.figures,
  };
  const { cpu, cores: numCores, kernel: library } = describeHardware(kernel);
  return {
    topology: threadsMachine(figures, `measured on ${cpu}, ${numCores} cores, ${library}, ${date}`),
    figures,
    copies: copies.atOnce,
    compute: cores.atOnce,
    latencySpread: latency.spread,
    residuals: [...copies.residuals, ...attend.residuals],
  };
}

/** One round; its figures are of all rounds so far. */
async function measureAll(ranks: number, headDims: readonly number[], measuring: Measuring) {
  return {
    latency: await measureLatency(measuring),
    copies: await measureCopies(ranks, measuring),
    cores: await measureCores(ranks, measuring),
    attend: await measureAttend(headDims, measuring),
    kernels: await measureKernels(measuring),
  };
}
