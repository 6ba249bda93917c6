import { ticks } from "d3-array";
import type { TimeWindow } from "../../state/explorer-state.ts";

const UNITS = [
  { ns: 1e9, name: "s" },
  { ns: 1e6, name: "ms" },
  { ns: 1e3, name: "µs" },
  { ns: 1, name: "ns" },
] as const;

/** Ticks of a time axis, ns, with their text: the unit is the largest that the distance of two ticks fills. */
export function timeTicks(window: TimeWindow, count: number): { ns: number[]; text: (ns: number) => string } {
  const values = ticks(window.startNs, window.endNs, Math.max(count, 1));
  const stepNs = values.length > 1 ? values[1]! - values[0]! : window.endNs - window.startNs;
  return { ns: values, text: (ns) => tickText(ns, stepNs) };
}

/** A time as a tick says it where ticks are `stepNs` apart: no two ticks read the same. */
export function tickText(ns: number, stepNs: number): string {
  const unit = UNITS.find((each) => stepNs * 1.0000001 >= each.ns) ?? UNITS[3];
  const step = stepNs / unit.ns;
  const decimals = Math.min(Math.max(Math.ceil(-Math.log10(step) - 1e-9), decimalsOf(step)), 6);
  return `${(ns / unit.ns).toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })} ${unit.name}`;
}

function decimalsOf(step: number): number {
  for (let decimals = 0; decimals < 6; decimals++) {
    const scaled = step * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6) return decimals;
  }
  return 6;
}

/** A duration for people, four significant digits. */
export function durationText(ns: number): string {
  const unit = UNITS.find((each) => Math.abs(ns) >= each.ns) ?? UNITS[3];
  return `${Number((ns / unit.ns).toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 3 })} ${unit.name}`;
}
