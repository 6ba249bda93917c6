import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, longRun, seed } from "../../test/support/campaign.ts";
import { plans, smallWorkload } from "../../test/support/plans.ts";
import { meshesOf, planSchedule } from "../methods/index.ts";
import { METHODS } from "../schedule/schedule.ts";
import { checkSchedule } from "./check-schedule.ts";

/** Machines × ranks a machine, up to 64 ranks. */
const extents = [
  [1, 1],
  [1, 2],
  [1, 6],
  [1, 8],
  [2, 1],
  [2, 3],
  [2, 4],
  [3, 2],
  [3, 4],
  [4, 4],
  [2, 8],
  [6, 2],
  [4, 8],
  [6, 6],
  [8, 8],
  [64, 1],
] as const;

/** Every method, mesh and transport on a few ranks, with tokens that nothing divides and both masks. */
function gridOf(machines: number, ranksPerMachine: number): Parameters<typeof planSchedule>[0][] {
  const ranks = machines * ranksPerMachine;
  const requests: Parameters<typeof planSchedule>[0][] = [];
  for (const mask of ["full", "causal"] as const) {
    for (const shardOrder of ["contiguous", "zigzag"] as const) {
      const workload = smallWorkload({ tokens: 5 * ranks + 3, heads: 24, kvHeads: 12, mask, shardOrder });
      for (const method of METHODS) {
        if (shardOrder === "zigzag" && (mask === "full" || (method !== "ring" && method !== "usp"))) continue;
        for (const mesh of meshesOf(method, { machines, ranksPerMachine }, workload))
          for (const transport of ["one-sided", "two-sided"] as const)
            for (const tiles of [1, 2]) requests.push({ workload, method, mesh, transport, tiles });
      }
    }
  }
  return requests;
}

describe("no planned schedule has a finding", () => {
  test.each(extents)("%i machines of %i ranks", (machines, ranksPerMachine) => {
    const grid = gridOf(machines, ranksPerMachine);
    // In a plain run every few of the larger grids; the odd step goes through transports and tiles too.
    const step = longRun ? 1 : Math.max(1, Math.floor((grid.length * machines * ranksPerMachine) / 640)) | 1;
    for (let i = 0; i < grid.length; i += step) {
      const request = grid[i]!;
      expect(checkSchedule(planSchedule(request)), JSON.stringify(request)).toEqual([]);
    }
  });

  test("whatever the shape, groups, lanes, sub-tiles and path", () => {
    fc.assert(
      fc.property(plans, (request) => {
        expect(checkSchedule(planSchedule(request))).toEqual([]);
      }),
      { numRuns: campaign(5000), seed },
    );
  });
});
