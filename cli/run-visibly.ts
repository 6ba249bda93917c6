import type { RunJob, RunResult } from "../runtime/job.ts";
import { superviseRun } from "../runtime/supervisor.ts";
import { withAsyncProgress } from "./progress.ts";
import { withStopSignals } from "./stop-signals.ts";

/** Runs a job with a progress bar on standard error (none in a pipe); Ctrl-C stops it. */
export function runVisibly(job: RunJob): Promise<RunResult> {
  return withStopSignals((signal) =>
    withAsyncProgress("running", (show) =>
      superviseRun(job, {
        signal,
        onProgress: ({ fraction }) => show(Math.round(100 * fraction), 100),
      }),
    ),
  );
}
