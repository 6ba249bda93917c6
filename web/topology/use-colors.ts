import { scaleLinear } from "d3-scale";
import type { Theme } from "../theme/palette.ts";

/**
 * From idle to full, after viridis: lightness falls (on light ground) or rises (on dark) all the way, so that people with
 * any kind of color blindness, and print, keep the order.
 */
const stops: Readonly<Record<Theme, readonly string[]>> = {
  light: ["#c3c9d1", "#86c8a0", "#2a938c", "#3a528b", "#440154"],
  dark: ["#46505c", "#4477aa", "#21a08c", "#7ad151", "#fde725"],
};

/** Steps of the scale; more are not told apart. */
export const NUM_STEPS = 64;

const tables: Partial<Record<Theme, readonly string[]>> = {};

/** Step of a utilization: 0 for nothing, then 1 to `NUM_STEPS`; above 1 as 1. */
export function useStep(use: number): number {
  return use <= 0 ? 0 : Math.max(1, Math.round(Math.min(use, 1) * NUM_STEPS));
}

/** Color of a step. */
export function stepColor(theme: Theme, step: number): string {
  const table = (tables[theme] ??= makeTable(theme));
  return table[step]!;
}

function makeTable(theme: Theme): readonly string[] {
  const colors = stops[theme];
  const scale = scaleLinear<string>()
    .domain(colors.map((_, index) => index / (colors.length - 1)))
    .range(colors);
  return Array.from({ length: NUM_STEPS + 1 }, (_, step) => scale(step / NUM_STEPS));
}
