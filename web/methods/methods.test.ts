import fc from "fast-check";
import { expect, test } from "vitest";
import { findCrossovers } from "../engine/crossovers.ts";
import type { PlanDetail, RankedCandidate, Ranking, Sweep } from "../engine/protocol.ts";
import { describeCrossover, formatTick, formatValue } from "./axis-text.ts";
import { layoutChart, logTicks } from "./chart-layout.ts";
import { addable, comparedRows, describeKey, interMachineBytes, nameOfKey, shownKeys } from "./compared.ts";
import { firstPoint, hasPoint, nearestColumn, nextPoint } from "./next-point.ts";
import { placeInRows, spreadApart } from "./place-labels.ts";
import { describeFindings, describePoint, rankingAt } from "./sweep-text.ts";

const sweep: Sweep = {
  axis: "tokens",
  x: [16_000, 32_000, 64_000],
  series: [
    { method: "ulysses", makespanNs: [1e6, 3e6, null] },
    { method: "ring", makespanNs: [null, null, null] },
    { method: "torus", makespanNs: [2e6, 2.5e6, 6e6] },
  ],
  crossovers: [{ x: 27_431, from: "ulysses", to: "torus" }],
};

test("crossovers and values in words", () => {
  const crossover = (x: number) => ({ x, from: "ulysses", to: "torus" });
  expect(describeCrossover("tokens", crossover(48_123))).toBe("Torus overtakes Ulysses at 48k tokens");
  expect(describeCrossover("tokens", crossover(1_234_567))).toBe("Torus overtakes Ulysses at 1.2M tokens");
  expect(describeCrossover("tokens", crossover(734.2))).toBe("Torus overtakes Ulysses at 730 tokens");
  expect(describeCrossover("machines", crossover(2.3))).toBe("Torus overtakes Ulysses at 3 machines");
  expect(describeCrossover("machines", crossover(2 + 1e-12))).toBe("Torus overtakes Ulysses at 2 machines");
  expect(describeCrossover("inter", crossover(1234))).toBe("Torus overtakes Ulysses at 1,200 Gb/s");
  expect(formatValue("tokens", 37_376)).toBe("37.4k tokens");
  expect(formatValue("machines", 1)).toBe("1 machine");
  expect(formatValue("inter", 12.5)).toBe("12.5 Gb/s");
  expect(formatTick("tokens", 512)).toBe("512");
});

test("what is read from the chart", () => {
  expect(describeFindings(sweep)).toEqual(["Torus overtakes Ulysses at 27k tokens."]);
  const none = { ...sweep, series: [sweep.series[2]!], crossovers: [] };
  expect(describeFindings(none)).toEqual(["No crossover: Torus is the best from 16k tokens to 64k tokens."]);
  expect(rankingAt(sweep, 1)).toEqual([
    ["Torus", "2.5 ms"],
    ["Ulysses", "3 ms (+20.0 %)"],
    ["Ring", null],
  ]);
  expect(describePoint(sweep, "ulysses", 1, 3e6)).toBe("Ulysses at 32k tokens: 3 ms, 20.0 % above the best");
});

test("the chart: a line for each method that has a plan, crossovers on their lines, all inside", () => {
  fc.assert(
    fc.property(fc.integer({ min: 320, max: 2000 }), fc.boolean(), (width, isRelative) => {
      const layout = layoutChart(sweep, width, 360, isRelative);
      expect(layout.lines.map(({ method }) => method)).toEqual(["torus", "ulysses"]);
      expect(layout.lines.map(({ points }) => points.length)).toEqual([3, 2]);
      const { left, right, top, bottom } = layout.plot;
      for (const { x, y } of layout.lines.flatMap(({ points }) => points)) {
        expect(x).toBeGreaterThanOrEqual(left);
        expect(x).toBeLessThanOrEqual(right);
        expect(y).toBeGreaterThanOrEqual(top);
        expect(y).toBeLessThanOrEqual(bottom);
      }
      const [crossing] = layout.crossovers;
      expect(crossing!.at).toBeGreaterThan(layout.columns[0]!);
      expect(crossing!.at).toBeLessThan(layout.columns[1]!);
      expect(crossing!.textX).toBeGreaterThanOrEqual(0);
      expect(layout.yTicks.length).toBeGreaterThanOrEqual(2);
    }),
  );
});

test("relative to the best, lines cross where they do in time, and the best is at the bottom", () => {
  const crossed = { ...sweep, crossovers: findCrossovers(sweep.x, sweep.series) };
  for (const isRelative of [false, true]) {
    const { lines, crossovers, columns } = layoutChart(crossed, 900, 360, isRelative);
    const part = (crossovers[0]!.at - columns[0]!) / (columns[1]! - columns[0]!);
    const [torus, ulysses] = lines.map(({ points }) => (1 - part) * points[0]!.y + part * points[1]!.y);
    expect(torus).toBeCloseTo(ulysses!, 6);
    expect(crossovers[0]!.y).toBeCloseTo(torus!, 6);
  }
  const { lines } = layoutChart(crossed, 900, 360, true);
  const bottom = lines[1]!.points[0]!.y;
  expect(lines[0]!.points.slice(1).every(({ y }) => Math.abs(y - bottom) < 1e-9)).toBe(true);
});

test("a mark under another is known to be covered", () => {
  const same = { ...sweep, series: ["usp", "tas", "torus"].map((method) => ({ method, makespanNs: [1, 2, 3] })) };
  const { lines } = layoutChart({ ...same, crossovers: [] }, 900, 360);
  expect(lines.map(({ method, points }) => [method, points[0]!.covered])).toEqual([
    ["torus", 2],
    ["tas", 1],
    ["usp", 0],
  ]);
});

test("a single value and a flat line are drawn too", () => {
  const one = layoutChart({ ...sweep, x: [5], series: [{ method: "tas", makespanNs: [7] }], crossovers: [] }, 700, 360);
  const { x, y } = one.lines[0]!.points[0]!;
  expect(Number.isFinite(x) && Number.isFinite(y)).toBe(true);
  expect(one.lines[0]!.path).not.toMatch(/NaN/);
});

test("ticks of a logarithmic axis ascend, lie inside and are few", () => {
  const positive = fc.double({ min: 1e-3, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(positive, fc.double({ min: 1.03, max: 1e6, noNaN: true }), (low, factor) => {
      const values = logTicks(low, low * factor, 8);
      expect(values.length).toBeLessThanOrEqual(8);
      expect(values.length).toBeGreaterThanOrEqual(1);
      values.forEach((value, i) => {
        expect(value).toBeGreaterThanOrEqual(low * (1 - 1e-9));
        expect(value).toBeLessThanOrEqual(low * factor * (1 + 1e-9));
        if (i > 0) expect(value).toBeGreaterThan(values[i - 1]!);
      });
    }),
  );
});

/** Least squares by projection in turns (Dykstra's way is not needed: pooling is checked against small steps). */
function cost(positions: readonly number[], wanted: readonly number[]): number {
  return positions.reduce((sum, at, i) => sum + (at - wanted[i]!) ** 2, 0);
}

test("labels are spread apart in order, as little as need be", () => {
  const places = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      places,
      fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 6, maxLength: 6 }),
      (wanted, moves) => {
        const spread = spreadApart(wanted, 15, 0, 300);
        const order = [...wanted.keys()].sort((a, b) => wanted[a]! - wanted[b]! || a - b);
        const isLegal = (all: readonly number[]) =>
          order.every((at, i) => i === 0 || all[at]! - all[order[i - 1]!]! >= 15 - 1e-9) &&
          all.every((at) => at >= -1e-9 && at <= 300 + 1e-9);
        expect(isLegal(spread)).toBe(true);
        // No other legal places are nearer.
        const other = spread.map((at, i) => at + moves[i]! / 10);
        if (isLegal(other)) expect(cost(spread, wanted)).toBeLessThanOrEqual(cost(other, wanted) + 1e-6);
      },
    ),
    { numRuns: 500 },
  );
});

test("texts in one row do not overlap, and a row is used only where the one before is taken", () => {
  const interval = fc
    .tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 200 }))
    .map(([start, length]) => ({ start, end: start + length }));
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 8 }), (intervals) => {
      const rows = placeInRows(intervals);
      const overlap = (a: number, b: number) =>
        intervals[a]!.start < intervals[b]!.end && intervals[b]!.start < intervals[a]!.end;
      rows.forEach((row, i) => {
        for (let before = 0; before < i; before++) if (rows[before] === row) expect(overlap(before, i)).toBe(false);
        for (let above = 0; above < row; above++)
          expect(rows.some((other, at) => at < i && other === above && overlap(at, i))).toBe(true);
      });
    }),
  );
});

test("keys lead along a line over its gaps and across to the next method", () => {
  expect(firstPoint(sweep)).toEqual({ series: 0, index: 0 });
  expect(nextPoint(sweep, { series: 0, index: 1 }, "ArrowRight")).toEqual({ series: 0, index: 1 });
  expect(nextPoint(sweep, { series: 2, index: 0 }, "End")).toEqual({ series: 2, index: 2 });
  expect(nextPoint(sweep, { series: 0, index: 0 }, "ArrowUp")).toEqual({ series: 2, index: 0 });
  expect(nextPoint(sweep, { series: 0, index: 1 }, "ArrowDown")).toEqual({ series: 2, index: 1 });
  expect(nextPoint(sweep, { series: 2, index: 2 }, "ArrowUp")).toEqual({ series: 2, index: 2 });
  expect(nextPoint(sweep, { series: 2, index: 2 }, "a")).toBeNull();
  expect(hasPoint(sweep, { series: 0, index: 2 })).toBe(false);
  expect(nearestColumn([10, 20, 40], 31)).toBe(2);
});

const candidate = (method: string, tiles: number, makespanNs: number) =>
  ({ method, makespanNs, key: `${method} one-sided 2 1 4 1 ${tiles} -`, heapBytes: 1024 }) as RankedCandidate;
const candidates = [candidate("torus", 1, 10), candidate("torus", 4, 11), candidate("ring", 1, 12)];
const ranking = { candidates } as unknown as Ranking;

test("the best of each method are shown until some are chosen", () => {
  expect(shownKeys([], candidates)).toEqual([candidates[0]!.key, candidates[2]!.key]);
  expect(shownKeys(["a", "b"], candidates)).toEqual(["a", "b"]);
  expect(shownKeys(["a", "b", "c", "d", "e", "f", "g"], candidates).length).toBe(6);
  expect(addable(candidates, [candidates[0]!.key])).toEqual([
    ["torus", [candidates[1]]],
    ["ring", [candidates[2]]],
  ]);
});

test("rows: shares above the best of those shown; what is not ranked has no figures", () => {
  const rows = comparedRows([candidates[1]!.key, candidates[2]!.key, "tas one-sided 1 1 1 1 1 -"], ranking, new Map());
  expect(rows.map(({ aboveBest }) => aboveBest)).toEqual([0, 12 / 11 - 1, null]);
  expect(rows[2]!.candidate).toBeNull();
  expect(nameOfKey(rows[1]!.key)).toBe("Ring, one-sided, 2×1×4×1, whole tiles");
  expect(describeKey("torus two-sided 2 1 4 1 4 QK")).toBe("two-sided, 2×1×4×1, 4 sub-tiles, path QK");
});

test("bytes between machines are those of the machine that sends most", () => {
  const matrix = Float64Array.from([0, 9, 1, 2, 9, 0, 3, 4, 5, 6, 0, 9, 7, 8, 9, 0]);
  const detail = { matrix, ranks: [0, 1, 2, 3], trace: { ranksPerMachine: 2 } } as unknown as PlanDetail;
  expect(interMachineBytes(detail)).toBe(26);
});
