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

/**
 * Time of attention on one core, for one head size (ns for each): a sum over the work of an op, `AttendWork` of
 * `plan/schedule/attend-calls.ts`. Counts are over heads and batch entries.
 */
export interface AttendFigures {
  readonly headDim: number;
  readonly callNs: number;
  readonly queryNs: number;
  readonly keyNs: number;
  readonly pairNs: number;
  /** On top of `pairNs`: pairs of tiles that find their maximum first, and pairs of tiles on the diagonal. */
  readonly firstPairNs: number;
  readonly maskedPairNs: number;
}

/**
 * How a rank on the cores of a host computes and moves bytes. Each rank has one thread that computes and one that moves
 * bytes, by turns over all of its transfers. Threads of all ranks of the host share its cores, copies also its memory.
 */
export interface HostFigures {
  /** What all threads together reach at most, in units of one thread that has a core for itself. */
  readonly cores: number;
  /** Whose ranks are on one host: those of all machines (machines are emulated), or of each machine by itself. */
  readonly sharedBy: "topology" | "machine";
  /** Bytes per second that one thread copies from one heap to another, and that all of them together reach. */
  readonly copyBytesPerSecond: number;
  readonly allCopiesBytesPerSecond: number;
  /** Each contiguous run of a strided copy takes that much on top of its bytes. */
  readonly copyRunNs: number;
  /**
   * Bytes per second that a thread with a core for itself sends to another machine, or receives from it; given where links
   * between machines are real. Without it they are emulated: the sender copies, and nothing is left for the receiver.
   */
  readonly networkBytesPerSecond?: number;
  /** Issue and book-keeping of an op by the thread that runs it. */
  readonly opNs: number;
  /** From a change (signal, end of an op of another thread, barrier) to a sleeping thread going on. */
  readonly wakeNs: number;
  /** Bytes per second, read plus write, of merge and finalize; accumulators are fp32 with their LSE. */
  readonly mergeBytesPerSecond: number;
  readonly finalizeBytesPerSecond: number;
  /** FLOP/s of `compute` ops. */
  readonly matmulFlops: number;
  /** By head size, ascending; between two sizes interpolated, beyond them scaled by the head size. */
  readonly attend: readonly AttendFigures[];
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
  /** Given for ranks that are threads or processes on the cores of a host; the simulator then computes with it. */
  readonly host?: HostFigures;
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
