import { describe, expect, test } from "vitest";
import { UsageError } from "../errors.ts";
import { makeWorkload } from "./make-workload.ts";
import { findModel, hiddenWidth, models } from "./models.ts";

function divisors(value: number): number[] {
  return Array.from({ length: value }, (_, index) => index + 1).filter((candidate) => value % candidate === 0);
}

describe("the table", () => {
  test("has no name twice, names and aliases together", () => {
    const names = models.flatMap((model) => [model.name, ...model.aliases]);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(names.map((name) => name.toLowerCase()));
  });

  test.each(models.map((model) => [model.name, model] as const))(
    "%s takes its usual size and names its source",
    (name, model) => {
      const workload = makeWorkload({ model: name, [model.media]: model.usualSize, scope: "step" });
      expect(workload.tokens).toBeGreaterThan(1000);
      expect(workload.layers).toBeGreaterThanOrEqual(24);
      expect(model.source).not.toBe("");
    },
  );

  // Hidden sizes of the models' own configurations.
  test.each([
    ["flux.1-dev", 3072],
    ["cogvideox-2b", 1920],
    ["cogvideox-5b", 3072],
    ["wan2.1-14b", 5120],
    ["wan2.1-1.3b", 1536],
    ["wan2.2-ti2v-5b", 3072],
    ["hunyuanvideo", 3072],
    ["sd3.5-large", 2432],
    ["sd3.5-medium", 1536],
    ["ltx-video-2b", 2048],
    ["ltx-video-13b", 4096],
    ["mochi-1", 3072],
  ])("%s has a hidden size of %i", (name, hidden) => {
    expect(hiddenWidth(findModel(name))).toBe(hidden);
  });

  test.each([
    ["flux.1-dev", [1, 2, 3, 4, 6, 8, 12, 24]],
    ["hunyuanvideo", [1, 2, 3, 4, 6, 8, 12, 24]],
    ["qwen-image", [1, 2, 3, 4, 6, 8, 12, 24]],
    ["mochi-1", [1, 2, 3, 4, 6, 8, 12, 24]],
    ["cogvideox-5b", [1, 2, 3, 4, 6, 8, 12, 16, 24, 48]],
    ["cogvideox-2b", [1, 2, 3, 5, 6, 10, 15, 30]],
    ["wan2.1-14b", [1, 2, 4, 5, 8, 10, 20, 40]],
    ["wan2.1-1.3b", [1, 2, 3, 4, 6, 12]],
    ["sd3.5-large", [1, 2, 19, 38]],
    ["ltx-video-13b", [1, 2, 4, 8, 16, 32]],
  ])("%s allows the Ulysses degrees %j", (name, degrees) => {
    expect(divisors(findModel(name).heads)).toEqual(degrees);
  });
});

describe("names", () => {
  test.each([
    ["FLUX.1-dev", "flux.1-dev"],
    ["black-forest-labs/FLUX.1-dev", "flux.1-dev"],
    ["THUDM/CogVideoX-5b", "cogvideox-5b"],
    ["Wan-AI/Wan2.1-T2V-14B-Diffusers", "wan2.1-14b"],
    ["tencent/HunyuanVideo", "hunyuanvideo"],
    ["stabilityai/stable-diffusion-3.5-large", "sd3.5-large"],
    ["genmo/mochi-1-preview", "mochi-1"],
    [" qwen_image ", "qwen-image"],
  ])("%s is %s", (alias, name) => {
    expect(findModel(alias).name).toBe(name);
  });

  test.each(["", "flux.3", "__proto__", "constructor", "/", "x".repeat(100_000)])("%.20s is not found", (name) => {
    expect(() => findModel(name)).toThrow(UsageError);
    expect(() => findModel(name)).toThrow(expect.objectContaining({ code: "not-found", path: "--model" }));
  });
});
