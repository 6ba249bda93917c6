import type { FlowNetwork } from "../plan/flow/flow-network.ts";
import type { HostModel } from "./host-model.ts";

/** None, in lists of pieces and flows. */
const NONE = -1;

/** How long a thread that has nothing to do looks around before it sleeps (ns); what comes later has to wake it. */
const AWAKE_NS = 1;

/** Pieces of one thread whose ends differ by less, relatively, end together. */
const TIE = 1e-12;

/** What `HostThreads` tells. */
export interface HostThreadsOwner {
  /** A thread begins with a piece. */
  onBegin(piece: number): void;
  /** It has done it. */
  onDone(piece: number): void;
  /** `wake` of the thread is to be called after so many ns. */
  wakeLater(thread: number, afterNs: number): void;
}

/** Whether a thread that was last busy at `busyNs` is awake. */
export function isAwake(busyNs: number, nowNs: number): boolean {
  return nowNs - busyNs <= AWAKE_NS;
}

/**
 * The threads of the ranks of hosts. A *piece* is what one op has a thread do: so many bytes' worth of its time. A thread
 * goes on with all of its pieces by turns and is one flow of the network, which shares cores and memory among threads
 * (not among pieces); a thread without pieces sleeps, and begins with the next one `wakeNs` later.
 *
 * Progress is kept as virtual time, the bytes that every piece of the thread has moved since it was last without any. The
 * flow is what is missing until the next piece is done. Changes of one instant are collected, `settle` finds what follows.
 */
export class HostThreads {
  readonly #model: HostModel;
  readonly #flows: FlowNetwork;
  readonly #firstFlowId: number;
  readonly #owner: HostThreadsOwner;
  /** By thread: the piece lists, linked by `next`; pieces that wait for the thread to wake are in a list of their own. */
  readonly #running: Int32Array;
  readonly #waiting: Int32Array;
  readonly #numRunning: Int32Array;
  readonly #numCopies: Int32Array;
  readonly #flow: Int32Array;
  readonly #virtual: Float64Array;
  /** Virtual time at the end of the flow. */
  readonly #target: Float64Array;
  /** When the thread was last busy. */
  readonly #busyNs: Float64Array;
  readonly #isWaking: Uint8Array;
  /** By piece: at first its bytes, once it runs the virtual time of its end. */
  readonly #next: Int32Array;
  readonly #until: Float64Array;
  readonly #isCopy: Uint8Array;
  readonly #touched: Int32Array;
  readonly #isTouched: Uint8Array;
  #numTouched = 0;

  /** Flows of threads get the ids from `firstFlowId` on; `endFlow` takes the thread. */
  constructor(
    model: HostModel,
    flows: FlowNetwork,
    { numPieces, firstFlowId }: { readonly numPieces: number; readonly firstFlowId: number },
    owner: HostThreadsOwner,
  ) {
    const { numThreads } = model;
    this.#model = model;
    this.#flows = flows;
    this.#firstFlowId = firstFlowId;
    this.#owner = owner;
    this.#running = new Int32Array(numThreads).fill(NONE);
    this.#waiting = new Int32Array(numThreads).fill(NONE);
    this.#numRunning = new Int32Array(numThreads);
    this.#numCopies = new Int32Array(numThreads);
    this.#flow = new Int32Array(numThreads).fill(NONE);
    this.#virtual = new Float64Array(numThreads);
    this.#target = new Float64Array(numThreads);
    this.#busyNs = new Float64Array(numThreads).fill(-Infinity);
    this.#isWaking = new Uint8Array(numThreads);
    this.#next = new Int32Array(numPieces);
    this.#until = new Float64Array(numPieces);
    this.#isCopy = new Uint8Array(numPieces);
    this.#touched = new Int32Array(numThreads);
    this.#isTouched = new Uint8Array(numThreads);
  }

  /** Gives a thread a piece that it has not yet: `workNs` of its time, moving bytes in memory if `isCopy`. */
  add(thread: number, piece: number, workNs: number, isCopy: boolean): void {
    this.#until[piece] = (workNs * this.#model.threadRate(thread)) / 1e9;
    this.#isCopy[piece] = isCopy ? 1 : 0;
    this.#next[piece] = this.#waiting[thread]!;
    this.#waiting[thread] = piece;
    this.#touch(thread);
  }

  /** When a thread was last busy, −Infinity if never. */
  busyNs(thread: number): number {
    return this.#busyNs[thread]!;
  }

  /** The thread is awake at `nowNs`, though it had nothing to do. */
  stayAwake(thread: number, nowNs: number): void {
    this.#busyNs[thread] = nowNs;
  }

  /** What `wakeLater` asked for. */
  wake(thread: number, nowNs: number): void {
    this.#isWaking[thread] = 0;
    this.#busyNs[thread] = nowNs;
    this.#touch(thread);
  }

  /** The thread's flow has ended, and with it one piece or several. */
  endFlow(thread: number, nowNs: number): void {
    const virtual = this.#target[thread]!;
    this.#virtual[thread] = virtual;
    this.#flow[thread] = NONE;
    this.#busyNs[thread] = nowNs;
    this.#touch(thread);
    let piece = this.#running[thread]!;
    this.#running[thread] = NONE;
    while (piece !== NONE) {
      const next = this.#next[piece]!;
      if (this.#until[piece]! > virtual * (1 + TIE)) this.#keep(thread, piece);
      else {
        this.#numRunning[thread]!--;
        this.#numCopies[thread]! -= this.#isCopy[piece]!;
        this.#owner.onDone(piece);
      }
      piece = next;
    }
  }

  /** After the last change of an instant. */
  settle(nowNs: number): void {
    for (let i = 0; i < this.#numTouched; i++) {
      const thread = this.#touched[i]!;
      this.#isTouched[thread] = 0;
      this.#pause(thread, nowNs);
      this.#admit(thread, nowNs);
      this.#resume(thread, nowNs);
    }
    this.#numTouched = 0;
  }

  #touch(thread: number): void {
    if (this.#isTouched[thread] === 1) return;
    this.#isTouched[thread] = 1;
    this.#touched[this.#numTouched++] = thread;
  }

  #keep(thread: number, piece: number): void {
    this.#next[piece] = this.#running[thread]!;
    this.#running[thread] = piece;
  }

  /** Takes the thread's flow out of the network and brings its virtual time up to now. */
  #pause(thread: number, nowNs: number): void {
    if (this.#flow[thread] === NONE) return;
    const left = this.#flows.cancel(nowNs, this.#flow[thread]!);
    this.#virtual[thread] = this.#target[thread]! - left / this.#numRunning[thread]!;
    this.#flow[thread] = NONE;
    this.#busyNs[thread] = nowNs;
  }

  /** Begins with the pieces that wait, if the thread is awake. */
  #admit(thread: number, nowNs: number): void {
    if (this.#waiting[thread] === NONE) return;
    if (!isAwake(this.#busyNs[thread]!, nowNs)) {
      if (this.#isWaking[thread] === 1) return;
      this.#isWaking[thread] = 1;
      this.#owner.wakeLater(thread, this.#model.wakeNs(thread));
      return;
    }
    if (this.#numRunning[thread] === 0) this.#virtual[thread] = 0;
    while (this.#waiting[thread] !== NONE) {
      const piece = this.#waiting[thread]!;
      this.#waiting[thread] = this.#next[piece]!;
      this.#keep(thread, piece);
      this.#until[piece]! += this.#virtual[thread]!;
      this.#numRunning[thread]!++;
      this.#numCopies[thread]! += this.#isCopy[piece]!;
      this.#owner.onBegin(piece);
    }
  }

  #resume(thread: number, nowNs: number): void {
    const numRunning = this.#numRunning[thread]!;
    if (numRunning === 0) return;
    let target = Infinity;
    for (let piece = this.#running[thread]!; piece !== NONE; piece = this.#next[piece]!)
      target = Math.min(target, this.#until[piece]!);
    this.#target[thread] = target;
    const bytes = Math.max(0, target - this.#virtual[thread]!) * numRunning;
    const path = this.#model.threadPath(thread, this.#numCopies[thread]! > 0);
    const id = this.#firstFlowId + thread;
    this.#flow[thread] = this.#flows.start(nowNs, bytes, path, id, this.#model.threadRate(thread));
  }
}
