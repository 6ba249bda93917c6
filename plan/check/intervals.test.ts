import fc from "fast-check";
import { expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { addInterval, firstGap, type Intervals } from "./intervals.ts";

const LIMIT = 30;
const ranges = fc.array(
  fc.tuple(fc.integer({ min: 0, max: LIMIT }), fc.integer({ min: 0, max: LIMIT })).map(([a, b]) => [a, a + (b % 6)]),
  { maxLength: 20 },
);

test("intervals hold what was added, ascending and apart, and name what comes twice", () => {
  fc.assert(
    fc.property(ranges, (list) => {
      const intervals: Intervals = [];
      const tokens = new Set<number>();
      for (const [start, end] of list) {
        const added = Array.from({ length: end! - start! }, (_, i) => start! + i);
        const twice = added.filter((token) => tokens.has(token));
        const answer = addInterval(intervals, start!, end!);
        for (const token of added) tokens.add(token);
        expect(answer === null).toBe(twice.length === 0);
        if (answer)
          expect(Array.from({ length: answer[1] - answer[0] }, (_, i) => answer[0] + i)).toEqual(firstRun(twice));
      }
      const held = [...tokens].sort((a, b) => a - b);
      const inside = (token: number) =>
        intervals.some((s, i) => i % 2 === 0 && s <= token && token < intervals[i + 1]!);
      expect(Array.from({ length: 2 * LIMIT }, (_, token) => token).filter(inside)).toEqual(held);
      for (let i = 1; i < intervals.length; i++) expect(intervals[i]!).toBeGreaterThan(intervals[i - 1]!);
    }),
    { numRuns: campaign(5000), seed },
  );
});

/** The first tokens that follow each other without a gap. */
function firstRun(tokens: readonly number[]): number[] {
  const end = tokens.findIndex((token, i) => i > 0 && token !== tokens[i - 1]! + 1);
  return tokens.slice(0, end === -1 ? tokens.length : end);
}

test.each([
  [[], 5, [0, 5]],
  [[0, 5], 5, null],
  [[0, 9], 5, null],
  [[1, 9], 5, [0, 1]],
  [[0, 2, 4, 9], 5, [2, 4]],
  [[0, 2, 8, 9], 5, [2, 5]],
  [[], 0, null],
])("the first gap of %j below %i is %j", (intervals, limit, gap) => {
  expect(firstGap(intervals, limit)).toEqual(gap);
});
