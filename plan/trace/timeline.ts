import { boundsOf, type Pass, passesOf } from "./passes.ts";
import type { Trace } from "./trace.ts";

/** When ops ran, in one pass or on average over all: columns by op id, in ns from the first start of the pass. */
export interface Timeline {
  /** Ids of the ops that ran, rising. */
  readonly ops: Uint32Array;
  /** 1 for ops that ran; the times of all others mean nothing. */
  readonly hasOp: Uint8Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** Mean over the passes that are in it. */
  readonly makespanNs: number;
}

/** Means over the passes of a trace whose op ids are below `numOps`; of a trace of one pass its very times. */
export function meanTimeline(trace: Trace, numOps: number): Timeline {
  const columns = createColumns(numOps);
  const count = new Uint32Array(numOps);
  let totalNs = 0;
  let numPasses = 0;
  for (const pass of passesOf(trace)) {
    totalNs += addPass(trace, pass, columns);
    numPasses++;
    for (let row = pass.first; row < pass.end; row++) count[trace.op[row]!]!++;
  }
  if (numPasses === 1) return { ...columns, ops: trace.op, makespanNs: totalNs };
  const ops = idsOf(count);
  for (const op of ops) {
    columns.startNs[op]! /= count[op]!;
    columns.endNs[op]! /= count[op]!;
  }
  return { ...columns, ops, makespanNs: numPasses === 0 ? 0 : totalNs / numPasses };
}

/** The timeline of each pass in turn. All are laid into the same columns: one is over when the next is asked for. */
export function* passTimelines(trace: Trace, numOps: number): Generator<Timeline> {
  const columns = createColumns(numOps);
  for (const pass of passesOf(trace)) {
    const makespanNs = addPass(trace, pass, columns);
    const ops = trace.op.subarray(pass.first, pass.end);
    yield { ...columns, ops, makespanNs };
    for (const op of ops) columns.hasOp[op] = columns.startNs[op] = columns.endNs[op] = 0;
  }
}

type Columns = Pick<Timeline, "hasOp" | "startNs" | "endNs">;

function createColumns(numOps: number): Columns {
  return { hasOp: new Uint8Array(numOps), startNs: new Float64Array(numOps), endNs: new Float64Array(numOps) };
}

/** Adds the times of a pass and returns its makespan. */
function addPass(trace: Trace, pass: Pass, { hasOp, startNs, endNs }: Columns): number {
  const bounds = boundsOf(trace, pass);
  for (let row = pass.first; row < pass.end; row++) {
    const op = trace.op[row]!;
    hasOp[op] = 1;
    startNs[op]! += trace.startNs[row]! - bounds.startNs;
    endNs[op]! += trace.endNs[row]! - bounds.startNs;
  }
  return bounds.endNs - bounds.startNs;
}

function idsOf(count: Uint32Array): Uint32Array {
  const ops = new Uint32Array(count.reduce((sum, times) => sum + (times > 0 ? 1 : 0), 0));
  let at = 0;
  for (let op = 0; op < count.length; op++) if (count[op]! > 0) ops[at++] = op;
  return ops;
}
