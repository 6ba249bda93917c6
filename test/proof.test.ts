import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkSchedule } from "../plan/check/index.ts";
import { defaultMesh, meshesOf, paperPath, planSchedule } from "../plan/methods/index.ts";
import { METHODS } from "../plan/schedule/schedule.ts";
import { campaign, longRun, seed } from "./support/campaign.ts";
import { plans, smallWorkload } from "./support/plans.ts";

type Request = Parameters<typeof planSchedule>[0];

/** Every mesh of every method on 1 to 64 ranks, both transports, both masks, even and uneven tokens, whole and sub-tiles. */
function grid(): Request[] {
  const requests: Request[] = [];
  for (const machines of [1, 2, 3, 4, 6, 8]) {
    for (const ranksPerMachine of [1, 2, 4, 8]) {
      const ranks = machines * ranksPerMachine;
      for (const heads of [16, 24]) {
        for (const tokens of [4 * ranks, 3 * ranks + 1, Math.ceil(ranks / 2)]) {
          for (const mask of ["full", "causal"] as const) {
            const workload = smallWorkload({ tokens, heads, mask });
            for (const method of METHODS)
              for (const mesh of meshesOf(method, { machines, ranksPerMachine }, workload))
                for (const transport of ["one-sided", "two-sided"] as const)
                  for (const tiles of [1, 2])
                    requests.push({ workload, method, mesh, transport, tiles, path: "paper" });
          }
        }
      }
    }
  }
  return requests;
}

describe("the checker", () => {
  test("has no finding on any plan of the grid", { timeout: 600_000 }, () => {
    const requests = grid();
    const step = Math.ceil(requests.length / campaign(requests.length));
    for (let i = seed % step; i < requests.length; i += step) {
      const request = requests[i]!;
      expect(checkSchedule(planSchedule(request)), JSON.stringify(request)).toEqual([]);
    }
  });

  test("has no finding on any random plan", { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(plans, (request) => {
        expect(checkSchedule(planSchedule(request))).toEqual([]);
      }),
      { numRuns: campaign(5000), seed },
    );
  });

  test("has no finding on 1,024 ranks", { timeout: 600_000 }, (context) => {
    if (!longRun) context.skip("1,024 ranks are proved by npm run test:long");
    const extent = { machines: 128, ranksPerMachine: 8 };
    const workload = smallWorkload({ tokens: 66_048, heads: 24, headDim: 128, dtype: "bf16" });
    for (const method of ["usp", "tas", "torus"] as const) {
      const mesh = defaultMesh(method, extent, workload);
      const path = method === "torus" ? paperPath(mesh) : "";
      const schedule = planSchedule({ workload, method, mesh, transport: "one-sided", tiles: 1, path });
      expect(checkSchedule(schedule), method).toEqual([]);
    }
  });
});
