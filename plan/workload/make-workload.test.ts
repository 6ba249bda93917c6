import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../errors.ts";
import { makeWorkload, type WorkloadOptions } from "./make-workload.ts";
import { models } from "./models.ts";

const shape = { tokens: 1000, heads: 24, headDim: 128 } as const;
const flux = { model: "flux.1-dev", image: "3072x3072" } as const;

describe("defaults", () => {
  test("a model", () => {
    expect(makeWorkload(flux)).toEqual({
      model: "flux.1-dev",
      batch: 1,
      tokens: 36864 + 512,
      heads: 24,
      kvHeads: 24,
      headDim: 128,
      dtype: "bf16",
      mask: "full",
      shardOrder: "contiguous",
      scope: "attention",
      guidance: "none",
      before: [],
      after: [],
      layers: 1,
      modelBytes: 2 * (19 * 36 + 38 * 15) * 3072 ** 2,
      activationBytesPerToken: 2 * 10 * 3072,
    });
  });

  test("a free shape knows nothing of memory", () => {
    expect(makeWorkload(shape)).toMatchObject({
      model: null,
      ...shape,
      kvHeads: 24,
      modelBytes: 0,
      activationBytesPerToken: 0,
    });
  });

  test("the name is the table's, whatever the alias", () => {
    expect(makeWorkload({ ...flux, model: "FLUX" }).model).toBe("flux.1-dev");
  });
});

describe("overrides of a model", () => {
  test("24 heads of cogvideox-5b: hidden size and work follow", () => {
    const options = { model: "cogvideox-5b", video: "1360x768x161", scope: "step" } as const;
    const all = makeWorkload(options);
    const half = makeWorkload({ ...options, heads: 24 });
    expect(half).toMatchObject({ heads: 24, kvHeads: 24, headDim: 64, tokens: 167506, layers: 42 });
    expect(half.after.find((work) => work.name === "mlp")?.flopsPerToken).toBe(2 * 2 * 1536 * 4 * 1536);
    expect(half.activationBytesPerToken).toBe(all.activationBytesPerToken / 2);
  });

  test("--tokens is L itself", () => {
    expect(makeWorkload({ model: "flux.1-dev", tokens: 100, scope: "layer" }).tokens).toBe(100);
  });
});

describe("guidance", () => {
  test.each([
    ["none", 3],
    ["batch", 6],
    ["split", 3],
  ] as const)("%s: B is %i", (guidance, batch) => {
    expect(makeWorkload({ ...shape, batch: 3, guidance })).toMatchObject({ batch, guidance });
  });
});

describe("limits", () => {
  test.each([
    { ...shape, tokens: 1 },
    { tokens: 2 ** 31 - 1, heads: 24, headDim: 128 },
    { tokens: 1, heads: 4096, headDim: 1024 },
    { ...shape, batch: 65536 },
  ])("%j is legal", (options) => {
    expect(makeWorkload(options)).toMatchObject(options);
  });

  test.each<[WorkloadOptions, string]>([
    [{ ...shape, tokens: 0 }, "--tokens"],
    [{ ...shape, tokens: -1 }, "--tokens"],
    [{ ...shape, tokens: 2 ** 31 }, "--tokens"],
    [{ ...shape, tokens: Number.NaN }, "--tokens"],
    [{ ...shape, tokens: Number.POSITIVE_INFINITY }, "--tokens"],
    [{ ...shape, tokens: 1.5 }, "--tokens"],
    [{ ...shape, heads: 0 }, "--heads"],
    [{ ...shape, heads: 4097 }, "--heads"],
    [{ ...shape, headDim: 1025 }, "--head-dim"],
    [{ ...shape, headDim: -64 }, "--head-dim"],
    [{ ...shape, kvHeads: 0 }, "--kv-heads"],
    [{ ...shape, kvHeads: 7 }, "--kv-heads"],
    [{ ...shape, kvHeads: 48 }, "--kv-heads"],
    [{ ...shape, batch: 0 }, "--batch"],
    [{ ...shape, batch: 65537 }, "--batch"],
    [{ ...shape, batch: 32769, guidance: "batch" }, "--batch"],
    [{ tokens: 10, heads: 4 }, "--head-dim"],
    [{ tokens: 10, headDim: 4 }, "--heads"],
    [{ ...shape, dtype: "fp8" }, "--dtype"],
    [{ ...shape, mask: "" }, "--mask"],
    [{ ...shape, shardOrder: "random" }, "--shard-order"],
    [{ ...shape, scope: "model" }, "--scope"],
    [{ ...shape, scope: "step" }, "--scope"],
    [{ ...shape, guidance: "cfg" }, "--guidance"],
    [{ image: "64x64", heads: 1, headDim: 1 }, "--image"],
    [{ model: "flux.1-dev", image: "99999984x99999984" }, "--image"],
    [{ model: "flux.1-dev", video: "64x64x1" }, "--video"],
  ])("%j: error at %s", (options, path) => {
    expect(() => makeWorkload(options)).toThrow(UsageError);
    expect(() => makeWorkload(options)).toThrow(expect.objectContaining({ code: "workload", path }));
  });

  test.each<[WorkloadOptions, RegExp]>([
    [{}, /no size/],
    [{ model: "flux.1-dev" }, /no size/],
    [{ ...flux, tokens: 7 }, /--image and --tokens exclude each other/],
    [{ ...shape, tokens: 2 ** 31 - 1, heads: 4096, batch: 1000 }, /more than 1125899906842624/],
  ])("%j: %s", (options, message) => {
    expect(() => makeWorkload(options)).toThrow(message);
  });
});

test("any options give a legal workload or a UsageError", () => {
  const oftenUnset = { nil: undefined, freq: 1 };
  const number = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(undefined, 1, 2, 24, 64) },
    { weight: 1, arbitrary: fc.oneof(fc.integer(), fc.double(), fc.constantFrom(2 ** 31 - 1, 2 ** 53, -0)) },
  );
  const word = (...legal: string[]) =>
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(undefined, ...legal) }, { weight: 1, arbitrary: fc.string() });
  const side = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 40 }).map((value) => 32 * value) },
    { weight: 1, arbitrary: fc.integer() },
  );
  const frames = fc.integer({ min: 0, max: 9 }).map((value) => 24 * value + 1);
  const image = fc.oneof(
    fc.tuple(side, side).map((values) => values.join("x")),
    fc.string(),
  );
  const video = fc.oneof(
    fc.tuple(side, side, frames).map((values) => values.join("x")),
    fc.string(),
  );
  const size = fc.oneof(
    fc.record({ image }),
    fc.record({ video }),
    fc.record({ tokens: fc.oneof(fc.integer({ min: 1, max: 1_000_000 }), fc.double()) }),
    fc.record({ image: fc.option(image, oftenUnset), video: fc.option(video, oftenUnset), tokens: number }),
  );
  const shapeOptions = fc.record({
    model: word(...models.map((model) => model.name)),
    heads: number,
    headDim: number,
    kvHeads: fc.option(number, oftenUnset),
    batch: number,
    dtype: word("bf16", "fp16", "fp32"),
    mask: word("full", "causal"),
    shardOrder: word("contiguous", "zigzag"),
    scope: word("attention", "layer", "step"),
    guidance: word("none", "batch", "split"),
  });
  const options = fc.tuple(shapeOptions, size).map(([first, second]): WorkloadOptions => ({ ...first, ...second }));
  let numLegal = 0;
  fc.assert(
    fc.property(options, (given) => {
      const workload = makeOrRefuse(given);
      if (workload === null) return;
      numLegal += 1;
      const works = [...workload.before, ...workload.after];
      const figures = works.flatMap((work) => [work.flopsPerToken, work.bytesPerToken, work.weightBytes]);
      for (const figure of [...figures, workload.modelBytes, workload.activationBytesPerToken]) {
        expect(Number.isFinite(figure) && figure >= 0).toBe(true);
      }
      expect(Number.isSafeInteger(workload.tokens) && workload.tokens >= 1 && workload.tokens < 2 ** 31).toBe(true);
      expect(workload.heads % workload.kvHeads).toBe(0);
      expect(works.length > 0).toBe(workload.scope !== "attention");
    }),
    { numRuns: 10_000, seed: 42 },
  );
  expect(numLegal).toBeGreaterThan(500);
});

function makeOrRefuse(options: WorkloadOptions): ReturnType<typeof makeWorkload> | null {
  try {
    return makeWorkload(options);
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}
