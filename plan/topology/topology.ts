import type { DType } from "../workload/workload.ts";

export type NodeKind = "gpu" | "cpu" | "switch" | "pcie" | "nic" | "net";

/** A graph node. Nodes of kind `gpu` (or `cpu`) are ranks, in the order of `Topology.nodes`. */
export interface TopologyNode {
  readonly id: string;
  readonly kind: NodeKind;
  /** Machine index, or null for what belongs to none (spine switches, the network). */
  readonly machine: number | null;
  /** Key of `Topology.devices`; given on ranks. */
  readonly device?: string;
  /** On a NIC: share of its rate that puts and gets reach, above 0 to 1; the simulator's constant where it is not given. */
  readonly oneSidedEfficiency?: number;
}

/** A link; `full` is two directed links of the same figures, `simplex` one, from `from` to `to`. */
export interface TopologyLink {
  readonly from: string;
  readonly to: string;
  /** Bytes per second, each direction. */
  readonly bytesPerSecond: number;
  readonly latencyNs: number;
  readonly duplex: "full" | "simplex";
}

/** What one rank computes with. All rates are dense, without sparsity. */
export interface Device {
  /** Data-sheet FLOP/s of the matrix units. */
  readonly peakFlops: Readonly<Partial<Record<DType, number>>>;
  /** Achieved FLOP/s of large matrix products. */
  readonly matmulFlops: Readonly<Partial<Record<DType, number>>>;
  /** Achieved FLOP/s of non-causal flash attention on long sequences, by dtype and head size. */
  readonly attentionFlops: readonly { readonly dtype: DType; readonly headDim: number; readonly flops: number }[];
  readonly memoryBytes: number;
  /** Bytes per second of device memory, read plus write. */
  readonly memoryBytesPerSecond: number;
  readonly multiprocessors: number;
  /** Engines that move bytes without multiprocessors; transfers of a rank beyond this number queue. */
  readonly copyEngines: number;
  /** Time to launch a kernel. */
  readonly launchNs: number;
  /** Where the figures come from. */
  readonly source: string;
}

/** The physical graph. Plain data; the file format of CONTRACT.md plus what an importer assumed. */
export interface Topology {
  readonly version: 1;
  readonly name: string;
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly TopologyLink[];
  readonly devices: Readonly<Record<string, Device>>;
  /** Sentences: what an importer or a preset had to assume, and which flag corrects it. */
  readonly assumed: readonly string[];
}
