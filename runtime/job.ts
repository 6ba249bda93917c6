import type { Topology } from "../plan/topology/topology.ts";
import type { Fault } from "./faults.ts";

/** Backends that there are. */
export const BACKENDS = ["threads", "openshmem"] as const;
export type Backend = (typeof BACKENDS)[number];

/** What starts the processes of ranks: Open MPI's oshrun or Slurm's srun. */
export const LAUNCHERS = ["oshrun", "srun"] as const;

/** How the processes of ranks are started. */
export interface Launch {
  /** `joined`: they have been started already, by whoever started this program as rank 0 too. */
  readonly launcher: (typeof LAUNCHERS)[number] | "joined";
  /** Where, in the order of ranks; empty: here, or where the launcher decides. */
  readonly hosts: readonly { readonly name: string; readonly slots: number }[];
  /** Of ranks that have joined: the file that says where they reach their launcher. */
  readonly addressFile?: string;
}

/** All ranks on this machine. */
export const LOCAL_LAUNCH: Launch = { launcher: "oshrun", hosts: [] };

/** Kernels for ranks on CPUs: by onnxruntime, or in plain loops and float64, which is slow and needs no library. */
export const KERNELS = ["onnx", "plain"] as const;
export type KernelName = (typeof KERNELS)[number];

/** Where Q, K and V of a run come from: random numbers by seed, or files of shape `[B, L, heads, D]`. */
export type Inputs = { readonly seed: number } | { readonly q: string; readonly k: string; readonly v: string };

/** What is to be run. Plain data: it goes to another process. */
export interface RunJob {
  readonly backend: Backend;
  readonly kernel: KernelName;
  /** Packed form of a schedule that has no findings, fp32. */
  readonly schedule: Uint8Array;
  readonly inputs: Inputs;
  /** File for the output `[B, L, H, D]`, or null. */
  readonly output: string | null;
  /** Timed runs, after one that is not. */
  readonly repeats: number;
  /** The run is given up after so many seconds in which nothing moves on. */
  readonly timeoutSeconds: number;
  /** Topology whose links are emulated, or null. */
  readonly emulated: Topology | null;
  /** Seed of the rows that are checked. */
  readonly checkSeed: number;
  /** Whether the output is compared with attention in float64. */
  readonly isChecked: boolean;
  readonly faults: readonly Fault[];
  /** Of backends whose ranks are processes; on this machine if not given. */
  readonly launch?: Launch;
}

/** Phases of a run, in order. */
export type Phase = "starting" | "running" | "checking" | "writing";

/** How far a run is. */
export interface RunProgress {
  readonly phase: Phase;
  /** Of the phase, from 0 to 1. */
  readonly fraction: number;
  /** Ops under way, at most one a stream: for a report if the process is lost. */
  readonly ops: readonly number[];
}

/** Figures of a run; times in ns. */
export interface RunResult {
  readonly backend: Backend;
  readonly ranks: number;
  /** Median over repeats, and each of them. A repeat with several passes (layers of a step) is their sum. */
  readonly makespanNs: number;
  readonly makespans: readonly number[];
  /** ‖out − reference‖ / ‖reference‖ in float64, and over how many rows of how many; null where it was not checked. */
  readonly relativeError: number | null;
  readonly rowsChecked: number;
  readonly rows: number;
  /** Whether every repeat gave the same bits. */
  readonly isRepeatable: boolean;
  readonly isEmulated: boolean;
  /** How late ends of emulated transfers were seen. */
  readonly timer: { readonly count: number; readonly meanNs: number; readonly maxNs: number } | null;
  /** Bytes copied, in all repeats, because the kernel's library cannot use the shared heap. */
  readonly stagedBytes: number;
  readonly hardware: Hardware;
  readonly notes: readonly string[];
  /** Times of each op in the repeat with the median makespan (its first pass), from its first barrier on. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** Median and least duration of each op over all passes. */
  readonly medianNs: Float64Array;
  readonly leastNs: Float64Array;
}

export interface Hardware {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly kernel: string;
}

/** A run that did not come to its end; names rank, op and signal where they are known. */
export class RunFailed extends Error {
  override readonly name = "RunFailed";
  readonly hint: string;

  constructor(message: string, hint = "") {
    super(message);
    this.hint = hint;
  }
}
