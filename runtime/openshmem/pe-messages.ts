import type { Fault } from "../faults.ts";
import type { KernelName, Phase } from "../job.ts";

/** Where a rank reaches its launcher, as the environment variable `TOROID_LAUNCHER` says it (JSON). */
export interface LauncherAddress {
  readonly addresses: readonly string[];
  readonly port: number;
  /** Sent first, so that nobody else takes part. */
  readonly token: string;
}

/** In its place for a rank that another launcher has started: rank 0 reads it from the file and gives it to the others. */
export interface JoiningAddress {
  readonly isJoining: true;
  readonly file: string | null;
}

/** Bytes of the token. */
export const TOKEN_BYTES = 32;

/** A launcher or rank that has said nothing for so long is lost, ms. */
export const LOST_MS = 4000;

/** What a launcher says to a rank. */
export type ToRank =
  | { readonly type: "allocate"; readonly bytes: number }
  | { readonly type: "run"; readonly job: PeJob }
  | { readonly type: "clock"; readonly id: number }
  | { readonly type: "beat" }
  /** All went well. */
  | { readonly type: "end" }
  | { readonly type: "stop" };

/** What a rank is to run. */
export interface PeJob {
  /** Packed form. */
  readonly schedule: Uint8Array;
  readonly kernel: KernelName;
  readonly repeats: number;
  /** Of random tensors; null where `inputs` has the rank's shards. */
  readonly seed: number | null;
  /** Its runs of Q, K and V one after the other, in the order of `shardRuns`. */
  readonly inputs: { readonly q: Float32Array; readonly kv: Float32Array } | null;
  readonly faults: readonly Fault[];
}

/** What a rank says. */
export type FromRank =
  /** Its process is there; the rank as its environment says it. */
  | { readonly type: "hello"; readonly host: string; readonly rank: number | null }
  /** OpenSHMEM is initialized. */
  | { readonly type: "joined"; readonly rank: number; readonly ranks: number }
  | { readonly type: "allocated" }
  | { readonly type: "clock"; readonly id: number; readonly ns: bigint }
  /** Every `REPORT_MS`: how much has moved, how many ops of the pass have ended, and those under way. */
  | { readonly type: "report"; readonly moved: number; readonly ended: number; readonly underWay: readonly number[] }
  /** States of its ops, in order, whenever nothing has moved since the last report. */
  | { readonly type: "states"; readonly states: Uint8Array }
  | { readonly type: "phase"; readonly phase: Phase }
  | { readonly type: "done"; readonly record: PeRecord }
  | { readonly type: "failed"; readonly message: string; readonly op: number | null }
  /** A thread ended, in that op. */
  | { readonly type: "gone"; readonly op: number | null };

/** What a rank has written down; times in ns of its own clock since `origin`. */
export interface PeRecord {
  readonly origin: bigint;
  /** By pass and own op, in the order of op ids. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly outputHash: Int32Array;
  readonly stagedBytes: number;
  /** Its runs of the output, one after the other. */
  readonly output: Float32Array;
}
