import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";
import { Worker } from "node:worker_threads";
import { decodeSchedule } from "../../plan/schedule/codec-packed.ts";
import { numOps, type Schedule } from "../../plan/schedule/schedule.ts";
import { bundlePath } from "../bundles.ts";
import { OpState, PAD } from "../lanes/lane-board.ts";
import { type GroupTensors, type LaneMessage, LANES } from "../lanes/lane-job.ts";
import { groupOf, shardRuns } from "../shard-memory.ts";
import { shapeOfTensor } from "../tensors/tensor-files.ts";
import { loadAddon } from "./addon.ts";
import { Channel } from "./channel.ts";
import type { PeLaneJob } from "./pe-lane-worker.ts";
import {
  type FromRank,
  type JoiningAddress,
  type LauncherAddress,
  LOST_MS,
  type PeJob,
  type ToRank,
} from "./pe-messages.ts";

/**
 * The process of one rank: started by `oshrun` or `srun`, it connects to the launcher that `TOROID_LAUNCHER` names, joins
 * OpenSHMEM, runs what it is told and says how it went. It ends when the launcher says so or is not heard from any more.
 */
const REPORT_MS = 100;

/** Of an address in symmetric memory, its length before it. */
const ADDRESS_BYTES = 64 * 1024;

/** What launchers call a rank in its environment. */
const RANK_VARIABLES = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"];

/** For the groups that the rank is not in. */
const NOTHING: GroupTensors = (() => {
  const none = new Float32Array(0);
  return { q: none, k: none, v: none, out: none };
})();

const addon = loadAddon();
let lastWordMs = performance.now();
let hasEnded = false;

const given = JSON.parse(process.env["TOROID_LAUNCHER"] ?? "{}") as LauncherAddress | JoiningAddress;
/** Ranks that another launcher has started learn of this program's over OpenSHMEM. */
const joined = "isJoining" in given ? await addon.init() : null;
let isSharing = joined !== null;
const socket = await reach("isJoining" in given ? await shareAddress(given, joined!) : given);
const channel = new Channel<ToRank, FromRank>(socket, hear);
socket.on("close", leave);
setInterval(() => {
  if (performance.now() - lastWordMs > LOST_MS) leave();
}, 200);

const variable = RANK_VARIABLES.find((name) => process.env[name] !== undefined);
channel.send({ type: "hello", host: hostname(), rank: variable === undefined ? null : Number(process.env[variable]) });
const me = joined ?? (await addon.init());
channel.send({ type: "joined", ...me });

/**
 * Rank 0 reads the address as soon as the program beside it has written it down, and puts it into the memory of all
 * others; it serves the library until the launcher has heard of all.
 */
async function shareAddress(
  { file }: JoiningAddress,
  { rank, ranks }: { rank: number; ranks: number },
): Promise<LauncherAddress> {
  await addon.allocate(ADDRESS_BYTES);
  const memory = Buffer.from(addon.memory());
  const doorbell = new Int32Array(1);
  const serve = () => addon.progress(doorbell, 0, 0, 0, 0, 1000);
  if (file !== null) {
    while (!existsSync(file)) await pause();
    const text = readFileSync(file);
    memory.writeUInt32LE(text.length, 0);
    text.copy(memory, 8);
    for (let peer = 0; peer < ranks; peer++) if (peer !== rank) addon.put(peer, 8, 0, 8, 0, ADDRESS_BYTES - 8, 1);
    for (let peer = 0; peer < ranks; peer++) if (peer !== rank) addon.signal(peer, 0, 0);
    const timer = setInterval(() => (isSharing ? serve() : clearInterval(timer)), 5);
  }
  for (; memory.readUInt32LE(0) === 0; await pause()) serve();
  return JSON.parse(memory.toString("utf8", 8, 8 + memory.readUInt32LE(0))) as LauncherAddress;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** The launcher by the first of its addresses that answers. */
async function reach({ addresses, port, token }: LauncherAddress): Promise<Socket> {
  const tries = addresses.map(
    (host) =>
      new Promise<Socket>((resolve, reject) => {
        const attempt = connect({ host, port }, () => resolve(attempt));
        attempt.once("error", reject);
      }),
  );
  const first = await Promise.any(tries);
  for (const attempt of tries) void attempt.then((other) => other !== first && other.destroy()).catch(() => {});
  first.write(Buffer.from(token, "hex"));
  return first;
}

/**
 * Ends at once, with nothing of the library's own: that may wait for ranks that are gone. Where the launcher is out of
 * reach, so is whoever would stop Open MPI's daemon of this machine.
 */
function leave(): void {
  if (hasEnded && joined !== null) return;
  if (hasEnded) process.exit(0);
  const daemon = process.ppid;
  if (process.env["OMPI_COMM_WORLD_RANK"] !== undefined && performance.now() - lastWordMs > LOST_MS) {
    try {
      process.kill(daemon, "SIGKILL");
    } catch {
      // It is gone already.
    }
  }
  process.kill(process.pid, "SIGKILL");
}

function hear(message: ToRank): void {
  lastWordMs = performance.now();
  if (message.type === "allocate") void allocate(message.bytes);
  else if (message.type === "clock") channel.send({ type: "clock", id: message.id, ns: process.hrtime.bigint() });
  else if (message.type === "run") startRun(message.job);
  else if (message.type === "end") {
    hasEnded = true;
    void endJob();
  } else if (message.type === "stop") leave();
}

/** Finishing ends the whole job of a launcher, with the program that is to say how it went: that goes first. */
async function endJob(): Promise<void> {
  if ("isJoining" in given && given.file !== null) {
    process.stdin.resume();
    await new Promise((resolve) => process.stdin.once("close", resolve));
  }
  await addon.finish();
}

async function allocate(bytes: number): Promise<void> {
  isSharing = false;
  try {
    await addon.allocate(bytes);
    channel.send({ type: "allocated" });
  } catch (error) {
    channel.send({ type: "failed", message: error instanceof Error ? error.message : String(error), op: null });
  }
}

function startRun(job: PeJob): void {
  const schedule = decodeSchedule(job.schedule);
  const ops = Uint32Array.from(schedule.ops.kind.keys()).filter((op) => schedule.ops.rank[op] === me.rank);
  const passes = job.repeats * schedule.repeats;
  const count = numOps(schedule);
  const shared = <T>(make: (buffer: SharedArrayBuffer) => T, bytes: number) => make(new SharedArrayBuffer(bytes));
  const int32 = (length: number) => shared((buffer) => new Int32Array(buffer), 4 * length);
  const float64 = (length: number) => shared((buffer) => new Float64Array(buffer), 8 * length);
  const memory = {
    control: int32(PAD),
    doorbells: int32(PAD),
    progress: int32(LANES * PAD),
    state: shared((buffer) => new Uint8Array(buffer), count),
    startNs: float64(passes * count),
    endNs: float64(passes * count),
  };
  const outputHash = int32(passes);
  const packed = shared((buffer) => new Uint8Array(buffer), job.schedule.byteLength);
  packed.set(job.schedule);
  const group = groupOf(schedule, me.rank);
  const tensors = tensorsOf(schedule);
  if (job.inputs !== null) scatter(schedule, job.inputs, tensors);
  const origin = process.hrtime.bigint();
  let isOver = false;
  let stagedBytes = 0;
  const isDone = Array.from({ length: LANES }, () => false);
  const reports = setInterval(report, REPORT_MS);

  for (let lane = 0; lane < LANES; lane++) {
    const laneJob: PeLaneJob = {
      memory,
      outputHash,
      schedule: packed,
      rank: me.rank,
      lane,
      origin,
      repeats: job.repeats,
      seed: job.seed,
      tensors: Array.from({ length: schedule.groups }, (_, index) => (index === group ? tensors : NOTHING)),
      checkSeed: 0,
      isChecked: false,
      kernel: job.kernel,
      faults: job.faults,
    };
    const worker = new Worker(bundlePath("pe-lane"), { workerData: laneJob });
    worker.on("message", (message: LaneMessage) => hearLane(message));
    worker.on("error", (error) => fail({ type: "failed", message: describeWorkerError(error), op: opOfLane(lane) }));
    worker.on("exit", () => {
      if (!isDone[lane]) fail({ type: "gone", op: opOfLane(lane) });
    });
  }

  function hearLane(message: LaneMessage): void {
    if (message.type === "phase") channel.send({ type: "phase", phase: message.phase });
    else if (message.type === "failed") {
      if (!message.isAbort) fail({ type: "failed", message: message.message, op: message.op });
    } else {
      stagedBytes += message.stagedBytes;
      isDone[message.lane] = true;
      if (isDone.every(Boolean)) finish();
    }
  }

  function fail(message: FromRank): void {
    if (isOver) return;
    isOver = true;
    Atomics.store(memory.control, 0, 1);
    channel.send(message);
  }

  function finish(): void {
    if (isOver) return;
    isOver = true;
    clearInterval(reports);
    const own = (times: Float64Array) =>
      Float64Array.from(
        { length: passes * ops.length },
        (_, at) => times[Math.floor(at / ops.length) * count + ops[at % ops.length]!]!,
      );
    const runs = shardRuns(schedule, me.rank, "O");
    const output = new Float32Array(runs.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const { tensorAt, length } of runs) {
      output.set(tensors.out.subarray(tensorAt, tensorAt + length), at);
      at += length;
    }
    const record = {
      origin,
      startNs: own(memory.startNs),
      endNs: own(memory.endNs),
      outputHash: Int32Array.from(outputHash),
      stagedBytes,
      output,
    };
    channel.send({ type: "done", record });
    // Heard from until the end.
    setInterval(() => channel.send({ type: "report", moved: 0, ended: 0, underWay: [] }), REPORT_MS);
  }

  let lastMoved = -1;

  function report(): void {
    const moved = memory.progress.reduce((sum, value) => (sum + value) | 0, 0);
    const underWay = Array.from(ops).filter((op) => memory.state[op] === OpState.started);
    const ended = ops.reduce((sum, op) => sum + (memory.state[op] === OpState.ended ? 1 : 0), 0);
    channel.send({ type: "report", moved, ended, underWay });
    if (moved === lastMoved) channel.send({ type: "states", states: Uint8Array.from(ops, (op) => memory.state[op]!) });
    lastMoved = moved;
  }

  function opOfLane(lane: number): number | null {
    const { stream } = schedule.ops;
    const isLanes = (op: number) => memory.state[op] === OpState.started && (stream[op] === 0 ? 0 : 1) === lane;
    return Array.from(ops).find(isLanes) ?? null;
  }
}

/** Tensors of the rank's group, of which only its shards are ever touched: the system gives memory for those only. */
function tensorsOf({ workload }: Schedule): GroupTensors {
  const zeros = (name: "q" | "k" | "v" | "out") =>
    new Float32Array(
      new SharedArrayBuffer(4 * shapeOfTensor(workload, name).reduce((product, size) => product * size, 1)),
    );
  return { q: zeros("q"), k: zeros("k"), v: zeros("v"), out: zeros("out") };
}

function scatter(schedule: Schedule, inputs: NonNullable<PeJob["inputs"]>, { q, k, v }: GroupTensors): void {
  let at = 0;
  for (const { tensorAt, length } of shardRuns(schedule, me.rank, "Q")) {
    q.set(inputs.q.subarray(at, at + length), tensorAt);
    at += length;
  }
  at = 0;
  for (const { tensorAt, length, plane } of shardRuns(schedule, me.rank, "KV")) {
    (plane < schedule.workload.batch ? k : v).set(inputs.kv.subarray(at, at + length), tensorAt);
    at += length;
  }
}

function describeWorkerError(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") return "out of memory";
  return error instanceof Error ? error.message : String(error);
}
