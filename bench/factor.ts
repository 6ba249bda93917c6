import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { importTopology } from "../plan/formats/importers.ts";
import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import type { Method, Schedule } from "../plan/schedule/schedule.ts";
import { median } from "../plan/statistics.ts";
import { applyCorrections } from "../plan/topology/corrections.ts";
import { repeatMachines } from "../plan/topology/repeat.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import type { Topology } from "../plan/topology/topology.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { superviseRun } from "../runtime/supervisor.ts";
import { simulate } from "../sim/index.ts";

/**
 * By what factor Torus beats USP on emulated machines with slow links: measured (medians of five, by turns) and simulated.
 * `--topology FILE` is what `toroid calibrate` wrote here; without it the preset `threads` is taken.
 */
interface Case {
  readonly machines: number;
  readonly ranksPerMachine: number;
  /** Gb/s of each machine. */
  readonly inter: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
}

const cases: readonly Case[] = [
  { machines: 2, ranksPerMachine: 1, inter: 0.5, tokens: 3072, heads: 8, headDim: 64 },
  { machines: 2, ranksPerMachine: 2, inter: 0.5, tokens: 4096, heads: 8, headDim: 64 },
  { machines: 4, ranksPerMachine: 1, inter: 0.5, tokens: 4096, heads: 8, headDim: 64 },
  { machines: 4, ranksPerMachine: 2, inter: 0.5, tokens: 4096, heads: 8, headDim: 128 },
];
const ROUNDS = 5;

const { values: flags } = parseArgs({ options: { topology: { type: "string" } } });
const here = flags.topology === undefined ? presetTopology("threads") : readTopology(flags.topology);

console.log(
  "| machines × ranks | links | shape | USP (predicted) | Torus (predicted) | measured factor | simulated | difference |",
);
console.log("| --- | --- | --- | --: | --: | --: | --: | --: |");
for (const one of cases) {
  const topology = applyCorrections(repeatMachines(here, one.machines), { interBitsPerSecond: one.inter * 1e9 });
  const schedules = { usp: scheduleOf(one, "usp"), torus: scheduleOf(one, "torus") };
  const times = { usp: [] as number[], torus: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const method of ["usp", "torus"] as const) times[method].push(await run(schedules[method], topology));
  }
  const measured = median(times.usp) / median(times.torus);
  const predicted = simulate(schedules.usp, topology).makespanNs / simulate(schedules.torus, topology).makespanNs;
  const { machines, ranksPerMachine, inter, tokens, heads, headDim } = one;
  const cells = [
    `${machines} × ${ranksPerMachine}`,
    `${inter} Gb/s`,
    `${tokens}×${heads}×${headDim}`,
    `${milliseconds(median(times.usp))} (${milliseconds(simulate(schedules.usp, topology).makespanNs)})`,
    `${milliseconds(median(times.torus))} (${milliseconds(simulate(schedules.torus, topology).makespanNs)})`,
    measured.toFixed(2),
    predicted.toFixed(2),
    `${(100 * (predicted / measured - 1)).toFixed(1)} %`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

function readTopology(path: string): Topology {
  return importTopology(readFileSync(path), { fileName: path });
}

async function run(schedule: Schedule, topology: Topology): Promise<number> {
  const { makespanNs } = await superviseRun({
    backend: "threads",
    kernel: "onnx",
    schedule: encodeSchedule(schedule),
    inputs: { seed: 3 },
    output: null,
    repeats: 1,
    timeoutSeconds: 30,
    emulated: topology,
    checkSeed: 1,
    isChecked: false,
    faults: [],
  });
  return makespanNs;
}

function scheduleOf({ machines, ranksPerMachine, tokens, heads, headDim }: Case, method: Method): Schedule {
  const workload = makeWorkload({ tokens, heads, headDim, dtype: "fp32" });
  const placement = Array.from({ length: machines * ranksPerMachine }, (_, rank) => {
    return 16 * Math.floor(rank / ranksPerMachine) + (rank % ranksPerMachine);
  });
  const mesh = defaultMesh(method, { machines, ranksPerMachine }, workload);
  return planSchedule({ workload, method, transport: "one-sided", mesh, tiles: 1, path: "paper", placement });
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(0)} ms`;
}
