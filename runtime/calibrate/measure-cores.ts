import { planSchedule } from "../../plan/methods/index.ts";
import { type AttendFit, HEAD_DIM, oneRank } from "./measure-attend.ts";
import { type Measuring, measure, shape, spreadOf } from "./measure.ts";

const TOKENS = 4096;
const HEADS = 2;

/** Cores are busy above this share of the most that was reached. */
const BUSY = 0.9;

/** Times that all ranks at once are measured: what they reach is what predictions of busy cores rest on. */
const TIMES_ALL = 3;

export interface CoreFigures {
  /** What all ranks at once reach, in units of what the figures of attention say of one alone. */
  readonly cores: number;
  /** The fewest ranks at once that keep all cores busy. */
  readonly busyRanks: number;
  readonly atOnce: readonly AtOnce[];
}

/** Attention by so many ranks at once: FLOP/s of all together. */
interface AtOnce {
  readonly ranks: number;
  readonly flopsPerSecond: number;
  readonly spread: number;
}

/** 1, 2, 4, … up to `ranks`. */
function rankCounts(ranks: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < ranks; count *= 2) counts.push(count);
  return [...counts, ranks];
}

/** Number of measurements that `measureCores` makes. */
export function numCoreMeasurements(ranks: number): number {
  return rankCounts(ranks).length + TIMES_ALL - 1;
}

/**
 * The same attention by 1, 2, 4, … ranks at once, each on data of its own. Cores are what all of them reach over what one
 * reaches by the fit: so what it says of busy cores is what was measured. Of all, since fewer may reach more: each process
 * compiles and collects garbage beside its rank.
 */
export async function measureCores(
  ranks: number,
  { figures, aloneNs }: AttendFit,
  measuring: Measuring,
): Promise<CoreFigures> {
  const headDim = figures.find((row) => row.headDim === HEAD_DIM)?.headDim ?? figures.at(-1)!.headDim;
  const flops = 4 * TOKENS ** 2 * HEADS * headDim;
  const atOnce: AtOnce[] = [];
  for (const count of rankCounts(ranks)) {
    const schedule = planSchedule({
      workload: shape(TOKENS, HEADS, headDim),
      method: "ring",
      mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 1 },
      transport: "one-sided",
      tiles: 1,
      path: "",
      groups: count,
    });
    const what = `attention by ${count} ranks at once`;
    let { result } = await measure(schedule, what, measuring);
    for (let time = 1; count === ranks && time < TIMES_ALL; time++) {
      ({ result } = await measure(schedule, what, measuring));
    }
    atOnce.push({ ranks: count, flopsPerSecond: (count * flops * 1e9) / result.makespanNs, spread: spreadOf(result) });
  }
  const alone = (flops * 1e9) / aloneNs(oneRank(TOKENS, HEADS, headDim, 1, "full"));
  const most = Math.max(...atOnce.map(({ flopsPerSecond }) => flopsPerSecond));
  const busyRanks = atOnce.find(({ flopsPerSecond }) => flopsPerSecond >= BUSY * most)!.ranks;
  return { cores: atOnce.at(-1)!.flopsPerSecond / alone, busyRanks, atOnce };
}
