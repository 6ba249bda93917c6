import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import { METHODS, type Method, type Schedule, type Transport } from "../plan/schedule/schedule.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { calibrate } from "../runtime/calibrate/calibrate.ts";
import type { Launch } from "../runtime/job.ts";
import { superviseRun } from "../runtime/supervisor.ts";
import { createRig, rigObstacle, type RigSpec } from "../scripts/rig.mjs";
import { simulate } from "../sim/index.ts";

/**
 * Runs all methods over OpenSHMEM on hosts of the test rig, whose links are real and slow, and prints what was predicted
 * beside it (medians of five): each rig is calibrated first, as `toroid calibrate --backend openshmem` does. Then by what
 * factors Torus is ahead of USP and TAS, measured and simulated. Needs root, iproute2 and `npm run build:native`.
 */
interface Case {
  readonly name: string;
  readonly spec: RigSpec;
}

/** What ran on a rig; times in ns. */
interface Row {
  readonly method: Method;
  readonly transport: Transport;
  readonly predictedNs: number;
  readonly measuredNs: number;
}

const RANKS_PER_HOST = 2;
const REPEATS = 5;
const TRANSPORTS: readonly Transport[] = ["one-sided", "two-sided"];

const { values: flags } = parseArgs({
  options: {
    gigabits: { type: "string", default: "0.5" },
    tokens: { type: "string", default: "4096" },
    heads: { type: "string", default: "8" },
    "head-dim": { type: "string", default: "64" },
    only: { type: "string", default: "" },
    hosts: { type: "string" },
  },
});
const gigabits = Number(flags.gigabits);
const shape = { tokens: Number(flags.tokens), heads: Number(flags.heads), headDim: Number(flags["head-dim"]) };

const cases: readonly Case[] = [2, 4].flatMap((machines) => [
  { name: `${machines} × ${RANKS_PER_HOST}`, spec: { machines, gigabits } },
  {
    name: `${machines} × ${RANKS_PER_HOST}, 2:1 oversubscribed`,
    spec: { machines, gigabits, leaves: 2, uplinkGigabits: (gigabits * machines) / 4 },
  },
  {
    name: `${machines} × ${RANKS_PER_HOST}, one link at a third`,
    spec: { machines, gigabits, degraded: { machine: 1, gigabits: gigabits / 3 } },
  },
]);

if (flags.hosts === undefined) await measureRigs();
else console.log(JSON.stringify(await measureHere(flags.hosts.split(","))));

async function measureRigs(): Promise<void> {
  const obstacle = rigObstacle();
  if (obstacle !== null) throw new Error(obstacle);
  const { tokens, heads, headDim } = shape;
  console.log(`${tokens} tokens × ${heads} heads × ${headDim}, ${gigabits} Gb/s a host\n`);
  console.log(
    "| hosts × ranks | method | one-sided predicted | measured | error | two-sided predicted | measured | error |",
  );
  console.log("| --- | --- | --: | --: | --: | --: | --: | --: |");
  const factors: string[] = [];
  const errors: number[] = [];
  for (const one of cases.filter(({ name }) => name.includes(flags.only))) {
    const rows = await onRig(one.spec);
    const find = (method: Method, transport: Transport) =>
      rows.find((row) => row.method === method && row.transport === transport)!;
    for (const method of METHODS) {
      const cells = TRANSPORTS.flatMap((transport) => {
        const { predictedNs, measuredNs } = find(method, transport);
        const error = predictedNs / measuredNs - 1;
        errors.push(Math.abs(error));
        return [milliseconds(predictedNs), milliseconds(measuredNs), percent(error)];
      });
      console.log(`| ${[one.name, method, ...cells].join(" | ")} |`);
    }
    for (const other of ["usp", "tas"] as const) {
      const [slow, fast] = [find(other, "one-sided"), find("torus", "one-sided")];
      const [measured, simulated] = [slow.measuredNs / fast.measuredNs, slow.predictedNs / fast.predictedNs];
      const cells = [one.name, other, measured.toFixed(2), simulated.toFixed(2), percent(simulated / measured - 1)];
      factors.push(`| ${cells.join(" | ")} |`);
    }
  }
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  const within = `${errors.filter((error) => error <= 0.1).length} of ${errors.length} within 10 %`;
  console.log(`\nerror: mean absolute ${percent(mean)}, largest ${percent(Math.max(...errors))}, ${within}\n`);
  console.log("| hosts × ranks | Torus is ahead of | measured | simulated | difference |");
  console.log("| --- | --- | --: | --: | --: |");
  console.log(factors.join("\n"));
}

/** Makes the hosts and runs this program on the first of them. */
async function onRig(spec: RigSpec): Promise<Row[]> {
  const rig = createRig(spec);
  try {
    const hosts = rig.hosts.map(({ name }) => name).join(",");
    const shapeFlags = ["tokens", "heads", "head-dim"].flatMap((name) => [`--${name}`, `${flags[name as "tokens"]}`]);
    const argv = [process.execPath, process.argv[1]!, "--hosts", hosts, ...shapeFlags];
    const [program, ...args] = rig.command(0, argv) as [string, ...string[]];
    const child = spawn(program, args, { env: { ...process.env, ...rig.env }, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    if (code !== 0) throw new Error(`the program on h0 ended with exit code ${code}`);
    return JSON.parse(output) as Row[];
  } finally {
    rig.close();
  }
}

async function measureHere(names: readonly string[]): Promise<Row[]> {
  const launch: Launch = { launcher: "oshrun", hosts: names.map((name) => ({ name, slots: RANKS_PER_HOST })) };
  const ranks = names.length * RANKS_PER_HOST;
  const { topology } = await calibrate({
    backend: "openshmem",
    launch,
    ranks,
    kernel: "onnx",
    headDims: [shape.headDim],
    rounds: 1,
    date: new Date().toISOString().slice(0, 10),
    onProgress: (done, total, what) =>
      process.stderr.write(`calibrating ${names.length} hosts: ${done}/${total} ${what}\n`),
  });
  const rows: Row[] = [];
  for (const transport of TRANSPORTS) {
    for (const method of METHODS) {
      const schedule = scheduleOf(method, transport, names.length);
      const { makespanNs } = await superviseRun({
        backend: "openshmem",
        kernel: "onnx",
        schedule: encodeSchedule(schedule),
        inputs: { seed: 3 },
        output: null,
        repeats: REPEATS,
        timeoutSeconds: 30,
        emulated: null,
        checkSeed: 1,
        isChecked: false,
        faults: [],
        launch,
      });
      rows.push({ method, transport, predictedNs: simulate(schedule, topology).makespanNs, measuredNs: makespanNs });
      process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
    }
  }
  return rows;
}

function scheduleOf(method: Method, transport: Transport, machines: number): Schedule {
  const workload = makeWorkload({ ...shape, dtype: "fp32" });
  const placement = Array.from(
    { length: machines * RANKS_PER_HOST },
    (_, rank) => 16 * Math.floor(rank / RANKS_PER_HOST) + (rank % RANKS_PER_HOST),
  );
  const mesh = defaultMesh(method, { machines, ranksPerMachine: RANKS_PER_HOST }, workload);
  return planSchedule({ workload, method, transport, mesh, tiles: 1, path: "paper", placement });
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(1)} ms`;
}
