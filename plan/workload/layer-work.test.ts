import { describe, expect, test } from "vitest";
import { makeWorkload } from "./make-workload.ts";
import { findModel } from "./models.ts";
import type { LayerWork, Workload } from "./workload.ts";

function sum(works: readonly LayerWork[], key: "flopsPerToken" | "bytesPerToken" | "weightBytes"): number {
  return works.reduce((total, work) => total + work[key], 0);
}

function totalFlops(workload: Workload): number {
  return sum(workload.before, "flopsPerToken") + sum(workload.after, "flopsPerToken");
}

function stepOf(model: string): Workload {
  const { name, media, usualSize } = findModel(model);
  return makeWorkload({ model: name, [media]: usualSize, scope: "step" });
}

describe("FLOPs a token", () => {
  test.each(["flux.1-dev", "hunyuanvideo", "qwen-image", "cogvideox-5b", "sd3.5-large"])("%s: 24·d²", (name) => {
    const workload = stepOf(name);
    const hidden = workload.heads * workload.headDim;
    expect(totalFlops(workload) / (24 * hidden ** 2)).toBeCloseTo(1, 12);
  });

  test("a FLUX double block does as many as a single block, but other parts before attention", () => {
    const flux = stepOf("flux.1-dev");
    const d2 = 3072 ** 2;
    // Before: 3d² in all 57 blocks, linear1's 4d² in the 38 single blocks.
    expect(sum(flux.before, "flopsPerToken") / d2).toBeCloseTo(2 * (3 + (38 / 57) * 4), 10);
    expect(flux.layers).toBe(57);
  });

  test("Wan: projections, cross-attention over 512 text tokens, MLP of 13824", () => {
    const wan = stepOf("wan2.1-14b");
    const d = 5120;
    const macs = 3 * d * d + d * d + (2 * d * d + 2 * 512 * d) + 2 * d * 13824;
    expect(totalFlops(wan)).toBe(2 * macs);
    expect(wan.before.map((work) => work.name)).toEqual(["qkv"]);
    expect(wan.after.map((work) => work.name)).toEqual(["projection", "cross-attention", "mlp"]);
  });

  test("Mochi: the narrower text stream counts by its share of the sequence", () => {
    const mochi = stepOf("mochi-1");
    const image = 3 * 3072 ** 2 + 3072 ** 2 + 3 * 3072 * 8192;
    const text = 3 * 3072 * 1536 + 3072 * 1536 + 3 * 1536 * 4096;
    expect(totalFlops(mochi) * mochi.tokens).toBeCloseTo(2 * (image * 14310 + text * 256), -4);
  });

  test("SD3.5-medium: 13 of 24 blocks attend the image once more", () => {
    const medium = stepOf("sd3.5-medium");
    const second = medium.after.find((work) => work.name === "image-attention");
    const macs = (4096 / 4429) * (4 * 1536 ** 2 + 2 * 4096 * 1536);
    expect(second?.flopsPerToken).toBeCloseTo((13 / 24) * 2 * macs, 0);
  });
});

describe("weights", () => {
  // Parameters that the models' own cards give, in billions; embedders and refiners (up to 3 %) are not counted.
  test.each([
    ["flux.1-dev", 11.9],
    ["cogvideox-2b", 1.69],
    ["cogvideox-5b", 5.57],
    ["wan2.1-14b", 14.3],
    ["wan2.1-1.3b", 1.42],
    ["wan2.2-a14b", 28.6],
    ["wan2.2-ti2v-5b", 5.0],
    ["hunyuanvideo", 12.8],
    ["qwen-image", 20.4],
    ["sd3.5-large", 8.1],
    ["sd3.5-medium", 2.24],
    ["ltx-video-2b", 1.92],
    ["ltx-video-13b", 13.0],
    ["mochi-1", 10.0],
  ])("%s has %f billion", (name, billions) => {
    const { modelBytes } = stepOf(name);
    expect(Math.abs(modelBytes / 2 / (billions * 1e9) - 1)).toBeLessThan(0.035);
  });

  test("what all layers read is what is resident, where text does not come in by cross-attention", () => {
    for (const name of ["flux.1-dev", "cogvideox-5b", "mochi-1", "sd3.5-medium"]) {
      const workload = stepOf(name);
      const read = sum(workload.before, "weightBytes") + sum(workload.after, "weightBytes");
      expect((read * workload.layers) / workload.modelBytes).toBeCloseTo(1, 12);
    }
  });

  test("the keys and values of text are read for every sample", () => {
    const [one, two] = [1, 2].map((batch) =>
      makeWorkload({ model: "wan2.1-14b", tokens: 1000, scope: "layer", batch }),
    );
    expect(sum(two?.after ?? [], "weightBytes") - sum(one?.after ?? [], "weightBytes")).toBe(2 * 512 * 5120 * 2);
  });
});

describe("bytes", () => {
  test("a plain layer, counted by hand", () => {
    const plain = makeWorkload({ tokens: 10, heads: 2, headDim: 8, scope: "layer", dtype: "fp32" });
    const d = 16;
    expect(plain.before).toEqual([
      { name: "qkv", flopsPerToken: 6 * d * d, bytesPerToken: 4 * 10 * d, weightBytes: 4 * 3 * d * d },
    ]);
    expect(plain.after).toEqual([
      { name: "projection", flopsPerToken: 2 * d * d, bytesPerToken: 4 * 5 * d, weightBytes: 4 * d * d },
      { name: "mlp", flopsPerToken: 16 * d * d, bytesPerToken: 4 * (7 + 16) * d, weightBytes: 4 * 8 * d * d },
    ]);
    expect(plain.activationBytesPerToken).toBe(4 * (2 + 8) * d);
  });

  test("double from bf16 to fp32", () => {
    const [half, single] = (["bf16", "fp32"] as const).map((dtype) =>
      makeWorkload({ model: "mochi-1", video: "848x480x49", scope: "step", dtype }),
    );
    expect(single?.modelBytes).toBe(2 * (half?.modelBytes ?? 0));
    expect(single?.activationBytesPerToken).toBe(2 * (half?.activationBytesPerToken ?? 0));
    expect(sum(single?.after ?? [], "bytesPerToken")).toBe(2 * sum(half?.after ?? [], "bytesPerToken"));
  });

  test("fewer KV heads shrink the QKV projection", () => {
    const shape = { tokens: 10, heads: 8, headDim: 8, scope: "layer" } as const;
    const [all, one] = [8, 1].map((kvHeads) => makeWorkload({ ...shape, kvHeads }));
    expect(sum(all?.before ?? [], "flopsPerToken")).toBe(2 * 64 * 192);
    expect(sum(one?.before ?? [], "flopsPerToken")).toBe(2 * 64 * 80);
  });
});
