import { UsageError } from "../errors.ts";
import { OP_KINDS, type OpKind } from "../schedule/schedule.ts";
import type { Trace } from "./trace.ts";

/** Times are means over the passes of each trace, `error` the signed (predicted − measured) / measured. */
interface Compared {
  readonly predictedNs: number;
  readonly measuredNs: number;
  /** Null where something was predicted and nothing measured. */
  readonly error: number | null;
}

export interface KindComparison extends Compared {
  readonly kind: OpKind;
}

export interface OpComparison extends Compared {
  readonly op: number;
  readonly kind: OpKind;
  readonly rank: number;
}

export interface Comparison {
  readonly makespanError: number | null;
  /** Sums over the ops of each kind, in the order of `OP_KINDS`; kinds without ops are left out. */
  readonly perKind: readonly KindComparison[];
  /** The ops with the largest difference in ns, largest first, ties by id. */
  readonly worstOps: readonly OpComparison[];
  /** Ops that only one of the traces has; they are in no figure but the makespan. */
  readonly unmatchedOps: number;
}

/**
 * Compares two traces of one schedule, op by op. A pass goes once through the ops (a trace of repeats has several), and
 * the time between passes counts nowhere.
 * Error `hash` for traces of different schedules.
 */
export function compareTraces(predicted: Trace, measured: Trace, { numWorst = 10 } = {}): Comparison {
  checkSameSchedule(predicted, measured);
  const a = summarize(predicted);
  const b = summarize(measured);
  const { matched, unmatchedOps } = matchOps(a.count, b.count);
  return {
    makespanError: signedError(a.makespanNs, b.makespanNs),
    perKind: compareKinds(a, b, matched),
    worstOps: findWorst(a, b, matched, numWorst),
    unmatchedOps,
  };
}

function matchOps(a: Uint32Array, b: Uint32Array): { matched: number[]; unmatchedOps: number } {
  const matched: number[] = [];
  let unmatchedOps = 0;
  for (let op = 0; op < Math.max(a.length, b.length); op++) {
    const inA = (a[op] ?? 0) > 0;
    const inB = (b[op] ?? 0) > 0;
    if (inA && inB) matched.push(op);
    else if (inA || inB) unmatchedOps++;
  }
  return { matched, unmatchedOps };
}

function checkSameSchedule(predicted: Trace, measured: Trace): void {
  if (predicted.scheduleHash === measured.scheduleHash) return;
  throw new UsageError(
    "hash",
    `expected traces of one schedule, got ${predicted.scheduleHash} and ${measured.scheduleHash}`,
    {
      path: "scheduleHash",
      hint: "Simulate and run the same schedule file.",
    },
  );
}

function signedError(predictedNs: number, measuredNs: number): number | null {
  if (measuredNs !== 0) return (predictedNs - measuredNs) / measuredNs;
  return predictedNs === 0 ? 0 : null;
}

/** Per op id: its spans, their durations' sum, and what it is. */
interface Summary {
  readonly count: Uint32Array;
  readonly totalNs: Float64Array;
  readonly kind: Uint8Array;
  readonly rank: Uint16Array;
  /** Mean over passes. */
  readonly makespanNs: number;
}

/** Sums are kept by op id; a schedule with more ops would not fit in memory. */
const MAX_OPS = 2 ** 26;

function summarize(trace: Trace): Summary {
  const { op, startNs, endNs } = trace;
  const numOps = op.reduce((most, id) => Math.max(most, id + 1), 0);
  if (numOps > MAX_OPS) throw new UsageError("limit", `expected op ids below ${MAX_OPS}, got ${numOps - 1}`);
  const summary = {
    count: new Uint32Array(numOps),
    totalNs: new Float64Array(numOps),
    kind: new Uint8Array(numOps),
    rank: new Uint16Array(numOps),
    makespanNs: meanMakespanNs(trace),
  };
  for (let span = 0; span < op.length; span++) {
    const id = op[span]!;
    summary.count[id]!++;
    summary.totalNs[id]! += endNs[span]! - startNs[span]!;
    summary.kind[id] = trace.kind[span]!;
    summary.rank[id] = trace.rank[span]!;
  }
  return summary;
}

/** From the first start to the last end of each pass; ids rise within a pass, so one that does not begins the next. */
function meanMakespanNs({ op, startNs, endNs }: Trace): number {
  let total = 0;
  let numPasses = 0;
  let first = 0;
  let last = 0;
  for (let span = 0; span < op.length; span++) {
    const begins = span === 0 || op[span]! <= op[span - 1]!;
    if (begins) {
      total += last - first;
      numPasses++;
    }
    first = begins ? startNs[span]! : Math.min(first, startNs[span]!);
    last = begins ? endNs[span]! : Math.max(last, endNs[span]!);
  }
  return numPasses === 0 ? 0 : (total + last - first) / numPasses;
}

function meanNs({ count, totalNs }: Summary, op: number): number {
  return totalNs[op]! / count[op]!;
}

function compareKinds(a: Summary, b: Summary, ops: readonly number[]): KindComparison[] {
  const predicted = new Float64Array(OP_KINDS.length);
  const measured = new Float64Array(OP_KINDS.length);
  const present = new Set<number>();
  for (const op of ops) {
    const kind = a.kind[op]!;
    present.add(kind);
    predicted[kind]! += meanNs(a, op);
    measured[kind]! += meanNs(b, op);
  }
  return OP_KINDS.flatMap((kind, code) =>
    present.has(code) ? [{ kind, ...compareTimes(predicted[code]!, measured[code]!) }] : [],
  );
}

function compareTimes(predictedNs: number, measuredNs: number): Compared {
  return { predictedNs, measuredNs, error: signedError(predictedNs, measuredNs) };
}

function findWorst(a: Summary, b: Summary, ops: readonly number[], numWorst: number): OpComparison[] {
  const difference = (op: number) => Math.abs(meanNs(a, op) - meanNs(b, op));
  const worst: number[] = [];
  for (const op of ops) {
    if (worst.length === numWorst && difference(op) <= difference(worst[numWorst - 1]!)) continue;
    worst.push(op);
    worst.sort((x, y) => difference(y) - difference(x) || x - y);
    if (worst.length > numWorst) worst.pop();
  }
  return worst.map((op) => ({
    op,
    kind: OP_KINDS[a.kind[op]!]!,
    rank: a.rank[op]!,
    ...compareTimes(meanNs(a, op), meanNs(b, op)),
  }));
}
