import { expect, test } from "vitest";
import { needed, placeApart } from "./place-apart.ts";
import { makeRandom } from "./random.test-support.ts";

test("boxes keep their order and distance, stay inside, and are where they want to be when there is room", () => {
  const random = makeRandom(1);
  for (let round = 0; round < 300; round++) {
    const count = 1 + Math.floor(random() * 8);
    const centers = Array.from({ length: count }, () => random() * 500).sort((a, b) => a - b);
    const widths = centers.map(() => 5 + random() * 60);
    const width = needed(widths, 4) + random() * 300;
    const lefts = placeApart(centers, widths, 4, width);
    for (let i = 1; i < count; i++) expect(lefts[i]! - lefts[i - 1]! - widths[i - 1]!).toBeGreaterThan(4 - 1e-9);
    expect(lefts[0]).toBeGreaterThan(-1e-9);
    expect(lefts[count - 1]! + widths[count - 1]!).toBeLessThan(width + 1e-9);
  }
  expect([...placeApart([20, 60, 100], [10, 10, 10], 4, 200)]).toEqual([15, 55, 95]);
});

test("no small shift of a box makes the sum of squares less", () => {
  const random = makeRandom(2);
  const cost = (lefts: ArrayLike<number>, centers: readonly number[], widths: readonly number[]) =>
    centers.reduce((sum, center, i) => sum + (lefts[i]! + widths[i]! / 2 - center) ** 2, 0);
  for (let round = 0; round < 100; round++) {
    const centers = Array.from({ length: 6 }, () => random() * 200).sort((a, b) => a - b);
    const widths = centers.map(() => 10 + random() * 30);
    const lefts = placeApart(centers, widths, 4, 400);
    const least = cost(lefts, centers, widths);
    for (let from = 0; from < 6; from++) {
      for (let to = from; to < 6; to++) {
        for (const step of [-0.5, 0.5]) {
          const moved = Float64Array.from(lefts, (left, i) => (i >= from && i <= to ? left + step : left));
          const gaps = [...moved].slice(1).map((left, i) => left - moved[i]! - widths[i]!);
          if (gaps.some((gap) => gap < 4) || moved[0]! < 0 || moved[5]! + widths[5]! > 400) continue;
          expect(cost(moved, centers, widths)).toBeGreaterThan(least - 1e-6);
        }
      }
    }
  }
});

test("boxes that need more than there is stand side by side from the left", () => {
  expect([...placeApart([50, 50, 50], [40, 40, 40], 5, 60)]).toEqual([0, 45, 90]);
  expect([...placeApart([], [], 5, 60)]).toEqual([]);
});
