import { decodeSchedule } from "../../plan/schedule/codec-packed.ts";
import { type LaneParts, OpFailed, runLane } from "../executor.ts";
import { Aborted, type Board, type Fabric } from "../fabric.ts";
import { sufferFault } from "../faults.ts";
import { createKernel } from "../kernels.ts";
import { compileProgram, type Program } from "../program.ts";
import { type CheckedRows, checkRows } from "../reference/check-rows.ts";
import { groupOf, shardRuns } from "../shard-memory.ts";
import { fillRandom } from "../tensors/random-tensors.ts";
import type { LaneBoard } from "./lane-board.ts";
import { COMPUTE_LANE, type GroupTensors, type LaneJob, LANES, type LaneMessage } from "./lane-job.ts";

/** Short passes warm up for so long, and so often at most. */
const WARM_UP_MS = 250;
const MAX_WARM_UPS = 100;

/** Longer passes warm up so often at least, unless that takes longer. */
const MIN_WARM_UPS = 4;
const LONG_WARM_UP_MS = 2000;

/** What a backend gives the threads of its ranks. */
export interface LaneWorld {
  readonly board: LaneBoard;
  readonly fabric: Fabric;
  /**
   * Waits until all threads of all ranks are here. Where the thread of rank 0 that computes says something, all get it as
   * the answer; at the next meeting it says nothing.
   */
  meet(said?: boolean): boolean;
  /** Between two meetings, on threads that compute: clears what belongs to one pass. */
  clearPass(): void;
  /** After that, on all threads. */
  beginPass(): void;
  /** Hash of the rank's output in that pass. */
  noteOutput(pass: number, hash: number): void;
}

/** Runs the job of a worker thread with a world that `enter` makes for it, and says how it went. */
export async function runLaneWorker<Job extends LaneJob>(
  job: Job,
  say: (message: LaneMessage) => void,
  enter: (job: Job, program: Program, streams: readonly number[]) => LaneWorld,
): Promise<void> {
  try {
    const program = compileProgram(decodeSchedule(job.schedule));
    const all = program.schedule.streams.map((_, stream) => stream);
    const streams = job.lane === COMPUTE_LANE ? [0] : all.slice(1);
    await new LaneRun(job, program, streams, enter(job, program, streams), say).run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const op = error instanceof OpFailed ? error.op : null;
    say({ type: "failed", rank: job.rank, lane: job.lane, message, op, isAbort: error instanceof Aborted });
  }
}

/** All of a run for one thread: prepares, runs every pass between two meetings of all threads, and checks its part. */
class LaneRun {
  readonly #job: LaneJob;
  readonly #program: Program;
  readonly #streams: readonly number[];
  readonly #world: LaneWorld;
  readonly #say: (message: LaneMessage) => void;

  constructor(
    job: LaneJob,
    program: Program,
    streams: readonly number[],
    world: LaneWorld,
    say: (message: LaneMessage) => void,
  ) {
    this.#job = job;
    this.#program = program;
    this.#streams = streams;
    this.#world = world;
    this.#say = say;
  }

  async run(): Promise<void> {
    const job = this.#job;
    const program = this.#program;
    const world = this.#world;
    const { rank, lane } = job;
    const { schedule } = program;
    const { board, fabric } = world;
    const computes = lane === COMPUTE_LANE;
    const isFirst = rank === 0 && computes;
    const kernel = computes ? createKernel(job.kernel, { schedule, heap: fabric.heap }) : null;
    const tensors = job.tensors[groupOf(schedule, rank)]!;
    if (kernel !== null) {
      if (job.seed !== null) fillShard(program, tensors, rank, job.seed);
      await kernel.prepare(program.opsOf(rank, 0));
      board.progress();
    }
    world.meet();
    if (isFirst) this.#say({ type: "phase", phase: "running" });
    const parts = withFaults({ program, rank, streams: this.#streams, fabric, kernel, board }, job);
    const warmUp = new WarmUp();
    for (let pass = 0; pass < job.repeats * schedule.repeats; ) {
      if (kernel !== null) {
        world.clearPass();
        loadShard(program, fabric.heap, tensors, rank);
        kernel.reset();
      }
      world.beginPass();
      // Timed passes write over the times of those that warm up.
      board.beginPass(pass);
      const isWarmUp = world.meet(isFirst ? warmUp.goesOn() : undefined);
      await runLane(parts);
      world.meet();
      if (isWarmUp) continue;
      if (kernel !== null) world.noteOutput(pass, hashShard(program, fabric.heap, rank));
      pass++;
    }
    if (kernel !== null) storeShard(program, fabric.heap, tensors, rank);
    world.meet();
    if (isFirst) this.#say({ type: "phase", phase: job.isChecked ? "checking" : "writing" });
    const checked = job.isChecked ? this.#checkShare(tensors) : { difference2: 0, norm2: 0, rows: 0 };
    this.#say({
      type: "done",
      rank,
      lane,
      stagedBytes: kernel?.stagedBytes ?? 0,
      difference2: checked.difference2,
      norm2: checked.norm2,
      rowsChecked: checked.rows,
    });
    await kernel?.dispose();
  }

  /** This thread's share of the rows of its group that are compared with attention in float64. */
  #checkShare(tensors: GroupTensors): CheckedRows {
    const { schedule } = this.#program;
    const { board } = this.#world;
    const threads = (LANES * schedule.ranks) / schedule.groups;
    const share = (LANES * this.#job.rank + this.#job.lane) % threads;
    return checkRows(schedule.workload, tensors, this.#job.checkSeed, {
      share,
      shares: threads,
      onProgress: () => {
        board.progress();
        board.check();
      },
    });
  }
}

/**
 * Passes that are not timed: one at least, until the JavaScript engine has compiled what runs often and the memory of each
 * process has grown to what it needs. The first passes of 8 processes on 2 cores took 30 to 50 % longer than the eighth.
 */
class WarmUp {
  readonly #startMs = performance.now();
  #count = 0;

  goesOn(): boolean {
    const tookMs = performance.now() - this.#startMs;
    const count = this.#count++;
    return (
      count === 0 || (count < MIN_WARM_UPS && tookMs < LONG_WARM_UP_MS) || (count < MAX_WARM_UPS && tookMs < WARM_UP_MS)
    );
  }
}

/** Fills the rank's part of Q, K and V of its group with random numbers. */
export function fillShard(
  { schedule }: Pick<Program, "schedule">,
  tensors: GroupTensors,
  rank: number,
  seed: number,
): void {
  const group = groupOf(schedule, rank);
  const fill = (name: "q" | "k" | "v", at: number, length: number) => {
    fillRandom(tensors[name].subarray(at, at + length), { seed, tensor: name, group, first: at });
  };
  for (const { tensorAt, length } of shardRuns(schedule, rank, "Q")) fill("q", tensorAt, length);
  for (const { tensorAt, length, plane } of shardRuns(schedule, rank, "KV"))
    fill(plane < schedule.workload.batch ? "k" : "v", tensorAt, length);
}

function loadShard({ schedule }: Program, heap: Float32Array, { q, k, v }: GroupTensors, rank: number): void {
  for (const { heapAt, tensorAt, length } of shardRuns(schedule, rank, "Q"))
    heap.set(q.subarray(tensorAt, tensorAt + length), heapAt);
  for (const { heapAt, tensorAt, length, plane } of shardRuns(schedule, rank, "KV"))
    heap.set((plane < schedule.workload.batch ? k : v).subarray(tensorAt, tensorAt + length), heapAt);
}

function storeShard({ schedule }: Program, heap: Float32Array, { out }: GroupTensors, rank: number): void {
  for (const { heapAt, tensorAt, length } of shardRuns(schedule, rank, "O"))
    out.set(heap.subarray(heapAt, heapAt + length), tensorAt);
}

/** FNV-1a over the output's words. */
function hashShard({ schedule }: Program, heap: Float32Array, rank: number): number {
  const words = new Int32Array(heap.buffer, heap.byteOffset, heap.length);
  let hash = 0x811c9dc5 | 0;
  for (const { heapAt, length } of shardRuns(schedule, rank, "O")) {
    for (let at = heapAt; at < heapAt + length; at++) hash = Math.imul(hash ^ words[at]!, 0x01000193);
  }
  return hash;
}

/** Lets the faults of a test happen on this thread. */
function withFaults(parts: LaneParts, job: LaneJob): LaneParts {
  const { program, rank, streams, board, fabric } = parts;
  const { ops } = program.schedule;
  const mine = job.faults.filter(({ op }) => ops.rank[op] === rank && streams.includes(ops.stream[op]!));
  if (mine.length === 0) return parts;
  const faultOf = (op: number) => mine.find((fault) => fault.op === op);
  const faulty: Board = {
    hasEnded: (op) => board.hasEnded(op),
    ended: (op, span, isAwaited) => board.ended(op, span, isAwaited),
    progress: () => board.progress(),
    check: () => board.check(),
    started: (op, startNs) => {
      board.started(op, startNs);
      const fault = faultOf(op);
      if (fault !== undefined) sufferFault(fault);
    },
  };
  const loses = (op: number) => faultOf(op)?.kind === "lose-signal";
  const lossy: Fabric = {
    rank,
    heap: fabric.heap,
    nowNs: () => fabric.nowNs(),
    put: (transfer) => fabric.put(loses(transfer.op) ? { ...transfer, signal: null } : transfer),
    get: (transfer) => fabric.get(transfer),
    notify: (transfer) => (loses(transfer.op) ? { span: null, poll: () => "ended" } : fabric.notify(transfer)),
    send: (transfer) => fabric.send(transfer),
    receive: (transfer) => fabric.receive(transfer),
    barrier: () => fabric.barrier(),
    reached: (word, value) => fabric.reached(word, value),
    idle: () => fabric.idle(),
  };
  return { ...parts, board: faulty, fabric: lossy };
}
