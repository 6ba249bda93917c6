import type { ErrorCode } from "../errors.ts";

/**
 * JSON between the page and `toroid serve`. Every request but the page's own files carries the token of the printed URL as
 * `Authorization: Bearer TOKEN`; an EventSource, which cannot, as `?token=TOKEN`.
 *
 * | request | answer |
 * |---|---|
 * | `GET /api/status` | `ServerStatus` |
 * | `GET /api/runs` | `{runs: RunRecord[]}`, newest first |
 * | `POST /api/runs` with a `RunOrder` | `RunRecord` |
 * | `GET /api/runs/ID` | `RunRecord` |
 * | `GET /api/runs/ID/trace` | the packed trace |
 * | `GET /api/runs/ID/events` | server-sent events `progress` with a `RunRecord` until it has ended |
 * | `POST /api/runs/ID/cancel` | cancels it where it waits or runs: `RunRecord` |
 * | `DELETE /api/runs/ID` | removes it where it has ended, else 409: `RunRecord` |
 *
 * Errors: `{error: {code, message, path, hint}}` with the status that fits.
 */
export interface RunOrder {
  /** A packed schedule, base64. */
  readonly schedule: string;
  readonly backend: "threads";
  readonly repeats: number;
  readonly seed: number;
  /** Links slowed to those of this topology (its JSON form), or null. */
  readonly emulated: unknown;
  /** What people call it: "torus, 2×2, 4096×8×64". */
  readonly title: string;
}

export const RUN_STATES = ["queued", "running", "done", "failed", "cancelled"] as const;
export type RunState = (typeof RUN_STATES)[number];

export interface RunRecord {
  readonly id: string;
  readonly title: string;
  readonly state: RunState;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Passes done and to do, while it runs. */
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly scheduleHash: string;
  readonly ranks: number;
  readonly emulated: boolean;
  /** Filled when it is done. */
  readonly result: {
    readonly makespanNs: number;
    readonly relativeError: number | null;
    readonly spread: number;
    readonly makespans: readonly number[];
    readonly hardware: unknown;
  } | null;
  readonly error: { readonly code: ErrorCode | "run"; readonly message: string; readonly hint: string | null } | null;
}

export interface ServerStatus {
  readonly version: string;
  readonly backends: readonly string[];
  readonly hardware: unknown;
  /** Ranks that this machine's topology has for `threads`. */
  readonly maxRanks: number;
}
