import { UsageError } from "../../plan/errors.ts";
import { decodeSchedule } from "../../plan/schedule/codec-packed.ts";
import { Kind, numOps, ranksPerMachine, type Schedule } from "../../plan/schedule/schedule.ts";
import { formatNs } from "../../plan/units.ts";
import type { RunWatch } from "../backend.ts";
import { describeOp, describeStall } from "../describe-stall.ts";
import { LOCAL_LAUNCH, type Phase, RunFailed, type RunJob, type RunResult } from "../job.ts";
import { OpState } from "../lanes/lane-board.ts";
import type { GroupTensors } from "../lanes/lane-job.ts";
import { fillShard } from "../lanes/run-lane-job.ts";
import { compileProgram, NO_OP } from "../program.ts";
import { type CheckedRows, checkRows } from "../reference/check-rows.ts";
import { readInputs } from "../run-files.ts";
import { describeResult } from "../run-result.ts";
import { groupOf, shardRuns } from "../shard-memory.ts";
import { shapeOfTensor } from "../tensors/tensor-files.ts";
import { writeTensorFile } from "../tensors/write-tensor-file.ts";
import { type ClockFit, type ClockSample, fitClock, OWN_CLOCK, toOurClock } from "./align-clocks.ts";
import { requireOpenshmem } from "./launch.ts";
import type { FromRank, PeJob, PeRecord } from "./pe-messages.ts";
import { Ranks } from "./ranks.ts";
import { layWords } from "./words.ts";

/** How often a run is looked at, ms. */
const LOOK_MS = 100;

/** What others have to say is waited for so long once one has failed, ms. */
const LAST_WORDS_MS = 300;

/**
 * Runs a job with one process a rank over OpenSHMEM, on this machine or on the hosts of the job's launch, and checks the
 * output here. Throws `RunFailed` where a rank fails, is lost or nothing moves on for `timeoutSeconds`, and a UsageError
 * where the backend is not built or the job asks for what it cannot do.
 */
export async function runOpenshmem(job: RunJob, watch: RunWatch): Promise<RunResult> {
  const schedule = decodeSchedule(job.schedule);
  if (job.emulated !== null) {
    throw new UsageError("usage", "expected links as they are, got links to emulate", {
      path: "--emulate",
      hint: "Emulate links with --backend threads; here they are real.",
    });
  }
  requireOpenshmem(job.launch ?? LOCAL_LAUNCH);
  const run = new OpenshmemRun(job, schedule, watch);
  return run.result();
}

class OpenshmemRun {
  readonly #job: RunJob;
  readonly #schedule: Schedule;
  readonly #watch: RunWatch;
  readonly #ranks: Ranks;
  readonly #opsOf: Uint32Array[];
  readonly #state: Uint8Array;
  readonly #moved: Int32Array;
  readonly #ended: Int32Array;
  readonly #underWay: (readonly number[])[];
  readonly #records: (PeRecord | null)[];
  #numAllocated = 0;
  #phase: Phase = "starting";
  #lastMoved = "";
  #lastMovedMs = performance.now();
  #fail: (error: Error) => void = () => {};
  #onDone: () => void = () => {};
  #onAllocated: () => void = () => {};
  #hasFailed = false;

  constructor(job: RunJob, schedule: Schedule, watch: RunWatch) {
    this.#job = job;
    this.#schedule = schedule;
    this.#watch = watch;
    const { ranks, ops } = schedule;
    const all = Array.from(ops.kind.keys());
    this.#opsOf = Array.from({ length: ranks }, (_, rank) =>
      Uint32Array.from(all.filter((op) => ops.rank[op] === rank)),
    );
    this.#state = new Uint8Array(numOps(schedule));
    this.#moved = new Int32Array(ranks);
    this.#ended = new Int32Array(ranks);
    this.#underWay = Array.from({ length: ranks }, () => []);
    this.#records = Array.from({ length: ranks }, () => null);
    this.#ranks = new Ranks(job.launch ?? LOCAL_LAUNCH, ranks, {
      onMessage: (rank, message) => this.#hear(rank, message),
      onLoss: (rank, why) => this.#lose(rank, why),
    });
  }

  async result(): Promise<RunResult> {
    const timer = setInterval(() => this.#look(), LOOK_MS);
    const failed = new Promise<never>((_, reject) => {
      this.#fail = (error) => {
        if (this.#hasFailed) return;
        this.#hasFailed = true;
        reject(error);
      };
    });
    const onAbort = () => this.#fail(new RunFailed("the run was stopped"));
    this.#watch.signal.addEventListener("abort", onAbort);
    if (this.#watch.signal.aborted) onAbort();
    let isWell = false;
    try {
      const { tensors, clocks } = await Promise.race([this.#execute(), failed]);
      isWell = true;
      await this.#ranks.end(true);
      return this.#conclude(tensors, clocks);
    } finally {
      clearInterval(timer);
      this.#watch.signal.removeEventListener("abort", onAbort);
      if (!isWell) await this.#ranks.end(false);
    }
  }

  /** From the start of the processes until all have done their part. */
  async #execute(): Promise<{ tensors: readonly GroupTensors[]; clocks: ReadonlyMap<string, ClockFit> }> {
    const schedule = this.#schedule;
    const tensors = createTensors(schedule, this.#job);
    const bytes = layWords(schedule).bytes + schedule.heapBytes;
    await this.#ranks.start(bytes);
    this.#touch();
    const allocated = new Promise<void>((resolve) => {
      this.#onAllocated = resolve;
    });
    this.#ranks.sendAll({ type: "allocate", bytes });
    await allocated;
    this.#touch();
    const before = await this.#ranks.sampleClocks();
    const done = new Promise<void>((resolve) => {
      this.#onDone = resolve;
    });
    this.#ranks.expectReports();
    for (let rank = 0; rank < schedule.ranks; rank++)
      this.#ranks.send(rank, { type: "run", job: this.#jobOf(rank, tensors) });
    await done;
    const after = await this.#ranks.sampleClocks();
    return { tensors, clocks: fitClocks(before, after) };
  }

  #jobOf(rank: number, tensors: readonly GroupTensors[]): PeJob {
    const { schedule, kernel, repeats, inputs, faults } = this.#job;
    const isSeeded = "seed" in inputs;
    return {
      schedule,
      kernel,
      repeats,
      seed: isSeeded ? inputs.seed : null,
      inputs: isSeeded ? null : gather(this.#schedule, rank, tensors[groupOf(this.#schedule, rank)]!),
      faults,
    };
  }

  #hear(rank: number, message: FromRank): void {
    if (message.type === "allocated") {
      if (++this.#numAllocated === this.#schedule.ranks) this.#onAllocated();
    } else if (message.type === "report") {
      this.#moved[rank] = message.moved;
      this.#ended[rank] = message.ended;
      this.#underWay[rank] = message.underWay;
    } else if (message.type === "states") {
      message.states.forEach((state, index) => {
        this.#state[this.#opsOf[rank]![index]!] = state;
      });
    } else if (message.type === "phase") {
      this.#phase = message.phase;
      this.#touch();
    } else if (message.type === "done") {
      this.#records[rank] = message.record;
      this.#touch();
      if (this.#records.every((record) => record !== null)) this.#onDone();
    } else if (message.type === "failed") this.#failIn(`rank ${rank} failed: ${message.message}`, message.op);
    else if (message.type === "gone") this.#failIn(`rank ${rank} ended before the run did`, message.op);
  }

  #failIn(what: string, op: number | null): void {
    this.#fail(new RunFailed(op === null ? what : `${what} in ${describeOp(this.#schedule, op)}`));
  }

  /** What the rank was last seen at, and what others wait for, once they have said so. */
  #lose(rank: number | null, why: string): void {
    if (rank === null || rank === -1) {
      const missing = this.#phase === "starting" ? this.#ranks.describeMissing() : "";
      this.#fail(new RunFailed(missing === "" ? why : `${missing}; ${why}`));
      return;
    }
    setTimeout(() => {
      const own = this.#underWay[rank]!;
      const others = this.#underWay.flatMap((ops, other) => (other === rank ? [] : ops));
      const seen = own.length === 0 ? "" : `; last seen: ${this.#describe(own)}`;
      const waiting = others.length === 0 ? "" : `; of the others, ${this.#describe(others)}`;
      const place = why.startsWith("on ") ? "" : `on ${this.#ranks.hostOf(rank)} `;
      this.#fail(new RunFailed(`rank ${rank} ${place}${why}${this.#ranks.lastError()}${seen}${waiting}`));
    }, LAST_WORDS_MS);
  }

  #describe(ops: readonly number[]): string {
    return describeStall(this.#schedule, ops, (op) => this.#state[op] === OpState.ended);
  }

  #touch(): void {
    this.#lastMovedMs = performance.now();
  }

  /** Tells how far the run is, and gives it up where nothing has moved on for too long. */
  #look(): void {
    const moved = this.#moved.join();
    if (moved !== this.#lastMoved) {
      this.#lastMoved = moved;
      this.#touch();
    }
    const ended = this.#ended.reduce((sum, count) => sum + count, 0);
    const ops = this.#underWay.flat();
    this.#watch.progress({ phase: this.#phase, fraction: ended / Math.max(1, this.#state.length), ops });
    const { timeoutSeconds } = this.#job;
    if (this.#phase === "checking" || performance.now() - this.#lastMovedMs < 1000 * timeoutSeconds) return;
    const why =
      this.#phase === "starting" ? this.#ranks.describeMissing() || "ranks are not ready" : this.#describe(ops);
    this.#fail(new RunFailed(`nothing has moved on for ${timeoutSeconds} s: ${why}`));
  }

  #conclude(tensors: readonly GroupTensors[], clocks: ReadonlyMap<string, ClockFit>): RunResult {
    const schedule = this.#schedule;
    const job = this.#job;
    const records = this.#records as readonly PeRecord[];
    records.forEach(({ output }, rank) => {
      let at = 0;
      for (const { tensorAt, length } of shardRuns(schedule, rank, "O")) {
        tensors[groupOf(schedule, rank)]!.out.set(output.subarray(at, at + length), tensorAt);
        at += length;
      }
    });
    if (job.output !== null) {
      this.#watch.progress({ phase: "writing", fraction: 0, ops: [] });
      writeTensorFile(job.output, shapeOfTensor(schedule.workload, "out"), tensors[0]!.out);
    }
    return describeResult(job, schedule, {
      ...this.#times(records, clocks),
      outputHash: Int32Array.from(
        { length: job.repeats * schedule.repeats * schedule.ranks },
        (_, at) => records[at % schedule.ranks]!.outputHash[Math.floor(at / schedule.ranks)]!,
      ),
      stagedBytes: records.reduce((sum, { stagedBytes }) => sum + stagedBytes, 0),
      checked: job.isChecked ? this.#check(tensors) : { difference2: 0, norm2: 0, rows: 0 },
      timer: null,
      notes: this.#notes(clocks),
    });
  }

  /** Times of all ranks on this process's clock, from the first on. */
  #times(records: readonly PeRecord[], clocks: ReadonlyMap<string, ClockFit>) {
    const count = numOps(this.#schedule);
    const passes = this.#job.repeats * this.#schedule.repeats;
    const startNs = new Float64Array(passes * count);
    const endNs = new Float64Array(passes * count);
    const zeroNs = Number(records[0]!.origin);
    records.forEach((record, rank) => {
      const ops = this.#opsOf[rank]!;
      const clock = clocks.get(this.#ranks.hostOf(rank)) ?? OWN_CLOCK;
      const originNs = Number(record.origin);
      for (let at = 0; at < record.startNs.length; at++) {
        const to = Math.floor(at / ops.length) * count + ops[at % ops.length]!;
        startNs[to] = toOurClock(clock, originNs + record.startNs[at]!) - zeroNs;
        endNs[to] = toOurClock(clock, originNs + record.endNs[at]!) - zeroNs;
      }
    });
    for (let pass = 0; pass < passes; pass++) {
      const [from, to] = [pass * count, (pass + 1) * count];
      joinTimes(this.#schedule, startNs.subarray(from, to), endNs.subarray(from, to));
    }
    return { startNs, endNs };
  }

  #check(tensors: readonly GroupTensors[]): CheckedRows {
    const { schedule, workload } = { schedule: this.#schedule, workload: this.#schedule.workload };
    const seed = this.#job.checkSeed;
    if ("seed" in this.#job.inputs) {
      for (let rank = 0; rank < schedule.ranks; rank++)
        fillShard({ schedule }, tensors[groupOf(schedule, rank)]!, rank, this.#job.inputs.seed);
    }
    const sums = tensors.map((group, index) =>
      checkRows(workload, group, seed, {
        onProgress: (fraction) => {
          const done = (index + fraction) / tensors.length;
          this.#watch.progress({ phase: "checking", fraction: done, ops: [] });
          if (this.#watch.signal.aborted) throw new RunFailed("the run was stopped");
        },
      }),
    );
    return sums.reduce((a, b) => ({
      difference2: a.difference2 + b.difference2,
      norm2: a.norm2 + b.norm2,
      rows: a.rows + b.rows,
    }));
  }

  #notes(clocks: ReadonlyMap<string, ClockFit>): string[] {
    const schedule = this.#schedule;
    const hosts = Array.from({ length: schedule.ranks }, (_, rank) => this.#ranks.hostOf(rank));
    const perMachine = ranksPerMachine(schedule.mesh);
    const isSplit = hosts.some((host, rank) => host !== hosts[rank - (rank % perMachine)]);
    return [
      `ranks by host: ${[...new Set(hosts)].map((host) => `${host} ${ranksOf(hosts, host)}`).join(", ")}`,
      "a put ends when a word fetched behind it has arrived: its own arrival cannot be observed",
      ...Array.from(
        clocks,
        ([host, { errorNs, drift, offsetNs }]) =>
          `clock of ${host}: ${formatNs(offsetNs)} off, drift ${(1e6 * drift).toFixed(2)} ppm, known to ± ${formatNs(errorNs)}`,
      ),
      ...(isSplit ? [`the mesh has ${perMachine} ranks a machine, the hosts do not`] : []),
    ];
  }
}

function ranksOf(hosts: readonly string[], host: string): string {
  const ranks = hosts.flatMap((other, rank) => (other === host ? [rank] : []));
  return ranks.length === 1 ? `${ranks[0]}` : `${ranks[0]}–${ranks.at(-1)}`;
}

function fitClocks(
  before: ReadonlyMap<string, ClockSample[]>,
  after: ReadonlyMap<string, ClockSample[]>,
): Map<string, ClockFit> {
  return new Map(Array.from(before, ([host, samples]) => [host, fitClock(samples, after.get(host) ?? samples)]));
}

/**
 * What several ranks have each noted for themselves gets the one time that it has: a barrier that of the last to come, a
 * pair the end that its receiver saw.
 */
export function joinTimes(schedule: Schedule, startNs: Float64Array, endNs: Float64Array): void {
  const { kind, rank } = schedule.ops;
  const { partner } = compileProgram(schedule);
  const barriers: number[][] = [];
  const numOf = new Uint32Array(schedule.ranks);
  for (let op = 0; op < kind.length; op++) {
    if (kind[op] === Kind.barrier) (barriers[numOf[rank[op]!]!++] ??= []).push(op);
    else if (kind[op] === Kind.receive && partner[op] !== NO_OP) {
      const send = partner[op]!;
      const atNs = Math.max(startNs[op]!, startNs[send]!, Math.min(endNs[op]!, endNs[send]!));
      endNs[op] = atNs;
      endNs[send] = atNs;
    }
  }
  for (const ops of barriers) {
    const came = ops.reduce((last, op) => Math.max(last, startNs[op]!), -Infinity);
    const atNs = ops.reduce((first, op) => Math.min(first, endNs[op]!), came);
    for (const op of ops) {
      startNs[op] = atNs;
      endNs[op] = atNs;
    }
  }
}

/** Q, K and V where they come from files, and room for the output; random ones are made for checking only. */
function createTensors(schedule: Schedule, { inputs, isChecked }: RunJob): GroupTensors[] {
  const { workload, groups } = schedule;
  const zeros = (name: "q" | "k" | "v" | "out") =>
    new Float32Array(shapeOfTensor(workload, name).reduce((product, size) => product * size, 1));
  if ("q" in inputs)
    return [{ ...readInputs(inputs, schedule, (length) => new Float32Array(length)), out: zeros("out") }];
  const none = new Float32Array(0);
  return Array.from({ length: groups }, () => ({
    q: isChecked ? zeros("q") : none,
    k: isChecked ? zeros("k") : none,
    v: isChecked ? zeros("v") : none,
    out: zeros("out"),
  }));
}

/** A rank's shards, run by run. */
function gather(schedule: Schedule, rank: number, { q, k, v }: GroupTensors): NonNullable<PeJob["inputs"]> {
  const pack = (name: "Q" | "KV") => {
    const runs = shardRuns(schedule, rank, name);
    const packed = new Float32Array(runs.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const { tensorAt, length, plane } of runs) {
      const source = name === "Q" ? q : plane < schedule.workload.batch ? k : v;
      packed.set(source.subarray(tensorAt, tensorAt + length), at);
      at += length;
    }
    return packed;
  };
  return { q: pack("Q"), kv: pack("KV") };
}
