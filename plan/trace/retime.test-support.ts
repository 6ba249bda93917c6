import { linkOps } from "../check/link-ops.ts";
import { createReport } from "../check/report.ts";
import { scheduleHash } from "../schedule/codec-packed.ts";
import { Kind, ranksPerMachine, type Schedule } from "../schedule/schedule.ts";
import type { Trace } from "./trace.ts";

/** How long ops take: what they do, once they can do it; by op id, ns. */
export interface Durations {
  /**
   * From the start to the end; of waits from the end of the awaited write (or the wait's later start), of sends,
   * receives and barriers from the last start of those that they are one with.
   */
  readonly workNs: (op: number) => number;
  /** From the end of the last op that had to end before it, to the start; of barriers the first's for all. */
  readonly gapNs: (op: number) => number;
}

/** Who waits for whom. */
interface Order {
  /** By op: the ops that end before it starts. */
  readonly before: readonly (readonly number[])[];
  /** By op: those that start and end with it, or, for sends and receives, end with it; the op itself among them. */
  readonly unit: readonly (readonly number[])[];
  /** By op: the awaited write of a wait, or −1. */
  readonly write: readonly number[];
}

function orderOf(schedule: Schedule): Order {
  const { kind, group, deps, depsStart } = schedule.ops;
  const { previous, partner, barriers } = linkOps(schedule, createReport(schedule, 1));
  const groups: number[][] = [];
  for (let op = 0; op < kind.length; op++) {
    const last = previous[op]!;
    const isJoined = last >= 0 && group[op] !== 0 && group[last] === group[op];
    const members = isJoined ? groups[last]! : [];
    members.push(op);
    groups.push(members);
  }
  const before = groups.map((members) => {
    const last = previous[members[0]!]!;
    const awaited = members.flatMap((op) => [...deps.subarray(depsStart[op], depsStart[op + 1])]);
    return last < 0 ? awaited : [...awaited, ...groups[last]!];
  });
  const unit = Array.from(kind, (code, op) => {
    const other = partner[op]!;
    if (code === Kind.barrier) return [...barriers.ops.subarray(barriers.start[other], barriers.start[other + 1])];
    return code === Kind.wait || other < 0 ? [op] : [Math.min(op, other), Math.max(op, other)];
  });
  return { before, unit, write: Array.from(kind, (code, op) => (code === Kind.wait ? partner[op]! : -1)) };
}

/** A trace of one pass in which every op starts as soon as it can and takes as long as is said. */
export function retime(schedule: Schedule, { workNs, gapNs }: Durations): Trace {
  const { ops, mesh, streams } = schedule;
  const { before, unit, write } = orderOf(schedule);
  const startNs = new Float64Array(ops.kind.length).fill(Number.NaN);
  const endNs = startNs.slice();

  function startOf(op: number): number {
    if (!Number.isNaN(startNs[op]!)) return startNs[op]!;
    const isBarrier = ops.kind[op] === Kind.barrier;
    const members = isBarrier ? unit[op]! : [op];
    const readyNs = Math.max(0, ...members.flatMap((member) => before[member]!.map(endOf)));
    for (const member of members) startNs[member] = readyNs + gapNs(members[0]!);
    return startNs[op]!;
  }

  function endOf(op: number): number {
    if (!Number.isNaN(endNs[op]!)) return endNs[op]!;
    const postedNs = Math.max(...unit[op]!.map(startOf));
    const arrivedNs = write[op]! < 0 ? postedNs : Math.max(postedNs, endOf(write[op]!));
    for (const member of unit[op]!) endNs[member] = arrivedNs + workNs(unit[op]![0]!);
    return endNs[op]!;
  }

  for (let op = 0; op < ops.kind.length; op++) endOf(op);
  return {
    version: 1,
    source: "measured",
    emulated: false,
    scheduleHash: scheduleHash(schedule),
    notes: ["timed by hand"],
    streams,
    ranksPerMachine: ranksPerMachine(mesh),
    op: Uint32Array.from(ops.kind, (_, op) => op),
    kind: ops.kind,
    rank: ops.rank,
    stream: ops.stream,
    startNs,
    endNs,
  };
}

/** The durations with which `retime` gives the times of a trace of one pass again. */
export function durationsOf(schedule: Schedule, { startNs, endNs }: Trace): Durations {
  const { before, unit, write } = orderOf(schedule);
  return {
    workNs(op) {
      const postedNs = Math.max(...unit[op]!.map((member) => startNs[member]!));
      return endNs[op]! - (write[op]! < 0 ? postedNs : Math.max(postedNs, endNs[write[op]!]!));
    },
    gapNs(op) {
      const members = schedule.ops.kind[op] === Kind.barrier ? unit[op]! : [op];
      return startNs[op]! - Math.max(0, ...members.flatMap((member) => before[member]!.map((one) => endNs[one]!)));
    },
  };
}
