import type { Command } from "commander";
import { checkSchedule, type Finding } from "../../plan/check/index.ts";
import { scheduleHash } from "../../plan/schedule/codec-packed.ts";
import { dumpSchedule } from "../../plan/schedule/dump.ts";
import { machinesOfMesh, numOps, ranksPerMachine, type Schedule } from "../../plan/schedule/schedule.ts";
import { volumeOf } from "../../plan/schedule/volume.ts";
import { formatCandidates, formatMesh, formatPath } from "../describe.ts";
import { requireWritable } from "../files.ts";
import { type Found, findPlan, type PlanFlags } from "../find-plan.ts";
import { reportFindings } from "../findings.ts";
import { addMethodFlags } from "../method-flags.ts";
import { createNodeHasher } from "../node-hasher.ts";
import { note, print, printJson } from "../output.ts";
import { writeScheduleFile } from "../schedule-files.ts";
import { paint } from "../style.ts";
import { formatFields } from "../table.ts";
import { addRankFlags, addTopologyFlags } from "../topology-flags.ts";
import { formatBytes, formatCount, formatNs, formatPercent } from "../units.ts";
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
  const findings = checkSchedule(found.schedule);
  if (findings.length > 0) return refuse(findings, flags.json === true);
  if (flags.output !== undefined) writeScheduleFile(flags.output, found.schedule);
  if (flags.json === true) printJson(planDocument(found));
  else if (flags.dump === true) print(dumpSchedule(found.schedule));
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

export function formatPlan(found: Found): string {
  const parts = [formatHeadline(found.schedule), formatFacts(found)];
  if (found.search !== null) parts.push(formatSearch(found.search), formatCandidates(found.candidates));
  return parts.join("\n\n");
}

function formatHeadline({ method, transport, mesh, tiles, path }: Schedule): string {
  const extra = path === "" ? "" : `, path ${formatPath(path)}`;
  const subTiles = tiles === 1 ? "whole tiles" : `${tiles} sub-tiles`;
  return paint("bold", `${method}, ${transport}, mesh N_u,N_r,U,R = ${formatMesh(mesh)}, ${subTiles}${extra}`);
}

function formatFacts({ schedule, prediction, candidates }: Found): string {
  const { mesh, ranks, groups, heapBytes, accumulatorBytes } = schedule;
  const volume = volumeOf(schedule);
  const each = `${machinesOfMesh(mesh)} × ${ranksPerMachine(mesh)}`;
  const { compute, network } = prediction.lowerBoundNs;
  return formatFields([
    ["ranks", groups === 1 ? `${ranks} (${each})` : `${ranks} (${groups} groups of ${each})`],
    ["ops", formatCount(numOps(schedule))],
    ["hash", scheduleHash(schedule, createNodeHasher)],
    ["between machines", `${formatBytes(volume.interMachineBytesPerMachine)} sent by each machine`],
    ["inside a machine", `${formatBytes(volume.intraMachineBytesPerRank)} sent by each rank`],
    ["memory a rank", `${formatBytes(heapBytes)} symmetric heap, ${formatBytes(accumulatorBytes)} accumulators`],
    ["proved", "no findings"],
    ["predicted", `${formatNs(prediction.makespanNs)} (at least ${formatNs(compute)} compute, ${formatNs(network)} network)`],
    ["limited by", candidates[0]?.limitedBy ?? "–"],
  ]);
}

function formatSearch({ space, simulated, pruned, proven, gap }: NonNullable<Found["search"]>): string {
  const verdict = proven ? "the best of them, proven" : `at most ${formatPercent(gap)} above the best of them`;
  return `searched ${formatCount(space)} schedules (${formatCount(simulated)} simulated, ${formatCount(pruned)} ruled out by bounds): ${verdict}`;
}
