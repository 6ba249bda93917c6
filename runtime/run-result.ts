import { numOps, type Schedule } from "../plan/schedule/schedule.ts";
import { median } from "../plan/statistics.ts";
import { describeHardware } from "./hardware.ts";
import type { RunJob, RunResult } from "./job.ts";
import { type CheckedRows, relativeError } from "./reference/check-rows.ts";

/** What the ranks of a run have written down; times in ns on one clock. */
export interface RunRecord {
  /** By pass and op. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** By pass and rank. */
  readonly outputHash: Int32Array;
  readonly stagedBytes: number;
  readonly checked: CheckedRows;
  readonly timer: RunResult["timer"];
  readonly notes: readonly string[];
}

/** The figures of a run that came to its end. */
export function describeResult(job: RunJob, schedule: Schedule, record: RunRecord): RunResult {
  const passesNs = passMakespans(job, schedule, record);
  const makespans = Array.from({ length: job.repeats }, (_, repeat) =>
    passesNs.slice(repeat * schedule.repeats, (repeat + 1) * schedule.repeats).reduce((sum, ns) => sum + ns, 0),
  );
  const makespanNs = median(makespans);
  const closest = makespans.reduce(
    (best, ns, repeat) => (Math.abs(ns - makespanNs) < Math.abs(makespans[best]! - makespanNs) ? repeat : best),
    0,
  );
  const { batch, tokens, heads } = schedule.workload;
  return {
    backend: job.backend,
    ranks: schedule.ranks,
    makespanNs,
    makespans,
    relativeError: job.isChecked ? relativeError(record.checked) : null,
    rowsChecked: record.checked.rows,
    rows: schedule.groups * batch * tokens * heads,
    isRepeatable: isRepeatable(record, schedule.ranks),
    isEmulated: job.emulated !== null,
    timer: record.timer,
    stagedBytes: record.stagedBytes,
    hardware: describeHardware(job.kernel),
    notes: record.notes,
    ...timesOfPass(schedule, record, closest * schedule.repeats),
    medianNs: durations(schedule, record, median),
    leastNs: durations(schedule, record, (values) => values.reduce((least, ns) => Math.min(least, ns), Infinity)),
  };
}

/** What `of` makes of the durations of each op in all passes. */
function durations(
  schedule: Schedule,
  { startNs, endNs }: RunRecord,
  of: (values: Float64Array) => number,
): Float64Array {
  const count = numOps(schedule);
  const values = new Float64Array(count === 0 ? 0 : startNs.length / count);
  return Float64Array.from({ length: count }, (_, op) => {
    for (let pass = 0; pass < values.length; pass++)
      values[pass] = endNs[pass * count + op]! - startNs[pass * count + op]!;
    return of(values);
  });
}

function passMakespans(job: RunJob, schedule: Schedule, { startNs, endNs }: RunRecord): number[] {
  const count = numOps(schedule);
  return Array.from({ length: job.repeats * schedule.repeats }, (_, pass) => {
    let first = Infinity;
    let last = -Infinity;
    for (let at = pass * count; at < (pass + 1) * count; at++) {
      first = Math.min(first, startNs[at]!);
      last = Math.max(last, endNs[at]!);
    }
    return count === 0 ? 0 : last - first;
  });
}

/** Times of one pass from its first start on. */
function timesOfPass(schedule: Schedule, record: RunRecord, pass: number): Pick<RunResult, "startNs" | "endNs"> {
  const count = numOps(schedule);
  const startNs = record.startNs.slice(pass * count, (pass + 1) * count);
  const firstNs = startNs.reduce((least, ns) => Math.min(least, ns), Infinity);
  const endNs = record.endNs.slice(pass * count, (pass + 1) * count);
  return { startNs: startNs.map((ns) => ns - firstNs), endNs: endNs.map((ns) => ns - firstNs) };
}

function isRepeatable({ outputHash }: RunRecord, ranks: number): boolean {
  return outputHash.every((hash, at) => hash === outputHash[at % ranks]);
}
