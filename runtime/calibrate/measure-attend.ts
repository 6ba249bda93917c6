import { assert } from "../../plan/errors.ts";
import { planSchedule } from "../../plan/methods/index.ts";
import { createAttendCounter } from "../../plan/schedule/attend-counter.ts";
import type { AttendWork } from "../../plan/schedule/attend-calls.ts";
import { movedBytes } from "../../plan/schedule/moved-bytes.ts";
import { Kind, type Schedule } from "../../plan/schedule/schedule.ts";
import type { AttendFigures } from "../../plan/topology/topology.ts";
import type { Mask } from "../../plan/workload/workload.ts";
import { dot, fitTimes } from "./least-squares.ts";
import { type Measured, type Measuring, measure, shape } from "./measure.ts";
import type { Residual } from "./residual.ts";

/** Where one head size is to stand for all. */
export const HEAD_DIM = 64;

/** Head sizes that are measured; between them is interpolated. */
export const HEAD_DIMS: readonly number[] = [32, 64, 128];

/** Tokens, heads, sub-tiles and mask on one rank: short and long tiles, first and later ones, one head and several. */
const SHAPES: readonly (readonly [tokens: number, heads: number, tiles: number, mask: Mask])[] = [
  [48, 6, 1, "full"],
  [160, 4, 2, "full"],
  [300, 8, 1, "full"],
  [384, 16, 4, "full"],
  [768, 8, 2, "full"],
  [512, 2, 4, "full"],
  [768, 3, 1, "full"],
  [1024, 2, 2, "full"],
  [1500, 1, 3, "full"],
  [2048, 2, 1, "full"],
  [1536, 8, 2, "full"],
  [2560, 4, 1, "full"],
  [4096, 2, 2, "full"],
  [200, 4, 1, "causal"],
  [1024, 2, 2, "causal"],
  [1600, 1, 1, "causal"],
  [3072, 4, 1, "causal"],
];

/** The work in the order of the unknowns of a fit. */
const FEATURES = ["calls", "queries", "keys", "pairs", "firstPairs", "maskedPairs"] as const;

export interface AttendFit {
  readonly figures: readonly AttendFigures[];
  readonly finalizeBytesPerSecond: number;
  readonly residuals: readonly Residual[];
  /** What the figures say of a whole attention by one rank, of a head size that was measured. */
  readonly aloneNs: (schedule: Schedule) => number;
}

/** Number of measurements that `measureAttend` makes. */
export function numAttendMeasurements(headDims: readonly number[]): number {
  return headDims.length * SHAPES.length;
}

/**
 * Measures attention of one rank that has a core for itself, and fits its figures. Of a finalize the large ones
 * count.
 */
export async function measureAttend(headDims: readonly number[], measuring: Measuring): Promise<AttendFit> {
  const figures: AttendFigures[] = [];
  const residuals: Residual[] = [];
  const finalized = { bytes: 0, ns: 0 };
  for (const headDim of headDims) {
    const samples: AttendSample[] = [];
    for (const [tokens, heads, tiles, mask] of SHAPES) {
      const what = `attend ${tokens}×${heads}×${headDim} ${mask}, ${tiles} sub-tiles`;
      const measured = await measure(oneRank(tokens, heads, headDim, tiles, mask), what, measuring);
      samples.push(...attendSamples(measured, what));
      addFinalized(measured, finalized);
    }
    const rows = samples.map(({ work }) => FEATURES.map((name) => work[name]));
    const x = fitTimes(
      rows,
      samples.map(({ ns }) => ns),
    );
    const [callNs = 0, queryNs = 0, keyNs = 0, pairNs = 0, firstPairNs = 0, maskedPairNs = 0] = x;
    figures.push({ headDim, callNs, queryNs, keyNs, pairNs, firstPairNs, maskedPairNs });
    samples.forEach(({ what, ns }, i) => {
      residuals.push({ what, measuredNs: ns, fittedNs: dot(rows[i]!, x) });
    });
  }
  const finalizeBytesPerSecond = (finalized.bytes / finalized.ns) * 1e9;
  return { figures, finalizeBytesPerSecond, residuals, aloneNs: createAloneNs(figures, finalizeBytesPerSecond) };
}

function createAloneNs(figures: readonly AttendFigures[], finalizeBytesPerSecond: number): AttendFit["aloneNs"] {
  return (schedule) => {
    const of = figures.find(({ headDim }) => headDim === schedule.workload.headDim);
    assert(of !== undefined, `head size ${schedule.workload.headDim} was measured`);
    const x = [of.callNs, of.queryNs, of.keyNs, of.pairNs, of.firstPairNs, of.maskedPairNs];
    const count = createAttendCounter(schedule);
    return schedule.ops.kind.reduce((sum, kind, op) => {
      if (kind === Kind.finalize) return sum + (movedBytes(schedule, op) / finalizeBytesPerSecond) * 1e9;
      if (kind !== Kind.attend) return sum;
      const work = count(op);
      return (
        sum +
        dot(
          FEATURES.map((name) => work[name]),
          x,
        )
      );
    }, 0);
  };
}

interface AttendSample {
  readonly what: string;
  readonly work: AttendWork;
  readonly ns: number;
}

/** A whole attention on one rank. */
export function oneRank(tokens: number, heads: number, headDim: number, tiles: number, mask: Mask): Schedule {
  return planSchedule({
    workload: shape(tokens, heads, headDim, mask),
    method: "ring",
    mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 1 },
    transport: "one-sided",
    tiles,
    path: "",
  });
}

function attendSamples({ schedule, result }: Measured, what: string) {
  const count = createAttendCounter(schedule);
  return Array.from(schedule.ops.kind.keys()).flatMap((op) =>
    schedule.ops.kind[op] === Kind.attend
      ? [{ what: `${what}, op ${op}`, work: count(op), ns: result.medianNs[op]! }]
      : [],
  );
}

/** Sums of bytes and time, so that large ones count most. */
function addFinalized({ schedule, result }: Measured, sums: { bytes: number; ns: number }): void {
  schedule.ops.kind.forEach((kind, op) => {
    if (kind !== Kind.finalize) return;
    sums.bytes += movedBytes(schedule, op);
    sums.ns += result.medianNs[op]!;
  });
}
