import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { importTopology } from "../plan/formats/importers.ts";
import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import type { Method, Schedule, Transport } from "../plan/schedule/schedule.ts";
import { applyCorrections } from "../plan/topology/corrections.ts";
import { repeatMachines } from "../plan/topology/repeat.ts";
import type { Topology } from "../plan/topology/topology.ts";
import type { Mask } from "../plan/workload/workload.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { calibrate } from "../runtime/calibrate/calibrate.ts";
import { superviseRun } from "../runtime/supervisor.ts";
import { simulate } from "../sim/index.ts";

/**
 * Calibrates this machine (or takes `--topology FILE`), predicts schedules that took no part in that, runs them (median of
 * five), and prints both as a table in Markdown with the mean absolute error. The column `machine` is how much longer than
 * calibrated one rank alone takes, before and after the case: other tenants of a shared host make it stray from 100 %, and
 * no figure of a calibration can foresee that. The error without it is printed too.
 */
interface Case {
  readonly method: Method;
  readonly transport: Transport;
  readonly machines: number;
  readonly ranksPerMachine: number;
  /** Gb/s of each machine where links are emulated, else null. */
  readonly inter: number | null;
  readonly shape: readonly [tokens: number, heads: number, headDim: number, mask: Mask];
  readonly tiles: number;
}

const large = [4096, 8, 64, "full"] as const;
const deep = [3000, 8, 128, "full"] as const;
const masked = [5000, 8, 64, "causal"] as const;
const small = [1536, 16, 64, "full"] as const;

const cases: readonly Case[] = [
  { method: "ulysses", transport: "one-sided", machines: 1, ranksPerMachine: 2, inter: null, shape: large, tiles: 1 },
  { method: "ulysses", transport: "two-sided", machines: 1, ranksPerMachine: 8, inter: null, shape: deep, tiles: 1 },
  { method: "ring", transport: "one-sided", machines: 1, ranksPerMachine: 4, inter: null, shape: small, tiles: 1 },
  { method: "ring", transport: "two-sided", machines: 1, ranksPerMachine: 3, inter: null, shape: deep, tiles: 2 },
  { method: "ring", transport: "one-sided", machines: 1, ranksPerMachine: 2, inter: null, shape: masked, tiles: 1 },
  { method: "usp", transport: "two-sided", machines: 2, ranksPerMachine: 2, inter: 2, shape: large, tiles: 1 },
  { method: "usp", transport: "one-sided", machines: 2, ranksPerMachine: 4, inter: 4, shape: deep, tiles: 2 },
  { method: "usp", transport: "one-sided", machines: 4, ranksPerMachine: 1, inter: 1, shape: small, tiles: 1 },
  { method: "tas", transport: "one-sided", machines: 2, ranksPerMachine: 2, inter: 2, shape: large, tiles: 1 },
  { method: "tas", transport: "two-sided", machines: 2, ranksPerMachine: 3, inter: 1, shape: small, tiles: 2 },
  { method: "tas", transport: "two-sided", machines: 4, ranksPerMachine: 2, inter: 2, shape: deep, tiles: 1 },
  { method: "torus", transport: "one-sided", machines: 2, ranksPerMachine: 2, inter: 2, shape: large, tiles: 1 },
  { method: "torus", transport: "two-sided", machines: 2, ranksPerMachine: 2, inter: 1, shape: deep, tiles: 2 },
  { method: "torus", transport: "one-sided", machines: 4, ranksPerMachine: 2, inter: 2, shape: deep, tiles: 1 },
  { method: "torus", transport: "one-sided", machines: 2, ranksPerMachine: 1, inter: 0.5, shape: small, tiles: 4 },
  { method: "torus", transport: "one-sided", machines: 2, ranksPerMachine: 4, inter: 2, shape: masked, tiles: 1 },
];

const { values: flags } = parseArgs({ options: { topology: { type: "string" }, only: { type: "string" } } });
const machine = flags.topology === undefined ? await calibrated() : readTopology(flags.topology);
await printTable(machine);

async function calibrated(): Promise<Topology> {
  process.stderr.write("calibrating this machine\n");
  const { topology } = await calibrate({
    backend: "threads",
    ranks: 16,
    kernel: "onnx",
    date: new Date().toISOString().slice(0, 10),
    onProgress: () => {},
  });
  return topology;
}

function readTopology(path: string): Topology {
  return importTopology(readFileSync(path), { fileName: path });
}

async function printTable(topology: Topology): Promise<void> {
  console.log("| method | transport | ranks | emulated | shape | tiles | predicted | measured | error | machine |");
  console.log("| --- | --- | --- | --- | --- | --- | --: | --: | --: | --: |");
  const errors: number[] = [];
  const rests: number[] = [];
  let before = await slowness(topology);
  for (const one of cases) {
    if (flags.only !== undefined && !describe(one).includes(flags.only)) continue;
    const { predictedNs, measuredNs } = await compare(one, topology);
    const error = (predictedNs - measuredNs) / measuredNs;
    const after = await slowness(topology);
    const slower = (before + after) / 2;
    before = after;
    errors.push(error);
    rests.push((predictedNs * slower - measuredNs) / measuredNs);
    console.log(
      `| ${describe(one)} | ${milliseconds(predictedNs)} | ${milliseconds(measuredNs)} | ${percent(error)} | ${percent(slower)} |`,
    );
  }
  console.log(`\n${summary("error", errors)}`);
  console.log(`${summary("error of what is predicted times machine", rests)}`);
}

function summary(what: string, errors: readonly number[]): string {
  const sizes = errors.map(Math.abs);
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  return `${what}: mean absolute ${percent(mean)}, largest ${percent(Math.max(...sizes))}`;
}

/** Time that one rank alone takes now, over what is predicted of it. */
async function slowness(topology: Topology): Promise<number> {
  const alone: Case = {
    method: "ring",
    transport: "one-sided",
    machines: 1,
    ranksPerMachine: 1,
    inter: null,
    shape: [3072, 2, 64, "full"],
    tiles: 1,
  };
  const { predictedNs, measuredNs } = await compare(alone, topology);
  return measuredNs / predictedNs;
}

async function compare(one: Case, here: Topology): Promise<{ predictedNs: number; measuredNs: number }> {
  const repeated = repeatMachines(here, one.machines);
  const topology = one.inter === null ? repeated : applyCorrections(repeated, { interBitsPerSecond: one.inter * 1e9 });
  const schedule = scheduleOf(one);
  const result = await superviseRun({
    backend: "threads",
    kernel: "onnx",
    schedule: encodeSchedule(schedule),
    inputs: { seed: 3 },
    output: null,
    repeats: 5,
    timeoutSeconds: 30,
    emulated: one.inter === null ? null : topology,
    checkSeed: 1,
    isChecked: false,
    faults: [],
  });
  return { predictedNs: simulate(schedule, topology).makespanNs, measuredNs: result.makespanNs };
}

function scheduleOf({ method, transport, machines, ranksPerMachine, shape, tiles }: Case): Schedule {
  const [tokens, heads, headDim, mask] = shape;
  const workload = makeWorkload({ tokens, heads, headDim, mask, dtype: "fp32" });
  const placement = Array.from({ length: machines * ranksPerMachine }, (_, rank) => {
    return 16 * Math.floor(rank / ranksPerMachine) + (rank % ranksPerMachine);
  });
  const mesh = defaultMesh(method, { machines, ranksPerMachine }, workload);
  return planSchedule({ workload, method, transport, mesh, tiles, path: "paper", placement });
}

function describe({ method, transport, machines, ranksPerMachine, inter, shape, tiles }: Case): string {
  const [tokens, heads, headDim, mask] = shape;
  const links = inter === null ? "no" : `${inter} Gb/s`;
  const size = `${tokens}×${heads}×${headDim}${mask === "causal" ? " causal" : ""}`;
  return `${method} | ${transport} | ${machines}×${ranksPerMachine} | ${links} | ${size} | ${tiles}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(1)} ms`;
}
