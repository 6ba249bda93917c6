import type { Command } from "commander";
import { checkSchedule, type Finding } from "../../plan/check/index.ts";
import { scheduleHash } from "../../plan/schedule/codec-packed.ts";
import { dumpSchedule } from "../../plan/schedule/dump.ts";
import { numOps } from "../../plan/schedule/schedule.ts";
import { volumeOf } from "../../plan/schedule/volume.ts";
import { formatPlan } from "../describe-plan.ts";
import { requireWritable } from "../files.ts";
import { type Found, findPlan, type PlanFlags } from "../find-plan.ts";
import { reportFindings } from "../findings.ts";
import { addMethodFlags } from "../method-flags.ts";
import { createNodeHasher } from "../../runtime/node-hasher.ts";
import { note, print, printJson, printPieces } from "../output.ts";
import { requireScheduleSize, writeScheduleFile } from "../schedule-files.ts";
import { addRankFlags, addTopologyFlags } from "../topology-flags.ts";
import { addWorkloadFlags } from "../workload-flags.ts";

interface Flags extends PlanFlags {
  readonly output?: string;
  readonly dump?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  toroid plan --topology p4de.24xlarge:4 --model flux.1-dev --image 3072x3072
  toroid plan --topology dgx-h100:2 --model wan2.1-14b --video 1280x720x81 --method torus -o wan.toroid
  toroid plan --topology cluster.json --tokens 65536 --heads 24 --head-dim 128 --method usp --ulysses 8 --ring 4
  toroid plan --topology topo.txt:4 --device A100 --inter 400 --model hunyuanvideo --video 1280x720x129 --json`;

/** Flags of topology, ranks, workload and method: of every command that plans. */
export function addPlanFlags(command: Command): Command {
  return addMethodFlags(addWorkloadFlags(addRankFlags(addTopologyFlags(command))));
}

/** Adds `toroid plan`. */
export function addPlanCommand(program: Command): void {
  const command = program
    .command("plan")
    .summary("find the fastest schedule, or make the one that is asked for, and prove it")
    .description(
      "Makes the schedule of one attention (or layer, or step): what the flags leave open is searched and ranked by " +
        "simulation. The schedule is proved before anything is printed or written.",
    );
  addPlanFlags(command)
    .option("-o, --output <file>", "write the schedule: JSON where the name ends in .json, else packed")
    .option("--dump", "print the schedule as text, op by op")
    .option("--json", "print one JSON document")
    .addHelpText("after", examples)
    .action((flags: Flags) => runPlan(flags));
}

function runPlan(flags: Flags): void {
  requireWritable(flags.output);
  const found = findPlan(flags);
  if (flags.output !== undefined) requireScheduleSize(flags.output, found.schedule);
  const findings = checkSchedule(found.schedule);
  if (findings.length > 0) refuse(findings, flags.json === true);
  else deliver(found, flags);
}

function deliver(found: Found, flags: Flags): void {
  if (flags.output !== undefined) writeScheduleFile(flags.output, found.schedule);
  if (flags.json === true) printJson(planDocument(found));
  else if (flags.dump === true) printPieces(dumpSchedule(found.schedule, createNodeHasher));
  else print(formatPlan(found));
  if (flags.output !== undefined) note(`wrote ${flags.output}`);
}

/** A planned schedule with findings is a bug of ours, but to be told as findings. */
function refuse(findings: readonly Finding[], asJson: boolean): void {
  note("the planned schedule has findings, so that nothing is written: please report this");
  reportFindings(findings, asJson);
}

function planDocument({ schedule, search, candidates }: Found): unknown {
  const { method, transport, mesh, tiles, path, ranks, heapBytes, accumulatorBytes } = schedule;
  return {
    method,
    transport,
    mesh,
    tiles,
    path,
    ranks,
    ops: numOps(schedule),
    hash: scheduleHash(schedule, createNodeHasher),
    volume: volumeOf(schedule),
    peakHeapBytesPerRank: heapBytes,
    accumulatorBytesPerRank: accumulatorBytes,
    ...(search === null ? {} : { search, candidates }),
  };
}
