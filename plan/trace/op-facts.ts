import { UsageError } from "../errors.ts";
import { OP_KINDS, type OpKind } from "../schedule/schedule.ts";
import type { Trace } from "./trace.ts";

/** What the ops of some traces of one schedule are: columns by op id. */
export interface OpFacts {
  /** One more than the largest id. */
  readonly numOps: number;
  readonly kind: Uint8Array;
  readonly rank: Uint16Array;
  readonly stream: Uint8Array;
  readonly streams: readonly string[];
}

/** An op by name, for documents and tables. */
export interface NamedOp {
  readonly op: number;
  readonly kind: OpKind;
  readonly rank: number;
  readonly stream: string;
}

/** Columns are kept by op id; a schedule with more ops would not fit in memory. */
const MAX_OPS = 2 ** 26;

/** What the ops are that stand in any of the traces. Error `limit` for ids that no schedule has. */
export function collectOps(traces: readonly [Trace, ...Trace[]]): OpFacts {
  let numOps = 0;
  for (const { op } of traces) for (const id of op) if (id >= numOps) numOps = id + 1;
  if (numOps > MAX_OPS) throw new UsageError("limit", `expected op ids below ${MAX_OPS}, got ${numOps - 1}`);
  const kind = new Uint8Array(numOps);
  const rank = new Uint16Array(numOps);
  const stream = new Uint8Array(numOps);
  for (const trace of traces) {
    for (let row = 0; row < trace.op.length; row++) {
      const op = trace.op[row]!;
      kind[op] = trace.kind[row]!;
      rank[op] = trace.rank[row]!;
      stream[op] = trace.stream[row]!;
    }
  }
  const { streams } = traces.reduce((most, trace) => (trace.streams.length > most.streams.length ? trace : most));
  return { numOps, kind, rank, stream, streams };
}

/** The op by name. */
export function nameOp({ kind, rank, stream, streams }: OpFacts, op: number): NamedOp {
  return { op, kind: OP_KINDS[kind[op]!]!, rank: rank[op]!, stream: streams[stream[op]!]! };
}
