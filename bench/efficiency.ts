import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import type { Schedule } from "../plan/schedule/schedule.ts";
import { volumeOf } from "../plan/schedule/volume.ts";
import { median } from "../plan/statistics.ts";
import { applyCorrections } from "../plan/topology/corrections.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import type { Topology } from "../plan/topology/topology.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { superviseRun } from "../runtime/supervisor.ts";

/**
 * Torus on threads against its floor: the larger of its attention alone (as many ranks at once, each computing as much
 * on data of its own, nothing moved) and its bytes between machines over the emulated links' capacity. Both are run by
 * turns, so that a slow minute of the machine hits both; medians.
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

const ROUNDS = 5;

const cases: readonly Case[] = [
  { machines: 2, ranksPerMachine: 1, inter: 2, tokens: 8192, heads: 8, headDim: 64 },
  { machines: 2, ranksPerMachine: 2, inter: 4, tokens: 8192, heads: 8, headDim: 128 },
  { machines: 4, ranksPerMachine: 1, inter: 4, tokens: 8192, heads: 8, headDim: 128 },
];

console.log("| machines × ranks | links | shape | attention alone | links' floor | measured | over the floor |");
console.log("| --- | --- | --- | --: | --: | --: | --: |");
for (const one of cases) {
  const { schedule, alone, topology } = plansOf(one);
  const measured: number[] = [];
  const attention: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    attention.push(await makespan(alone, null));
    measured.push(await makespan(schedule, topology));
  }
  const linkNs = (volumeOf(schedule).interMachineBytesPerMachine * 8) / one.inter;
  const floorNs = Math.max(median(attention), linkNs);
  const { machines, ranksPerMachine, inter, tokens, heads, headDim } = one;
  console.log(
    `| ${machines} × ${ranksPerMachine} | ${inter} Gb/s | ${tokens}×${heads}×${headDim} | ${ms(median(attention))} | ` +
      `${ms(linkNs)} | ${ms(median(measured))} | ${(median(measured) / floorNs).toFixed(3)} |`,
  );
}

function plansOf({ machines, ranksPerMachine, inter, tokens, heads, headDim }: Case) {
  const ranks = machines * ranksPerMachine;
  const workload = makeWorkload({ tokens, heads, headDim, dtype: "fp32" });
  const topology = applyCorrections(presetTopology(`threads:${machines}`), { interBitsPerSecond: inter * 1e9 });
  const schedule = planSchedule({
    workload,
    method: "torus",
    transport: "one-sided",
    mesh: defaultMesh("torus", { machines, ranksPerMachine }, workload),
    tiles: 1,
    path: "paper",
    placement: Array.from({ length: ranks }, (_, rank) => {
      return 16 * Math.floor(rank / ranksPerMachine) + (rank % ranksPerMachine);
    }),
  });
  const alone = planSchedule({
    workload: makeWorkload({ tokens, heads: heads / ranks, headDim, dtype: "fp32" }),
    method: "ring",
    transport: "one-sided",
    mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 1 },
    tiles: 1,
    path: "",
    groups: ranks,
  });
  return { schedule, alone, topology };
}

async function makespan(schedule: Schedule, emulated: Topology | null): Promise<number> {
  const result = await superviseRun({
    backend: "threads",
    kernel: "onnx",
    schedule: encodeSchedule(schedule),
    inputs: { seed: 1 },
    output: null,
    repeats: 2,
    timeoutSeconds: 60,
    emulated,
    checkSeed: 1,
    isChecked: false,
    faults: [],
  });
  return result.makespanNs;
}

function ms(ns: number): string {
  return `${(ns / 1e6).toFixed(0)} ms`;
}
