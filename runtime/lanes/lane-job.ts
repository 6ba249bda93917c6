import type { Fault } from "../faults.ts";
import type { KernelName } from "../job.ts";

/** How many threads each rank has: one that computes, one that moves bytes. */
export const LANES = 2;

/** The thread of a rank that computes. */
export const COMPUTE_LANE = 0;

/** What a thread of a rank gets to begin with, whatever the backend. All arrays lie in shared memory. */
export interface LaneJob {
  /** Packed form. */
  readonly schedule: Uint8Array;
  readonly rank: number;
  readonly lane: number;
  /** Origin of the run's clock, `process.hrtime.bigint`. */
  readonly origin: bigint;
  readonly repeats: number;
  readonly seed: number | null;
  /** Q, K, V and output of each group, `[B, L, heads, D]`. */
  readonly tensors: readonly GroupTensors[];
  readonly checkSeed: number;
  readonly isChecked: boolean;
  readonly kernel: KernelName;
  readonly faults: readonly Fault[];
}

export interface GroupTensors {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly out: Float32Array;
}

/** What a thread says; the last is `done` or `failed`. */
export type LaneMessage =
  | { readonly type: "phase"; readonly phase: "running" | "checking" | "writing" }
  | {
      readonly type: "done";
      readonly rank: number;
      readonly lane: number;
      readonly stagedBytes: number;
      /** Sums over the rows that this thread checked. */
      readonly difference2: number;
      readonly norm2: number;
      readonly rowsChecked: number;
    }
  | {
      readonly type: "failed";
      readonly rank: number;
      readonly lane: number;
      readonly message: string;
      /** The op that it failed in, null outside all ops. */
      readonly op: number | null;
      readonly isAbort: boolean;
    };
