import { Aborted, type Board, type Span } from "../fabric.ts";
import { Control, LANES, OpState, PAD, ring, type SharedRun } from "./shared-run.ts";

/** The board of one thread of a rank; `repeat` says where the times of the present pass go. */
export class ThreadsBoard implements Board {
  readonly #run: SharedRun;
  readonly #rank: number;
  readonly #thread: number;
  readonly #numOps: number;
  #firstTime = 0;

  constructor(run: SharedRun, rank: number, lane: number) {
    this.#run = run;
    this.#rank = rank;
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
    if (isAwaited) ring(this.#run, this.#rank);
    this.progress();
  }

  progress(): void {
    Atomics.add(this.#run.progress, this.#thread, 1);
  }

  check(): void {
    if (Atomics.load(this.#run.control, Control.abort) !== 0) throw new Aborted("the run was told to stop");
  }
}

/** Waits until all `numThreads` threads are here. Between two meetings nobody is inside a pass. */
export function meet(run: SharedRun, numThreads: number, board: Pick<Board, "check">): void {
  const { control } = run;
  const meeting = Atomics.load(control, Control.meetings);
  if (Atomics.add(control, Control.met, 1) + 1 === numThreads) {
    Atomics.store(control, Control.met, 0);
    Atomics.add(control, Control.meetings, 1);
    Atomics.notify(control, Control.meetings);
    return;
  }
  while (Atomics.load(control, Control.meetings) === meeting) {
    board.check();
    Atomics.wait(control, Control.meetings, meeting, 50);
  }
}
