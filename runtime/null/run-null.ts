import { assert } from "../../plan/errors.ts";
import { EventQueue } from "../../plan/flow/event-queue.ts";
import { numOps, type Schedule } from "../../plan/schedule/schedule.ts";
import { runLane } from "../executor.ts";
import type { Block, Board, Fabric, Progress, Span, Ticket, TicketSpan, Transfer } from "../fabric.ts";
import type { Kernel } from "../kernel.ts";
import { compileProgram, signalWords } from "../program.ts";

/** Fixed times of the null backend, ns: what a transfer, a notify and an op of the kernel take. */
export const NULL_TRANSFER_NS = 2000;
export const NULL_NOTIFY_NS = 500;
export const NULL_KERNEL_NS = 5000;

/** When each op began and ended, by op id, ns. */
export interface NullRun {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

export interface NullOptions {
  /** Which streams share a thread of their rank; by default all are in one. */
  readonly lanes?: readonly (readonly number[])[];
  /** Heaps of the ranks, where bytes are to move all the same (at the end of each transfer), and who computes on them. */
  readonly data?: { readonly heaps: readonly Float32Array[]; readonly kernels: readonly Kernel[] };
}

/**
 * Runs a schedule through the executor with a fabric that moves nothing and a kernel that computes nothing, in fixed times
 * of a clock that stands still while there is anything to do: order without hardware. Throws where the schedule cannot
 * go on.
 */
export async function runNull(schedule: Schedule, options: NullOptions = {}): Promise<NullRun> {
  const { lanes = [allStreams(schedule)], data } = options;
  const program = compileProgram(schedule);
  const world = new NullWorld(schedule, lanes.length * schedule.ranks);
  const runs: Promise<void>[] = [];
  for (let rank = 0; rank < schedule.ranks; rank++) {
    const kernel = new NullKernel(world, data?.kernels[rank] ?? null);
    const fabric = new NullFabric(world, rank, schedule.ranks, data?.heaps ?? null);
    for (const streams of lanes) {
      const parts = { program, rank, streams, fabric, kernel, board: world.board };
      runs.push(runLane(parts).then(() => world.leave()));
    }
  }
  await Promise.race([Promise.all(runs), world.stuck]);
  return { startNs: world.startNs, endNs: world.endNs };
}

function allStreams({ streams }: Schedule): number[] {
  return streams.map((_, stream) => stream);
}

/** Clock, signals and board of all ranks. */
class NullWorld {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly stuck: Promise<never>;
  readonly board: Board;
  readonly signals: Map<number, number>;
  readonly numWords: number;
  readonly pairs = new Map<number, { span: Span | null; hasMoved: boolean }>();
  readonly barriers: { arrived: number; atNs: number | null }[] = [];
  nowNs = 0;
  /** Counts what others may have waited for. */
  changes = 0;
  readonly #due = new EventQueue(64);
  readonly #sleepers: (() => void)[] = [];
  readonly #hasEnded: Uint8Array;
  #numLanes: number;
  #giveUp: (error: Error) => void = () => {};

  constructor(schedule: Schedule, numLanes: number) {
    const count = numOps(schedule);
    this.startNs = new Float64Array(count);
    this.endNs = new Float64Array(count);
    this.signals = new Map();
    this.numWords = signalWords(schedule);
    this.#hasEnded = new Uint8Array(count);
    this.#numLanes = numLanes;
    this.stuck = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
    this.board = {
      hasEnded: (op) => this.#hasEnded[op] === 1,
      started: () => {},
      ended: (op, span) => {
        assert(this.#hasEnded[op] === 0, `op ${op} ended twice`);
        this.startNs[op] = span.startNs;
        this.endNs[op] = span.endNs;
        this.#hasEnded[op] = 1;
        this.wake();
      },
      progress: () => {},
      check: () => {},
    };
  }

  /** The clock will stop at that time. */
  wakeAt(ns: number): void {
    this.#due.push(ns, 0);
  }

  /** Lets all sleepers look around, and those who are about to sleep. */
  wake(): void {
    this.changes++;
    for (const resolve of this.#sleepers.splice(0)) resolve();
  }

  sleep(): Promise<void> {
    const woken = new Promise<void>((resolve) => this.#sleepers.push(resolve));
    this.#advanceIfIdle();
    return woken;
  }

  leave(): void {
    this.#numLanes--;
    this.#advanceIfIdle();
  }

  #advanceIfIdle(): void {
    if (this.#numLanes === 0 || this.#sleepers.length < this.#numLanes) return;
    if (this.#due.size === 0) this.#giveUp(new Error(`all ranks wait at ${this.nowNs} ns`));
    else {
      this.nowNs = Math.max(this.nowNs, this.#due.peekTime());
      this.#due.pop();
      this.wake();
    }
  }
}

class NullFabric implements Fabric {
  readonly rank: number;
  readonly heap: Float32Array;
  readonly #world: NullWorld;
  readonly #ranks: number;
  readonly #heaps: readonly Float32Array[] | null;
  #numBarriers = 0;
  #seen = 0;

  constructor(world: NullWorld, rank: number, ranks: number, heaps: readonly Float32Array[] | null) {
    this.#world = world;
    this.#heaps = heaps;
    this.heap = heaps?.[rank] ?? new Float32Array(0);
    this.rank = rank;
    this.#ranks = ranks;
  }

  nowNs(): number {
    return this.#world.nowNs;
  }

  put({ peer, signal, blocks }: Transfer): Ticket {
    return this.#after(NULL_TRANSFER_NS, () => {
      this.#move(blocks, this.rank, peer);
      if (signal !== null) this.#signal(peer, signal.word, signal.value);
    });
  }

  get({ peer, blocks }: Transfer): Ticket {
    return this.#after(NULL_TRANSFER_NS, () => this.#move(blocks, peer, this.rank));
  }

  notify({ peer, signal }: Transfer): Ticket {
    return this.#after(NULL_NOTIFY_NS, () => this.#signal(peer, signal!.word, signal!.value));
  }

  send({ op, blocks, peer }: Transfer): Ticket {
    return this.#rendezvous(op, () => this.#move(blocks, this.rank, peer));
  }

  receive({ partner, blocks, peer }: Transfer): Ticket {
    return this.#rendezvous(partner, () => this.#move(blocks, peer, this.rank));
  }

  barrier(): Ticket {
    const world = this.#world;
    const index = this.#numBarriers++;
    world.barriers[index] ??= { arrived: 0, atNs: null };
    const barrier = world.barriers[index];
    if (++barrier.arrived === this.#ranks) {
      barrier.atNs = world.nowNs;
      world.wake();
    }
    return ticketOf(() => (barrier.atNs === null ? null : { startNs: barrier.atNs, endNs: barrier.atNs }));
  }

  reached(word: number, value: number): boolean {
    return (this.#world.signals.get(this.rank * this.#world.numWords + word) ?? 0) >= value;
  }

  async idle(): Promise<void> {
    if (this.#seen === this.#world.changes) await this.#world.sleep();
    this.#seen = this.#world.changes;
  }

  #signal(peer: number, word: number, value: number): void {
    this.#world.signals.set(peer * this.#world.numWords + word, value);
    this.#world.wake();
  }

  #after(ns: number, onEnd: () => void): Ticket {
    const world = this.#world;
    const [startNs, endNs] = [world.nowNs, world.nowNs + ns];
    world.wakeAt(endNs);
    return ticketOf(() => {
      if (world.nowNs < endNs) return null;
      onEnd();
      return { startNs, endNs };
    });
  }

  #move(blocks: readonly Block[], source: number, target: number): void {
    if (this.#heaps === null) return;
    for (const { fromOffset, fromStride, toOffset, toStride, bytes, runs } of blocks) {
      for (let run = 0; run < runs; run++) {
        const from = (fromOffset + run * fromStride) / 4;
        this.#heaps[target]!.set(
          this.#heaps[source]!.subarray(from, from + bytes / 4),
          (toOffset + run * toStride) / 4,
        );
      }
    }
  }

  #rendezvous(pair: number, move: () => void): Ticket {
    const world = this.#world;
    const startNs = world.nowNs;
    const known = world.pairs.get(pair);
    const shared = known ?? { span: null, hasMoved: false };
    world.pairs.set(pair, shared);
    if (known !== undefined) {
      shared.span = { startNs, endNs: world.nowNs + NULL_TRANSFER_NS };
      world.wakeAt(shared.span.endNs);
    }
    return ticketOf(() => {
      if (shared.span === null || world.nowNs < shared.span.endNs) return null;
      if (!shared.hasMoved) move();
      shared.hasMoved = true;
      return { startNs, endNs: shared.span.endNs };
    });
  }
}

function ticketOf(spanIfEnded: () => TicketSpan | null): Ticket {
  const ticket: Ticket & { span: TicketSpan | null } = {
    span: null,
    poll(): Progress {
      ticket.span = spanIfEnded();
      return ticket.span === null ? "waiting" : "ended";
    },
  };
  return ticket;
}

class NullKernel implements Kernel {
  readonly stagedBytes = 0;
  readonly #world: NullWorld;
  readonly #inner: Kernel | null;
  #endNs = 0;

  constructor(world: NullWorld, inner: Kernel | null) {
    this.#world = world;
    this.#inner = inner;
  }

  async prepare(): Promise<void> {}

  begin(op: number): void {
    this.#inner?.begin(op);
    this.#endNs = this.#world.nowNs + NULL_KERNEL_NS;
    this.#world.wakeAt(this.#endNs);
  }

  async step(): Promise<boolean> {
    if (this.#world.nowNs < this.#endNs) await this.#world.sleep();
    if (this.#world.nowNs < this.#endNs) return false;
    return this.#inner === null || this.#inner.step();
  }

  reset(): void {}

  async dispose(): Promise<void> {}
}
