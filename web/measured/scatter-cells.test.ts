import fc from "fast-check";
import { expect, test } from "vitest";
import { matchOpTimes, type OpTimes } from "./op-times.ts";
import { cellAt, decadesOf, dotRadiusPx, logAxis, logPx, scatterCells } from "./scatter-cells.ts";
import { makeSpans } from "./spans.test-support.ts";

function timesOf(pairs: readonly (readonly [predictedNs: number, measuredNs: number])[]): OpTimes {
  const spans = (side: 0 | 1) => makeSpans(pairs.map((pair, op) => ({ op, startNs: 0, endNs: pair[side] })));
  return matchOpTimes(spans(0), spans(1));
}

test("the axis spans whole decades around all times", () => {
  const axis = logAxis(
    timesOf([
      [250, 90_000],
      [1_000, 1_000],
    ]),
    300,
  );
  expect(axis).toEqual({ lowNs: 100, highNs: 100_000, sizePx: 300 });
  expect(decadesOf(axis)).toEqual([100, 1_000, 10_000, 100_000]);
  expect(decadesOf(axis).map((ns) => Math.round(logPx(axis, ns)))).toEqual([0, 100, 200, 300]);
  expect(logPx(axis, 0)).toBe(0);
});

test("times of nothing or of one length have an axis too", () => {
  expect(logAxis(timesOf([]), 300)).toMatchObject({ lowNs: 1, highNs: 10 });
  expect(logAxis(timesOf([[0, 0]]), 300)).toMatchObject({ lowNs: 1, highNs: 10 });
  expect(logAxis(timesOf([[1000, 1000]]), 300)).toMatchObject({ lowNs: 1000, highNs: 10_000 });
});

test("every op is in the dot where it stands, equal times on the diagonal", () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 10 ** 8 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(length, length), { maxLength: 60 }), (pairs) => {
      const times = timesOf(pairs);
      const axis = logAxis(times, 240);
      const cells = scatterCells(times, axis, 3);
      expect([...cells.count].reduce((sum, count) => sum + count, 0)).toBe(times.op.length);
      for (let row = 0; row < times.op.length; row++) {
        const x = logPx(axis, times.measuredNs[row]!);
        const y = logPx(axis, times.predictedNs[row]!);
        const cell = cellAt(cells, x, y, 3);
        expect(cell).toBeGreaterThanOrEqual(0);
        expect(x).toBeLessThanOrEqual(240.0001);
        if (x === y) expect(cellAt(cells, x, y, 2.2)).toBeGreaterThanOrEqual(0);
      }
      const dots = [...cells.xPx].map((x, cell) => `${x}:${cells.yPx[cell]}`);
      expect(new Set(dots).size).toBe(cells.numCells);
    }),
  );
});

test("a dot names its worst op, and far from dots there is none", () => {
  const times = timesOf([
    [1000, 1001],
    [1000, 1003],
    [1000, 1002],
  ]);
  const cells = scatterCells(times, logAxis(times, 240), 3);
  expect(cells).toMatchObject({ numCells: 1, count: Uint32Array.of(3) });
  expect(times.op[cells.worst[0]!]).toBe(1);
  expect(cellAt(cells, 200, 200, 10)).toBe(-1);
});

test("dots grow with their ops, within bounds", () => {
  expect(dotRadiusPx(1)).toBe(2);
  expect(dotRadiusPx(8)).toBeGreaterThan(dotRadiusPx(2));
  expect(dotRadiusPx(1e9)).toBe(6);
});
