import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../plan/errors.ts";
import { EventQueue } from "../../plan/flow/event-queue.ts";
import { createFlowNetwork } from "../../plan/flow/flow-network.ts";
import { decodeSchedule } from "../../plan/schedule/codec-packed.ts";
import { Kind } from "../../plan/schedule/schedule.ts";
import { transferBytes } from "../../plan/schedule/volume.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { compileProgram, type Program } from "../program.ts";
import { createClock } from "../lanes/clock.ts";
import { createEmulatedPaths } from "./emulated-links.ts";
import { PAD, ring } from "../lanes/lane-board.ts";
import { LANES } from "../lanes/lane-job.ts";
import { Control, type SharedRun } from "./shared-run.ts";

/** What the arbiter gets to begin with. */
export interface ArbiterJob {
  readonly run: SharedRun;
  /** Packed form. */
  readonly schedule: Uint8Array;
  readonly topology: Topology;
  readonly origin: bigint;
}

/** How long the arbiter sleeps at most before it looks whether the run goes on, ms. */
const LOOK_MS = 50;

/**
 * Shares the emulated links among all transfers under way, in real time: a transfer enters its latency after it was asked
 * for, shares links by max-min fairness, and its rank is told once it is through. Runs until the run is told to stop.
 */
function arbitrate({ run, schedule: packed, topology, origin }: ArbiterJob): void {
  const program = compileProgram(decodeSchedule(packed));
  const { schedule } = program;
  const nowNs = createClock(origin);
  const { capacities, pathOf, latencyNs } = createEmulatedPaths(topology, schedule);
  const flows = createFlowNetwork(capacities);
  const entries = new EventQueue(64);
  const requests = new Requests(run, program);
  const onFinish = (op: number, finishNs: number) => {
    run.finishNs[op] = finishNs;
    ring(run, schedule.ops.rank[op]!);
    if (schedule.ops.kind[op] === Kind.send) ring(run, schedule.ops.peer[op]!);
  };
  const ends = (op: number) => {
    const isGet = schedule.ops.kind[op] === Kind.get;
    const [rank, peer] = [schedule.ops.rank[op]!, schedule.ops.peer[op]!];
    return isGet ? ([peer, rank] as const) : ([rank, peer] as const);
  };
  let seen = 0;
  while (Atomics.load(run.control, Control.abort) === 0) {
    requests.take((op) => {
      const [source, target] = ends(op);
      // A get asks its owner first: one path for the request and one for the data.
      const paths = schedule.ops.kind[op] === Kind.get ? 2 : 1;
      entries.push(Math.max(flows.nowNs, run.requestNs[op]! + paths * latencyNs(source, target)), op);
    });
    const now = nowNs();
    while (entries.size > 0 && entries.peekTime() <= now) {
      const enterNs = Math.max(flows.nowNs, entries.peekTime());
      flows.advance(enterNs, onFinish);
      const op = entries.pop();
      flows.start(enterNs, transferBytes(schedule, op), pathOf(...ends(op)), op);
    }
    flows.advance(Math.max(flows.nowNs, now), onFinish);
    const nextNs = Math.min(entries.size > 0 ? entries.peekTime() : Infinity, flows.nextCompletionNs());
    const sleepMs = Math.min(LOOK_MS, (nextNs - nowNs()) / 1e6);
    if (sleepMs > 0) Atomics.wait(run.control, Control.arbiter, seen, sleepMs);
    seen = Atomics.load(run.control, Control.arbiter);
  }
}

/** The rings in which threads ask for transfers. */
class Requests {
  readonly #run: SharedRun;
  readonly #rings: readonly { readonly thread: number; readonly start: number; readonly size: number }[];
  readonly #taken: Int32Array;

  constructor(run: SharedRun, program: Program) {
    this.#run = run;
    const { ranks, streams } = program.schedule;
    this.#taken = new Int32Array(ranks * LANES);
    this.#rings = Array.from({ length: ranks }, (_, rank) => {
      const start = program.firstOf(rank, 1);
      const end = program.firstOf(rank, streams.length);
      return { thread: rank * LANES + 1, start, size: end - start };
    });
  }

  take(use: (op: number) => void): void {
    for (const { thread, start, size } of this.#rings) {
      const count = Atomics.load(this.#run.numRequests, thread * PAD);
      for (; this.#taken[thread]! < count; this.#taken[thread]!++) {
        use(this.#run.requests[start + (this.#taken[thread]! % size)]!);
      }
    }
  }
}

assert(parentPort !== null, "the arbiter runs in a worker");
arbitrate(workerData as ArbiterJob);
