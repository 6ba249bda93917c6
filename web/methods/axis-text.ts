import { scaleLog } from "d3-scale";
import { formatCount } from "../../plan/units.ts";
import type { Sweep } from "../engine/protocol.ts";
import type { SweepAxis } from "../state/explorer-state.ts";
import { methodName } from "../results/plan-words.ts";

/** What an axis is called where it is chosen. */
export const axisChoices: Readonly<Record<SweepAxis, string>> = {
  tokens: "sequence length",
  machines: "machines",
  inter: "rate between machines",
};

/** And at the chart, with its unit. */
export const axisNames: Readonly<Record<SweepAxis, string>> = {
  tokens: "Sequence length (tokens)",
  machines: "Machines",
  inter: "Between machines (Gb/s of each)",
};

/** The same within a sentence. */
export const axisPhrases: Readonly<Record<SweepAxis, string>> = {
  tokens: "sequence length",
  machines: "the number of machines",
  inter: "the rate between machines",
};

/** Tokens with three digits, `37.4k`. */
const shortCount = scaleLog().tickFormat(Number.POSITIVE_INFINITY, ".3~s");
/** And with two, as exact as a crossover between two points is. */
const roughCount = scaleLog().tickFormat(Number.POSITIVE_INFINITY, ".2~s");

/** A value as at a tick of the axis, without its unit. */
export function formatTick(axis: SweepAxis, value: number): string {
  return axis === "tokens" && value >= 1000 ? shortCount(value) : formatCount(digits(value, 3));
}

/** A value of an axis with its unit. */
export function formatValue(axis: SweepAxis, value: number): string {
  return withUnit(axis, value, formatTick(axis, value));
}

/** `Torus overtakes Ulysses at 48k tokens`. Of machines the first whole number from which it holds. */
export function describeCrossover(axis: SweepAxis, { x, from, to }: Sweep["crossovers"][number]): string {
  return `${methodName(to)} overtakes ${methodName(from)} at ${formatCrossing(axis, x)}`;
}

function formatCrossing(axis: SweepAxis, x: number): string {
  switch (axis) {
    case "tokens":
      return withUnit(axis, x, x >= 1000 ? roughCount(x) : formatCount(digits(x, 2)));
    case "machines": {
      const machines = Math.ceil(x - 1e-6);
      return withUnit(axis, machines, formatCount(machines));
    }
    case "inter":
      return withUnit(axis, x, formatCount(digits(x, 2)));
  }
}

function withUnit(axis: SweepAxis, value: number, text: string): string {
  if (axis === "inter") return `${text} Gb/s`;
  const one = axis === "tokens" ? "token" : "machine";
  return `${text} ${value === 1 ? one : `${one}s`}`;
}

function digits(value: number, count: number): number {
  return Number(value.toPrecision(count));
}
