/**
 * Planning, simulating and checking at scale: FLUX.1-dev 4096×4096 by USP and by Torus (`--published`), from 256 to
 * 1,024 ranks, each size in a process of its own. Prints seconds, ops/s and peak memory, and how time grows with ops.
 *
 * The limit: an op is some 50 bytes of schedule and 90 of simulation state, written once and read a few times; at 10 GB/s
 * that is 30 ns an op. What is above it is dependency tracking (planner), the event heap and its cache misses (simulator).
 *
 * Usage: npm run bench -- scale [usp|torus] [machines…]
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { checkSchedule } from "../plan/check/index.ts";
import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import type { Method } from "../plan/schedule/schedule.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { compileMachine, simulate } from "../sim/index.ts";

const RANKS_PER_MACHINE = 8;

interface Measured {
  readonly method: Method;
  readonly machines: number;
  readonly ops: number;
  readonly planS: number;
  readonly simulateS: number;
  readonly checkS: number;
  readonly findings: number;
  readonly makespanMs: number;
  /** Peak resident memory after planning and simulating, and after checking. */
  readonly simulatedGb: number;
  readonly checkedGb: number;
}

function seconds<T>(work: () => T): [T, number] {
  const start = performance.now();
  const result = work();
  return [result, (performance.now() - start) / 1000];
}

function peakGb(): number {
  return (process.resourceUsage().maxRSS * 1024) / 1e9;
}

function measure(method: Method, machines: number): Measured {
  const workload = makeWorkload({ model: "flux.1-dev", image: "4096x4096" });
  const extent = { machines, ranksPerMachine: RANKS_PER_MACHINE };
  const machine = compileMachine(presetTopology(`dgx-h100:${machines}`));
  const [schedule, planS] = seconds(() =>
    planSchedule({ workload, method, transport: "one-sided", mesh: defaultMesh(method, extent, workload), tiles: 1 }),
  );
  const [prediction, simulateS] = seconds(() => simulate(schedule, machine));
  const simulatedGb = peakGb();
  const [findings, checkS] = seconds(() => checkSchedule(schedule));
  return {
    method,
    machines,
    ops: schedule.ops.kind.length,
    planS,
    simulateS,
    checkS,
    findings: findings.length,
    makespanMs: prediction.makespanNs / 1e6,
    simulatedGb,
    checkedGb: peakGb(),
  };
}

function measureApart(method: Method, machines: number): Measured {
  const self = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, ["--max-old-space-size=3800", self, "--one", method, String(machines)], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as Measured;
}

function print(m: Measured): void {
  const rate = (s: number) => `${(m.ops / s / 1e6).toFixed(2)} Mops/s`;
  console.log(
    `${m.method.padEnd(6)} ${String(m.machines).padStart(4)}×${RANKS_PER_MACHINE} ${String(m.ops).padStart(8)} ops` +
      `  plan ${m.planS.toFixed(2)} s (${rate(m.planS)})  simulate ${m.simulateS.toFixed(2)} s (${rate(m.simulateS)})` +
      `  together ${(m.planS + m.simulateS).toFixed(1)} s, ${m.simulatedGb.toFixed(2)} GB` +
      `  check ${m.checkS.toFixed(2)} s (${rate(m.checkS)}), ${m.checkedGb.toFixed(2)} GB, ${m.findings} findings`,
  );
}

/** Exponent of time over ops between the smallest and the largest size. */
function exponent(rows: readonly Measured[], time: (m: Measured) => number): string {
  const [first, last] = [rows[0]!, rows.at(-1)!];
  return (Math.log(time(last) / time(first)) / Math.log(last.ops / first.ops)).toFixed(2);
}

const [flag, ...rest] = process.argv.slice(2);
if (flag === "--one") {
  process.stdout.write(JSON.stringify(measure(rest[0] as Method, Number(rest[1]))));
} else {
  const methods = flag === undefined ? (["usp", "torus"] as const) : [flag as Method];
  const sizes = rest.length > 0 ? rest.map(Number) : [32, 64, 128];
  for (const method of methods) {
    const rows = sizes.map((machines) => {
      const row = measureApart(method, machines);
      print(row);
      return row;
    });
    if (rows.length > 1) {
      console.log(
        `${method}: time grows as ops^${exponent(rows, (m) => m.planS + m.simulateS)} (plan and simulate), ops^${exponent(rows, (m) => m.checkS)} (check); must be at most ops^1.15`,
      );
    }
  }
}
