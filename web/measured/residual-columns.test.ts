import fc from "fast-check";
import { expect, test } from "vitest";
import { matchOpTimes, type OpTimes, residualNs } from "./op-times.ts";
import { columnAt, columnOfRow, residualColumns } from "./residual-columns.ts";
import { makeSpans } from "./spans.test-support.ts";

function timesOf(residuals: readonly number[]): OpTimes {
  const spans = (length: (i: number) => number) =>
    makeSpans(residuals.map((_, i) => ({ op: i, startNs: 10 * i, endNs: 10 * i + length(i) })));
  return matchOpTimes(
    spans((i) => 1000 + residuals[i]!),
    spans(() => 1000),
  );
}

test("each bar says the extremes of its ops, and every op is in one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -900, max: 900 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 80 }),
      (list, max) => {
        const times = timesOf(list);
        const columns = residualColumns(times, max);
        expect(columns.numColumns).toBe(Math.min(list.length, max));
        const rows = list.map((_, row) => row);
        for (let column = 0; column < columns.numColumns; column++) {
          const mine = rows.filter((row) => columnOfRow(row, list.length, columns.numColumns) === column);
          const residuals = mine.map((row) => residualNs(times, row));
          expect(mine.length).toBeGreaterThan(0);
          expect(columns.highNs[column]).toBe(Math.max(0, ...residuals));
          expect(columns.lowNs[column]).toBe(Math.min(0, ...residuals));
          const sizes = residuals.map(Math.abs);
          expect(columns.worst[column]).toBe(mine[sizes.indexOf(Math.max(...sizes))]);
        }
        expect(columns.mostNs).toBe(Math.max(0, ...list.map(Math.abs)));
      },
    ),
  );
});

test("the bar at a place", () => {
  const columns = residualColumns(timesOf([5, -5, 0, 7]), 100);
  expect([0, 24, 25, 99, 100].map((x) => columnAt(columns, x, 100))).toEqual([0, 0, 1, 3, 3]);
  expect(columnAt(columns, -1, 100)).toBe(-1);
  expect(columnAt(columns, Number.NaN, 100)).toBe(-1);
  expect(columnAt(residualColumns(timesOf([]), 100), 5, 100)).toBe(-1);
});
