import { describe, expect, test } from "vitest";
import { UsageError } from "../errors.ts";
import { findModel } from "./models.ts";
import { jointTextTokens, mediaTokens } from "./tokens.ts";

function catchUsageError(run: () => unknown): UsageError {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("token counts that the pipelines give", () => {
  test.each([
    ["flux.1-dev", "image", "1024x1024", 4096, 512],
    ["flux.1-dev", "image", "2048x2048", 16384, 512],
    ["flux.1-dev", "image", "3072x3072", 36864, 512],
    ["flux.1-dev", "image", "4096x4096", 65536, 512],
    ["qwen-image", "image", "1024x1024", 4096, 512],
    ["sd3.5-large", "image", "1024x1024", 4096, 333],
    ["sd3.5-medium", "image", "1024x1024", 4096, 333],
    ["cogvideox-5b", "video", "720x480x49", 17550, 226],
    ["cogvideox-2b", "video", "720x480x49", 17550, 226],
    ["cogvideox-5b", "video", "768x1360x161", 167280, 226],
    ["cogvideox-5b", "video", "1360x768x161", 167280, 226],
    ["cogvideox-5b", "video", "1360x768x321", 330480, 226],
    ["cogvideox1.5-5b", "video", "768x1360x81", 44880, 226],
    ["cogvideox1.5-5b", "video", "768x1360x161", 85680, 226],
    ["cogvideox1.5-5b", "video", "768x1360x321", 167280, 226],
    ["cogvideox1.5-5b", "video", "768x1360x641", 330480, 226],
    ["wan2.1-14b", "video", "1280x720x81", 75600, 0],
    ["wan2.2-a14b", "video", "1280x720x81", 75600, 0],
    ["wan2.1-1.3b", "video", "832x480x81", 32760, 0],
    ["wan2.2-ti2v-5b", "video", "1280x704x121", 27280, 0],
    ["hunyuanvideo", "video", "1280x720x129", 118800, 256],
    ["hunyuanvideo", "video", "960x544x129", 67320, 256],
    ["hunyuanvideo", "video", "960x960x129", 118800, 256],
    ["mochi-1", "video", "848x480x49", 14310, 256],
    ["ltx-video-2b", "video", "704x512x161", 7392, 0],
    ["ltx-video-13b", "video", "704x512x161", 7392, 0],
    ["wan2.1-14b", "video", "16×16×1", 1, 0],
  ] as const)("%s --%s %s: %i + %i joint text", (name, media, size, tokens, text) => {
    const model = findModel(name);
    expect(mediaTokens(model, media, size)).toBe(tokens);
    expect(jointTextTokens(model)).toBe(text);
  });
});

describe("sizes that the VAE or patch does not divide", () => {
  test.each([
    [
      "flux.1-dev",
      "image",
      "3070x3072",
      /width 3070 is not a multiple of 16.*nearest 3056 or 3072/,
      "Use --image 3072x3072.",
    ],
    ["flux.1-dev", "image", "3072x5", /height 5 .*nearest 16$/, "Use --image 3072x16."],
    ["ltx-video-2b", "video", "704x500x161", /multiple of 32.*nearest 480 or 512/, "Use --video 704x512x161."],
    ["cogvideox-5b", "video", "720x480x50", /50 frames.*multiple of 4.*nearest 49 or 53/, "Use --video 720x480x49."],
    ["mochi-1", "video", "848x480x48", /multiple of 6.*nearest 43 or 49/, "Use --video 848x480x49."],
    ["wan2.1-14b", "video", "1281x721x82", /width 1281/, "Use --video 1280x720x81."],
  ] as const)("%s --%s %s", (name, media, size, message, hint) => {
    const error = catchUsageError(() => mediaTokens(findModel(name), media, size));
    expect(error).toMatchObject({ code: "workload", path: `--${media}`, hint });
    expect(error.message).toMatch(message);
  });

  test("the hint is itself a legal size", () => {
    for (const size of ["1x1x1", "17x33x2", "99999999x99999999x99999999", "100x100x3"]) {
      const model = findModel("cogvideox-5b");
      const { hint } = catchUsageError(() => mediaTokens(model, "video", size));
      const better = /--video (\S+)\.$/.exec(hint ?? "")?.[1] ?? "";
      expect(mediaTokens(model, "video", better)).toBeGreaterThan(0);
    }
  });
});

describe("text that is no size", () => {
  test.each([
    "",
    "x",
    "1024",
    "1024x",
    "0x1024",
    "-16x16",
    "1.5x16",
    "NaNxNaN",
    "1e3x16",
    "16x16x1",
    "16x16x",
    "0x10x0x10",
    "9999999999x16",
  ])("--image %j", (size) => {
    const error = catchUsageError(() => mediaTokens(findModel("flux.1-dev"), "image", size));
    expect(error).toMatchObject({ code: "workload", path: "--image" });
    expect(error.message).toContain(JSON.stringify(size));
  });

  test.each(["720x480", "720x480x0", "720x480x-1", "720x480x49x1"])("--video %j", (size) => {
    expect(() => mediaTokens(findModel("cogvideox-5b"), "video", size)).toThrow(/expected <width>x<height>x<frames>/);
  });
});

describe("the wrong kind of model", () => {
  test("an image model takes no video", () => {
    const error = catchUsageError(() => mediaTokens(findModel("flux.1-dev"), "video", "720x480x49"));
    expect(error).toMatchObject({ code: "workload", path: "--video", hint: "Use --image 1024x1024." });
  });

  test("a video model takes no image", () => {
    const error = catchUsageError(() => mediaTokens(findModel("wan2.1-14b"), "image", "1280x720"));
    expect(error).toMatchObject({ code: "workload", path: "--image" });
    expect(error.hint).toContain("Use --video 1280x720x81");
  });
});
