import { planSchedule } from "../../plan/methods/index.ts";
import { type Measuring, measure, shape, spreadOf } from "./measure.ts";

const TOKENS = 4096;
const HEADS = 2;
const HEAD_DIM = 64;

/** Below this share of perfect scaling, cores are short. */
const SHORT = 0.9;

export interface CoreFigures {
  /** What all threads together reach at most, in units of one alone. */
  readonly cores: number;
  /** Attention by so many ranks at once: FLOP/s of all together. */
  readonly atOnce: readonly { readonly ranks: number; readonly flopsPerSecond: number; readonly spread: number }[];
}

/** 1, 2, 4, … up to `ranks`. */
export function rankCounts(ranks: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < ranks; count *= 2) counts.push(count);
  return [...counts, ranks];
}

/** The same attention by 1, 2, 4, … ranks at once, each on data of its own. */
export async function measureCores(ranks: number, measuring: Measuring): Promise<CoreFigures> {
  const atOnce: CoreFigures["atOnce"][number][] = [];
  for (const count of rankCounts(ranks)) {
    const schedule = planSchedule({
      workload: shape(TOKENS, HEADS, HEAD_DIM),
      method: "ring",
      mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 1 },
      transport: "one-sided",
      tiles: 1,
      path: "",
      groups: count,
    });
    const { result } = await measure(schedule, `attention by ${count} ranks at once`, measuring);
    const flops = 4 * TOKENS ** 2 * HEADS * HEAD_DIM * count;
    atOnce.push({ ranks: count, flopsPerSecond: (flops * 1e9) / result.makespanNs, spread: spreadOf(result) });
  }
  return { cores: coresOf(atOnce), atOnce };
}

/** The most that was reached by ranks that were short of cores; all of them, where none was. */
function coresOf(atOnce: CoreFigures["atOnce"]): number {
  const alone = atOnce[0]!.flopsPerSecond;
  const speedups = atOnce.map(({ ranks, flopsPerSecond }) => ({ ranks, speedup: flopsPerSecond / alone }));
  const short = speedups.filter(({ ranks, speedup }) => speedup < SHORT * ranks);
  const from = short.length > 0 ? short : speedups.slice(-1);
  const sum = from.reduce((total, { speedup }) => total + speedup, 0);
  return Math.max(1, sum / from.length);
}
