import fc from "fast-check";
import { describe, expect, test } from "vitest";
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

  test("computes attention within the least heap that Torus offers", () => {
    fc.assert(
      fc.property(
        plans.filter(({ method }) => method === "torus"),
        fc.constantFrom("least", "second"),
        (request, which) => {
          const least = leastHeap(request);
          const schedule = planSchedule({ ...request, maxHeapBytes: which === "least" ? least : least * 1.1 });
          expect(schedule.heapBytes).toBeLessThanOrEqual(least * 1.1);
          const inputs = Array.from({ length: request.groups }, (_, g) => randomTensors(request.workload, 3 + g));
          interpret(schedule, inputs).forEach((output, group) => {
            expect(relativeError(output, attention(request.workload, inputs[group]!))).toBeLessThan(1e-12);
          });
        },
      ),
      { numRuns: campaign(500), seed },
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
