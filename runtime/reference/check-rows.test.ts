import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Workload } from "../../plan/workload/workload.ts";
import { campaign, seed } from "../../test/support/campaign.ts";
import { attention, relativeError as definedError, randomTensors } from "../../test/support/interpret.ts";
import { smallWorkload } from "../../test/support/plans.ts";
import { attendRows } from "./attend-rows.ts";
import { type CheckedRows, checkRows, relativeError } from "./check-rows.ts";

interface Case {
  readonly workload: Workload;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  /** By the definition, in float64. */
  readonly reference: Float64Array;
}

const workloads = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    tokens: fc.integer({ min: 1, max: 150 }),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    queriesPerKey: fc.integer({ min: 1, max: 3 }),
    headDim: fc.integer({ min: 1, max: 9 }),
    mask: fc.constantFrom("full" as const, "causal" as const),
  })
  .map(({ queriesPerKey, ...shape }) => smallWorkload({ ...shape, heads: queriesPerKey * shape.kvHeads }));

function makeCase(workload: Workload): Case {
  const exact = randomTensors(workload, 5);
  const q = toShared(exact.q);
  const k = toShared(exact.k);
  const v = toShared(exact.v);
  const rounded = { q: Float64Array.from(q), k: Float64Array.from(k), v: Float64Array.from(v) };
  return { workload, q, k, v, reference: attention(workload, rounded) };
}

function toShared(numbers: Float64Array): Float32Array {
  const shared = new Float32Array(new SharedArrayBuffer(4 * numbers.length));
  shared.set(numbers);
  return shared;
}

function addUp(sums: readonly CheckedRows[]): CheckedRows {
  const total = (key: keyof CheckedRows) => sums.reduce((sum, part) => sum + part[key], 0);
  return { difference2: total("difference2"), norm2: total("norm2"), rows: total("rows") };
}

describe("attention in float64", () => {
  test("is attention by its definition, for every row, mask and number of KV heads", () => {
    const isExact = (workload: Workload) => {
      const { reference, ...inputs } = makeCase(workload);
      const { batch, tokens, heads, headDim } = workload;
      for (let row = 0; row < batch * heads; row++) {
        const [b, head] = [Math.floor(row / heads), row % heads];
        const steps = attendRows(workload, inputs, {
          batch: b,
          head,
          tokens: Int32Array.from({ length: tokens }, (_, i) => i),
        });
        let step = steps.next();
        while (step.done !== true) step = steps.next();
        const { out, width } = step.value;
        for (let token = 0; token < tokens; token++)
          for (let d = 0; d < headDim; d++) {
            const expected = reference[((b * tokens + token) * heads + head) * headDim + d]!;
            expect(Math.abs(out[token * width + d]! - expected)).toBeLessThan(1e-13);
          }
      }
    };
    fc.assert(fc.property(workloads, isExact), { seed, numRuns: campaign(200) });
  });

  test("does not overflow where scores are large", () => {
    const workload = smallWorkload({ tokens: 100, heads: 1, headDim: 4 });
    const { reference: _, ...inputs } = makeCase(workload);
    inputs.q.forEach((x, i) => {
      inputs.q[i] = 1e4 * x;
    });
    const reference = attention(workload, {
      q: Float64Array.from(inputs.q),
      k: Float64Array.from(inputs.k),
      v: Float64Array.from(inputs.v),
    });
    expect(relativeError(checkRows(workload, { ...inputs, out: Float32Array.from(reference) }, 1))).toBeLessThan(1e-7);
  });
});

describe("the error of an output", () => {
  const sample = makeCase(smallWorkload({ batch: 2, tokens: 300, heads: 4, kvHeads: 2, headDim: 8, mask: "causal" }));
  const rows = 2 * 300 * 4;

  test("is that of rounding for the reference in fp32", () => {
    const sums = checkRows(sample.workload, { ...sample, out: Float32Array.from(sample.reference) }, 1);
    expect(sums.rows).toBe(rows);
    expect(relativeError(sums)).toBeGreaterThan(1e-9);
    expect(relativeError(sums)).toBeLessThan(2 ** -24);
  });

  test("is the norm of the difference over the norm of the reference", () => {
    const out = Float32Array.from(sample.reference, (x, i) => x * (1 + 0.01 * Math.sin(i)) + (i === 77 ? 0.5 : 0));
    const expected = definedError(Float64Array.from(out), sample.reference);
    expect(relativeError(checkRows(sample.workload, { ...sample, out }, 1))).toBeCloseTo(expected, 12);
  });

  test.each([1, 2, 3, 7, 32, 1000])("is the sum of %i shares, which are even", (shares) => {
    const tensors = { ...sample, out: Float32Array.from(sample.reference, (x) => x + 0.1) };
    const whole = checkRows(sample.workload, tensors, 1);
    const parts = Array.from({ length: shares }, (_, share) =>
      checkRows(sample.workload, tensors, 1, { share, shares }),
    );
    const sums = addUp(parts);
    expect(sums.rows).toBe(rows);
    expect(sums.difference2 / whole.difference2).toBeCloseTo(1, 12);
    expect(sums.norm2 / whole.norm2).toBeCloseTo(1, 12);
    const sizes = parts.map((part) => part.rows);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(256);
  });

  test("is NaN where one element of the output is", () => {
    const out = Float32Array.from(sample.reference);
    out[out.length - 1] = Number.NaN;
    expect(relativeError(checkRows(sample.workload, { ...sample, out }, 1))).toBeNaN();
  });

  test("is 0 or infinite where the reference is zero", () => {
    const zeros = new Float32Array(sample.v.length);
    const out = new Float32Array(sample.q.length);
    expect(relativeError(checkRows(sample.workload, { ...sample, v: zeros, out }, 1))).toBe(0);
    out[5] = 1;
    expect(relativeError(checkRows(sample.workload, { ...sample, v: zeros, out }, 1))).toBe(Number.POSITIVE_INFINITY);
  });

  test("is told with progress, which may end it", () => {
    const tensors = { ...sample, out: Float32Array.from(sample.reference) };
    const fractions: number[] = [];
    checkRows(sample.workload, tensors, 1, { onProgress: (fraction) => fractions.push(fraction) });
    expect(fractions.length).toBeGreaterThan(8);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    const stop = () => {
      throw new Error("stop");
    };
    expect(() => checkRows(sample.workload, tensors, 1, { onProgress: stop })).toThrow("stop");
  });

  test("of a large workload is that of chosen rows only", () => {
    const workload = smallWorkload({ tokens: 4096, heads: 2, headDim: 64 });
    const size = 4096 * 2 * 64;
    const tensors = { q: new Float32Array(size), k: new Float32Array(size), v: new Float32Array(size).fill(1) };
    // All scores are equal, so that every output is the mean of V.
    const sums = checkRows(workload, { ...tensors, out: new Float32Array(size).fill(1.5) }, 3);
    expect(sums.rows).toBe(2 * 2048);
    expect(relativeError(sums)).toBeCloseTo(0.5, 12);
  });
});
