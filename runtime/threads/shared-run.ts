import { UsageError } from "../../plan/errors.ts";
import { numOps, type Schedule } from "../../plan/schedule/schedule.ts";
import type { Board } from "../fabric.ts";
import { type BoardMemory, OpState, PAD, ring } from "../lanes/lane-board.ts";
import { LANES } from "../lanes/lane-job.ts";
import { signalWords } from "../program.ts";

/** Words of `control`. */
export const Control = {
  /** Not 0: stop. */
  abort: 0,
  /** Ranks that have posted the present barrier, and barriers that are over. */
  arrived: PAD,
  barriers: 2 * PAD,
  /** Threads at the present meeting, and meetings that are over. Meetings lie between the passes and are no ops. */
  met: 3 * PAD,
  meetings: 4 * PAD,
  /** Rings for the arbiter of emulated links. */
  arbiter: 5 * PAD,
  /** What the first thread said at the present meeting. */
  said: 6 * PAD,
  length: 7 * PAD,
} as const;

/**
 * Memory that all threads of a run share. Columns by op hold one pass and are cleared before the next, but for the times,
 * which are kept for each repeat.
 */
export interface SharedRun extends BoardMemory {
  /** The symmetric heaps, one after the other. */
  readonly heaps: Float32Array;
  readonly heapElements: number;
  /** Signal words by rank. */
  readonly signals: Int32Array;
  readonly numWords: number;
  /** By op of kind send: how many ends are posted, and 3 once the bytes have moved. */
  readonly pairs: Int32Array;
  /** When a pair or the k-th barrier began and ended (ns), by op of kind send, and by number of the barrier. */
  readonly pairEndNs: Float64Array;
  readonly barrierNs: Float64Array;
  /** Emulated transfers by op: when they were asked for, and when the model has them finish (0: not yet). */
  readonly requestNs: Float64Array;
  readonly finishNs: Float64Array;
  /**
   * Emulated transfers that threads asked for, a ring for each thread (`requestRing`), and how many each has asked for
   * since the start of the run.
   */
  readonly requests: Int32Array;
  readonly numRequests: Int32Array;
  /** By thread, `PAD` apart: number, sum and largest of how late ends of emulated transfers were seen, ns. */
  readonly late: Float64Array;
  /** By repeat and rank: hash of the output. */
  readonly outputHash: Int32Array;
}

/**
 * Allocates it, zeroed. Throws a UsageError (`limit`) where it is more than this machine has free.
 */
export function createSharedRun(
  schedule: Schedule,
  repeats: number,
  isEmulated: boolean,
  freeBytes: number,
): SharedRun {
  const count = numOps(schedule);
  const { ranks } = schedule;
  const heapElements = Math.ceil(schedule.heapBytes / 4 / PAD) * PAD;
  const numWords = Math.ceil(signalWords(schedule) / PAD) * PAD;
  const emulated = isEmulated ? count : 0;
  const bytes = 4 * heapElements * ranks + 16 * repeats * count + 24 * count + ranks * schedule.accumulatorBytes;
  if (bytes > freeBytes) throw notEnough(bytes, freeBytes, schedule);
  try {
    return {
      control: int32(Control.length),
      heaps: new Float32Array(new SharedArrayBuffer(4 * heapElements * ranks)),
      heapElements,
      signals: int32(ranks * numWords),
      numWords,
      doorbells: int32(ranks * PAD),
      progress: int32(ranks * LANES * PAD),
      state: new Uint8Array(new SharedArrayBuffer(count)),
      pairs: int32(count),
      pairEndNs: float64(count),
      barrierNs: float64(count),
      startNs: float64(repeats * count),
      endNs: float64(repeats * count),
      requestNs: float64(emulated),
      finishNs: float64(emulated),
      requests: int32(emulated),
      numRequests: int32(ranks * LANES * PAD),
      late: float64(ranks * LANES * PAD),
      outputHash: int32(repeats * ranks),
    };
  } catch (error) {
    if (error instanceof RangeError) throw notEnough(bytes, freeBytes, schedule);
    throw error;
  }
}

function notEnough(bytes: number, freeBytes: number, { ranks }: Schedule): UsageError {
  const mebibytes = (n: number) => `${Math.ceil(n / 2 ** 20)} MiB`;
  return new UsageError(
    "limit",
    `expected at most ${mebibytes(freeBytes)} of memory, which are free, got ${mebibytes(bytes)} for ${ranks} ranks`,
    { path: "schedule", hint: "Run fewer tokens or ranks here." },
  );
}

/** Clears what belongs to one pass; no thread may be in it. */
export function clearPass(run: SharedRun): void {
  run.state.fill(OpState.none);
  run.pairs.fill(0);
  run.signals.fill(0);
  run.finishNs.fill(0);
  Atomics.store(run.control, Control.arrived, 0);
  Atomics.store(run.control, Control.barriers, 0);
}

export function ringArbiter(run: SharedRun): void {
  Atomics.add(run.control, Control.arbiter, 1);
  Atomics.notify(run.control, Control.arbiter);
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

/** Tells all threads to stop. */
export function abortRun(run: SharedRun): void {
  Atomics.store(run.control, Control.abort, 1);
  for (let rank = 0; rank < run.doorbells.length / PAD; rank++) ring(run, rank);
  Atomics.notify(run.control, Control.meetings);
  ringArbiter(run);
}

function int32(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

function float64(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(8 * length));
}
