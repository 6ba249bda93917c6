import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { checkSchedule } from "../../plan/check/index.ts";
import { UsageError } from "../../plan/errors.ts";
import { importTopology } from "../../plan/formats/importers.ts";
import { scheduleHash } from "../../plan/schedule/codec-packed.ts";
import { METHODS, type Method } from "../../plan/schedule/schedule.ts";
import { applyCorrections } from "../../plan/topology/corrections.ts";
import { repeatMachines } from "../../plan/topology/repeat.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { validateTopology } from "../../plan/topology/validate.ts";
import { predictedTrace } from "../../sim/index.ts";
import type { Candidate } from "../../sim/search/index.ts";
import dump from "../../traces/topologies/8xa100-nvidia-smi-topo.txt";
import { formatPlan, formatRanking } from "../describe-plan.ts";
import { makeFolder } from "../files.ts";
import { type Found, findPlanOn } from "../find-plan.ts";
import { reportFindings } from "../findings.ts";
import { createNodeHasher } from "../../runtime/node-hasher.ts";
import { note, print } from "../output.ts";
import { runHere } from "../run-here.ts";
import { writeScheduleFile } from "../schedule-files.ts";
import { paint, terminalWidth } from "../style.ts";
import { formatTimeline } from "../timeline.ts";
import { writeTraceFile } from "../trace-files.ts";
import { serve } from "./serve.ts";
import { formatNs } from "../../plan/units.ts";

const numMachines = 4;
const interGigabits = 400;
const workload = { model: "flux.1-dev", image: "3072x3072" } as const;
const flags = { ...workload, searchOps: 2e6, tensorParallel: 1, dataParallel: 1 } as const;

/** Adds `toroid demo`, which `npm start` runs. */
export function addDemoCommand(program: Command): void {
  program
    .command("demo")
    .summary("plan, prove, predict and run an example; `npm start` runs it")
    .description(
      "Imports the `nvidia-smi topo -m` dump of an 8-GPU machine, takes four of them at 400 Gb/s each, and searches, " +
        "proves and predicts attention of FLUX.1-dev at 3072×3072. Then measures this computer and runs the same method " +
        "on it, with fewer ranks and tokens.",
    )
    .option("-o, --output <folder>", "where schedule and trace go (default: a folder for temporary files)")
    .option("--serve", "on a terminal, end by serving the explorer, as `npm start` does")
    .action(async (options: { readonly output?: string; readonly serve?: boolean }) => {
      await runDemo(options.output ?? temporaryFolder());
      if (options.serve === true && process.stdout.isTTY) await serveExplorer();
    });
}

async function serveExplorer(): Promise<void> {
  print("\nThe same in a browser, for your own cluster and model:");
  try {
    await serve({ host: "127.0.0.1" });
  } catch (error) {
    // Another one serves already, or this is a machine without a place to keep runs: the demonstration is done all the same.
    if (!(error instanceof UsageError)) throw error;
    note(`not served: ${error.path ?? ""} ${error.message}. ${error.hint ?? ""}`);
  }
}

async function runDemo(folder: string): Promise<void> {
  const topology = demoTopology();
  print(formatSetting(topology));
  const found = findPlanOn(topology, { ...flags, method: "auto" });
  const findings = checkSchedule(found.schedule);
  if (findings.length > 0) {
    reportFindings(findings, false);
    return;
  }
  for (const part of [formatPlan(found), compareMethods(found), writeResults(found, folder)]) print(`\n${part}`);
  print(`\n${await runHere(found.schedule)}`);
}

/** One folder a user, so that runs do not pile up and users do not meet. */
function temporaryFolder(): string {
  return join(tmpdir(), `toroid-${process.getuid?.() ?? "demo"}`);
}

function demoTopology(): Topology {
  const bytes = new TextEncoder().encode(dump);
  const machine = importTopology(bytes, { fileName: "8xa100-nvidia-smi-topo.txt", device: "A100" });
  const cluster = applyCorrections(repeatMachines(machine, numMachines), {
    device: "A100",
    interBitsPerSecond: interGigabits * 1e9,
  });
  validateTopology(cluster);
  return cluster;
}

function formatSetting(topology: Topology): string {
  const lines = [
    paint(
      "bold",
      `${workload.model} at ${workload.image} on ${numMachines} machines of the dump 8xa100-nvidia-smi-topo.txt`,
    ),
    `machines are joined at ${interGigabits} Gb/s each`,
    ...topology.assumed.map((sentence) => paint("dim", `assumed: ${sentence}`)),
  ];
  return lines.join("\n");
}

/** The best of each method, and what the winner gains over USP, today's baseline. */
function compareMethods(best: Found): string {
  const winner = best.candidates[0];
  const outcomes = METHODS.map((method) => (method === winner?.method ? winner : bestOf(method, best.topology)));
  const candidates = outcomes.flatMap((outcome) => (typeof outcome === "string" ? [] : [outcome]));
  const ranking = candidates.sort((a, b) => a.makespanNs - b.makespanNs);
  const refusals = outcomes.filter((outcome) => typeof outcome === "string");
  const usp = ranking.find(({ method }) => method === "usp");
  return [
    paint("bold", "the best of each method"),
    formatRanking(ranking),
    ...refusals,
    ...(usp === undefined ? [] : ["", formatSpeedup(best, usp)]),
  ].join("\n");
}

/** The best schedule of a method on the same machines, or why there is none. */
function bestOf(method: Method, topology: Topology): Candidate | string {
  try {
    return findPlanOn(topology, { ...flags, method }).candidates[0] ?? method;
  } catch (error) {
    if (error instanceof UsageError && error.code === "infeasible") return `${method}: ${error.message}`;
    throw error;
  }
}

function formatSpeedup({ schedule, prediction, candidates }: Found, usp: Candidate): string {
  const speedup = usp.makespanNs / prediction.makespanNs;
  const what = `${schedule.method} takes ${formatNs(prediction.makespanNs)}, usp at its best ${formatNs(usp.makespanNs)}`;
  return [
    `${paint("bold", `${speedup.toFixed(2)} times as fast as USP`)}: ${what}`,
    `what limits ${schedule.method}: ${candidates[0]?.limitedBy}`,
  ].join("\n");
}

function writeResults({ schedule, prediction, topology }: Found, folder: string): string {
  const trace = predictedTrace(schedule, prediction, scheduleHash(schedule, createNodeHasher), topology.name);
  makeFolder(folder);
  const [scheduleFile, traceFile] = [join(folder, "demo.toroid"), join(folder, "demo-trace.json")];
  writeScheduleFile(scheduleFile, schedule);
  writeTraceFile(traceFile, trace, schedule);
  return [
    formatTimeline(trace, terminalWidth()),
    "",
    `schedule  ${scheduleFile}`,
    `trace     ${traceFile}  (open it in https://ui.perfetto.dev)`,
  ].join("\n");
}
