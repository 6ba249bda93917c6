import { Worker } from "node:worker_threads";
import { decodeSchedule } from "../../plan/schedule/codec-packed.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import type { RunWatch } from "../backend.ts";
import { bundlePath } from "../bundles.ts";
import { describeOp, describeStall } from "../describe-stall.ts";
import { freeMemoryBytes } from "../hardware.ts";
import { type Phase, RunFailed, type RunJob, type RunResult } from "../job.ts";
import { readInputs } from "../run-files.ts";
import { describeResult } from "../run-result.ts";
import { shapeOfTensor } from "../tensors/tensor-files.ts";
import { writeTensorFile } from "../tensors/write-tensor-file.ts";
import type { ThreadsLaneJob } from "./threads-lane-job.ts";
import { measureCopyRate } from "./copy-rate.ts";
import { checkEmulation, createEmulatedPaths } from "./emulated-links.ts";
import { type GroupTensors, LANES, type LaneMessage } from "../lanes/lane-job.ts";
import { OpState, PAD } from "../lanes/lane-board.ts";
import { abortRun, createSharedRun, type SharedRun } from "./shared-run.ts";

/** How often a run is looked at, and how long its threads have to stop once they are told to, ms. */
const LOOK_MS = 100;
const STOP_MS = 1000;

type Done = Extract<LaneMessage, { type: "done" }>;

/**
 * Runs a job with two worker threads a rank in this process: one that computes and one that moves bytes, and an arbiter
 * where links are emulated. Throws `RunFailed` where a thread throws, ends, runs out of memory or nothing moves on for
 * `timeoutSeconds`; a UsageError for inputs that do not fit, links too fast to be emulated, or too little memory.
 */
export async function runThreads(job: RunJob, watch: RunWatch): Promise<RunResult> {
  const schedule = decodeSchedule(job.schedule);
  if (job.emulated !== null) checkEmulation(job.emulated, schedule, measureCopyRate());
  const passes = job.repeats * schedule.repeats;
  const run = createSharedRun(schedule, passes, job.emulated !== null, freeMemoryBytes());
  const tensors = createTensors(schedule, job);
  const threads = new Threads(job, schedule, run, tensors, watch);
  const done = await threads.finish();
  if (job.output !== null) {
    watch.progress({ phase: "writing", fraction: 0, ops: [] });
    writeTensorFile(job.output, shapeOfTensor(schedule.workload, "out"), tensors[0]!.out);
  }
  const sum = (of: (lane: Done) => number) => done.reduce((total, lane) => total + of(lane), 0);
  return describeResult(job, schedule, {
    ...run,
    stagedBytes: sum((lane) => lane.stagedBytes),
    checked: {
      difference2: sum((lane) => lane.difference2),
      norm2: sum((lane) => lane.norm2),
      rows: sum((lane) => lane.rowsChecked),
    },
    timer: job.emulated === null ? null : describeTimer(run),
    notes: [],
  });
}

function createTensors(schedule: Schedule, { inputs }: RunJob): GroupTensors[] {
  const { workload, groups } = schedule;
  const shared = (numElements: number) => new Float32Array(new SharedArrayBuffer(4 * numElements));
  const sharedFor = (name: "q" | "k" | "v" | "out") =>
    shared(shapeOfTensor(workload, name).reduce((product, size) => product * size, 1));
  if ("q" in inputs) return [{ ...readInputs(inputs, schedule, shared), out: sharedFor("out") }];
  return Array.from({ length: groups }, () => ({
    q: sharedFor("q"),
    k: sharedFor("k"),
    v: sharedFor("v"),
    out: sharedFor("out"),
  }));
}

/** The threads of a run, from their start to their end. */
class Threads {
  readonly #job: RunJob;
  readonly #schedule: Schedule;
  readonly #run: SharedRun;
  readonly #watch: RunWatch;
  readonly #workers: Worker[] = [];
  readonly #done: Done[] = [];
  readonly #stopped = new Set<Worker>();
  #phase: Phase = "starting";
  #failure: RunFailed | null = null;
  #settle: (() => void) | null = null;

  constructor(job: RunJob, schedule: Schedule, run: SharedRun, tensors: readonly GroupTensors[], watch: RunWatch) {
    this.#job = job;
    this.#schedule = schedule;
    this.#run = run;
    this.#watch = watch;
    const origin = process.hrtime.bigint();
    const packed = new Uint8Array(new SharedArrayBuffer(job.schedule.byteLength));
    packed.set(job.schedule);
    const paths = job.emulated === null ? null : createEmulatedPaths(job.emulated, schedule);
    for (let rank = 0; rank < schedule.ranks; rank++) {
      const isEmulated = (_: unknown, peer: number) => (paths?.isEmulated(rank, peer) === true ? 1 : 0);
      const emulatedPeers = Uint8Array.from({ length: schedule.ranks }, isEmulated);
      for (let lane = 0; lane < LANES; lane++) {
        const laneJob: ThreadsLaneJob = {
          run,
          schedule: packed,
          rank,
          lane,
          origin,
          emulatedPeers,
          repeats: job.repeats,
          seed: "seed" in job.inputs ? job.inputs.seed : null,
          tensors,
          checkSeed: job.checkSeed,
          isChecked: job.isChecked,
          kernel: job.kernel,
          faults: job.faults,
        };
        this.#start("lane", laneJob, `rank ${rank}`);
      }
    }
    if (job.emulated !== null) {
      this.#start(
        "arbiter",
        { run, schedule: packed, topology: job.emulated, origin },
        "the arbiter of emulated links",
      );
    }
  }

  /** Resolves once all threads of ranks are done; throws what went wrong once all have stopped, or will not stop. */
  async finish(): Promise<readonly Done[]> {
    const timer = setInterval(() => this.#look(), LOOK_MS);
    const onAbort = () => this.#fail("the run was stopped");
    this.#watch.signal.addEventListener("abort", onAbort);
    if (this.#watch.signal.aborted) onAbort();
    try {
      await new Promise<void>((resolve) => {
        this.#settle = resolve;
        this.#settleIfOver();
      });
      abortRun(this.#run);
      await this.#stop();
    } finally {
      clearInterval(timer);
      this.#watch.signal.removeEventListener("abort", onAbort);
    }
    if (this.#failure !== null) throw this.#failure;
    return this.#done;
  }

  #start(bundle: string, workerData: object, name: string): void {
    const worker = new Worker(bundlePath(bundle), { workerData });
    this.#workers.push(worker);
    worker.on("message", (message: LaneMessage) => this.#hear(message));
    worker.on("error", (error) =>
      this.#fail(`${name} failed: ${describeWorkerError(error)}${this.#whereabouts(worker)}`),
    );
    worker.on("exit", () => {
      this.#stopped.add(worker);
      const isDone = this.#done.length === this.#schedule.ranks * LANES;
      const hasSaidSo = this.#done.some(({ rank, lane }) => this.#workers[rank * LANES + lane] === worker);
      if (!isDone && !hasSaidSo) this.#fail(`${name} ended before the run did${this.#whereabouts(worker)}`);
    });
  }

  #hear(message: LaneMessage): void {
    if (message.type === "phase") this.#phase = message.phase;
    else if (message.type === "done") this.#done.push(message);
    else if (!message.isAbort) {
      const place = message.op === null ? "" : ` in ${describeOp(this.#schedule, message.op)}`;
      this.#fail(`rank ${message.rank} failed: ${message.message}${place}`);
    }
    this.#settleIfOver();
  }

  /** An op that a thread is in, in words. */
  #whereabouts(worker: Worker): string {
    const { rank, stream } = this.#schedule.ops;
    const thread = this.#workers.indexOf(worker);
    const op = this.#underWay().find(
      (candidate) => thread === LANES * rank[candidate]! + (stream[candidate] === 0 ? 0 : 1),
    );
    return op === undefined ? "" : ` in ${describeOp(this.#schedule, op)}`;
  }

  #fail(message: string): void {
    if (this.#failure !== null) return;
    this.#failure = new RunFailed(message);
    this.#settleIfOver();
  }

  #settleIfOver(): void {
    if (this.#failure !== null || this.#done.length === this.#schedule.ranks * LANES) this.#settle?.();
  }

  #lastProgress = -1;
  #lastProgressMs = performance.now();

  /** Tells how far the run is, and gives it up where nothing has moved on for too long. */
  #look(): void {
    const { progress, state } = this.#run;
    const moved = progress.reduce((sum, count) => (sum + count) | 0, 0);
    const nowMs = performance.now();
    if (moved !== this.#lastProgress) {
      this.#lastProgress = moved;
      this.#lastProgressMs = nowMs;
    }
    const ended = state.reduce((sum, value) => sum + (value === OpState.ended ? 1 : 0), 0);
    this.#watch.progress({ phase: this.#phase, fraction: ended / state.length, ops: this.#underWay() });
    if (this.#failure !== null || nowMs - this.#lastProgressMs < 1000 * this.#job.timeoutSeconds) return;
    const why =
      this.#phase === "starting"
        ? "its threads are not ready"
        : describeStall(this.#schedule, this.#underWay(), (op) => state[op] === OpState.ended);
    this.#fail(`nothing has moved on for ${this.#job.timeoutSeconds} s: ${why}`);
  }

  #underWay(): number[] {
    const { state } = this.#run;
    const ops: number[] = [];
    for (let op = 0; op < state.length; op++) if (state[op] === OpState.started) ops.push(op);
    return ops;
  }

  /** Waits a while for the threads to end by themselves. */
  async #stop(): Promise<void> {
    const untilMs = performance.now() + STOP_MS;
    while (this.#stopped.size < this.#workers.length && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function describeWorkerError(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") return "out of memory";
  return error instanceof Error ? error.message : String(error);
}

function describeTimer({ late }: SharedRun): RunResult["timer"] {
  let [count, sum, maxNs] = [0, 0, 0];
  for (let at = 0; at < late.length; at += PAD) {
    count += late[at]!;
    sum += late[at + 1]!;
    maxNs = Math.max(maxNs, late[at + 2]!);
  }
  return { count, meanNs: count === 0 ? 0 : sum / count, maxNs };
}
