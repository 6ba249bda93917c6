import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import type { Schedule } from "../plan/schedule/schedule.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { applyCorrections } from "../plan/topology/corrections.ts";
import type { RunJob } from "../runtime/job.ts";
import { superviseRun } from "../runtime/supervisor.ts";
import { campaign, seed } from "./support/campaign.ts";
import { expectContract } from "./support/contract.ts";
import { computedPlans } from "./support/plans.ts";

/**
 * ‖out − ref‖ / ‖ref‖ of fp32 against float64: sums of some hundred products round to some 1e-7 each, and errors of many
 * rows average out; 1e-5 leaves room for scores of any size, and is far below what a wrong tile or a lost merge does.
 */
const TOLERANCE = 1e-5;

/** Real runs: processes, worker threads, onnxruntime. Each takes about a second, most of it to start. */
describe("toroid run on threads", () => {
  test("computes attention and keeps the contract, for any plan", { timeout: 1_200_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(computedPlans, async (request) => {
        const schedule = planSchedule(request);
        const result = await superviseRun(jobOf(schedule));
        expect(result.relativeError).toBeLessThanOrEqual(TOLERANCE);
        expect(result.rowsChecked).toBe(result.rows);
        if (schedule.transport === "one-sided") expect(result.isRepeatable).toBe(true);
        expectContract(schedule, result);
      }),
      { numRuns: campaign(300), seed },
    );
  });

  test("keeps the contract with emulated links", { timeout: 1_200_000 }, async () => {
    const topology = applyCorrections(presetTopology("threads:4"), { interBitsPerSecond: 2e9 });
    await fc.assert(
      fc.asyncProperty(computedPlans, async (request) => {
        const { ulyssesInter, ringInter, ulyssesIntra, ringIntra } = request.mesh;
        fc.pre(request.groups === 1);
        const ranksPerMachine = ulyssesIntra * ringIntra;
        const machines = ulyssesInter * ringInter;
        const placement = Array.from({ length: machines * ranksPerMachine }, (_, rank) => {
          return 16 * Math.floor(rank / ranksPerMachine) + (rank % ranksPerMachine);
        });
        const schedule = planSchedule({ ...request, placement });
        const result = await superviseRun({ ...jobOf(schedule), emulated: topology });
        expect(result.relativeError).toBeLessThanOrEqual(TOLERANCE);
        expect(result.isEmulated).toBe(true);
        expectContract(schedule, result);
      }),
      { numRuns: campaign(100), seed },
    );
  });
});

function jobOf(schedule: Schedule): RunJob {
  return {
    backend: "threads",
    kernel: "onnx",
    schedule: encodeSchedule(schedule),
    inputs: { seed: 7 },
    output: null,
    repeats: 2,
    timeoutSeconds: 30,
    emulated: null,
    checkSeed: 1,
    isChecked: true,
    faults: [],
  };
}
