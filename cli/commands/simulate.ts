import type { Command } from "commander";
import { UsageError } from "../../plan/errors.ts";
import { scheduleHash } from "../../plan/schedule/codec-packed.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { limitedBy, type Prediction, predictedTrace, simulate } from "../../sim/index.ts";
import { formatPrediction } from "../describe-prediction.ts";
import { requireWritable } from "../files.ts";
import { findPlan, type PlanFlags } from "../find-plan.ts";
import { createNodeHasher } from "../../runtime/node-hasher.ts";
import { note, print, printJson } from "../output.ts";
import { readScheduleFile } from "../schedule-files.ts";
import { terminalWidth } from "../style.ts";
import { formatTimeline } from "../timeline.ts";
import { topologyOf } from "../topology-flags.ts";
import { writeTraceFile } from "../trace-files.ts";
import { addPlanFlags } from "./plan.ts";

interface Flags extends PlanFlags {
  readonly trace?: string;
  readonly json?: boolean;
}

interface Simulated {
  readonly schedule: Schedule;
  readonly prediction: Prediction;
  /** Name of the topology. */
  readonly name: string;
  readonly wallMs: number;
}

const examples = `
Examples:
  toroid simulate plan.toroid --topology p4de.24xlarge:4
  toroid simulate plan.toroid --topology dgx-h100:2 --trace trace.json    (open it in https://ui.perfetto.dev)
  toroid simulate --topology p4de.24xlarge:4 --model flux.1-dev --image 3072x3072 --method usp --json`;

/** Adds `toroid simulate`. */
export function addSimulateCommand(program: Command): void {
  const command = program
    .command("simulate")
    .summary("predict the timeline of a schedule on a topology")
    .description("Predicts a schedule by discrete-event simulation: a file, or what the flags of `plan` find.")
    .argument("[file]", "schedule, packed or JSON; - reads standard input");
  addPlanFlags(command)
    .option("--trace <file>", "write the trace: Chrome JSON where the name ends in .json, else packed")
    .option("--json", "print one JSON document")
    .addHelpText("after", examples)
    .action(async (file: string | undefined, flags: Flags) => {
      requireWritable(flags.trace);
      report(file === undefined ? simulatePlan(flags) : await simulateFile(file, flags), flags);
    });
}

function simulatePlan(flags: Flags): Simulated {
  if (flags.topology === undefined) {
    throw new UsageError("usage", "expected a schedule file with --topology, or the flags of `plan`", {
      hint: "See `toroid simulate --help`.",
    });
  }
  const { schedule, topology } = findPlan(flags);
  return { schedule, ...simulateTimed(schedule, topology) };
}

async function simulateFile(file: string, flags: Flags): Promise<Simulated> {
  const topology = topologyOf(flags);
  const schedule = await readScheduleFile(file);
  return { schedule, ...simulateTimed(schedule, topology) };
}

function simulateTimed(schedule: Schedule, topology: Parameters<typeof simulate>[1] & { readonly name: string }) {
  const startMs = performance.now();
  const prediction = simulate(schedule, topology);
  return { prediction, name: topology.name, wallMs: performance.now() - startMs };
}

function report(simulated: Simulated, flags: Flags): void {
  const { schedule, prediction, name, wallMs } = simulated;
  const trace = predictedTrace(schedule, prediction, scheduleHash(schedule, createNodeHasher), name);
  if (flags.trace !== undefined) writeTraceFile(flags.trace, trace, schedule);
  if (flags.json === true) printJson(predictionDocument(prediction, wallMs));
  else print(`${formatPrediction(prediction, name)}\n\n${formatTimeline(trace, terminalWidth())}`);
  if (flags.trace !== undefined) note(`wrote ${flags.trace}`);
}

function predictionDocument(prediction: Prediction, wallMs: number): unknown {
  const { makespanNs, passNs, repeats, lowerBoundNs, ranks, criticalPath, events } = prediction;
  return {
    makespanNs,
    passNs,
    repeats,
    lowerBoundNs,
    limitedBy: limitedBy(criticalPath),
    ranks,
    criticalPath: criticalPath.ops,
    criticalPathShares: criticalPath.shares,
    events,
    wallMs,
  };
}
