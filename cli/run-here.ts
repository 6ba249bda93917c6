import { checkSchedule } from "../plan/check/index.ts";
import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule, scheduleHash } from "../plan/schedule/codec-packed.ts";
import type { Method, Schedule, Transport } from "../plan/schedule/schedule.ts";
import { applyCorrections } from "../plan/topology/corrections.ts";
import { selectRanks } from "../plan/topology/machines.ts";
import { repeatMachines } from "../plan/topology/repeat.ts";
import type { Topology } from "../plan/topology/topology.ts";
import { compareTraces } from "../plan/trace/compare.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import type { Workload } from "../plan/workload/workload.ts";
import { calibrate } from "../runtime/calibrate/calibrate.ts";
import { measuredTrace } from "../runtime/measured-trace.ts";
import { predictedTrace, simulate } from "../sim/index.ts";
import { describeDifference } from "./describe-comparison.ts";
import { formatRun } from "./describe-run.ts";
import { createNodeHasher } from "../runtime/node-hasher.ts";
import { withAsyncProgress } from "./progress.ts";
import { runVisibly } from "./run-visibly.ts";
import { withStopSignals } from "./stop-signals.ts";
import { paint } from "./style.ts";

/** What stands in for the cluster here: machines, ranks of each, Gb/s of a machine, and tokens in place of the model's. */
const numMachines = 2;
const ranksPerMachine = 2;
const interGigabits = 4;
const tokens = 1536;
const repeats = 5;

/**
 * Runs the same method and mesh rule here: two emulated machines of two ranks on threads, fewer tokens of the same model.
 * Measures this machine first, so that it can be predicted; says both makespans and what explains their difference.
 */
export async function runHere(found: Schedule): Promise<string> {
  const { heads, kvHeads, headDim, model } = found.workload;
  const workload = makeWorkload({ tokens, heads, kvHeads, headDim, dtype: "fp32" });
  const topology = applyCorrections(repeatMachines(await measureHere(headDim), numMachines), {
    interBitsPerSecond: interGigabits * 1e9,
  });
  const schedule = planHere(found.method, found.transport, workload, topology);
  if (checkSchedule(schedule).length > 0) throw new Error("bug: the schedule for this machine has findings");
  const result = await runVisibly({
    backend: "threads",
    kernel: "onnx",
    schedule: encodeSchedule(schedule, createNodeHasher),
    inputs: { seed: 1 },
    output: null,
    repeats,
    timeoutSeconds: 30,
    emulated: topology,
    checkSeed: 1,
    isChecked: true,
    faults: [],
  });
  const prediction = simulate(schedule, topology);
  const hash = scheduleHash(schedule, createNodeHasher);
  const predicted = predictedTrace(schedule, prediction, hash, topology.name);
  const comparison = compareTraces(predicted, measuredTrace(schedule, result, hash), { schedule });
  return [
    paint("bold", "the same method here"),
    `${tokens} tokens of ${model ?? "the model"}, ${numMachines} machines of ${ranksPerMachine} ranks on threads of this ` +
      `computer, links of ${interGigabits} Gb/s emulated`,
    "",
    formatRun(schedule, result, prediction.makespanNs),
    "",
    describeDifference(comparison),
  ].join("\n");
}

function planHere(method: Method, transport: Transport, workload: Workload, topology: Topology): Schedule {
  return planSchedule({
    workload,
    method,
    transport,
    mesh: defaultMesh(method, { machines: numMachines, ranksPerMachine }, workload),
    tiles: 1,
    path: "paper",
    placement: Array.from(selectRanks(topology, numMachines * ranksPerMachine)),
  });
}

/** This machine's figures, as far as this run needs them. */
function measureHere(headDim: number): Promise<Topology> {
  return withStopSignals((signal) =>
    withAsyncProgress("measuring this machine", async (show) => {
      const { topology } = await calibrate({
        backend: "threads",
        rounds: 1,
        ranks: numMachines * ranksPerMachine,
        kernel: "onnx",
        headDims: [headDim],
        date: new Date().toISOString().slice(0, 10),
        onProgress: (done, total) => show(done, total),
        signal,
      });
      return topology;
    }),
  );
}
