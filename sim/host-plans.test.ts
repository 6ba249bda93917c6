import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planSchedule } from "../plan/methods/index.ts";
import { applyCorrections } from "../plan/topology/corrections.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { campaign, seed } from "../test/support/campaign.ts";
import { plans } from "../test/support/plans.ts";
import { makeConstants } from "./constants.ts";
import { runSchedule } from "./engine.ts";
import { compileMachine } from "./machine.ts";
import { simulate } from "./simulate.ts";
import { runSlowly } from "./slow-twin.ts";

type Request = typeof plans extends fc.Arbitrary<infer T> ? T : never;

/** The plan on as many ranks of each machine of `threads` as its mesh has; links are real where there is a rate of threads. */
function onThreads(
  request: Request,
  factor: number,
  interGigabits: number,
  networkBytesPerSecond: number | null = null,
) {
  const { mesh, groups } = request;
  const perMachine = mesh.ulyssesIntra * mesh.ringIntra;
  const machines = mesh.ulyssesInter * mesh.ringInter * groups;
  const workload = { ...request.workload, tokens: request.workload.tokens * factor };
  const placement = Array.from(
    { length: machines * perMachine },
    (_, i) => Math.floor(i / perMachine) * 16 + (i % perMachine),
  );
  const topology = applyCorrections(presetTopology(`threads:${machines}`), { interBitsPerSecond: interGigabits * 1e9 });
  const schedule = planSchedule({ ...request, workload, placement });
  if (networkBytesPerSecond === null) return { schedule, machine: compileMachine(topology) };
  const { cpu } = topology.devices;
  const host = { ...cpu!.host!, networkBytesPerSecond, sharedBy: "machine" as const };
  return { schedule, machine: compileMachine({ ...topology, devices: { cpu: { ...cpu!, host } } }) };
}

const scale = fc.constantFrom(1, 32, 256);
const inter = fc.constantFrom(0.1, 1, 8);
/** Bytes per second that a thread sends or receives over links that are real; null where they are emulated. */
const network = fc.constantFrom(null, 1e8, 2e9);

describe("plans on CPU ranks", () => {
  test("the engine agrees with the slow twin", () => {
    const property = fc.property(plans, scale, inter, network, (request, factor, gigabits, rate) => {
      const { schedule, machine } = onThreads(request, factor, gigabits, rate);
      fc.pre(schedule.ops.kind.length < 400);
      const fast = runSchedule(schedule, machine, makeConstants());
      const slow = runSlowly(schedule, machine, makeConstants());
      const makespanNs = Math.max(...slow.endNs);
      for (const [op, endNs] of slow.endNs.entries())
        expect(Math.abs(fast.endNs[op]! - endNs), `op ${op}`).toBeLessThanOrEqual(1e-9 * endNs);
      for (const [rank, exposedNs] of slow.exposedNs.entries())
        expect(Math.abs(fast.accounts.exposedNs[rank]! - exposedNs)).toBeLessThanOrEqual(1e-9 * makespanNs);
    });
    fc.assert(property, { numRuns: campaign(300), seed });
  });

  test("a prediction is not below its bounds, adds up, and is explained by its critical path", () => {
    const property = fc.property(plans, scale, inter, network, (request, factor, gigabits, rate) => {
      const { schedule, machine } = onThreads(request, factor, gigabits, rate);
      const { makespanNs, lowerBoundNs, criticalPath, ranks, passNs, startNs, endNs } = simulate(schedule, machine);
      const slack = 1e-9 * makespanNs;
      expect(lowerBoundNs.compute).toBeLessThanOrEqual(makespanNs + slack);
      expect(lowerBoundNs.network).toBeLessThanOrEqual(makespanNs + slack);
      for (const rank of ranks) {
        const sum = rank.computeNs + rank.exposedCommunicationNs + rank.idleNs;
        expect(Math.abs(sum - makespanNs)).toBeLessThanOrEqual(slack);
      }
      const explained = criticalPath.shares.reduce((sum, { ns }) => sum + ns, 0);
      expect(Math.abs(explained - passNs)).toBeLessThanOrEqual(slack);
      expect(criticalPath.shares.every(({ ns }) => ns >= 0)).toBe(true);
      expect(startNs.every((start, op) => start <= endNs[op]!)).toBe(true);
    });
    fc.assert(property, { numRuns: campaign(1000), seed });
  });

  test("a prediction is the same to the last bit when made again", () => {
    fc.assert(
      fc.property(plans, (request) => {
        const { schedule, machine } = onThreads(request, 100, 1);
        const [first, again] = [simulate(schedule, machine), simulate(schedule, machine)];
        expect(Buffer.from(again.endNs.buffer).equals(Buffer.from(first.endNs.buffer))).toBe(true);
        expect(again.ranks).toEqual(first.ranks);
        expect(again.criticalPath).toEqual(first.criticalPath);
      }),
      { numRuns: campaign(100), seed },
    );
  });
});
