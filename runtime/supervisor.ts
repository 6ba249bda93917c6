import { type ChildProcess, fork } from "node:child_process";
import { UsageError } from "../plan/errors.ts";
import { decodeSchedule } from "../plan/schedule/codec-packed.ts";
import { bundlePath } from "./bundles.ts";
import { describeStall } from "./describe-stall.ts";
import { GARBAGE_FLAGS } from "./garbage-flags.ts";
import { type Backend, RunFailed, type RunJob, type RunProgress, type RunResult } from "./job.ts";
import type { ChildMessage, ParentMessage } from "./run-messages.ts";

/** A process that was told to stop and does not is killed after so long, ms; one that has started others ends them first. */
const KILL_MS: Readonly<Record<Backend, number>> = { threads: 1500, openshmem: 8000 };

/** A process that has said nothing for so long beyond its own time limit is lost, ms. */
const SILENCE_MS = 5000;

/** For glibc: memory of outputs is reused instead of being given back to the system and faulted in again page by page. */
const MALLOC_SETTINGS = { MALLOC_MMAP_THRESHOLD_: `${2 ** 30}`, MALLOC_TRIM_THRESHOLD_: `${2 ** 32}` };

/** Bytes of the process's error output that are kept for a report. */
const MAX_ERROR_BYTES = 4096;

export interface SuperviseOptions {
  readonly onProgress?: (progress: RunProgress) => void;
  /** Aborted to stop the run: it then fails within two seconds. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a job in a process of its own. Throws `RunFailed` (rank, op and signal named where they are known) if the run does
 * not come to its end, and a UsageError for inputs that do not fit. Either way the process and its threads are gone then.
 */
export async function superviseRun(job: RunJob, options: SuperviseOptions = {}): Promise<RunResult> {
  if (options.signal?.aborted === true) throw new RunFailed("the run was stopped");
  const child = fork(bundlePath("run-child"), {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    execArgv: GARBAGE_FLAGS,
    env: { ...process.env, ...MALLOC_SETTINGS },
  });
  const supervision = new Supervision(child, job, options);
  try {
    return await supervision.result;
  } finally {
    await supervision.end();
  }
}

class Supervision {
  readonly result: Promise<RunResult>;
  readonly #child: ChildProcess;
  readonly #job: RunJob;
  readonly #exited: Promise<void>;
  #timer: NodeJS.Timeout | null = null;
  readonly #onAbort: () => void;
  readonly #signal: AbortSignal | undefined;
  #lastWordMs = performance.now();
  #lastProgress: RunProgress = { phase: "starting", fraction: 0, ops: [] };
  #errorOutput = "";
  #killTimer: NodeJS.Timeout | null = null;

  constructor(child: ChildProcess, job: RunJob, { onProgress, signal }: SuperviseOptions) {
    this.#child = child;
    this.#job = job;
    this.#signal = signal;
    this.#exited = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errorOutput = (this.#errorOutput + text).slice(-MAX_ERROR_BYTES);
    });
    this.#onAbort = () => this.#stop();
    signal?.addEventListener("abort", this.#onAbort);
    this.result = new Promise((resolve, reject) => {
      child.on("message", (message: ChildMessage) => {
        this.#lastWordMs = performance.now();
        if (message.type === "progress") {
          this.#lastProgress = message.progress;
          onProgress?.(message.progress);
        } else if (message.type === "result") resolve(message.result);
        else reject(makeError(message.failure));
      });
      child.once("error", (error) => reject(new RunFailed(`the run's process did not start: ${error.message}`)));
      // What was sent before the exit is handled before "close".
      child.once("close", (code, name) => reject(this.#describeLoss(code, name)));
      this.#timer = setInterval(() => this.#look(reject), 200);
    });
    this.#say({ type: "run", job });
  }

  /** Makes sure that the process is gone. */
  async end(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#killTimer ??= setTimeout(() => this.#child.kill("SIGKILL"), KILL_MS[this.#job.backend]);
    await this.#exited;
    clearTimeout(this.#killTimer);
  }

  #say(message: ParentMessage): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #stop(): void {
    this.#say({ type: "stop" });
    this.#killTimer ??= setTimeout(() => this.#child.kill("SIGKILL"), KILL_MS[this.#job.backend]);
  }

  #look(reject: (error: Error) => void): void {
    const limitMs = 1000 * this.#job.timeoutSeconds + SILENCE_MS;
    if (performance.now() - this.#lastWordMs < limitMs) return;
    reject(new RunFailed(`the run's process does not answer; last seen: ${this.#lastSeen()}`));
    this.#child.kill("SIGKILL");
  }

  #describeLoss(code: number | null, name: string | null): RunFailed {
    if (this.#signal?.aborted === true) return new RunFailed("the run was stopped");
    const how = name === null ? `ended with exit code ${code}` : `was ended by ${name}`;
    const lastLine = this.#errorOutput.trim().split("\n").at(-1) ?? "";
    const said = lastLine === "" ? "" : ` (${lastLine.slice(0, 300)})`;
    const hint = name === "SIGKILL" ? "Linux kills processes when memory runs out: run fewer tokens or ranks." : "";
    return new RunFailed(`the run's process ${how}${said}; last seen: ${this.#lastSeen()}`, hint);
  }

  #lastSeen(): string {
    const { phase, ops } = this.#lastProgress;
    if (phase !== "running") return phase;
    return describeStall(decodeSchedule(this.#job.schedule), ops, () => false);
  }
}

function makeError(failure: Extract<ChildMessage, { type: "failed" }>["failure"]): Error {
  if (failure.kind === "run") return new RunFailed(failure.message, failure.hint);
  if (failure.kind === "bug") return new Error(failure.message);
  const { code, message, path, hint } = failure;
  return new UsageError(code, message, { ...(path === "" ? {} : { path }), ...(hint === "" ? {} : { hint }) });
}
