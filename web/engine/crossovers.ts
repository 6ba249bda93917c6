import type { Sweep } from "./protocol.ts";

type Series = Sweep["series"];
type Crossover = Sweep["crossovers"][number];

/** Makespans that differ by less, relatively, are equal: a later method must be better by more to overtake. */
const TIE = 1e-9;

/** A part of the axis between two neighboring x, with all that is asked of it. */
interface Interval {
  readonly x0: number;
  readonly x1: number;
  /** By method: logarithms of the makespan at both ends, NaN where it has no plan. */
  readonly left: readonly number[];
  readonly right: readonly number[];
}

/**
 * Where the best method changes, ascending by x. Between two neighboring x the logarithm of each makespan is taken as
 * linear in the logarithm of x, as the chart's straight lines on its logarithmic scales are, and the lowest of the lines is
 * followed; so a method may be the best only between two points. A method without a plan at either end of an interval
 * takes no part in it, and where the best one appears or ends there is no crossover: that is not overtaking. Of methods
 * that are equal, the one that stays best for longest is followed: methods that coincide count as one. `x` ascends and is
 * above zero.
 */
export function findCrossovers(x: readonly number[], series: Series): Crossover[] {
  const logs = x.map((_, i) => series.map(({ makespanNs }) => logOf(makespanNs[i] ?? null)));
  const crossovers: Crossover[] = [];
  let current: number | null = null;
  for (let i = 0; i + 1 < x.length; i++) {
    if (current === null || !bestOf(logs[i]!).has(current)) current = longestBest(bestOf(logs[i]!), logs, i);
    const interval = { x0: x[i]!, x1: x[i + 1]!, left: logs[i]!, right: logs[i + 1]! };
    const isWhole = current !== null && hasPlan(interval, current) && hasBestOf(interval, logs[i + 1]!);
    if (current === null || !isWhole) {
      current = null;
      continue;
    }
    for (const { at, to } of followInterval(interval, current, (tied) => longestBest(tied, logs, i + 1)!)) {
      crossovers.push({ x: at, from: series[current]!.method, to: series[to]!.method });
      current = to;
    }
  }
  return crossovers;
}

function logOf(makespanNs: number | null): number {
  return makespanNs === null ? Number.NaN : Math.log(makespanNs);
}

function hasPlan({ left, right }: Interval, method: number): boolean {
  return !Number.isNaN(left[method]!) && !Number.isNaN(right[method]!);
}

/** Whether one of the best at the right end is there on the whole interval. */
function hasBestOf(interval: Interval, right: readonly number[]): boolean {
  return [...bestOf(right)].some((method) => hasPlan(interval, method));
}

/** Indices of the least, with those that tie; none where no method has a plan. */
function bestOf(logs: readonly number[]): ReadonlySet<number> {
  const least = Math.min(...logs.filter((log) => !Number.isNaN(log)));
  return new Set(indicesOf(logs, (log) => log <= least + TIE));
}

function indicesOf(values: readonly number[], test: (value: number, index: number) => boolean): number[] {
  return values.flatMap((value, index) => (test(value, index) ? [index] : []));
}

/**
 * Of methods that tie, the one that is among the best at most of the points from `i` on, in a row; of several the one that is
 * shortest where none of them is the best any more. Null for none.
 */
function longestBest(tied: ReadonlySet<number>, logs: readonly (readonly number[])[], i: number): number | null {
  let left = [...tied];
  for (const there of logs.slice(i)) {
    if (left.length < 2) break;
    const best = bestOf(there);
    const staying = left.filter((method) => best.has(method));
    if (staying.length === 0) {
      const after = bestOf(there.map((log, method) => (left.includes(method) ? log : Number.NaN)));
      return left.find((method) => after.has(method)) ?? left[0]!;
    }
    left = staying;
  }
  return left[0] ?? null;
}

/** Follows the lowest line from `first` on; `choose` picks among lines that tie at the right end. */
function followInterval(
  interval: Interval,
  first: number,
  choose: (tied: ReadonlySet<number>) => number,
): { readonly at: number; readonly to: number }[] {
  const { x0, x1, right } = interval;
  const steps: { at: number; to: number }[] = [];
  let current = first;
  for (;;) {
    // Only a line that ends lower can pass; the first to do so is next.
    const end = right[current]! - TIE;
    const passing = indicesOf(right, (log, method) => log < end && hasPlan(interval, method));
    const meetings = passing.map((method) => ({ method, part: meetingOf(interval, current, method) }));
    if (meetings.length === 0) return steps;
    const earliest = Math.min(...meetings.map(({ part }) => part));
    const together = meetings.filter(({ part }) => part <= earliest + TIE).map(({ method }) => method);
    const lowest = Math.min(...together.map((method) => right[method]!));
    current = choose(new Set(together.filter((method) => right[method]! <= lowest + TIE)));
    steps.push({ at: x0 * (x1 / x0) ** earliest, to: current });
  }
}

/** Part of the way, in the logarithm of x, where the line of `to`, which ends lower, passes that of `from`: 0 to 1. */
function meetingOf({ left, right }: Interval, from: number, to: number): number {
  const before = left[to]! - left[from]!;
  const after = right[to]! - right[from]!;
  return Math.max(0, before / (before - after));
}
