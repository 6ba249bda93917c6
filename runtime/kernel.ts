/**
 * Who computes, for one rank: attend, merge, finalize, copy and compute of a schedule, with the semantics of
 * ARCHITECTURE.md. A kernel is made for one schedule and one rank's heap and reads the ops' operands from the schedule;
 * accumulators are its own memory. It knows nothing of order, signals, time or other ranks.
 */
export interface Kernel {
  /** Makes all that these ops need (sessions, buffers), before the clock runs. */
  prepare(ops: Uint32Array): Promise<void>;
  /** Begins an op; `step` then does it. One op at a time. */
  begin(op: number): void;
  /**
   * Does a bounded part of the op (some milliseconds at most), so that others can be served and an abort is seen between
   * parts. True once the op has ended.
   */
  step(): Promise<boolean>;
  /** Every accumulator is the identity (0, −∞) again, whatever was begun. */
  reset(): void;
  /** Bytes that were copied between the heap and the kernel's own memory because the library cannot use the heap. */
  readonly stagedBytes: number;
  dispose(): Promise<void>;
}
