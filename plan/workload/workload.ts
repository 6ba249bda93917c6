export type DType = "bf16" | "fp16" | "fp32";
export type Mask = "full" | "causal";
export type ShardOrder = "contiguous" | "zigzag";
export type Scope = "attention" | "layer" | "step";
export type Guidance = "none" | "batch" | "split";

/** Other work of a layer on a shard: `flopsPerToken·B·T` FLOPs and `weightBytes + bytesPerToken·B·T` bytes of device memory. */
export interface LayerWork {
  readonly name: string;
  readonly flopsPerToken: number;
  readonly bytesPerToken: number;
  readonly weightBytes: number;
}

/**
 * What is computed: one attention of shape `[B, L, H, D]`, and around it the layer and the step when the scope says so.
 * Plain data, resolved: nothing in it needs the model table again.
 */
export interface Workload {
  /** Model of the table, or null for a free shape. */
  readonly model: string | null;
  /** B, guidance branches that run as a batch included. */
  readonly batch: number;
  /** L, joint text tokens included. */
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly dtype: DType;
  readonly mask: Mask;
  readonly shardOrder: ShardOrder;
  readonly scope: Scope;
  readonly guidance: Guidance;
  /** Work before and after attention in one layer; empty for scope `attention`. */
  readonly before: readonly LayerWork[];
  readonly after: readonly LayerWork[];
  /** Layers that run one after the other: 1 but for scope `step`. */
  readonly layers: number;
  /** Bytes of all weights and of the activations of one token, for the memory constraint; 0 when unknown. */
  readonly modelBytes: number;
  readonly activationBytesPerToken: number;
}

/** Bytes of one element. */
export function elementBytes(dtype: DType): number {
  return dtype === "fp32" ? 4 : 2;
}
