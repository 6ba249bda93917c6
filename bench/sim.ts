/**
 * Plans and simulates USP and Torus of FLUX.1-dev at 4096×4096 from 256 to 1,024 ranks and prints ops/s, seconds, peak
 * memory and how the time grows with the ops. `npm run bench -- sim [machines …]`; default 32 64 128.
 */
import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import type { Method, Schedule } from "../plan/schedule/schedule.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { compileMachine, limitedBy, simulate } from "../sim/index.ts";

const MAX_EXPONENT = 1.15;

interface Sample {
  readonly ops: number;
  /** Of the processor: other load on the machine does not count. */
  readonly cpuSeconds: number;
}

function seconds<T>(run: () => T): [T, number] {
  const start = performance.now();
  return [run(), (performance.now() - start) / 1000];
}

function plan(method: Method, machines: number): Schedule {
  const workload = makeWorkload({ model: "flux.1-dev", image: "4096x4096" });
  const mesh = defaultMesh(method, { machines, ranksPerMachine: 8 }, workload);
  return planSchedule({ workload, method, mesh, transport: "one-sided", tiles: 1 });
}

function sample(method: Method, machines: number): Sample {
  const topology = presetTopology(`p4d.24xlarge:${machines}`);
  const [schedule, planSeconds] = seconds(() => plan(method, machines));
  const [machine, compileSeconds] = seconds(() => compileMachine(topology));
  const cpuBefore = process.cpuUsage();
  const [prediction, simSeconds] = seconds(() => simulate(schedule, machine));
  const cpu = process.cpuUsage(cpuBefore);
  const ops = schedule.ops.kind.length;
  const peak = process.resourceUsage().maxRSS / 1024 ** 2;
  console.log(
    `${method} ${machines}×8: ${ops} ops, plan ${planSeconds.toFixed(2)} s, compile ${compileSeconds.toFixed(2)} s, ` +
      `simulate ${simSeconds.toFixed(2)} s (${Math.round(ops / simSeconds)} ops/s, ${prediction.events} events), peak ${peak.toFixed(2)} GiB, ` +
      `predicted ${(prediction.makespanNs / 1e6).toFixed(3)} ms, bounds ${(prediction.lowerBoundNs.compute / 1e6).toFixed(3)} ` +
      `and ${(prediction.lowerBoundNs.network / 1e6).toFixed(3)}; ${limitedBy(prediction.criticalPath)}`,
  );
  return { ops, cpuSeconds: (cpu.user + cpu.system) / 1e6 };
}

function exponent(samples: readonly Sample[]): number {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  return Math.log(last.cpuSeconds / first.cpuSeconds) / Math.log(last.ops / first.ops);
}

const sizes = process.argv.slice(2).map(Number);
const machines = sizes.length > 0 ? sizes : [32, 64, 128];
for (const method of ["usp", "torus"] as const) {
  console.log("warm-up, so that compilation does not flatter the growth:");
  for (let i = 0; i < 3; i++) sample(method, machines[0]!);
  const samples = machines.map((count) => sample(method, count));
  if (samples.length < 2) continue;
  const growth = exponent(samples);
  console.log(`${method}: time grows as ops^${growth.toFixed(2)}, at most ${MAX_EXPONENT} wanted`);
  if (growth > MAX_EXPONENT) process.exitCode = 1;
}
