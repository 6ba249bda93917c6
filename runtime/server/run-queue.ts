import { randomBytes } from "node:crypto";
import { UsageError } from "../../plan/errors.ts";
import type { RunRecord } from "../../plan/http/run-api.ts";
import { decodeSchedule, scheduleHash } from "../../plan/schedule/codec-packed.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { encodeTrace } from "../../plan/trace/codec-packed.ts";
import { RunFailed, type RunJob, type RunResult } from "../job.ts";
import { measuredTrace } from "../measured-trace.ts";
import type { SuperviseOptions } from "../supervisor.ts";
import { countPasses, type Passes } from "./count-passes.ts";
import { createNodeHasher } from "../node-hasher.ts";
import type { ReadOrder } from "./run-order.ts";
import type { RunSettings, RunStore } from "./run-store.ts";

/** Does a job: `superviseRun`, or what stands in for it. */
export type Runner = (job: RunJob, options: SuperviseOptions) => Promise<RunResult>;

/** A run that is given up after so many seconds in which nothing moves on. */
const timeoutSeconds = 30;

/** Runs that may wait at once. */
const maxWaiting = 100;

const lost = { message: "the server ended while this ran", hint: "Run it again." };

type Outcome = Pick<RunRecord, "state" | "result" | "error">;

/**
 * One run at a time, the oldest first; all that happens is on disk before it is told. What is queued stays queued when the
 * server ends. What runs then has failed, and is not tried again by itself: it may be what took the machine down.
 */
export class RunQueue {
  readonly #store: RunStore;
  readonly #runner: Runner;
  readonly #records = new Map<string, RunRecord>();
  readonly #listeners = new Map<string, Set<(record: RunRecord) => void>>();
  #running: { readonly id: string; readonly stop: AbortController; readonly over: Promise<void> } | null = null;
  #isClosed = false;
  #lastCreatedAt = 0;

  constructor(store: RunStore, runner: Runner) {
    this.#store = store;
    this.#runner = runner;
    for (const record of store.load()) this.#records.set(record.id, record);
    this.#lastCreatedAt = Math.max(0, ...this.#all().map(({ createdAt }) => createdAt));
    for (const record of this.#all().filter(({ state }) => state === "running"))
      this.#conclude(record.id, failure(lost));
  }

  /** Starts what waits. */
  start(): void {
    this.#advance();
  }

  /** All runs, the newest first. */
  list(): readonly RunRecord[] {
    return this.#all().sort((a, b) => b.createdAt - a.createdAt);
  }

  get(id: string): RunRecord | null {
    return this.#records.get(id) ?? null;
  }

  /** Queues a run. Throws a UsageError (`limit`) where too many wait. */
  add({ bytes, schedule, title, emulated, repeats, seed }: ReadOrder): RunRecord {
    if (this.#waiting().length >= maxWaiting) {
      throw new UsageError("limit", `${maxWaiting} runs wait already`, { hint: "Cancel some of them." });
    }
    const createdAt = (this.#lastCreatedAt = Math.max(Date.now(), this.#lastCreatedAt + 1));
    const record: RunRecord = {
      id: `${createdAt.toString(36)}-${randomBytes(4).toString("hex")}`,
      title,
      state: "queued",
      createdAt,
      startedAt: null,
      endedAt: null,
      progress: null,
      scheduleHash: scheduleHash(schedule, createNodeHasher),
      ranks: schedule.ranks,
      emulated: emulated !== null,
      result: null,
      error: null,
    };
    this.#store.create(record, bytes, { repeats, seed, emulated });
    this.#records.set(record.id, record);
    this.#advance();
    return this.#records.get(record.id)!;
  }

  /** Cancels a run that waits or runs, and waits until its process is gone; one that has ended stays as it is. Null: no such run. */
  async cancel(id: string): Promise<RunRecord | null> {
    const record = this.get(id);
    if (record?.state === "queued") return this.#conclude(id, cancelled);
    if (record?.state === "running" && this.#running?.id === id) {
      this.#running.stop.abort();
      await this.#running.over;
      return this.get(id) ?? record;
    }
    return record;
  }

  /** Removes a run that has ended: its record as it was. Null: no such run, or one that still waits or runs. */
  remove(id: string): RunRecord | null {
    const record = this.get(id);
    if (record === null || record.state === "queued" || record.state === "running") return null;
    this.#store.remove(id);
    this.#records.delete(id);
    return record;
  }

  /** The packed trace of a run that is done, or null. */
  trace(id: string): Uint8Array<ArrayBuffer> | null {
    return this.get(id)?.state === "done" ? this.#store.readTrace(id) : null;
  }

  /** Tells every change of a run; returns what ends that. */
  listen(id: string, listener: (record: RunRecord) => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }

  /** Stops what runs, which has failed then, and starts no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#running?.stop.abort();
    await this.#running?.over;
  }

  #all(): RunRecord[] {
    return [...this.#records.values()];
  }

  #waiting(): RunRecord[] {
    return this.#all()
      .filter(({ state }) => state === "queued")
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  #advance(): void {
    const next = this.#waiting()[0];
    if (this.#isClosed || this.#running !== null || next === undefined) return;
    const stop = new AbortController();
    const over = this.#run(next.id, stop.signal).finally(() => {
      this.#running = null;
      this.#advance();
    });
    this.#running = { id: next.id, stop, over };
  }

  async #run(id: string, signal: AbortSignal): Promise<void> {
    this.#change(id, { state: "running", startedAt: Date.now() });
    const outcome = await this.#outcomeOf(id, signal).catch((error: unknown) => {
      if (!signal.aborted) return failureOf(error);
      return this.#isClosed ? failure(lost) : cancelled;
    });
    this.#conclude(id, outcome);
  }

  async #outcomeOf(id: string, signal: AbortSignal): Promise<Outcome> {
    const packed = this.#store.readSchedule(id);
    const settings = this.#store.readSettings(id);
    const schedule = decodeSchedule(packed, createNodeHasher);
    const passes = countPasses(settings.repeats * schedule.repeats);
    const result = await this.#runner(jobOf(packed, settings), {
      signal,
      onProgress: (progress) => this.#showProgress(id, passes(progress)),
    });
    this.#store.writeTrace(id, packTrace(schedule, result));
    return { state: "done", result: figuresOf(result), error: null };
  }

  /** Not worth a write: after a restart it has failed. */
  #showProgress(id: string, progress: Passes): void {
    const record = this.#records.get(id)!;
    if (record.progress?.done === progress.done) return;
    this.#records.set(id, { ...record, progress });
    this.#tell(id);
  }

  #conclude(id: string, outcome: Outcome): RunRecord {
    return this.#change(id, { ...outcome, endedAt: Date.now(), progress: null });
  }

  #change(id: string, change: Partial<RunRecord>): RunRecord {
    const record = { ...this.#records.get(id)!, ...change };
    this.#records.set(id, record);
    try {
      this.#store.write(record);
    } catch {
      // A full disk must not stop the queue: the record stands in memory, and after a restart the run has failed.
    }
    this.#tell(id);
    return record;
  }

  #tell(id: string): void {
    for (const listener of [...(this.#listeners.get(id) ?? [])]) listener(this.#records.get(id)!);
  }
}

const cancelled: Outcome = { state: "cancelled", result: null, error: null };

function failure({ message, hint }: { readonly message: string; readonly hint: string | null }): Outcome {
  return { state: "failed", result: null, error: { code: "run", message, hint } };
}

function failureOf(error: unknown): Outcome {
  if (error instanceof UsageError) {
    const { code, message, path, hint } = error;
    return {
      state: "failed",
      result: null,
      error: { code, message: path === null ? message : `${path}: ${message}`, hint },
    };
  }
  if (error instanceof RunFailed) return failure({ message: error.message, hint: error.hint || null });
  return failure({ message: error instanceof Error ? error.message : String(error), hint: null });
}

function jobOf(schedule: Uint8Array, { repeats, seed, emulated }: RunSettings): RunJob {
  return {
    backend: "threads",
    kernel: "onnx",
    schedule,
    inputs: { seed },
    output: null,
    repeats,
    timeoutSeconds,
    emulated,
    checkSeed: seed,
    isChecked: true,
    faults: [],
  };
}

function packTrace(schedule: Schedule, result: RunResult): Uint8Array {
  return encodeTrace(measuredTrace(schedule, result, scheduleHash(schedule, createNodeHasher)), createNodeHasher);
}

function figuresOf({ makespanNs, makespans, relativeError, hardware }: RunResult): RunRecord["result"] {
  const spread = (Math.max(...makespans) - Math.min(...makespans)) / makespanNs;
  return { makespanNs, relativeError, spread, makespans, hardware };
}
