import fc from "fast-check";
import { describe, test } from "vitest";
import { planSchedule } from "../plan/methods/index.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { runNull } from "../runtime/null/run-null.ts";
import { simulate } from "../sim/index.ts";
import { campaign, seed } from "./support/campaign.ts";
import { expectContract } from "./support/contract.ts";
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
        expectContract(schedule, await runNull(schedule, [[0], others]));
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
