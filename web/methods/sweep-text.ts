import { formatNs, formatPercent } from "../../plan/units.ts";
import type { Sweep } from "../engine/protocol.ts";
import { axisPhrases, describeCrossover, formatValue } from "./axis-text.ts";
import { methodName } from "../results/plan-words.ts";

/** What one reads from the chart, a sentence each: the crossovers; without any, the method that is best throughout. */
export function describeFindings(sweep: Sweep): string[] {
  const { axis, x, crossovers } = sweep;
  if (crossovers.length > 0) return crossovers.map((crossover) => `${describeCrossover(axis, crossover)}.`);
  const range = `from ${formatValue(axis, x[0]!)} to ${formatValue(axis, x.at(-1)!)}`;
  const winners = sweep.series.filter(({ makespanNs }) =>
    makespanNs.every((ns, i) => ns !== null && ns <= leastAt(sweep, i) * (1 + 1e-9)),
  );
  if (winners.length === 0)
    return [`No method overtakes another ${range}; the best one changes where one no longer fits.`];
  const names = winners.map(({ method }) => methodName(method)).join(", ");
  return [`No crossover: ${names} ${winners.length === 1 ? "is" : "are"} the best ${range}.`];
}

/** Least makespan at a value, ns; infinite where there is no plan. */
export function leastAt({ series }: Pick<Sweep, "series">, index: number): number {
  return series.reduce(
    (least, { makespanNs }) => Math.min(least, makespanNs[index] ?? Number.POSITIVE_INFINITY),
    Infinity,
  );
}

/** The methods at a value, best first, with what they take above the best; those without a plan last, with null. */
export function rankingAt(sweep: Sweep, index: number): readonly (readonly [name: string, figures: string | null])[] {
  const least = leastAt(sweep, index);
  const all = sweep.series.map(({ method, makespanNs }) => ({
    name: methodName(method),
    ns: makespanNs[index] ?? null,
  }));
  return all
    .sort((a, b) => (a.ns ?? Number.POSITIVE_INFINITY) - (b.ns ?? Number.POSITIVE_INFINITY) || 0)
    .map(({ name, ns }) => [name, ns === null ? null : `${formatNs(ns)}${aboveText(ns / least - 1)}`] as const);
}

function aboveText(above: number): string {
  return above < 1e-9 ? "" : ` (${formatPercent(above, true)})`;
}

/** What a screen reader says of a point. */
export function describePoint(sweep: Sweep, method: string, index: number, makespanNs: number): string {
  const above = makespanNs / leastAt(sweep, index) - 1;
  const place = above < 1e-9 ? "the best" : `${formatPercent(above)} above the best`;
  return `${methodName(method)} at ${formatValue(sweep.axis, sweep.x[index]!)}: ${formatNs(makespanNs)}, ${place}`;
}

/** What the chart shows, as one says it. */
export function describeChart(axis: Sweep["axis"]): string {
  return `Makespan of the methods over ${axisPhrases[axis]}.`;
}
