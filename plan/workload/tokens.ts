import { UsageError } from "../errors.ts";
import type { Model } from "./models.ts";

/** Pixels and frames as given by `--image` (one frame) or `--video`. */
interface MediaSize {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
}

const flags = { image: "--image", video: "--video" } as const;
const forms = { image: "<width>x<height>", video: "<width>x<height>x<frames>" } as const;
const numbers = { image: 2, video: 3 } as const;

/** Reads `3072x3072` or `1360x768x161`; up to nine digits a number, all of them positive. */
function parseSize(text: string, media: "image" | "video", usual: string): MediaSize {
  const parts = text.trim().split(/[x×*]/i);
  const values = parts.map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : 0));
  const [width = 0, height = 0, frames = 1] = values;
  if (values.length !== numbers[media] || values.some((value) => value < 1)) {
    throw new UsageError("workload", `expected ${forms[media]}, got ${JSON.stringify(text.slice(0, 80))}`, {
      path: flags[media],
      hint: `Give positive integers, such as ${flags[media]} ${usual}.`,
    });
  }
  return { width, height, frames };
}

/** The values `remainder + k·step`, at least `least`, on both sides of `value`. */
function neighbors(value: number, step: number, remainder: number, least: number): number[] {
  const below = Math.floor((value - remainder) / step) * step + remainder;
  return [below, below + step].filter((candidate) => candidate >= least);
}

function nearest(value: number, step: number, remainder: number, least: number): number {
  const candidates = neighbors(value, step, remainder, least);
  return candidates.reduce((best, next) => (Math.abs(next - value) < Math.abs(best - value) ? next : best));
}

function formatSize(media: "image" | "video", size: MediaSize): string {
  const plane = `${size.width}x${size.height}`;
  return media === "image" ? plane : `${plane}x${size.frames}`;
}

/** The legal size nearest in every dimension. */
function nearestSize(model: Model, size: MediaSize): string {
  const side = model.vae.pixels * model.patch.latents;
  return formatSize(model.media, {
    width: nearest(size.width, side, 0, side),
    height: nearest(size.height, side, 0, side),
    frames: nearest(size.frames, model.vae.frames, 1 % model.vae.frames, 1),
  });
}

function refuseSize(model: Model, size: MediaSize, message: string): never {
  const flag = flags[model.media];
  throw new UsageError("workload", message, { path: flag, hint: `Use ${flag} ${nearestSize(model, size)}.` });
}

function checkSide(model: Model, size: MediaSize, dimension: "width" | "height"): void {
  const side = model.vae.pixels * model.patch.latents;
  const value = size[dimension];
  if (value % side === 0) return;
  const choices = neighbors(value, side, 0, side).join(" or ");
  refuseSize(
    model,
    size,
    `${dimension} ${value} is not a multiple of ${side} (VAE ${model.vae.pixels} × patch ${model.patch.latents} of ${model.name}): nearest ${choices}`,
  );
}

function checkFrames(model: Model, size: MediaSize): void {
  const step = model.vae.frames;
  if ((size.frames - 1) % step === 0) return;
  const choices = neighbors(size.frames, step, 1, 1).join(" or ");
  refuseSize(
    model,
    size,
    `${size.frames} frames are not 1 more than a multiple of ${step} (VAE of ${model.name}): nearest ${choices}`,
  );
}

function checkMedia(model: Model, media: "image" | "video"): void {
  if (model.media === media) return;
  const still = model.media === "video" ? "; one frame is a still image" : "";
  throw new UsageError("workload", `${model.name} makes ${model.media}s: it takes no ${flags[media]}`, {
    path: flags[media],
    hint: `Use ${flags[model.media]} ${model.usualSize}${still}.`,
  });
}

/**
 * Tokens of an image or a video, text left out: `⌈T'/p_t⌉ · H/(v_s·p_s) · W/(v_s·p_s)` with `T' = (F − 1)/v_t + 1`.
 * Width and height may be swapped: the count is the same. Latent frames are padded to the temporal patch, as the
 * CogVideoX1.5 pipeline does. Sizes that VAE and patch do not divide are a `workload` error that names the nearest;
 * pipelines that silently round them (FLUX, Qwen-Image) would make another image than the one asked for.
 */
export function mediaTokens(model: Model, media: "image" | "video", text: string): number {
  checkMedia(model, media);
  const size = parseSize(text, media, model.usualSize);
  checkSide(model, size, "width");
  checkSide(model, size, "height");
  checkFrames(model, size);
  const side = model.vae.pixels * model.patch.latents;
  const latentFrames = (size.frames - 1) / model.vae.frames + 1;
  return Math.ceil(latentFrames / model.patch.frames) * (size.height / side) * (size.width / side);
}

/** Text tokens that take part in the attention itself; 0 where text comes in by cross-attention. */
export function jointTextTokens(model: Model): number {
  return model.text.use === "joint" ? model.text.tokens : 0;
}
