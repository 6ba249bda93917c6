import { OP_KINDS, type OpKind } from "../../plan/schedule/schedule.ts";
import { collectOps, type OpFacts } from "../../plan/trace/op-facts.ts";
import { boundsOf, passesOf } from "../../plan/trace/passes.ts";
import type { Trace } from "../../plan/trace/trace.ts";

/** Ops that are in both traces, one row an op, in the order of their measured starts. Times are means over passes, ns. */
export interface OpTimes {
  readonly op: Uint32Array;
  readonly kind: Uint8Array;
  readonly rank: Uint16Array;
  readonly stream: Uint8Array;
  readonly streams: readonly string[];
  readonly predictedNs: Float64Array;
  readonly measuredNs: Float64Array;
  /** From the start of the pass. */
  readonly startNs: Float64Array;
}

/** Matches two traces of one schedule by op id. O(n log n). Error `limit` for ids that no schedule has. */
export function matchOpTimes(predicted: Trace, measured: Trace): OpTimes {
  const facts = collectOps([predicted, measured]);
  const [a, b] = [sumTimes(predicted, facts), sumTimes(measured, facts)];
  const both = new Uint32Array(facts.numOps);
  const meanStartNs = new Float64Array(facts.numOps);
  let numOps = 0;
  for (let op = 0; op < facts.numOps; op++) {
    if (a.count[op] === 0 || b.count[op] === 0) continue;
    both[numOps++] = op;
    meanStartNs[op] = b.startNs[op]! / b.count[op]!;
  }
  // The sort is stable: ops of one start stay in the order of their ids.
  const op = both.subarray(0, numOps).sort((x, y) => meanStartNs[x]! - meanStartNs[y]!);
  const times: OpTimes = {
    op,
    kind: new Uint8Array(numOps),
    rank: new Uint16Array(numOps),
    stream: new Uint8Array(numOps),
    streams: facts.streams,
    predictedNs: new Float64Array(numOps),
    measuredNs: new Float64Array(numOps),
    startNs: new Float64Array(numOps),
  };
  for (let row = 0; row < numOps; row++) {
    const id = op[row]!;
    times.kind[row] = facts.kind[id]!;
    times.rank[row] = facts.rank[id]!;
    times.stream[row] = facts.stream[id]!;
    times.predictedNs[row] = a.totalNs[id]! / a.count[id]!;
    times.measuredNs[row] = b.totalNs[id]! / b.count[id]!;
    times.startNs[row] = meanStartNs[id]!;
  }
  return times;
}

/** Predicted − measured, as the error is signed: positive where the prediction was too long. */
export function residualNs({ predictedNs, measuredNs }: OpTimes, row: number): number {
  return predictedNs[row]! - measuredNs[row]!;
}

export function kindOfRow({ kind }: OpTimes, row: number): OpKind {
  return OP_KINDS[kind[row]!]!;
}

/** By op id: in how many spans, and sums over them. */
interface Sums {
  readonly count: Uint32Array;
  readonly totalNs: Float64Array;
  readonly startNs: Float64Array;
}

function sumTimes(trace: Trace, { numOps }: OpFacts): Sums {
  const count = new Uint32Array(numOps);
  const totalNs = new Float64Array(numOps);
  const startNs = new Float64Array(numOps);
  for (const pass of passesOf(trace)) {
    const { startNs: originNs } = boundsOf(trace, pass);
    for (let row = pass.first; row < pass.end; row++) {
      const op = trace.op[row]!;
      count[op]!++;
      totalNs[op]! += trace.endNs[row]! - trace.startNs[row]!;
      startNs[op]! += trace.startNs[row]! - originNs;
    }
  }
  return { count, totalNs, startNs };
}
