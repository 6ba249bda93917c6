import { UsageError } from "../errors.ts";

/**
 * How the weights of a block are laid out.
 * `one-stream`: all tokens of the sequence share the weights, MLP after attention (CogVideoX, Wan, LTX-Video).
 * `two-stream`: image and joint text tokens have weights of their own, MLP after attention (double blocks, MMDiT).
 * `parallel`: all tokens share the weights, the MLP runs beside attention from the same norm (FLUX single blocks).
 */
export type BlockLayout = "one-stream" | "two-stream" | "parallel";

/** `numBlocks` equal blocks. */
export interface BlockGroup {
  readonly numBlocks: number;
  readonly layout: BlockLayout;
  /**
   * adaLN: one Linear a block from a vector of `inputWidth` (`hidden`: the hidden size) to `numVectors` vectors of the
   * stream's width, for both streams together. Null where a block only learns an offset to a projection that is shared.
   */
  readonly modulation: { readonly inputWidth: number | "hidden"; readonly numVectors: number } | null;
  /** A second self-attention over the image tokens alone (SD3.5-medium's dual attention). */
  readonly imageAttention: boolean;
}

/** Shapes of one Diffusion Transformer; widths in elements, sizes in pixels. Text encoders and VAE are not part of it. */
export interface Model {
  /** Lower case, as users type it. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly media: "image" | "video";
  readonly heads: number;
  readonly headDim: number;
  readonly blocks: readonly BlockGroup[];
  readonly mlpWidth: number;
  /** SwiGLU: two projections up instead of one. */
  readonly mlpGated: boolean;
  /** Longest prompt of the pipeline: part of the attention (`joint`) or only keys and values of a cross-attention. */
  readonly text: { readonly tokens: number; readonly use: "joint" | "cross"; readonly width: number };
  /** Pixels, and frames after the first, that one latent value covers. */
  readonly vae: { readonly frames: number; readonly pixels: number };
  /** Latent values, and latent frames, that one token covers. */
  readonly patch: { readonly frames: number; readonly latents: number };
  /** `cfg`: two branches a step; `distilled`: the guidance scale is an input, one branch. For reports only. */
  readonly guidance: "cfg" | "distilled";
  readonly framesPerSecond: number | null;
  /** Sets of block weights that stay resident; a step uses one of them. */
  readonly numExperts: number;
  /** A size that the model was made for, as `--image` or `--video` take it. */
  readonly usualSize: string;
  readonly source: string;
}

const diffusers = "huggingface/diffusers src/diffusers";
const vaeImage = { frames: 1, pixels: 8 };
const vaeVideo = { frames: 4, pixels: 8 };
const patchSpatial = { frames: 1, latents: 2 };

function doubleBlocks(numBlocks: number): BlockGroup {
  return {
    numBlocks,
    layout: "two-stream",
    modulation: { inputWidth: "hidden", numVectors: 12 },
    imageAttention: false,
  };
}

function singleBlocks(numBlocks: number): BlockGroup {
  return { numBlocks, layout: "parallel", modulation: { inputWidth: "hidden", numVectors: 3 }, imageAttention: false };
}

/** Both norms of a CogVideoX block project a time embedding of 512 to six vectors. */
function cogVideoXBlocks(numBlocks: number): BlockGroup {
  return {
    numBlocks,
    layout: "one-stream",
    modulation: { inputWidth: 512, numVectors: 12 },
    imageAttention: false,
  };
}

function plainBlocks(numBlocks: number): BlockGroup {
  return { numBlocks, layout: "one-stream", modulation: null, imageAttention: false };
}

/** Image and video DiTs by the facts of their own repositories; checkpoints differ from class defaults only where noted. */
export const models: readonly Model[] = [
  {
    name: "flux.1-dev",
    aliases: ["flux", "flux.1", "flux1", "flux-dev", "flux1-dev"],
    media: "image",
    heads: 24,
    headDim: 128,
    // A double block does 3d² + d² + 8d² multiply-adds a token, a single block 7d² (d → 3d and 4d) + 5d² (5d → d):
    // both 12d², 24d² FLOPs; they differ in weights (a double block has two streams) and in what runs before attention.
    blocks: [doubleBlocks(19), singleBlocks(38)],
    mlpWidth: 12288,
    mlpGated: false,
    text: { tokens: 512, use: "joint", width: 3072 },
    vae: vaeImage,
    patch: patchSpatial,
    guidance: "distilled",
    framesPerSecond: null,
    numExperts: 1,
    usualSize: "1024x1024",
    source: `${diffusers}/models/transformers/transformer_flux.py, pipelines/flux/pipeline_flux.py`,
  },
  {
    name: "cogvideox-2b",
    aliases: [],
    media: "video",
    heads: 30,
    headDim: 64,
    blocks: [cogVideoXBlocks(30)],
    mlpWidth: 7680,
    mlpGated: false,
    text: { tokens: 226, use: "joint", width: 1920 },
    vae: vaeVideo,
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: 8,
    numExperts: 1,
    usualSize: "720x480x49",
    source: "huggingface/diffusers scripts/convert_cogvideox_to_diffusers.py:249-252",
  },
  {
    name: "cogvideox-5b",
    aliases: ["cogvideox"],
    media: "video",
    heads: 48,
    headDim: 64,
    blocks: [cogVideoXBlocks(42)],
    mlpWidth: 12288,
    mlpGated: false,
    text: { tokens: 226, use: "joint", width: 3072 },
    vae: vaeVideo,
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: 8,
    numExperts: 1,
    usualSize: "720x480x49",
    source: `${diffusers}/models/transformers/cogvideox_transformer_3d.py, scripts/convert_cogvideox_to_diffusers.py`,
  },
  {
    name: "cogvideox1.5-5b",
    aliases: ["cogvideox-1.5-5b", "cogvideox1.5"],
    media: "video",
    heads: 48,
    headDim: 64,
    blocks: [cogVideoXBlocks(42)],
    mlpWidth: 12288,
    mlpGated: false,
    // The class default; the checkpoint's own value was not checked.
    text: { tokens: 226, use: "joint", width: 3072 },
    vae: vaeVideo,
    patch: { frames: 2, latents: 2 },
    guidance: "cfg",
    framesPerSecond: 16,
    numExperts: 1,
    usualSize: "1360x768x81",
    source: `${diffusers}/pipelines/cogvideo/pipeline_cogvideox.py:682 (latent frames padded to even)`,
  },
  {
    name: "wan2.1-14b",
    aliases: ["wan2.1", "wan2.1-t2v-14b", "wan2.1-t2v-14b-diffusers"],
    media: "video",
    heads: 40,
    headDim: 128,
    blocks: [plainBlocks(40)],
    mlpWidth: 13824,
    mlpGated: false,
    text: { tokens: 512, use: "cross", width: 5120 },
    vae: vaeVideo,
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: 16,
    numExperts: 1,
    usualSize: "1280x720x81",
    source: `Wan-Video/Wan2.1 wan/configs/wan_t2v_14B.py, ${diffusers}/models/transformers/transformer_wan.py`,
  },
  {
    name: "wan2.1-1.3b",
    aliases: ["wan2.1-t2v-1.3b", "wan2.1-t2v-1.3b-diffusers"],
    media: "video",
    heads: 12,
    headDim: 128,
    blocks: [plainBlocks(30)],
    mlpWidth: 8960,
    mlpGated: false,
    text: { tokens: 512, use: "cross", width: 1536 },
    vae: vaeVideo,
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: 16,
    numExperts: 1,
    usualSize: "832x480x81",
    source: "Wan-Video/Wan2.1 wan/configs/wan_t2v_1_3B.py",
  },
  {
    name: "wan2.2-a14b",
    aliases: ["wan2.2", "wan2.2-14b", "wan2.2-t2v-a14b", "wan2.2-t2v-a14b-diffusers"],
    media: "video",
    heads: 40,
    headDim: 128,
    blocks: [plainBlocks(40)],
    mlpWidth: 13824,
    mlpGated: false,
    text: { tokens: 512, use: "cross", width: 5120 },
    vae: vaeVideo,
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: 16,
    // Two experts, one for high and one for low noise.
    numExperts: 2,
    usualSize: "1280x720x81",
    source: "Wan-Video/Wan2.2 wan/configs/wan_t2v_A14B.py",
  },
  {
    name: "wan2.2-ti2v-5b",
    aliases: ["wan2.2-5b", "wan2.2-ti2v-5b-diffusers"],
    media: "video",
    heads: 24,
    headDim: 128,
    blocks: [plainBlocks(30)],
    mlpWidth: 14336,
    mlpGated: false,
    text: { tokens: 512, use: "cross", width: 3072 },
    vae: { frames: 4, pixels: 16 },
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: 24,
    numExperts: 1,
    usualSize: "1280x704x121",
    source: "Wan-Video/Wan2.2 wan/configs/wan_ti2v_5B.py",
  },
  {
    name: "hunyuanvideo",
    aliases: ["hunyuan", "hunyuan-video"],
    media: "video",
    heads: 24,
    headDim: 128,
    // As in FLUX, both kinds do 24d² FLOPs a token. The two blocks of the text refiner are left out.
    blocks: [doubleBlocks(20), singleBlocks(40)],
    mlpWidth: 12288,
    mlpGated: false,
    text: { tokens: 256, use: "joint", width: 3072 },
    vae: vaeVideo,
    patch: patchSpatial,
    guidance: "distilled",
    framesPerSecond: 24,
    numExperts: 1,
    usualSize: "1280x720x129",
    source: "Tencent-Hunyuan/HunyuanVideo hyvideo/modules/models.py:742, pipeline_hunyuan_video.py",
  },
  {
    name: "qwen-image",
    aliases: ["qwen"],
    media: "image",
    heads: 24,
    headDim: 128,
    blocks: [doubleBlocks(60)],
    mlpWidth: 12288,
    mlpGated: false,
    // The prompt's length varies; 512 is the pipeline's default maximum.
    text: { tokens: 512, use: "joint", width: 3072 },
    vae: vaeImage,
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: null,
    numExperts: 1,
    usualSize: "1024x1024",
    source: `${diffusers}/models/transformers/transformer_qwenimage.py, pipelines/qwenimage/pipeline_qwenimage.py`,
  },
  {
    name: "sd3.5-large",
    aliases: ["sd3.5", "stable-diffusion-3.5-large"],
    media: "image",
    heads: 38,
    headDim: 64,
    // The last block has no text MLP; it is counted like the others.
    blocks: [doubleBlocks(38)],
    mlpWidth: 9728,
    mlpGated: false,
    text: { tokens: 333, use: "joint", width: 2432 },
    vae: vaeImage,
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: null,
    numExperts: 1,
    usualSize: "1024x1024",
    source: `${diffusers}/pipelines/stable_diffusion_3/pipeline_stable_diffusion_3.py (77 CLIP + 256 T5 tokens)`,
  },
  {
    name: "sd3.5-medium",
    aliases: ["stable-diffusion-3.5-medium"],
    media: "image",
    heads: 24,
    headDim: 64,
    blocks: [
      {
        numBlocks: 13,
        layout: "two-stream",
        modulation: { inputWidth: "hidden", numVectors: 15 },
        imageAttention: true,
      },
      doubleBlocks(11),
    ],
    mlpWidth: 6144,
    mlpGated: false,
    text: { tokens: 333, use: "joint", width: 1536 },
    vae: vaeImage,
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: null,
    numExperts: 1,
    usualSize: "1024x1024",
    source: `${diffusers}/models/transformers/transformer_sd3.py (dual attention in blocks 0 to 12)`,
  },
  {
    name: "ltx-video-2b",
    aliases: ["ltx", "ltx-video", "ltx-2b"],
    media: "video",
    heads: 32,
    headDim: 64,
    blocks: [plainBlocks(28)],
    mlpWidth: 8192,
    mlpGated: false,
    text: { tokens: 128, use: "cross", width: 2048 },
    vae: { frames: 8, pixels: 32 },
    patch: { frames: 1, latents: 1 },
    guidance: "cfg",
    framesPerSecond: 25,
    numExperts: 1,
    usualSize: "704x512x161",
    source: `${diffusers}/models/transformers/transformer_ltx.py, pipelines/ltx/pipeline_ltx.py`,
  },
  {
    name: "ltx-video-13b",
    aliases: ["ltx-13b"],
    media: "video",
    heads: 32,
    headDim: 128,
    blocks: [plainBlocks(48)],
    mlpWidth: 16384,
    mlpGated: false,
    // 128 or 256 by pipeline; this is the longer.
    text: { tokens: 256, use: "cross", width: 4096 },
    vae: { frames: 8, pixels: 32 },
    patch: { frames: 1, latents: 1 },
    guidance: "cfg",
    framesPerSecond: 25,
    numExperts: 1,
    usualSize: "704x512x161",
    source: "huggingface/diffusers scripts/convert_ltx_to_diffusers.py:196-223",
  },
  {
    name: "mochi-1",
    aliases: ["mochi", "mochi-1-preview"],
    media: "video",
    heads: 24,
    headDim: 128,
    blocks: [
      {
        numBlocks: 48,
        layout: "two-stream",
        modulation: { inputWidth: "hidden", numVectors: 8 },
        imageAttention: false,
      },
    ],
    mlpWidth: 8192,
    mlpGated: true,
    text: { tokens: 256, use: "joint", width: 1536 },
    vae: { frames: 6, pixels: 8 },
    patch: patchSpatial,
    guidance: "cfg",
    framesPerSecond: 30,
    numExperts: 1,
    usualSize: "848x480x49",
    source: `${diffusers}/models/transformers/transformer_mochi.py, pipelines/mochi/pipeline_mochi.py`,
  },
];

/** Lower case, without the owner of a repository name (`Wan-AI/…`), underscores as hyphens. */
function normalize(name: string): string {
  const lower = name.trim().toLowerCase();
  return lower.slice(lower.lastIndexOf("/") + 1).replaceAll("_", "-");
}

/** The model of a name or alias, in any case, with or without its repository's owner; `not-found` names all that exist. */
export function findModel(name: string): Model {
  const wanted = normalize(name);
  const model = models.find((candidate) => candidate.name === wanted || candidate.aliases.includes(wanted));
  if (model !== undefined) return model;
  throw new UsageError("not-found", `unknown model ${JSON.stringify(name.slice(0, 80))}`, {
    path: "--model",
    hint: `Use one of ${models.map((known) => known.name).join(", ")}, or a free shape with --tokens, --heads and --head-dim.`,
  });
}

/** Hidden size: heads × head size. */
export function hiddenWidth(model: Model): number {
  return model.heads * model.headDim;
}
