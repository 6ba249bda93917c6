import { Aborted, type Board, type Span } from "../fabric.ts";
import { LANES } from "./lane-job.ts";

/** Words of 4 bytes that keep counters of different threads on cache lines of their own. */
export const PAD = 16;

/** State of an op, as a supervisor sees it. */
export const OpState = { none: 0, started: 1, ended: 2 } as const;

/** Memory that the threads of a process write down in what they do. */
export interface BoardMemory {
  /** Word 0: not 0 once the run is to stop. */
  readonly control: Int32Array;
  /** By rank, `PAD` apart: counts changes that its threads may wait for. */
  readonly doorbells: Int32Array;
  /** By thread, `PAD` apart: counts what it did. */
  readonly progress: Int32Array;
  /** By op, `OpState`. */
  readonly state: Uint8Array;
  /** By pass and op. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

/** Wakes the threads of a rank that sleep. */
export function ring({ doorbells }: Pick<BoardMemory, "doorbells">, rank: number): void {
  Atomics.add(doorbells, rank * PAD, 1);
  Atomics.notify(doorbells, rank * PAD);
}

/** The board of one thread of a rank; its rank is counted among those of its process. */
export class LaneBoard implements Board {
  readonly #run: BoardMemory;
  readonly #ring: () => void;
  readonly #thread: number;
  readonly #numOps: number;
  #firstTime = 0;

  /** `ringOther` wakes the rank's other thread where it sleeps in a way of its own. */
  constructor(run: BoardMemory, rank: number, lane: number, ringOther = () => ring(run, rank)) {
    this.#run = run;
    this.#ring = ringOther;
    this.#thread = (rank * LANES + lane) * PAD;
    this.#numOps = run.state.length;
  }

  /** Times of the pass that begins belong to that repeat. */
  beginPass(repeat: number): void {
    this.#firstTime = repeat * this.#numOps;
  }

  hasEnded(op: number): boolean {
    return Atomics.load(this.#run.state, op) === OpState.ended;
  }

  started(op: number, _startNs: number): void {
    this.#run.state[op] = OpState.started;
  }

  ended(op: number, { startNs, endNs }: Span, isAwaited: boolean): void {
    this.#run.startNs[this.#firstTime + op] = startNs;
    this.#run.endNs[this.#firstTime + op] = endNs;
    Atomics.store(this.#run.state, op, OpState.ended);
    if (isAwaited) this.#ring();
    this.progress();
  }

  progress(): void {
    Atomics.add(this.#run.progress, this.#thread, 1);
  }

  check(): void {
    if (Atomics.load(this.#run.control, 0) !== 0) throw new Aborted("the run was told to stop");
  }
}
