import type { Command } from "commander";
import { checkSchedule } from "../../plan/check/index.ts";
import { UsageError } from "../../plan/errors.ts";
import { encodeSchedule, scheduleHash } from "../../plan/schedule/codec-packed.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { machinesOf } from "../../plan/topology/machines.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { type Launch, RunFailed, type RunJob, type RunResult } from "../../runtime/job.ts";
import { measuredTrace } from "../../runtime/measured-trace.ts";
import { ADDRESS_FILE, joinedRank, takePart } from "../../runtime/openshmem/join.ts";
import { requireOpenshmem } from "../../runtime/openshmem/launch.ts";
import { requireTensorOutput } from "../../runtime/tensors/write-tensor-file.ts";
import { simulate } from "../../sim/index.ts";
import { formatRun } from "../describe-run.ts";
import { requireWritable } from "../files.ts";
import { findPlanOn, type PlanFlags } from "../find-plan.ts";
import { reportFindings } from "../findings.ts";
import { createNodeHasher } from "../../runtime/node-hasher.ts";
import { note, print, printJson } from "../output.ts";
import {
  addRunFlags,
  backendOf,
  defaultRanks,
  inputsOf,
  kernelOf,
  launchOf,
  requireRoom,
  type RunFlags,
  timeoutOf,
} from "../run-flags.ts";
import { runVisibly } from "../run-visibly.ts";
import { readScheduleFile } from "../schedule-files.ts";
import { terminalWidth } from "../style.ts";
import { formatTimeline } from "../timeline.ts";
import { type RankFlags, topologyOf } from "../topology-flags.ts";
import { writeTraceFile } from "../trace-files.ts";
import { addPlanFlags } from "./plan.ts";

type Flags = PlanFlags &
  RunFlags & {
    readonly trace?: string;
    readonly json?: boolean;
  };

/** What is run, and on what it is placed; a schedule file may come without a topology. */
interface Planned {
  readonly schedule: Schedule;
  readonly topology: Topology | null;
}

const examples = `
With --backend openshmem each rank is a process, started by oshrun or srun on the hosts given (default: here); the links
between hosts are as they are. It has to be built once: npm run build:native. toroid calibrate with the same --backend and
--hosts measures the hosts and their links; with its file as --topology, what was predicted is printed beside.

Without --topology, ranks are threads of this machine. The links between its machines cost nothing but a copy, unless
--emulate slows them to the topology's figures. What is run is fp32.

Examples:
  toroid run --tokens 4096 --heads 8 --head-dim 64 --ranks 4
  toroid run --method torus --topology threads:2 --inter 1 --ranks 4 --emulate --tokens 4096 --heads 8 --head-dim 64
  toroid calibrate -o here.json && toroid run --topology here.json:2 --inter 2 --ranks 4 --emulate --method tas \\
      --tokens 8192 --heads 8 --head-dim 64 --trace measured.json
  toroid run --backend openshmem --hosts h0:2,h1:2 --topology hosts.json --method torus --tokens 8192 --heads 8 \\
      --head-dim 64
  toroid run plan.toroid --q q.npy --k k.npy --v v.npy --out out.npy`;

/** Adds `toroid run`. */
export function addRunCommand(program: Command): void {
  const command = program
    .command("run")
    .summary("execute a schedule for real, and compare its output with attention in float64")
    .description(
      "Runs a schedule: a file, or what the flags of `plan` find. Each rank is two threads, one that computes " +
        "(onnxruntime) and one that moves bytes: worker threads of this process, or (--backend openshmem) a process of " +
        "its own, on any machine. Exit code 5 if the run fails.",
    )
    .argument("[file]", "schedule, packed or JSON; - reads standard input");
  addRunFlags(addPlanFlags(command))
    .option("--trace <file>", "write the measured trace: Chrome JSON where the name ends in .json, else packed")
    .option("--json", "print one JSON document")
    .addHelpText("after", examples)
    .action((file: string | undefined, flags: Flags) => runCommand(file, flags));
}

async function runCommand(file: string | undefined, flags: Flags): Promise<void> {
  const joined = joinedRank(process.env);
  if (flags.backend === "openshmem" && joined !== null && process.env[ADDRESS_FILE] === undefined) {
    requireOpenshmem({ launcher: "joined", hosts: [] });
    process.exitCode = await takePart(joined, process.argv.slice(1));
    return;
  }
  requireWritable(flags.trace);
  if (flags.out !== undefined) requireTensorOutput(flags.out);
  const backend = backendOf(flags);
  const launch = launchOf(backend, flags);
  const job = {
    backend,
    launch,
    kernel: kernelOf(flags),
    inputs: inputsOf(flags),
    timeoutSeconds: timeoutOf(flags),
  };
  const planned = file === undefined ? planToRun(flags, launch) : await readToRun(file, flags);
  const { schedule, topology } = planned;
  requireRoom(launch, schedule.ranks);
  const findings = checkSchedule(schedule);
  if (findings.length > 0) {
    reportFindings(findings, flags.json === true);
    return;
  }
  const result = await runVisibly({
    ...job,
    schedule: encodeSchedule(schedule, createNodeHasher),
    output: flags.out ?? null,
    repeats: flags.repeat,
    emulated: emulatedOf(flags, topology),
    checkSeed: flags.seed,
    isChecked: flags.check,
    faults: [],
  } satisfies RunJob);
  report(planned, result, flags);
}

function report({ schedule, topology }: Planned, result: RunResult, flags: Flags): void {
  const trace = measuredTrace(schedule, result, scheduleHash(schedule, createNodeHasher));
  const predictedNs = predict(schedule, topology, result);
  if (flags.json !== true) {
    print(`${formatRun(schedule, result, predictedNs)}\n\n${formatTimeline(trace, terminalWidth())}`);
  }
  if (flags.trace !== undefined) writeTrace(flags.trace, trace, schedule);
  if (flags.json === true) printJson(runDocument(result, predictedNs));
  if (flags.trace !== undefined) note(`wrote ${flags.trace}`);
  if (flags.out !== undefined) note(`wrote ${flags.out}`);
}

/** What was run is over and cannot be written down: the run has failed, not its input. */
function writeTrace(...[path, trace, schedule]: Parameters<typeof writeTraceFile>): void {
  try {
    writeTraceFile(path, trace, schedule);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new RunFailed(`the run went well, but its trace ${path} ${error.message}`, "Make room and run again.");
  }
}

/** Of the schedule as it was run: on threads or processes of hosts, with links as slow as they were. */
function predict(schedule: Schedule, topology: Topology | null, { isEmulated, backend }: RunResult): number | null {
  if (topology === null || !topology.nodes.some(({ kind }) => kind === "cpu")) return null;
  const isOneMachine = topology.nodes.every(({ machine }) => machine === 0);
  return isEmulated || isOneMachine || backend === "openshmem" ? simulate(schedule, topology).makespanNs : null;
}

function planToRun(flags: Flags, launch: Launch): Planned {
  const dtype = flags.dtype ?? "fp32";
  if (dtype !== "fp32") throw notFp32(dtype, "--dtype", "Leave --dtype out.");
  const topology = topologyOf({ ...flags, topology: flags.topology ?? threadsOf(launch) });
  const { schedule } = findPlanOn(topology, { ...flags, dtype, ...ranksToRun(flags, topology, launch) });
  return { schedule, topology };
}

function threadsOf({ launcher, hosts }: Launch): string {
  const numHosts = launcher === "joined" ? (joinedRank(process.env)?.hosts ?? 1) : hosts.length;
  return numHosts > 1 ? `threads:${numHosts}` : "threads";
}

/** Where the flags do not say it: as many of each machine as its host has room for. */
function ranksToRun({ ranks, order, topology: name }: Flags, topology: Topology, launch: Launch): RankFlags {
  if (ranks !== undefined || order !== undefined) return {};
  const { hosts } = launch;
  const machines = machinesOf(topology);
  const fits = machines.length === hosts.length && hosts.every(({ slots }, host) => slots <= machines[host]!.length);
  if (fits) return { order: machines.flatMap((ofMachine, host) => ofMachine.slice(0, hosts[host]!.slots)) };
  return name === undefined ? { ranks: defaultRanks(launch) } : {};
}

async function readToRun(file: string, flags: Flags): Promise<Planned> {
  const schedule = await readScheduleFile(file);
  const { dtype } = schedule.workload;
  if (dtype !== "fp32") throw notFp32(dtype, file, "Plan it with --dtype fp32.");
  return { schedule, topology: flags.topology === undefined ? null : topologyOf(flags) };
}

function notFp32(dtype: string, path: string, hint: string): UsageError {
  return new UsageError("workload", `expected fp32, the only type that CPUs run, got ${dtype}`, { path, hint });
}

function emulatedOf({ emulate }: Flags, topology: Topology | null): Topology | null {
  if (emulate !== true) return null;
  if (topology !== null) return topology;
  throw new UsageError("usage", "expected the topology whose links are emulated", {
    path: "--emulate",
    hint: "Add --topology, such as --topology threads:2 --inter 1.",
  });
}

function runDocument(result: RunResult, predictedNs: number | null): unknown {
  const { startNs: _start, endNs: _end, makespans, isEmulated, isRepeatable, ...rest } = result;
  return {
    ...rest,
    makespans,
    repeats: makespans.length,
    spread: (Math.max(...makespans) - Math.min(...makespans)) / result.makespanNs,
    emulated: isEmulated,
    repeatable: isRepeatable,
    predictedNs,
  };
}
