import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../plan/errors.ts";
import { decodeSchedule } from "../../plan/schedule/codec-packed.ts";
import { OpFailed, runLane } from "../executor.ts";
import { Aborted, type Board, type Fabric } from "../fabric.ts";
import { sufferFault } from "../faults.ts";
import { createKernel } from "../kernels.ts";
import { compileProgram, type Program } from "../program.ts";
import { type CheckedRows, checkRows } from "../reference/check-rows.ts";
import { fillRandom } from "../tensors/random-tensors.ts";
import { groupOf, shardRuns } from "../shard-memory.ts";
import { createClock } from "./clock.ts";
import type { GroupTensors, LaneJob, LaneMessage } from "./lane-job.ts";
import { clearPass, Control, LANES } from "./shared-run.ts";
import { meet, ThreadsBoard } from "./threads-board.ts";
import { createThreadsFabric } from "./threads-fabric.ts";

/** The thread of a rank that computes; the other one moves bytes. */
const COMPUTE_LANE = 0;

/** How long short passes warm up, and how many at most. */
const WARM_UP_MS = 250;
const MAX_WARM_UPS = 100;

assert(parentPort !== null, "a lane runs in a worker");
const port = parentPort;
const job = workerData as LaneJob;
function say(message: LaneMessage): void {
  port.postMessage(message);
}

/** All of a run for one thread: prepares, runs every pass between two meetings of all threads, and checks its part. */
async function runJob(): Promise<void> {
  const { run, rank, lane } = job;
  const program = compileProgram(decodeSchedule(job.schedule));
  const { schedule } = program;
  const computes = lane === COMPUTE_LANE;
  const streams = computes ? [0] : schedule.streams.map((_, stream) => stream).filter((stream) => stream > 0);
  const board = new ThreadsBoard(run, rank, lane);
  const numThreads = LANES * schedule.ranks;
  const fabric = createThreadsFabric({
    run,
    rank,
    ranks: schedule.ranks,
    lane,
    clock: createClock(job.origin),
    isEmulated: (peer) => job.emulatedPeers[peer] === 1,
    requestRing: { start: program.firstOf(rank, streams[0] ?? 0), size: countOps(program, rank, streams) },
  });
  const kernel = computes ? createKernel(job.kernel, { schedule, heap: fabric.heap }) : null;
  const tensors = job.tensors[groupOf(schedule, rank)]!;
  if (kernel !== null) {
    if (job.seed !== null) fillShard(program, tensors, job.seed);
    await kernel.prepare(program.opsOf(rank, 0));
    board.progress();
  }
  meet(run, numThreads, board);
  if (rank === 0 && computes) say({ type: "phase", phase: "running" });
  const parts = withFaults({ program, rank, streams, fabric, kernel, board });
  const warmUp = new WarmUp();
  for (let pass = 0; pass < job.repeats * schedule.repeats; ) {
    if (rank === 0 && computes) {
      clearPass(run);
      Atomics.store(run.control, Control.isWarmUp, warmUp.goesOn() ? 1 : 0);
    }
    if (kernel !== null) loadShard(program, fabric.heap, tensors, rank);
    kernel?.reset();
    fabric.beginPass();
    // Timed passes write over the times of those that warm up.
    board.beginPass(pass);
    meet(run, numThreads, board);
    const isWarmUp = Atomics.load(run.control, Control.isWarmUp) === 1;
    await runLane(parts);
    meet(run, numThreads, board);
    if (isWarmUp) continue;
    if (kernel !== null) run.outputHash[pass * schedule.ranks + rank] = hashShard(program, fabric.heap, rank);
    pass++;
  }
  if (kernel !== null) storeShard(program, fabric.heap, tensors, rank);
  meet(run, numThreads, board);
  if (rank === 0 && computes) say({ type: "phase", phase: job.isChecked ? "checking" : "writing" });
  const checked = job.isChecked ? checkShare(program, tensors, board) : { difference2: 0, norm2: 0, rows: 0 };
  say({
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

/** Passes that are not timed: one at least, and short ones until the JavaScript engine has compiled what runs often. */
class WarmUp {
  readonly #startMs = performance.now();
  #count = 0;

  goesOn(): boolean {
    const isShort = performance.now() - this.#startMs < WARM_UP_MS && this.#count < MAX_WARM_UPS;
    return this.#count++ === 0 || isShort;
  }
}

function countOps(program: Program, rank: number, streams: readonly number[]): number {
  return streams.reduce((sum, stream) => sum + program.opsOf(rank, stream).length, 0);
}

/** Fills the rank's part of Q, K and V of its group with random numbers. */
function fillShard({ schedule }: Program, tensors: GroupTensors, seed: number): void {
  const group = groupOf(schedule, job.rank);
  const fill = (name: "q" | "k" | "v", at: number, length: number) => {
    fillRandom(tensors[name].subarray(at, at + length), { seed, tensor: name, group, first: at });
  };
  for (const { tensorAt, length } of shardRuns(schedule, job.rank, "Q")) fill("q", tensorAt, length);
  for (const { tensorAt, length, plane } of shardRuns(schedule, job.rank, "KV"))
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

/** This thread's share of the rows of its group that are compared with attention in float64. */
function checkShare({ schedule }: Program, tensors: GroupTensors, board: Board): CheckedRows {
  const threads = (LANES * schedule.ranks) / schedule.groups;
  const share = (LANES * job.rank + job.lane) % threads;
  return checkRows(schedule.workload, tensors, job.checkSeed, {
    share,
    shares: threads,
    onProgress: () => {
      board.progress();
      board.check();
    },
  });
}

/** Lets the faults of a test happen on this thread. */
function withFaults(parts: Parameters<typeof runLane>[0]): Parameters<typeof runLane>[0] {
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

await runJob().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const op = error instanceof OpFailed ? error.op : null;
  say({ type: "failed", rank: job.rank, lane: job.lane, message, op, isAbort: error instanceof Aborted });
});
