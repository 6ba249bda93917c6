import type { BlockGroup } from "./models.ts";
import type { LayerWork } from "./workload.ts";

/**
 * Widths (elements) and token counts that decide the work of a layer.
 * A model's widths follow its hidden size; the free shape is one plain block with a 4× MLP.
 */
export interface LayerShape {
  readonly blocks: readonly BlockGroup[];
  /** H·D. */
  readonly hidden: number;
  /** KV heads · D. */
  readonly kvWidth: number;
  readonly mlpWidth: number;
  readonly mlpGated: boolean;
  readonly batch: number;
  /** L, and how many of them are joint text. */
  readonly tokens: number;
  readonly jointText: number;
  /** Width of the residual of joint text tokens in blocks of two streams. */
  readonly textWidth: number;
  /** Keys of the cross-attention; 0 where there is none. */
  readonly crossText: number;
}

type PartName = "modulation" | "qkv" | "mlp-up" | "projection" | "image-attention" | "cross-attention" | "mlp";

/** Work of one block, as an average over the tokens of the sequence. All in elements but `macs`. */
interface Part {
  readonly name: PartName;
  /** Multiply-adds a token. */
  readonly macs: number;
  /** Activations read and written a token. */
  readonly activations: number;
  /** Weights that are resident. */
  readonly weights: number;
  /** What is read once a layer whatever the tokens: weights, and the keys and values of text. */
  readonly reads: number;
}

/** Tokens that share weights: their residual's width and their share of the sequence. */
interface Stream {
  readonly width: number;
  readonly share: number;
}

const namesBefore: readonly PartName[] = ["modulation", "qkv", "mlp-up"];
const namesAfter: readonly PartName[] = ["projection", "image-attention", "cross-attention", "mlp"];

function streamsOf(shape: LayerShape, block: BlockGroup): readonly Stream[] {
  if (block.layout !== "two-stream") return [{ width: shape.hidden, share: 1 }];
  const textShare = Math.min(1, shape.jointText / shape.tokens);
  return [
    { width: shape.hidden, share: 1 - textShare },
    { width: shape.textWidth, share: textShare },
  ];
}

function part(name: PartName, share: number, macs: number, activations: number, weights: number): Part {
  return { name, macs: share * macs, activations: share * activations, weights, reads: weights };
}

/** Norm and modulation (2x), projection (x in, q and k and v out), QK norm and rotary embedding (q and k, in and out). */
function qkvPart(shape: LayerShape, stream: Stream): Part {
  const { hidden, kvWidth } = shape;
  const macs = stream.width * (hidden + 2 * kvWidth);
  const activations = 3 * stream.width + hidden + 2 * kvWidth + 2 * (hidden + kvWidth);
  return part("qkv", stream.share, macs, activations, macs);
}

/** Projection (hidden in, x out) and gated residual (2x in, x out). */
function projectionPart(shape: LayerShape, stream: Stream): Part {
  const macs = shape.hidden * stream.width;
  return part("projection", stream.share, macs, shape.hidden + 4 * stream.width, macs);
}

function mlpWidthOf(shape: LayerShape, stream: Stream): number {
  return Math.round((shape.mlpWidth * stream.width) / shape.hidden);
}

/** Norm (2x), up (x in, m out, twice when gated), activation, down (m in, x out), gated residual (3x). */
function mlpPart(shape: LayerShape, stream: Stream): Part {
  const width = mlpWidthOf(shape, stream);
  const numUp = shape.mlpGated ? 2 : 1;
  const macs = (numUp + 1) * stream.width * width;
  return part("mlp", stream.share, macs, 7 * stream.width + (2 + 2 * numUp) * width, macs);
}

/** The MLP of a parallel block: up and activation run before attention (same norm as QKV), down after it. */
function parallelMlpParts(shape: LayerShape, stream: Stream): readonly Part[] {
  const width = mlpWidthOf(shape, stream);
  const macs = stream.width * width;
  const numUp = shape.mlpGated ? 2 : 1;
  return [
    part("mlp-up", stream.share, numUp * macs, stream.width + (2 * numUp + 1) * width, numUp * macs),
    // Attention output and MLP are first laid side by side: both read and written once more.
    part("mlp", stream.share, macs, 2 * shape.hidden + 3 * width, macs),
  ];
}

/**
 * Queries and output projected for every token, attention over the text. Keys and values of the text depend on the
 * prompt alone: their projection is not part of a step; its weights are resident, its result is read.
 */
function crossAttentionPart(shape: LayerShape): Part {
  const { hidden, crossText, batch } = shape;
  const projections = 2 * hidden * hidden;
  return {
    name: "cross-attention",
    macs: projections + 2 * crossText * hidden,
    activations: 13 * hidden,
    weights: 2 * projections,
    reads: projections + 2 * batch * crossText * hidden,
  };
}

/** Projections and attention of a second self-attention over the image tokens; its traffic between ranks is left out. */
function imageAttentionPart(shape: LayerShape): Part {
  const { hidden } = shape;
  const imageTokens = Math.max(0, shape.tokens - shape.jointText);
  const weights = 4 * hidden * hidden;
  return part("image-attention", imageTokens / shape.tokens, weights + 2 * imageTokens * hidden, 18 * hidden, weights);
}

/** adaLN on one vector a sample: no work a token, but its weights are read. Null where blocks share the projection. */
function modulationPart(shape: LayerShape, block: BlockGroup, streams: readonly Stream[]): Part | null {
  if (block.modulation === null) return null;
  const { inputWidth, numVectors } = block.modulation;
  const from = inputWidth === "hidden" ? shape.hidden : inputWidth;
  // Streams take equal numbers of vectors, but for the three more of a second image attention; widths differ only without.
  const meanWidth = streams.reduce((sum, stream) => sum + stream.width, 0) / streams.length;
  return part("modulation", 0, 0, 0, from * numVectors * meanWidth);
}

function blockParts(shape: LayerShape, block: BlockGroup): readonly Part[] {
  const streams = streamsOf(shape, block);
  const modulation = modulationPart(shape, block, streams);
  const parts: Part[] = modulation === null ? [] : [modulation];
  for (const stream of streams) {
    parts.push(qkvPart(shape, stream), projectionPart(shape, stream));
    if (block.layout === "parallel") parts.push(...parallelMlpParts(shape, stream));
    else parts.push(mlpPart(shape, stream));
  }
  if (block.imageAttention) parts.push(imageAttentionPart(shape));
  if (shape.crossText > 0) parts.push(crossAttentionPart(shape));
  return parts;
}

/** Number of blocks of a shape. */
export function countBlocks(shape: LayerShape): number {
  return shape.blocks.reduce((sum, block) => sum + block.numBlocks, 0);
}

/** Work of one name, averaged over the blocks; bytes with `elementBytes` an element. */
function averageWork(shape: LayerShape, name: PartName, elementBytes: number): LayerWork {
  let [macs, activations, reads] = [0, 0, 0];
  for (const block of shape.blocks) {
    for (const item of blockParts(shape, block)) {
      if (item.name !== name) continue;
      macs += block.numBlocks * item.macs;
      activations += block.numBlocks * item.activations;
      reads += block.numBlocks * item.reads;
    }
  }
  const numBlocks = countBlocks(shape);
  return {
    name,
    flopsPerToken: (2 * macs) / numBlocks,
    bytesPerToken: (activations * elementBytes) / numBlocks,
    weightBytes: (reads * elementBytes) / numBlocks,
  };
}

function workOf(shape: LayerShape, names: readonly PartName[], elementBytes: number): readonly LayerWork[] {
  const works = names.map((name) => averageWork(shape, name, elementBytes));
  return works.filter((work) => work.flopsPerToken > 0 || work.weightBytes > 0);
}

/**
 * What one layer does before and after its attention, FLOPs counted as 2 a multiply-add of the projections and of
 * attention over text; norms, rotary embedding, activations and residuals count by their bytes only. Where blocks or
 * streams differ, every layer is their average, so that a step's total is right. Every rank reads the weights of both
 * streams. `modulation` has weights to read but no work a token.
 * Left out: text encoder, VAE, embedders, the final layer, FLOPs of modulation (one vector a sample), the projection
 * of cross-attention's keys and values (once a prompt), traffic between ranks of SD3.5-medium's second attention.
 */
export function layerWork(
  shape: LayerShape,
  elementBytes: number,
): { readonly before: readonly LayerWork[]; readonly after: readonly LayerWork[] } {
  return { before: workOf(shape, namesBefore, elementBytes), after: workOf(shape, namesAfter, elementBytes) };
}

/** Weights of all blocks, one expert; embedders and final layer (1 to 3 % of a model) are left out. */
export function countWeights(shape: LayerShape): number {
  let weights = 0;
  for (const block of shape.blocks) {
    for (const item of blockParts(shape, block)) weights += block.numBlocks * item.weights;
  }
  return weights;
}

/**
 * Elements of activations that one token of one sample holds at the peak of a layer, Q, K, V and O apart (they lie in
 * the heap): the residual and its norm beside either the MLP's input and output of its activation (`2x + 2m`, gated
 * `2x + 3m`) or the projected Q, K, V (`2x + x + 2·kv`), whichever is more.
 */
export function peakActivations(shape: LayerShape): number {
  const mlp = (shape.mlpGated ? 3 : 2) * shape.mlpWidth;
  return 2 * shape.hidden + Math.max(mlp, shape.hidden + 2 * shape.kvWidth);
}
