import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { isSame } from "../../test/support/tensor-bytes.ts";
import { fillRandom, type RandomPart } from "./random-tensors.ts";

function make(length: number, part: RandomPart): Float32Array {
  const target = new Float32Array(length);
  fillRandom(target, part);
  return target;
}

const base: RandomPart = { seed: 42, tensor: "q", group: 0 };

describe("random tensors", () => {
  // A change here makes all runs with a seed other runs: allowed only with a note in the change log.
  test("are these numbers on every platform", () => {
    expect([...make(6, base)]).toMatchInlineSnapshot(`
      [
        -0.6478219628334045,
        0.7230644822120667,
        -1.357093095779419,
        0.0005837791250087321,
        -0.33810490369796753,
        1.2171478271484375,
      ]
    `);
    expect([...make(3, { seed: 2 ** 53 - 1, tensor: "v", group: 7, first: 2 ** 40 + 65_535 })]).toMatchInlineSnapshot(`
      [
        0.15561461448669434,
        1.3876087665557861,
        0.2926303744316101,
      ]
    `);
    const words = new Uint32Array(make(200_000, base).buffer);
    expect(words.reduce((hash, word) => Math.imul(hash ^ word, 0x01000193), 0x811c9dc5 | 0)).toMatchInlineSnapshot(
      `1238733045`,
    );
  });

  test("are the same in parts as in one", () => {
    const whole = make(200_000, base);
    const isPart = (first: number, length: number) => {
      const part = make(Math.min(length, whole.length - first), { ...base, first });
      expect(isSame(part, whole.subarray(first, first + part.length))).toBe(true);
    };
    const place = fc.oneof(fc.integer({ min: 0, max: 199_999 }), fc.constantFrom(65_535, 65_536, 131_072));
    fc.assert(fc.property(place, fc.integer({ min: 0, max: 70_000 }), isPart), { seed, numRuns: campaign(300) });
  });

  test("are normal: mean, variance, kurtosis and quantiles", () => {
    const numbers = make(2 ** 22, base);
    const moment = (power: number) => numbers.reduce((sum, x) => sum + x ** power, 0) / numbers.length;
    // Four standard errors.
    const error = 4 / Math.sqrt(numbers.length);
    expect(Math.abs(moment(1))).toBeLessThan(error);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(error * Math.sqrt(2));
    expect(Math.abs(moment(3))).toBeLessThan(error * Math.sqrt(15));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.05 + error * Math.sqrt(96));
    const below = (x: number) => numbers.reduce((count, number) => count + (number < x ? 1 : 0), 0) / numbers.length;
    expect(below(-1.959964)).toBeCloseTo(0.025, 3);
    expect(below(0.6744898)).toBeCloseTo(0.75, 3);
    expect(numbers.every((x) => Math.abs(x) < 4.01)).toBe(true);
  });

  test("are independent of their neighbors and of other tensors, groups and seeds", () => {
    const numbers = make(2 ** 20, base);
    const correlation = (other: Float32Array) => {
      const length = Math.min(numbers.length, other.length);
      let sum = 0;
      for (let i = 0; i < length; i++) sum += numbers[i]! * other[i]!;
      return Math.abs(sum) / Math.sqrt(length);
    };
    for (const lag of [1, 2, 64, 128, 1024, 65_536]) expect(correlation(numbers.subarray(lag))).toBeLessThan(4);
    for (const change of [
      { tensor: "k" },
      { tensor: "v" },
      { group: 1 },
      { seed: 43 },
      { seed: 42 + 2 ** 32 },
    ] as const)
      expect(correlation(make(numbers.length, { ...base, ...change }))).toBeLessThan(4);
  });
});
