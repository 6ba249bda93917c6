/**
 * When each op ran: columns with one row a span. Spans stand in the order of op ids, repeats one after the other.
 * A trace stands alone: it says of each op what is needed to draw, sum up and compare it without its schedule.
 */
export interface Trace {
  readonly version: 1;
  readonly source: "predicted" | "measured";
  /** Transfers were slowed to a model's figures, or the hardware was stood in for. */
  readonly emulated: boolean;
  /** SHA-256 of the schedule's packed form, hex. */
  readonly scheduleHash: string;
  /** What it ran on, or what it was predicted for; and what could not be observed. */
  readonly notes: readonly string[];
  /** Streams of each rank, as in the schedule. */
  readonly streams: readonly string[];
  /** Ranks of a machine in the schedule's mesh: rank `r` is drawn in machine `⌊r/ranksPerMachine⌋`. */
  readonly ranksPerMachine: number;
  readonly op: Uint32Array;
  /** Of the op, as in the schedule: index into `OP_KINDS`, rank, index into `streams`. */
  readonly kind: Uint8Array;
  readonly rank: Uint16Array;
  readonly stream: Uint8Array;
  /** Nanoseconds from the run's start. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

/** Nanoseconds from the first start to the last end; 0 for an empty trace. */
export function makespanNs(trace: Trace): number {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const start of trace.startNs) if (start < first) first = start;
  for (const end of trace.endNs) if (end > last) last = end;
  return trace.op.length === 0 ? 0 : last - first;
}
