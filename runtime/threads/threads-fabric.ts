import type { Block, Fabric, Progress, Ticket, TicketSpan, Transfer } from "../fabric.ts";
import type { Clock } from "../lanes/clock.ts";
import { PAD, ring } from "../lanes/lane-board.ts";
import { LANES } from "../lanes/lane-job.ts";
import { Control, ringArbiter, type SharedRun } from "./shared-run.ts";

/** Bytes that one poll of a transfer copies, so that transfers of a thread move on by turns. */
const CHUNK_BYTES = 256 * 1024;

/** How long a sleeping thread goes without a look around, ms. */
const LOOK_MS = 50;

/** State of a pair in `SharedRun.pairs` once its bytes have moved. */
const PAIR_ENDED = 3;

export interface ThreadsFabricOptions {
  readonly run: SharedRun;
  readonly rank: number;
  readonly ranks: number;
  /** Index of the rank's thread. */
  readonly lane: number;
  readonly clock: Clock;
  /** Whether the links between this rank and another are emulated. */
  readonly isEmulated: (peer: number) => boolean;
  /** Where the thread's emulated requests lie in `SharedRun.requests`. */
  readonly requestRing: RequestRing;
}

/** Places `[start, start + size)`, used round and round: a thread never has more requests open than ops. */
export interface RequestRing {
  readonly start: number;
  readonly size: number;
}

/**
 * The fabric of worker threads: heaps lie in one shared memory. One-sided transfers are copies by the thread that issued
 * them, signals atomic words, the target does nothing. Of a send and its receive the end that is posted last copies.
 */
export function createThreadsFabric(options: ThreadsFabricOptions): ThreadsFabric {
  return new ThreadsFabric(options);
}

export class ThreadsFabric implements Fabric {
  readonly rank: number;
  readonly heap: Float32Array;
  readonly nowNs: Clock;
  readonly #options: ThreadsFabricOptions;
  readonly #run: SharedRun;
  #rung = 0;
  #numBarriers = 0;

  constructor(options: ThreadsFabricOptions) {
    this.#options = options;
    this.#run = options.run;
    this.rank = options.rank;
    this.nowNs = options.clock;
    const { heaps, heapElements } = options.run;
    this.heap = heaps.subarray(options.rank * heapElements, (options.rank + 1) * heapElements);
  }

  put(transfer: Transfer): Ticket {
    const { peer, signal } = transfer;
    return this.#move(transfer, this.rank, peer, () => {
      if (signal !== null) this.#signal(peer, signal.word, signal.value);
    });
  }

  get(transfer: Transfer): Ticket {
    return this.#move(transfer, transfer.peer, this.rank, () => {});
  }

  notify({ peer, signal }: Transfer): Ticket {
    return {
      span: null,
      poll: () => {
        this.#signal(peer, signal!.word, signal!.value);
        return "ended";
      },
    };
  }

  send(transfer: Transfer): Ticket {
    return this.#rendezvous(transfer, transfer.op, this.rank, transfer.peer);
  }

  receive(transfer: Transfer): Ticket {
    return this.#rendezvous(transfer, transfer.partner, transfer.peer, this.rank);
  }

  barrier(): Ticket {
    const run = this.#run;
    const index = this.#numBarriers++;
    // Cleared once a pass, before its first barrier.
    if (Atomics.add(run.control, Control.arrived, 1) + 1 === this.#options.ranks * (index + 1)) {
      run.barrierNs[index] = this.nowNs();
      Atomics.store(run.control, Control.barriers, index + 1);
      for (let rank = 0; rank < this.#options.ranks; rank++) if (rank !== this.rank) ring(run, rank);
    }
    return new BarrierTicket(run, index);
  }

  reached(word: number, value: number): boolean {
    return Atomics.load(this.#run.signals, this.rank * this.#run.numWords + word) >= value;
  }

  idle(): void {
    const word = this.rank * PAD;
    Atomics.wait(this.#run.doorbells, word, this.#rung, LOOK_MS);
    this.#rung = Atomics.load(this.#run.doorbells, word);
  }

  /** Numbers barriers from 0 again. */
  beginPass(): void {
    this.#numBarriers = 0;
  }

  #signal(peer: number, word: number, value: number): void {
    Atomics.store(this.#run.signals, peer * this.#run.numWords + word, value);
    ring(this.#run, peer);
  }

  #move(transfer: Transfer, source: number, target: number, onEnd: () => void): Ticket {
    const copy = new Copy(this.#run, transfer.blocks, source, target);
    const isEmulated = this.#options.isEmulated(transfer.peer);
    if (isEmulated) this.#request(transfer.op);
    let hasWaited = false;
    return {
      span: null,
      poll: () => {
        if (!copy.step()) return "moved";
        if (isEmulated && !this.#isFinished(transfer.op, hasWaited)) {
          hasWaited = true;
          return "waiting";
        }
        onEnd();
        return "ended";
      },
    };
  }

  #rendezvous(transfer: Transfer, pair: number, source: number, target: number): Ticket {
    const isLast = Atomics.add(this.#run.pairs, pair, 1) === 1;
    if (!isLast) return new PairTicket(this.#run, pair);
    const isEmulated = this.#options.isEmulated(transfer.peer);
    if (isEmulated) this.#request(pair);
    const copy = new Copy(this.#run, transfer.blocks, source, target);
    let hasWaited = false;
    const ticket: Ticket & { span: TicketSpan | null } = {
      span: null,
      poll: () => {
        if (!copy.step()) return "moved";
        if (isEmulated && !this.#isFinished(pair, hasWaited)) {
          hasWaited = true;
          return "waiting";
        }
        this.#run.pairEndNs[pair] = this.nowNs();
        Atomics.store(this.#run.pairs, pair, PAIR_ENDED);
        ring(this.#run, transfer.peer);
        ticket.span = { endNs: this.#run.pairEndNs[pair]! };
        return "ended";
      },
    };
    return ticket;
  }

  /** Tells the arbiter that a transfer begins now. */
  #request(op: number): void {
    const run = this.#run;
    run.requestNs[op] = this.nowNs();
    const thread = (this.rank * LANES + this.#options.lane) * PAD;
    const count = Atomics.load(run.numRequests, thread);
    const { start, size } = this.#options.requestRing;
    run.requests[start + (count % size)] = op;
    Atomics.store(run.numRequests, thread, count + 1);
    ringArbiter(run);
  }

  /** Whether the model has the transfer finish by now; `hasWaited`: its bytes were here before. */
  #isFinished(op: number, hasWaited: boolean): boolean {
    const { late, finishNs } = this.#run;
    // The doorbell that the arbiter rings orders this read after its write.
    const finish = finishNs[op]!;
    if (finish === 0) return false;
    if (!hasWaited) return true;
    const at = (this.rank * LANES + this.#options.lane) * PAD;
    const lateNs = this.nowNs() - finish;
    late[at]! += 1;
    late[at + 1]! += lateNs;
    late[at + 2] = Math.max(late[at + 2]!, lateNs);
    return true;
  }
}

/** All ranks leave a barrier at the time when the last one came. */
class BarrierTicket implements Ticket {
  span: TicketSpan | null = null;
  readonly #run: SharedRun;
  readonly #index: number;

  constructor(run: SharedRun, index: number) {
    this.#run = run;
    this.#index = index;
  }

  poll(): Progress {
    if (Atomics.load(this.#run.control, Control.barriers) <= this.#index) return "waiting";
    const atNs = this.#run.barrierNs[this.#index]!;
    this.span = { startNs: atNs, endNs: atNs };
    return "ended";
  }
}

/** The end of a pair that was posted first. */
class PairTicket implements Ticket {
  span: TicketSpan | null = null;
  readonly #run: SharedRun;
  readonly #pair: number;

  constructor(run: SharedRun, pair: number) {
    this.#run = run;
    this.#pair = pair;
  }

  poll(): Progress {
    if (Atomics.load(this.#run.pairs, this.#pair) !== PAIR_ENDED) return "waiting";
    this.span = { endNs: this.#run.pairEndNs[this.#pair]! };
    return "ended";
  }
}

/** A copy of blocks from one heap to another, a chunk at a time. Offsets in elements of 4 bytes. */
class Copy {
  readonly #heaps: Float32Array;
  readonly #blocks: readonly Block[];
  readonly #source: number;
  readonly #target: number;
  #block = 0;
  #run = 0;
  #done = 0;

  constructor(run: SharedRun, blocks: readonly Block[], source: number, target: number) {
    this.#heaps = run.heaps;
    this.#blocks = blocks;
    this.#source = source * run.heapElements;
    this.#target = target * run.heapElements;
  }

  /** Copies some bytes; true once all are copied. */
  step(): boolean {
    let budget = CHUNK_BYTES;
    while (this.#block < this.#blocks.length) {
      if (budget <= 0) return false;
      const block = this.#blocks[this.#block]!;
      budget -=
        this.#done === 0 && block.bytes <= budget ? this.#copyRuns(block, budget) : this.#copyPart(block, budget);
      if (this.#run < block.runs) continue;
      this.#run = 0;
      this.#block++;
    }
    return true;
  }

  /** Whole runs, as many as the budget allows; returns their bytes. */
  #copyRuns({ fromOffset, fromStride, toOffset, toStride, bytes, runs }: Block, budget: number): number {
    const heaps = this.#heaps;
    const end = Math.min(runs, this.#run + Math.floor(budget / bytes));
    const copied = (end - this.#run) * bytes;
    let from = this.#source + (fromOffset + this.#run * fromStride) / 4;
    let to = this.#target + (toOffset + this.#run * toStride) / 4;
    for (; this.#run < end; this.#run++) {
      heaps.copyWithin(to, from, from + bytes / 4);
      from += fromStride / 4;
      to += toStride / 4;
    }
    return copied;
  }

  /** Part of a run that is larger than the budget; returns its bytes. */
  #copyPart({ fromOffset, fromStride, toOffset, toStride, bytes }: Block, budget: number): number {
    const size = Math.min(bytes - this.#done, budget);
    const from = this.#source + (fromOffset + this.#run * fromStride + this.#done) / 4;
    const to = this.#target + (toOffset + this.#run * toStride + this.#done) / 4;
    this.#heaps.copyWithin(to, from, from + size / 4);
    this.#done += size;
    if (this.#done === bytes) {
      this.#done = 0;
      this.#run++;
    }
    return size;
  }
}
