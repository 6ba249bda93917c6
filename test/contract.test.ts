import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planSchedule } from "../plan/methods/index.ts";
import type { Schedule } from "../plan/schedule/schedule.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { runNull } from "../runtime/null/run-null.ts";
import { createPlainKernel } from "../runtime/plain/plain-kernel.ts";
import { groupOf, shardRuns } from "../runtime/shard-memory.ts";
import { simulate } from "../sim/index.ts";
import { campaign, seed } from "./support/campaign.ts";
import { expectContract } from "./support/contract.ts";
import { attention, randomTensors, relativeError, type Tensors } from "./support/interpret.ts";
import { plans } from "./support/plans.ts";

/** One set of assertions for whatever turns a schedule into times; backends that move data are in `test/run.test.ts`. */
describe("the contract of executors", () => {
  test("the null backend keeps it, all streams of a rank in one thread", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (request) => {
        const schedule = planSchedule(request);
        expectContract(schedule, await runNull(schedule));
      }),
      { numRuns: campaign(3000), seed },
    );
  });

  test("the null backend keeps it, with a thread that computes and one that moves bytes", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (request) => {
        const schedule = planSchedule(request);
        const others = schedule.streams.map((_, stream) => stream).slice(1);
        expectContract(schedule, await runNull(schedule, { lanes: [[0], others] }));
      }),
      { numRuns: campaign(3000), seed },
    );
  });

  test("with data, the executor computes attention", async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.boolean(), async (request, isOneLane) => {
        const schedule = planSchedule(request);
        const { workload, groups, ranks } = schedule;
        const inputs = Array.from({ length: groups }, (_, group) => randomTensors(workload, group + 1));
        const heaps = Array.from({ length: ranks }, (_, rank) => filledHeap(schedule, rank, inputs));
        const kernels = heaps.map((heap) => createPlainKernel({ schedule, heap }));
        for (const kernel of kernels) kernel.reset();
        const others = schedule.streams.map((_, stream) => stream).slice(1);
        const lanes = isOneLane ? [[0, ...others]] : [[0], others];
        await runNull(schedule, { lanes, data: { heaps, kernels } });
        inputs.forEach((input, group) => {
          // Inputs and output are rounded to fp32, all else is float64.
          expect(relativeError(outputOf(schedule, heaps, group), attention(workload, input))).toBeLessThan(1e-6);
        });
      }),
      { numRuns: campaign(3000), seed },
    );
  });

  test.each(["dgx-h100:4", "threads:4"])("the simulator keeps it on %s", (name) => {
    const topology = presetTopology(name);
    fc.assert(
      fc.property(plans, (request) => {
        const schedule = planSchedule(request);
        fc.pre(schedule.ranks <= 32);
        expectContract(schedule, simulate(schedule, topology));
      }),
      { numRuns: campaign(3000), seed },
    );
  });
});

function filledHeap(schedule: Schedule, rank: number, inputs: readonly Tensors[]): Float32Array {
  const heap = new Float32Array(schedule.heapBytes / 4).fill(Number.NaN);
  const { q, k, v } = inputs[groupOf(schedule, rank)]!;
  for (const { heapAt, tensorAt, length } of shardRuns(schedule, rank, "Q"))
    heap.set(q.subarray(tensorAt, tensorAt + length), heapAt);
  for (const { heapAt, tensorAt, length, plane } of shardRuns(schedule, rank, "KV"))
    heap.set((plane < schedule.workload.batch ? k : v).subarray(tensorAt, tensorAt + length), heapAt);
  return heap;
}

function outputOf(schedule: Schedule, heaps: readonly Float32Array[], group: number): Float64Array {
  const { batch, tokens, heads, headDim } = schedule.workload;
  const out = new Float64Array(batch * tokens * heads * headDim).fill(Number.NaN);
  heaps.forEach((heap, rank) => {
    if (groupOf(schedule, rank) !== group) return;
    for (const { heapAt, tensorAt, length } of shardRuns(schedule, rank, "O"))
      out.set(heap.subarray(heapAt, heapAt + length), tensorAt);
  });
  return out;
}
