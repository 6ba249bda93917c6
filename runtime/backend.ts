import type { RunJob, RunProgress, RunResult } from "./job.ts";

/** What a backend tells its process while it runs. */
export interface RunWatch {
  progress(progress: RunProgress): void;
  /** Aborted once the run is to be stopped. */
  readonly signal: AbortSignal;
}

/** Runs a job in this process. Throws `RunFailed` or a UsageError; its threads have stopped then, or cannot be stopped. */
export type RunBackend = (job: RunJob, watch: RunWatch) => Promise<RunResult>;
