import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkSchedule } from "../plan/check/index.ts";
import { meshesOf, planSchedule } from "../plan/methods/index.ts";
import { arrivalsOf } from "../plan/methods/torus-path.ts";
import { METHODS, type Method } from "../plan/schedule/schedule.ts";
import { volumeOf } from "../plan/schedule/volume.ts";
import { campaign, seed } from "./support/campaign.ts";
import { plans, smallWorkload } from "./support/plans.ts";
import { attention, interpret, randomTensors, relativeError } from "./support/interpret.ts";

describe("every plan", () => {
  test("computes attention", () => {
    fc.assert(
      fc.property(plans, (request) => {
        const schedule = planSchedule(request);
        const inputs = Array.from({ length: request.groups }, (_, group) => randomTensors(request.workload, 7 + group));
        const outputs = interpret(schedule, inputs);
        outputs.forEach((output, group) => {
          expect(relativeError(output, attention(request.workload, inputs[group]!))).toBeLessThan(1e-12);
        });
      }),
      { numRuns: campaign(3000), seed },
    );
  });

  test("computes attention, proven, within the least heap that Torus offers and a little more", () => {
    fc.assert(
      fc.property(
        plans.filter(({ method }) => method === "torus"),
        fc.constantFrom(1, 1.1, 1.3),
        (request, factor) => {
          const least = leastHeap(request);
          const schedule = planSchedule({ ...request, maxHeapBytes: least * factor });
          expect(schedule.heapBytes).toBeLessThanOrEqual(least * factor);
          expect(checkSchedule(schedule)).toEqual([]);
          const inputs = Array.from({ length: request.groups }, (_, g) => randomTensors(request.workload, 3 + g));
          interpret(schedule, inputs).forEach((output, group) => {
            expect(relativeError(output, attention(request.workload, inputs[group]!))).toBeLessThan(1e-12);
          });
        },
      ),
      { numRuns: campaign(4000), seed },
    );
  });
});

/** What the error of an impossible limit names. */
function leastHeap(request: Parameters<typeof planSchedule>[0]): number {
  try {
    planSchedule({ ...request, maxHeapBytes: 1 });
  } catch (error) {
    return Number(/needs (\d+) bytes/.exec((error as Error).message)![1]);
  }
  throw new Error("one byte cannot be enough");
}

describe("bytes between machines", () => {
  const bytesPerElement = 2;
  const headDim = 8;
  for (const machines of [2, 3, 4, 6, 8]) {
    for (const ranksPerMachine of [4, 8]) {
      for (const heads of [16, 24, 40, 48]) {
        test(`${machines}×${ranksPerMachine} ranks, ${heads} heads`, () => {
          const tokens = machines * ranksPerMachine * 2;
          const workload = smallWorkload({ tokens, heads, headDim, dtype: "bf16" });
          const unit = tokens * heads * headDim * bytesPerElement;
          let numMeshes = 0;
          for (const method of METHODS as readonly Method[]) {
            for (const mesh of meshesOf(method, { machines, ranksPerMachine }, workload)) {
              for (const transport of ["one-sided", "two-sided"] as const) {
                numMeshes++;
                const schedule = planSchedule({ workload, method, transport, mesh, tiles: 1 });
                const { q } = arrivalsOf(mesh);
                const ringDegree = mesh.ringInter * mesh.ringIntra;
                const isFlat = method === "usp" || method === "ring";
                const expected = isFlat
                  ? (2 * (ringDegree - 1) * unit) / ringDegree
                  : ((4 * q) / mesh.ulyssesInter + 2 * (mesh.ringInter - 1)) * (unit / machines);
                expect(volumeOf(schedule).interMachineBytesPerMachine, `${method} ${JSON.stringify(mesh)}`).toBe(
                  Math.round(expected),
                );
                expect(Math.abs(expected - Math.round(expected))).toBeLessThan(1e-6);
              }
            }
          }
          expect(numMeshes).toBeGreaterThan(0);
        });
      }
    }
  }
});

describe("bytes between machines of uneven shards", () => {
  test("equal a count from the partition alone", () => {
    fc.assert(
      fc.property(
        // Where a rank has no tokens, transfers that nobody reads are left out, and the count with them.
        plans.filter(
          ({ workload, mesh }) =>
            workload.mask === "full" &&
            workload.shardOrder === "contiguous" &&
            workload.tokens >= mesh.ulyssesInter * mesh.ringInter * mesh.ulyssesIntra * mesh.ringIntra,
        ),
        (request) => {
          const schedule = planSchedule({ ...request, groups: 1 });
          expect(volumeOf(schedule).interMachineBytesPerMachine).toBe(bytesFromPartition(request));
        },
      ),
      { numRuns: campaign(3000), seed },
    );
  });
});

/** Bytes that the busiest machine sends, from who holds which tokens: no op is looked at. */
function bytesFromPartition({ method, mesh, workload }: Parameters<typeof planSchedule>[0]): number {
  const { ulyssesInter, ringInter, ulyssesIntra, ringIntra } = mesh;
  const machines = ulyssesInter * ringInter;
  const perMachine = ulyssesIntra * ringIntra;
  const ranks = machines * perMachine;
  const tokensOf = (from: number, to: number) =>
    Math.floor((to * workload.tokens) / ranks) - Math.floor((from * workload.tokens) / ranks);
  const machineTokens = (m: number) => tokensOf(m * perMachine, (m + 1) * perMachine);
  const perHead = workload.batch * workload.headDim * 4;
  const q = perHead * workload.heads;
  const kv = 2 * perHead * workload.kvHeads;
  const groupOf = (m: number) => Math.floor(m / ulyssesInter);
  const sumOver = (test: (m: number) => boolean) =>
    Array.from({ length: machines }, (_, m) => (test(m) ? machineTokens(m) : 0)).reduce((a, b) => a + b, 0);

  function sentBy(m: number): number {
    if (method === "usp" || method === "ring") {
      if (machines === 1) return 0;
      const next = ((m + 1) % machines) * perMachine;
      return kv * (workload.tokens - tokensOf(next, next + ulyssesIntra));
    }
    const others = ulyssesInter - 1;
    const returned = (q * sumOver((other) => groupOf(other) === groupOf(m) && other !== m)) / ulyssesInter;
    const pulledQ = (q * machineTokens(m) * others) / ulyssesInter;
    if (method === "torus") return pulledQ + returned + (kv * machineTokens(m) * (machines - 1)) / ulyssesInter;
    const gathered = pulledQ + (kv * machineTokens(m) * others) / ulyssesInter;
    const notSent = (groupOf(m) + 1) % ringInter;
    const turned = ringInter === 1 ? 0 : (kv * sumOver((other) => groupOf(other) !== notSent)) / ulyssesInter;
    return gathered + returned + turned;
  }
  return Math.max(...Array.from({ length: machines }, (_, m) => sentBy(m)));
}
