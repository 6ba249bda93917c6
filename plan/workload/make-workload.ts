import { UsageError } from "../errors.ts";
import { countBlocks, countWeights, type LayerShape, layerWork, peakActivations } from "./layer-work.ts";
import { findModel, hiddenWidth, type Model } from "./models.ts";
import { jointTextTokens, mediaTokens } from "./tokens.ts";
import {
  type DType,
  elementBytes,
  type Guidance,
  type Mask,
  type Scope,
  type ShardOrder,
  type Workload,
} from "./workload.ts";

/** What a user says about the workload, by the flags of the command line: numbers parsed, nothing checked. */
export interface WorkloadOptions {
  readonly model?: string | undefined;
  /** `<width>x<height>`. */
  readonly image?: string | undefined;
  /** `<width>x<height>x<frames>`. */
  readonly video?: string | undefined;
  readonly tokens?: number | undefined;
  readonly heads?: number | undefined;
  readonly headDim?: number | undefined;
  readonly kvHeads?: number | undefined;
  readonly batch?: number | undefined;
  readonly dtype?: string | undefined;
  readonly mask?: string | undefined;
  readonly shardOrder?: string | undefined;
  readonly scope?: string | undefined;
  readonly guidance?: string | undefined;
}

const maxTokens = 2 ** 31 - 1;
const maxHeads = 4096;
const maxHeadDim = 1024;
const maxBatch = 65536;
/** Byte offsets and counts of one tensor stay exact integers, and sums over a few thousand ranks nearly so. */
const maxTensorBytes = 2 ** 50;

const dtypes: readonly DType[] = ["bf16", "fp16", "fp32"];
const masks: readonly Mask[] = ["full", "causal"];
const shardOrders: readonly ShardOrder[] = ["contiguous", "zigzag"];
const scopes: readonly Scope[] = ["attention", "layer", "step"];
const guidances: readonly Guidance[] = ["none", "batch", "split"];

function checkInteger(flag: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError("workload", `expected an integer from 1 to ${max}, got ${value}`, { path: flag });
}

function chooseOne<T extends string>(flag: string, value: string | undefined, choices: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  const choice = choices.find((candidate) => candidate === value);
  if (choice !== undefined) return choice;
  throw new UsageError("workload", `expected ${choices.join(", ")}, got ${JSON.stringify(value.slice(0, 80))}`, {
    path: flag,
  });
}

/** The one flag of size that is given; with none or several an error that says which there are. */
function chooseSize(options: WorkloadOptions, model: Model | null): "image" | "video" | "tokens" {
  const given = (["image", "video", "tokens"] as const).filter((name) => options[name] !== undefined);
  const [size] = given;
  if (size !== undefined && given.length === 1) return size;
  const flags = given.map((name) => `--${name}`).join(" and ");
  const hint =
    model === null
      ? "Give --model with --image or --video, or --tokens with --heads and --head-dim."
      : `Give one size, such as --${model.media} ${model.usualSize}.`;
  throw new UsageError("workload", given.length === 0 ? "no size given" : `${flags} exclude each other`, { hint });
}

/** L with joint text tokens; `--tokens` is L itself. */
function resolveTokens(options: WorkloadOptions, model: Model | null): number {
  const size = chooseSize(options, model);
  if (size === "tokens") return checkInteger("--tokens", options.tokens ?? 0, maxTokens);
  if (model === null) {
    throw new UsageError("workload", `--${size} needs a model: its VAE and patch decide the tokens`, {
      path: `--${size}`,
      hint: "Add --model, or give --tokens with --heads and --head-dim.",
    });
  }
  const tokens = mediaTokens(model, size, options[size] ?? "") + jointTextTokens(model);
  if (tokens <= maxTokens) return tokens;
  throw new UsageError("workload", `${options[size]} is ${tokens} tokens, more than ${maxTokens}`, {
    path: `--${size}`,
    hint: "Give a smaller size.",
  });
}

function requireShape(flag: string, value: number | undefined): number {
  if (value !== undefined) return value;
  throw new UsageError("workload", `a free shape needs ${flag}`, {
    path: flag,
    hint: "Give --tokens, --heads and --head-dim, or a --model.",
  });
}

interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Heads and head size: the model's where not given, keys and values with as many heads as queries. */
function resolveHeads(options: WorkloadOptions, model: Model | null): Heads {
  const heads = checkInteger("--heads", requireShape("--heads", options.heads ?? model?.heads), maxHeads);
  const headDim = checkInteger("--head-dim", requireShape("--head-dim", options.headDim ?? model?.headDim), maxHeadDim);
  const kvHeads = checkInteger("--kv-heads", options.kvHeads ?? heads, maxHeads);
  if (heads % kvHeads === 0) return { heads, kvHeads, headDim };
  throw new UsageError("workload", `${kvHeads} KV heads do not divide ${heads} heads`, {
    path: "--kv-heads",
    hint: `Use one of ${divisors(heads).join(", ")}.`,
  });
}

function divisors(value: number): number[] {
  return Array.from({ length: value }, (_, index) => index + 1).filter((candidate) => value % candidate === 0);
}

/** B with the guidance branches that run as a batch. */
function resolveBatch(options: WorkloadOptions, guidance: Guidance): number {
  const batch = checkInteger("--batch", options.batch ?? 1, maxBatch);
  if (guidance !== "batch") return batch;
  if (2 * batch <= maxBatch) return 2 * batch;
  throw new UsageError(
    "workload",
    `batch ${batch} is ${2 * batch} with both guidance branches, more than ${maxBatch}`,
    {
      path: "--batch",
      hint: "Lower --batch or use --guidance split.",
    },
  );
}

function checkTensor(workload: Workload): void {
  const { batch, tokens, heads, headDim, dtype } = workload;
  const bytes = batch * tokens * heads * headDim * elementBytes(dtype);
  if (bytes <= maxTensorBytes) return;
  throw new UsageError(
    "workload",
    `Q of shape [${batch}, ${tokens}, ${heads}, ${headDim}] has ${bytes} bytes, more than ${maxTensorBytes}`,
    { hint: "Lower --batch or the size." },
  );
}

function checkScope(scope: Scope, model: Model | null): void {
  if (scope !== "step" || model !== null) return;
  throw new UsageError("workload", "scope step needs a model: a free shape has no number of layers", {
    path: "--scope",
    hint: "Use --scope layer or add --model.",
  });
}

/** A free shape: one block of a plain transformer with a 4× MLP and no text. */
function freeShape(heads: Heads, tokens: number, batch: number): LayerShape {
  const hidden = heads.heads * heads.headDim;
  return {
    blocks: [{ numBlocks: 1, layout: "one-stream", modulation: null, imageAttention: false }],
    hidden,
    kvWidth: heads.kvHeads * heads.headDim,
    mlpWidth: 4 * hidden,
    mlpGated: false,
    batch,
    tokens,
    jointText: 0,
    textWidth: hidden,
    crossText: 0,
  };
}

/** A model's shape; where heads or head size are overridden, all widths scale with the hidden size. */
function modelShape(model: Model, heads: Heads, tokens: number, batch: number): LayerShape {
  const hidden = heads.heads * heads.headDim;
  const scale = (width: number): number => Math.max(1, Math.round((width * hidden) / hiddenWidth(model)));
  return {
    blocks: model.blocks,
    hidden,
    kvWidth: heads.kvHeads * heads.headDim,
    mlpWidth: scale(model.mlpWidth),
    mlpGated: model.mlpGated,
    batch,
    tokens,
    jointText: Math.min(tokens, jointTextTokens(model)),
    textWidth: scale(model.text.width),
    crossText: model.text.use === "cross" ? model.text.tokens : 0,
  };
}

/**
 * The resolved workload of a model of the table at a size (`--image`, `--video` or `--tokens`) or of a free shape
 * (`--tokens`, `--heads`, `--head-dim`). Defaults: batch 1, bf16, full mask, contiguous shards, scope attention, no
 * guidance. `--heads`, `--head-dim` and `--kv-heads` override a model's; the hidden size becomes heads × head size and
 * MLP and text widths scale with it. Guidance `batch` doubles B; `split` leaves it to two groups of ranks; whether the
 * model needs CFG at all is for reports.
 * Scope `layer` or `step` adds the work of `layerWork`, for a free shape (no step) that of a plain layer with a 4× MLP.
 * `modelBytes` are the weights of all blocks and experts in `dtype`, `activationBytesPerToken` the peak of
 * `peakActivations`, both for a model in any scope; for a free shape the first is 0 and the second also in scope attention.
 * Limits: tokens 1 to 2^31−1, heads 1 to 4096, head size 1 to 1024, batch 1 to 65536 (guidance included), 2^50 bytes
 * for Q. Throws `UsageError`, code `workload`, or `not-found` for an unknown model.
 */
export function makeWorkload(options: WorkloadOptions): Workload {
  const model = options.model === undefined ? null : findModel(options.model);
  const scope = chooseOne("--scope", options.scope, scopes, "attention");
  const guidance = chooseOne("--guidance", options.guidance, guidances, "none");
  checkScope(scope, model);
  const tokens = resolveTokens(options, model);
  const heads = resolveHeads(options, model);
  const workload: Workload = {
    model: model?.name ?? null,
    batch: resolveBatch(options, guidance),
    tokens,
    ...heads,
    dtype: chooseOne("--dtype", options.dtype, dtypes, "bf16"),
    mask: chooseOne("--mask", options.mask, masks, "full"),
    shardOrder: chooseOne("--shard-order", options.shardOrder, shardOrders, "contiguous"),
    scope,
    guidance,
    before: [],
    after: [],
    layers: 1,
    modelBytes: 0,
    activationBytesPerToken: 0,
  };
  checkTensor(workload);
  return model === null ? withFreeLayer(workload) : withModelLayer(workload, model);
}

function withFreeLayer(workload: Workload): Workload {
  if (workload.scope === "attention") return workload;
  return withWork(workload, freeShape(workload, workload.tokens, workload.batch));
}

function withModelLayer(workload: Workload, model: Model): Workload {
  const shape = modelShape(model, workload, workload.tokens, workload.batch);
  const modelBytes = model.numExperts * countWeights(shape) * elementBytes(workload.dtype);
  const layers = workload.scope === "step" ? countBlocks(shape) : 1;
  return { ...withWork(workload, shape), layers, modelBytes };
}

function withWork(workload: Workload, shape: LayerShape): Workload {
  const bytes = elementBytes(workload.dtype);
  const work = workload.scope === "attention" ? { before: [], after: [] } : layerWork(shape, bytes);
  return { ...workload, ...work, activationBytesPerToken: peakActivations(shape) * bytes };
}
