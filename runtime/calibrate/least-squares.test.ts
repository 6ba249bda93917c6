import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dot, fitNonNegative, fitTimes } from "./least-squares.ts";

const matrix = fc.array(fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 3, maxLength: 3 }), {
  minLength: 8,
  maxLength: 20,
});
const unknowns = fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 3, maxLength: 3 });

describe("non-negative least squares", () => {
  test("finds what made the targets", () => {
    fc.assert(
      fc.property(matrix, unknowns, (rows, x) => {
        const targets = rows.map((row) => dot(row, x) + 1e-9);
        const fitted = fitNonNegative(rows, targets);
        // Rows may nearly depend on each other: what is fitted explains the targets, whichever x it is.
        rows.forEach((row, i) => {
          expect(Math.abs(dot(row, fitted) - targets[i]!)).toBeLessThan(2e-3 * targets[i]! + 1e-6);
        });
        expect(Math.min(...fitted)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test("stays at 0 where the best would be negative", () => {
    const rows = [
      [1, 0],
      [1, 1],
      [1, 2],
    ];
    const [start, slope] = fitNonNegative(rows, [3, 2, 1]);
    expect(slope).toBe(0);
    expect(start).toBeGreaterThan(0);
  });

  test("is not bent by one disturbed measurement", () => {
    const rows = Array.from({ length: 12 }, (_, i) => [1, i + 1]);
    const targets = rows.map((row) => dot(row, [5, 2]));
    targets[3]! *= 4;
    const [start = 0, slope = 0] = fitTimes(rows, targets);
    expect(slope).toBeCloseTo(2, 0);
    expect(start).toBeLessThan(8);
    expect(start).toBeGreaterThan(3);
  });
});
