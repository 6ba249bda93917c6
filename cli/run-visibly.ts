import { SingleBar } from "cli-progress";
import type { RunJob, RunProgress, RunResult } from "../runtime/job.ts";
import { superviseRun } from "../runtime/supervisor.ts";

/** Signals that stop a run in an orderly way: its process is gone before this one ends. */
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs a job with a progress bar on standard error (none in a pipe); Ctrl-C stops it. */
export async function runVisibly(job: RunJob): Promise<RunResult> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of stopSignals) process.on(signal, onSignal);
  const bar = startBar();
  try {
    return await superviseRun(job, { signal: stop.signal, onProgress: bar.show });
  } finally {
    bar.stop();
    for (const signal of stopSignals) process.off(signal, onSignal);
  }
}

function startBar(): { show: (progress: RunProgress) => void; stop: () => void } {
  if (process.stderr.isTTY !== true) return { show: () => {}, stop: () => {} };
  const bar = new SingleBar({
    format: "{phase} {bar} {percentage}%",
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(100, 0, { phase: "starting" });
  return {
    show: ({ phase, fraction }) => bar.update(Math.round(100 * fraction), { phase }),
    stop: () => bar.stop(),
  };
}
