import { UsageError } from "../plan/errors.ts";
import type { RunBackend } from "./backend.ts";
import { type Backend, RunFailed } from "./job.ts";
import { runOpenshmem } from "./openshmem/run-openshmem.ts";
import type { ChildMessage, ParentMessage } from "./run-messages.ts";
import { runThreads } from "./threads/run-threads.ts";

/**
 * The process that a run lives in, so that nothing that happens in it (a library that aborts, memory that runs out, a
 * thread that never looks up) takes its caller along. It runs one job and ends; it also ends when its parent does.
 */
const backends: Readonly<Record<Backend, RunBackend>> = { threads: runThreads, openshmem: runOpenshmem };

const stop = new AbortController();
process.on("disconnect", () => process.exit(1));
// Ctrl-C reaches the whole process group; the parent decides what becomes of the run.
process.on("SIGINT", () => {});
process.on("message", (message: ParentMessage) => {
  if (message.type === "stop") stop.abort();
  else void runJob(message);
});

async function runJob({ job }: Extract<ParentMessage, { type: "run" }>): Promise<void> {
  try {
    const result = await backends[job.backend](job, {
      progress: (progress) => say({ type: "progress", progress }),
      signal: stop.signal,
    });
    await say({ type: "result", result });
  } catch (error) {
    await say({ type: "failed", failure: describeFailure(error) });
  }
  // Threads that did not stop when told end with the process.
  process.exit(0);
}

function describeFailure(error: unknown): Extract<ChildMessage, { type: "failed" }>["failure"] {
  if (error instanceof UsageError) {
    const { code, message, path, hint } = error;
    return { kind: "usage", code, message, path: path ?? "", hint: hint ?? "" };
  }
  if (error instanceof RunFailed) return { kind: "run", message: error.message, hint: error.hint };
  return { kind: "bug", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

function say(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });
}
