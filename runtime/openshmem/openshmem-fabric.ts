import type { Block, Fabric, Progress, Ticket, Transfer } from "../fabric.ts";
import type { Clock } from "../lanes/clock.ts";
import { type BoardMemory, ring } from "../lanes/lane-board.ts";
import { COMPUTE_LANE } from "../lanes/lane-job.ts";
import type { Addon } from "./addon.ts";
import { Window } from "./window.ts";
import { readWord, type Round, type WordLayout, writeWord } from "./words.ts";

/** How long a sleeping thread goes without a look around. */
const LOOK_MS = 50;

export interface OpenshmemFabricOptions {
  readonly addon: Addon;
  readonly rank: number;
  readonly ranks: number;
  readonly lane: number;
  readonly clock: Clock;
  readonly layout: WordLayout;
  readonly heapBytes: number;
  readonly board: BoardMemory;
}

/**
 * The fabric of OpenSHMEM: each rank a process, heaps in symmetric memory. A put hands its runs to the library, then its
 * signal, then asks the peer for a word that is always there: when that has come, so had the put (the library keeps the
 * order of what goes to one peer, behind a fence). The thread that moves bytes drives the library while it idles, so that
 * transfers in both directions go on while the other thread computes.
 */
export class OpenshmemFabric implements Fabric {
  readonly rank: number;
  readonly heap: Float32Array;
  readonly nowNs: Clock;
  readonly #options: OpenshmemFabricOptions;
  readonly #words: Int32Array;
  /** Landings of notifies, whose ops do not wait for them. */
  readonly #unheard: number[] = [];
  readonly #rounds: Record<Round, number> = { barrier: 0, meeting: 0 };
  /** By peer. */
  readonly #windows: readonly Window[];
  #rung = 0;

  constructor(options: OpenshmemFabricOptions) {
    const { addon, layout, heapBytes } = options;
    this.#options = options;
    this.rank = options.rank;
    this.nowNs = options.clock;
    const memory = addon.memory();
    this.#words = new Int32Array(memory, 0, layout.bytes / 4);
    this.heap = new Float32Array(memory, layout.bytes, Math.ceil(heapBytes / 4));
    this.#windows = Array.from(
      { length: options.ranks },
      (_, peer) =>
        new Window({
          nowNs: options.clock,
          hasArrived: (offset) => readWord(this.#words, offset) !== 0,
          ask: (index) => this.#askInto(peer, layout.part(peer, index)),
        }),
    );
  }

  put(transfer: Transfer): Ticket {
    return this.#acknowledged(this.#moves(transfer, "put"), transfer);
  }

  get(transfer: Transfer): Ticket {
    return this.#acknowledged(this.#moves(transfer, "get"), transfer);
  }

  notify({ op, peer, signal }: Transfer): Ticket {
    return {
      span: null,
      poll: () => {
        this.#signal(op, peer, this.#options.layout.signal(signal!.word), signal!.value);
        this.#unheard.push(this.#ask(op, peer));
        return "ended";
      },
    };
  }

  /** Waits for the receiver to be ready, then moves the bytes and tells it. */
  send(transfer: Transfer): Ticket {
    const { op, peer, partner } = transfer;
    const { layout } = this.#options;
    const mail = layout.op(op, "mail");
    const moves = this.#acknowledged(this.#moves(transfer, "put"), transfer, () =>
      this.#signal(op, peer, layout.op(partner, "mail"), 1),
    );
    return { span: null, poll: () => (readWord(this.#words, mail) === 0 ? "waiting" : moves.poll()) };
  }

  /** Before a pass, on the thread that moves bytes: nothing is under way. */
  beginPass(): void {
    for (const window of this.#windows) window.clear();
  }

  receive({ op, peer, partner }: Transfer): Ticket {
    const { layout } = this.#options;
    this.#signal(op, peer, layout.op(partner, "mail"), 1);
    const mail = layout.op(op, "mail");
    return { span: null, poll: () => (readWord(this.#words, mail) === 0 ? "waiting" : "ended") };
  }

  barrier(): Ticket {
    const hasEnded = this.arrive("barrier", false);
    return { span: null, poll: () => (hasEnded() === null ? "waiting" : "ended") };
  }

  reached(word: number, value: number): boolean {
    return readWord(this.#words, this.#options.layout.signal(word)) >= value;
  }

  /** The thread that moves bytes serves transfers meanwhile, and wakes the other one when a word changes. */
  idle(): void {
    const { addon, board, lane, layout } = this.#options;
    const { bytes, partStart, passStart } = layout;
    if (lane === COMPUTE_LANE) Atomics.wait(board.doorbells, 0, this.#rung, LOOK_MS);
    else if (addon.progress(board.doorbells, this.#rung, bytes, partStart, passStart, 1000 * LOOK_MS)) ring(board, 0);
    this.#rung = Atomics.load(board.doorbells, 0);
  }

  /**
   * Comes to the next barrier or meeting. What it returns tells whether all ranks have come: null not yet, then what
   * rank 0 has said. Rank 0 counts, and lets the others go on.
   */
  arrive(round: Round, said: boolean): () => boolean | null {
    const { addon, layout, ranks } = this.#options;
    const words = this.#words;
    const count = ++this.#rounds[round];
    const release = layout.release(round);
    writeWord(words, this.rank === 0 ? layout.arrival(round, 0) : layout.out(round, "arrival"), count);
    if (this.rank !== 0) addon.signal(0, layout.out(round, "arrival"), layout.arrival(round, this.rank));
    return () => {
      const released = readWord(words, release);
      if (released >> 1 === count) return (released & 1) === 1;
      if (this.rank !== 0) return null;
      for (let rank = 0; rank < ranks; rank++) if (readWord(words, layout.arrival(round, rank)) < count) return null;
      const word = 2 * count + (said ? 1 : 0);
      writeWord(words, layout.out(round, "release"), word);
      for (let rank = 1; rank < ranks; rank++) addon.signal(rank, layout.out(round, "release"), release);
      writeWord(words, release, word);
      return said;
    };
  }

  /** Whether all that this thread has sent has arrived. */
  isHeard(): boolean {
    while (this.#unheard.length > 0 && readWord(this.#words, this.#unheard.at(-1)!) !== 0) this.#unheard.pop();
    return this.#unheard.length === 0;
  }

  /** Clears the words of a pass; no rank may be in one. */
  clearPass(): void {
    const { layout } = this.#options;
    this.#words.fill(0, layout.passStart / 4);
    writeWord(this.#words, layout.yes, 1);
  }

  #signal(op: number, peer: number, to: number, value: number): void {
    const out = this.#options.layout.op(op, "out");
    writeWord(this.#words, out, value);
    this.#options.addon.signal(peer, out, to);
  }

  /** Asks for the peer's `yes`, behind all that goes to it or comes from it; returns where it lands. */
  #ask(op: number, peer: number): number {
    return this.#askInto(peer, this.#options.layout.op(op, "landing"));
  }

  #askInto(peer: number, landing: number): number {
    const { addon, layout } = this.#options;
    writeWord(this.#words, landing, 0);
    addon.fence();
    addon.get(peer, layout.yes, 0, landing, 0, 8, 1);
    return landing;
  }

  #moves({ peer, blocks }: Transfer, kind: "put" | "get"): Moves {
    return new Moves(this.#options.addon, kind, peer, blocks, this.#options.layout.bytes, this.#windows[peer]!);
  }

  /** Ends when the last byte and the signal have arrived. */
  #acknowledged(moves: Moves, { op, peer, signal }: Transfer, onMoved?: () => void): Ticket {
    let landing: number | null = null;
    return {
      span: null,
      poll: (): Progress => {
        if (landing !== null) return readWord(this.#words, landing) === 0 ? "waiting" : "ended";
        const bytes = moves.step();
        if (!moves.hasEnded) return bytes === 0 ? "waiting" : "moved";
        if (signal !== null) this.#signal(op, peer, this.#options.layout.signal(signal.word), signal.value);
        onMoved?.();
        landing = this.#ask(op, peer);
        this.#windows[peer]!.sent(bytes, landing);
        return "moved";
      },
    };
  }
}

/** Hands the runs of blocks to the library, as many at a time as the peer's window lets through. */
class Moves {
  readonly #addon: Addon;
  readonly #kind: "put" | "get";
  readonly #peer: number;
  readonly #blocks: readonly Block[];
  readonly #heap: number;
  readonly #window: Window;
  #block = 0;
  #run = 0;
  /** Bytes of the present run that were handed over. */
  #done = 0;

  constructor(addon: Addon, kind: "put" | "get", peer: number, blocks: readonly Block[], heap: number, window: Window) {
    this.#addon = addon;
    this.#kind = kind;
    this.#peer = peer;
    this.#blocks = blocks;
    this.#heap = heap;
    this.#window = window;
  }

  get hasEnded(): boolean {
    return this.#block === this.#blocks.length;
  }

  /** Returns the bytes that it has handed over. */
  step(): number {
    const room = this.#window.room();
    let left = room;
    while (!this.hasEnded && left > 0) left -= this.#handOver(this.#blocks[this.#block]!, left);
    if (!this.hasEnded && left < room) this.#window.sent(room - left);
    return room - left;
  }

  /** Whole runs as many as the budget allows, or else a part of one; returns their bytes. */
  #handOver({ fromOffset, fromStride, toOffset, toStride, bytes, runs }: Block, budget: number): number {
    const count = this.#done > 0 || bytes > budget ? 0 : Math.min(runs - this.#run, Math.floor(budget / bytes));
    const size = count > 0 ? bytes : Math.min(bytes - this.#done, budget);
    const from = this.#heap + fromOffset + this.#run * fromStride + this.#done;
    const to = this.#heap + toOffset + this.#run * toStride + this.#done;
    this.#addon[this.#kind](this.#peer, from, fromStride, to, toStride, size, Math.max(1, count));
    this.#done = count > 0 ? 0 : (this.#done + size) % bytes;
    if (this.#done === 0) this.#run += Math.max(1, count);
    if (this.#run === runs) {
      this.#run = 0;
      this.#block++;
    }
    return size * Math.max(1, count);
  }
}
