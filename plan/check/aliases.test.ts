import fc from "fast-check";
import { expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import type { Slot } from "../schedule/schedule.ts";
import { findAliases, type Rectangle } from "./aliases.ts";
import { ringSchedule } from "./ring.test-support.ts";

/** Of the ring's schedule: D = 4, fp32. */
const CELL = 16;

const slotShapes = fc.record({
  planes: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 8 }),
  columns: fc.integer({ min: 1, max: 6 }),
  offset: fc.integer({ min: 0, max: 3 }),
});
const portions = fc.record({ top: fc.nat(7), height: fc.nat(7), left: fc.nat(5), width: fc.nat(5) });

function slotOf(shape: { planes: number; rows: number; columns: number; offset: number }, role: Slot["role"]): Slot {
  const bytes = shape.planes * shape.rows * shape.columns * CELL;
  return { ...shape, name: "", role, offset: 256 * shape.offset, bytes };
}

function rectangleOf(slot: Slot, p: { top: number; height: number; left: number; width: number }): Rectangle {
  const rowStart = p.top % slot.rows;
  const columnStart = p.left % slot.columns;
  const rowEnd = rowStart + 1 + (p.height % (slot.rows - rowStart));
  return { rowStart, rowEnd, columnStart, columnEnd: columnStart + 1 + (p.width % (slot.columns - columnStart)) };
}

/** Cells of a rectangle, by their first byte. */
function cellsOf(slot: Slot, at: Rectangle): Set<number> {
  const cells = new Set<number>();
  for (let plane = 0; plane < slot.planes; plane++)
    for (let row = at.rowStart; row < at.rowEnd; row++)
      for (let column = at.columnStart; column < at.columnEnd; column++)
        cells.add(slot.offset + ((plane * slot.rows + row) * slot.columns + column) * CELL);
  return cells;
}

test("rectangles of two slots share bytes exactly when they share a cell", () => {
  fc.assert(
    fc.property(slotShapes, slotShapes, portions, portions, (shapeA, shapeB, portionA, portionB) => {
      const slots = [slotOf(shapeA, "scratch"), slotOf(shapeB, "scratch")];
      const aliases = findAliases({ ...ringSchedule("one-sided"), slots });
      const [a, b] = [rectangleOf(slots[0]!, portionA), rectangleOf(slots[1]!, portionB)];
      const inB = cellsOf(slots[1]!, b);
      const expected = [...cellsOf(slots[0]!, a)].some((cell) => inB.has(cell));
      expect(aliases.sharesBytes(0, a, 1, b)).toBe(expected);
      expect(aliases.sharesBytes(1, b, 0, a)).toBe(expected);
      if (expected) expect(aliases.storageOf[0]).toBe(aliases.storageOf[1]);
      if (aliases.geometryOf[0] === aliases.geometryOf[1]) expect(rectanglesMeet(a, b)).toBe(expected);
    }),
    { numRuns: campaign(20_000), seed },
  );
});

function rectanglesMeet(a: Rectangle, b: Rectangle): boolean {
  const rows = a.rowStart < b.rowEnd && b.rowStart < a.rowEnd;
  return rows && a.columnStart < b.columnEnd && b.columnStart < a.columnEnd;
}

test("accumulators and heap do not share bytes", () => {
  const shape = { planes: 1, rows: 2, columns: 2, offset: 0 };
  const slots = [slotOf(shape, "scratch"), slotOf(shape, "accumulator")];
  const { storageOf } = findAliases({ ...ringSchedule("one-sided"), slots });
  expect(storageOf[0]).not.toBe(storageOf[1]);
});

test("slots are of one storage when others join them", () => {
  const tall = { planes: 1, rows: 32, columns: 1 };
  const slots = [
    slotOf({ ...tall, offset: 0 }, "scratch"),
    slotOf({ ...tall, offset: 3 }, "scratch"),
    slotOf({ ...tall, offset: 1, rows: 48 }, "scratch"),
    slotOf({ ...tall, offset: 9 }, "scratch"),
  ];
  const { storageOf, isMixed } = findAliases({ ...ringSchedule("one-sided"), slots });
  expect([...storageOf]).toEqual([0, 0, 0, 3]);
  expect([...isMixed]).toEqual([1, 1, 1, 0]);
});
