import { ranksPerMachine, type Schedule } from "../plan/schedule/schedule.ts";
import type { Trace } from "../plan/trace/trace.ts";
import type { RunResult } from "./job.ts";

/** The trace of a run: its repeat with the median makespan. `scheduleHash` is that of the schedule's packed form. */
export function measuredTrace(schedule: Schedule, result: RunResult, scheduleHash: string): Trace {
  const { ops, streams, mesh, repeats } = schedule;
  const { hardware, makespans, isEmulated, timer, notes, backend } = result;
  const passes = repeats === 1 ? [] : [`first of ${repeats} passes; the run took ${result.makespanNs} ns`];
  const late =
    timer === null || timer.count === 0
      ? []
      : [`ends of emulated transfers seen ${Math.round(timer.meanNs)} ns late on average`];
  return {
    version: 1,
    source: "measured",
    emulated: isEmulated,
    scheduleHash,
    notes: [
      `${backend} on ${hardware.cpu}, ${hardware.cores} cores, Node ${hardware.node}, ${hardware.kernel}`,
      `median of ${makespans.length}`,
      ...(isEmulated ? ["links are emulated: transfers are slowed to the topology's figures", ...late] : []),
      ...passes,
      ...notes,
    ],
    streams,
    ranksPerMachine: ranksPerMachine(mesh),
    op: Uint32Array.from(ops.kind, (_, op) => op),
    kind: ops.kind,
    rank: ops.rank,
    stream: ops.stream,
    startNs: result.startNs,
    endNs: result.endNs,
  };
}
