import type { Schedule } from "../plan/schedule/schedule.ts";
import { ranksPerMachine } from "../plan/schedule/schedule.ts";
import type { Topology } from "../plan/topology/topology.ts";
import type { Trace } from "../plan/trace/trace.ts";
import { type Bounds, lowerBounds } from "./bounds.ts";
import { type Constants, makeConstants } from "./constants.ts";
import { type CriticalPath, findCriticalPath } from "./critical-path.ts";
import { type Run, runSchedule } from "./engine.ts";
import { compileMachine, type Machine } from "./machine.ts";
import { type RankSummary, summarizeRanks } from "./summary.ts";

export interface SimulateOptions {
  /** Constants to replace, within their plausible ranges. */
  readonly constants?: Partial<Constants>;
}

/** What a schedule is predicted to do. Times in ns. */
export interface Prediction {
  /** Of the whole run: `repeats` passes, each from barrier to barrier. */
  readonly makespanNs: number;
  /** Of one pass. */
  readonly passNs: number;
  readonly repeats: number;
  /** Of the whole run; the makespan is never below either. */
  readonly lowerBoundNs: { readonly compute: number; readonly network: number };
  /** By rank, of the whole run. */
  readonly ranks: readonly RankSummary[];
  /** Of one pass. */
  readonly criticalPath: CriticalPath;
  /** Events handled in one pass. */
  readonly events: number;
  /** Start and end of each op in the first pass, by op id. */
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** Bytes that load each directed link of the topology in one pass, overhead included. */
  readonly linkBytes: Float64Array;
}

/**
 * Predicts a schedule on a topology, or on a machine that was compiled from it before. One pass is simulated, all others
 * are equal to it. Time and memory are near linear in the ops; the same input gives the same bits.
 *
 * Throws a UsageError: `topology` where the schedule's ranks are not in the topology or have no device, `route` where two
 * ranks have no path, `workload` for a type that a device lacks, `format` where the schedule cannot run to its end,
 * `not-found` or `limit` for bad constants.
 */
export function simulate(schedule: Schedule, target: Topology | Machine, options: SimulateOptions = {}): Prediction {
  const machine = "network" in target ? target : compileMachine(target);
  const constants = makeConstants(options.constants);
  const run = runSchedule(schedule, machine, constants);
  const bounds = lowerBounds(schedule, machine, constants);
  return describeRun(schedule, run, bounds, findCriticalPath(schedule, machine, constants, run, bounds));
}

function describeRun(schedule: Schedule, run: Run, bounds: Bounds, criticalPath: CriticalPath): Prediction {
  const { repeats } = schedule;
  const passNs = run.endNs.reduce((latest, endNs) => Math.max(latest, endNs), 0);
  return {
    makespanNs: passNs * repeats,
    passNs,
    repeats,
    lowerBoundNs: { compute: bounds.compute * repeats, network: bounds.network * repeats },
    ranks: summarizeRanks(run.accounts, passNs, repeats),
    criticalPath,
    events: run.events,
    startNs: run.startNs,
    endNs: run.endNs,
    linkBytes: bounds.linkBytes,
  };
}

/**
 * The trace of the first pass. Its columns are those of prediction and schedule, not copies.
 * `scheduleHash` is the SHA-256 of the schedule's packed form; `name` that of the topology.
 */
export function predictedTrace(schedule: Schedule, prediction: Prediction, scheduleHash: string, name: string): Trace {
  const { ops, repeats, streams, mesh } = schedule;
  const passes = repeats === 1 ? [] : [`one of ${repeats} equal passes; the run takes ${prediction.makespanNs} ns`];
  return {
    version: 1,
    source: "predicted",
    emulated: false,
    scheduleHash,
    notes: [`predicted for ${name}`, ...passes],
    streams,
    ranksPerMachine: ranksPerMachine(mesh),
    op: Uint32Array.from(ops.kind, (_, op) => op),
    kind: ops.kind,
    rank: ops.rank,
    stream: ops.stream,
    startNs: prediction.startNs,
    endNs: prediction.endNs,
  };
}
