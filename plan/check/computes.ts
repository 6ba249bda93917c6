import { Kind, ranksPerGroup, type Schedule } from "../schedule/schedule.ts";
import { countTokens } from "../workload/shards.ts";
import type { LayerWork } from "../workload/workload.ts";
import type { Report } from "./report.ts";
import { shardsOfGroup } from "./slots.ts";

/** Relative difference that rounding may make between the work of an op and that of the workload. */
const ROUNDING = 1e-9;

/**
 * Each rank that has tokens does the layer's work once: the entries of `before`, then those of `after`, in the order of
 * its op list. `checkData` orders them against the attention between them.
 */
export function checkComputes(schedule: Schedule, report: Report): void {
  const { kind, rank } = schedule.ops;
  const works = [...schedule.workload.before, ...schedule.workload.after];
  const tokens = shardsOfGroup(schedule).map(countTokens);
  const done = new Int32Array(schedule.ranks);
  for (let op = 0; op < kind.length; op++) {
    if (kind[op] !== Kind.compute || report.isFull()) continue;
    const position = done[rank[op]!]!++;
    checkWork(schedule, op, position, works[position], tokens[rank[op]! % ranksPerGroup(schedule)]!, report);
  }
  for (let r = 0; r < schedule.ranks && !report.isFull(); r++) {
    const expected = tokens[r % ranksPerGroup(schedule)] === 0 ? 0 : works.length;
    if (done[r]! < expected)
      report.addAtRanks("compute-work", [r], r, done[r]!, `work ${works[done[r]!]!.name}`, "none");
  }
}

function checkWork(
  schedule: Schedule,
  op: number,
  position: number,
  expected: LayerWork | undefined,
  tokens: number,
  report: Report,
): void {
  const actual = schedule.computes[schedule.ops.work[op]!]!;
  const rows = tokens * schedule.workload.batch;
  const flops = expected === undefined || tokens === 0 ? 0 : expected.flopsPerToken * rows;
  const bytes = expected === undefined || tokens === 0 ? 0 : expected.weightBytes + expected.bytesPerToken * rows;
  if (expected && tokens > 0 && actual.name === expected.name && near(actual.flops, flops) && near(actual.bytes, bytes))
    return;
  const wanted = expected && tokens > 0 ? `${expected.name} of ${flops} FLOPs and ${bytes} bytes` : "none";
  const found = `${actual.name} of ${actual.flops} FLOPs and ${actual.bytes} bytes`;
  report.add("compute-work", [op], schedule.ops.rank[op]!, position, wanted, found);
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= ROUNDING * Math.max(Math.abs(a), Math.abs(b));
}
