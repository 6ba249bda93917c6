import fc from "fast-check";
import { expect, test } from "vitest";
import { findCrossovers } from "./crossovers.ts";

const series = (values: Record<string, readonly (number | null)[]>) =>
  Object.entries(values).map(([method, makespanNs]) => ({ method, makespanNs }));

test("two lines cross where their logarithms meet", () => {
  // ulysses ∝ x², ring ∝ x: equal at x = 10.
  const [one, ...others] = findCrossovers([1, 100], series({ ulysses: [1, 10_000], ring: [10, 1000] }));
  expect(others).toEqual([]);
  expect(one).toMatchObject({ from: "ulysses", to: "ring" });
  expect(one!.x).toBeCloseTo(10, 9);
});

test("a method that is the best between two points only is passed by and passes", () => {
  const found = findCrossovers([1, 16], series({ usp: [1, 1600], tas: [4, 64], torus: [40, 40] }));
  expect(found.map(({ from, to }) => [from, to])).toEqual([
    ["usp", "tas"],
    ["tas", "torus"],
  ]);
  expect(found[0]!.x).toBeLessThan(found[1]!.x);
});

test("methods that coincide give no crossover, and the one that stays best is followed", () => {
  const same = series({ usp: [1, 2, 3], torus: [1, 2, 3] });
  expect(findCrossovers([1, 2, 4], same)).toEqual([]);
  const later = series({ usp: [1, 2, 9], torus: [1, 2, 3] });
  expect(findCrossovers([1, 2, 4], later)).toEqual([]);
});

test("of methods that coincide up to a crossover, the one that is passed last is followed", () => {
  const found = findCrossovers([1, 2, 4], series({ ulysses: [1, 2, 5], tas: [1, 2, 4.9], torus: [1.2, 2.1, 3] }));
  expect(found.map(({ from, to }) => [from, to])).toEqual([["tas", "torus"]]);
});

test("rounding does not let equal methods change places", () => {
  const noisy = series({ usp: [1, 2 + 1e-13, 3, 4 + 1e-12], torus: [1 + 1e-13, 2, 3 + 1e-12, 4] });
  expect(findCrossovers([1, 2, 4, 8], noisy)).toEqual([]);
});

test("where the best method appears or ends, none overtakes another", () => {
  expect(findCrossovers([1, 2, 4], series({ ulysses: [1, 1, null], torus: [2, 2, 2] }))).toEqual([]);
  expect(findCrossovers([1, 2, 4], series({ ulysses: [null, 1, 1], torus: [2, 2, 2] }))).toEqual([]);
  expect(findCrossovers([1, 2], series({ ulysses: [null, null], torus: [null, null] }))).toEqual([]);
  expect(findCrossovers([7], series({ ulysses: [1] }))).toEqual([]);
});

/** The best method at many places of every interval in which all have a plan, and where it is another than before. */
function twin(x: readonly number[], all: ReturnType<typeof series>, steps: number) {
  const found: { low: number; high: number; from: string; to: string }[] = [];
  let best: string | null = null;
  let before = x[0]!;
  for (let i = 0; i + 1 < x.length; i++)
    for (let step = 0; step <= steps; step++) {
      const part = step / steps;
      const at = x[i]! ** (1 - part) * x[i + 1]! ** part;
      const values = all.map(({ method, makespanNs }) => ({
        method,
        log: (1 - part) * Math.log(makespanNs[i]!) + part * Math.log(makespanNs[i + 1]!),
      }));
      const { method } = values.reduce((least, next) => (next.log < least.log ? next : least));
      if (best !== null && method !== best) found.push({ low: before, high: at, from: best, to: method });
      best = method;
      before = at;
    }
  return found;
}

test("on random series the slow twin sees the same", () => {
  const makespan = fc.integer({ min: 1, max: 10_000_019 }).map((value) => value * Math.PI);
  const row = fc.array(makespan, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 5 }), (rows) => {
      const x = [10, 20, 45, 80];
      // No two are equal anywhere: of equal ones the twin takes the first.
      const all = rows.map((row, i) => ({
        method: `method${i}`,
        makespanNs: row.map((ns, at) => ns * (1 + 1e-5 * i * (at + Math.SQRT2))),
      }));
      const found = findCrossovers(x, all);
      const seen = twin(x, all, 400);
      const at = (index: number) => ({ from: found[index]!.from, to: found[index]!.to });
      expect(found.map(({ x: one }) => one)).toEqual(found.map(({ x: one }) => one).sort((a, b) => a - b));
      found.slice(1).forEach((one, i) => {
        expect(one.from).toBe(found[i]!.to);
      });
      // The twin misses what lasts less than its step; all that it sees lies between crossovers of that step.
      for (const { low, high, from, to } of seen) {
        const inside = found.flatMap((one, i) => (one.x >= low * (1 - 1e-9) && one.x <= high * (1 + 1e-9) ? [i] : []));
        expect(inside.length).toBeGreaterThan(0);
        expect(at(inside[0]!).from).toBe(from);
        expect(at(inside.at(-1)!).to).toBe(to);
      }
    }),
    { numRuns: 300 },
  );
});
