import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import { METHODS, type Schedule } from "../plan/schedule/schedule.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { campaign, seed } from "../test/support/campaign.ts";
import { CONSTANTS, type ConstantName, type Constants } from "./constants.ts";
import { limitedBy } from "./critical-path.ts";
import { type HandOp, handSchedule, handTopology } from "./hand-made.test-support.ts";
import { compileMachine } from "./machine.ts";
import { predictedTrace, simulate } from "./simulate.ts";

const names = Object.keys(CONSTANTS) as ConstantName[];
const anyConstants = fc
  .tuple(...names.map((name) => fc.double({ min: CONSTANTS[name].low, max: CONSTANTS[name].high, noNaN: true })))
  .map((values) => Object.fromEntries(names.map((name, i) => [name, values[i]])) as unknown as Constants);

const cases = fc.record({
  preset: fc.constantFrom("p4de.24xlarge", "dgx-h100"),
  machines: fc.constantFrom(1, 2, 3, 4),
  method: fc.constantFrom(...METHODS),
  transport: fc.constantFrom("one-sided" as const, "two-sided" as const),
  tokens: fc.integer({ min: 1, max: 40_000 }),
  heads: fc.constantFrom(8, 24, 96),
  mask: fc.constantFrom("full", "causal"),
  tiles: fc.constantFrom(1, 3),
  constants: anyConstants,
});

function plan(request: {
  machines: number;
  method: (typeof METHODS)[number];
  transport: "one-sided" | "two-sided";
  tokens: number;
  heads: number;
  mask: string;
  tiles: number;
}): Schedule {
  const { machines, method, transport, tiles, ...shape } = request;
  const workload = makeWorkload({ ...shape, headDim: 64, scope: "attention" });
  const mesh = defaultMesh(method, { machines, ranksPerMachine: 8 }, workload);
  return planSchedule({ workload, method, mesh, transport, tiles });
}

/** Fits every method on up to four machines, Ulysses over all ranks included. */
const fitting = { ulysses: [8, 96], ring: [8, 24, 96], usp: [8, 24, 96], tas: [8, 24, 96], torus: [8, 24, 96] };

describe("every prediction", () => {
  test("is not below its bounds, adds up, and is explained by its critical path", () => {
    const property = fc.property(cases, ({ preset, constants, ...request }) => {
      fc.pre(request.method !== "ulysses" || request.heads % (8 * request.machines) === 0);
      fc.pre(fitting[request.method].includes(request.heads));
      const schedule = plan(request);
      const prediction = simulate(schedule, presetTopology(`${preset}:${request.machines}`), { constants });
      const { makespanNs, lowerBoundNs, criticalPath, startNs, endNs } = prediction;
      const slack = 1e-9 * makespanNs;
      expect(makespanNs).toBeGreaterThanOrEqual(lowerBoundNs.compute - slack);
      expect(makespanNs).toBeGreaterThanOrEqual(lowerBoundNs.network - slack);
      for (const rank of prediction.ranks) {
        const sum = rank.computeNs + rank.exposedCommunicationNs + rank.idleNs;
        expect(Math.abs(sum - makespanNs)).toBeLessThanOrEqual(slack);
        expect(rank.exposedCommunicationNs).toBeLessThanOrEqual(rank.communicationNs + slack);
      }
      const explained = criticalPath.shares.reduce((sum, { ns }) => sum + ns, 0);
      expect(Math.abs(explained - prediction.passNs)).toBeLessThanOrEqual(slack);
      expect(startNs.every((start, op) => start <= endNs[op]!)).toBe(true);
    });
    fc.assert(property, { numRuns: campaign(1000), seed });
  });

  test("is the same to the last bit when made again", () => {
    const request = { machines: 2, transport: "two-sided", tokens: 5003, heads: 24, mask: "full", tiles: 2 } as const;
    for (const method of ["usp", "torus"] as const) {
      const schedule = plan({ ...request, method });
      const machine = compileMachine(presetTopology("p4de.24xlarge:2"));
      const [first, again] = [simulate(schedule, machine), simulate(schedule, machine)];
      expect(Buffer.from(again.endNs.buffer).equals(Buffer.from(first.endNs.buffer))).toBe(true);
      expect(Buffer.from(again.startNs.buffer).equals(Buffer.from(first.startNs.buffer))).toBe(true);
      expect(again.ranks).toEqual(first.ranks);
      expect(again.criticalPath).toEqual(first.criticalPath);
    }
  });
});

/** Rank 0 computes and puts to rank 1 on the other machine, which waits and computes. */
function relay(repeats = 1): Schedule {
  const work = { tensor: "Q" as const, tokens: 1000 };
  const ops: HandOp[] = [
    { kind: "barrier", rank: 0 },
    { kind: "barrier", rank: 1 },
    { kind: "compute", rank: 0 },
    { kind: "put", rank: 0, peer: 1, stream: 2, deps: [2], from: [work], to: [work], signal: 0, value: 1 },
    { kind: "wait", rank: 1, stream: 0, signal: 0, value: 1 },
    { kind: "compute", rank: 1 },
    { kind: "barrier", rank: 0, deps: [3] },
    { kind: "barrier", rank: 1 },
  ];
  return handSchedule({ ranks: 2, ops, repeats, computes: [{ name: "work", flops: 1e7, bytes: 0 }] });
}

describe("the critical path", () => {
  test("goes through the put that the last op waited for, and names its slowest link", () => {
    const { criticalPath } = simulate(relay(), handTopology(2, 2));
    expect(criticalPath.ops.slice(1, -1)).toEqual([2, 3, 4, 5]);
    const [most] = criticalPath.shares;
    expect(most?.binding).toBe("inter-machine links");
    expect(most?.link?.name).toBe("switch0→net");
    expect(limitedBy(criticalPath)).toMatch(/^inter-machine links, most switch0→net: \d+ % of the critical path$/);
  });

  test("tells overheads, latency and compute apart", () => {
    const { criticalPath } = simulate(relay(), handTopology(2, 2), {
      constants: {
        networkPutNs: 5000,
        networkSignalNs: 2000,
        networkOneSidedEfficiency: 1,
        networkOneSidedMessageBytes: 0,
        networkBarrierNs: 4000,
      },
    });
    expect(Object.fromEntries(criticalPath.shares.map(({ binding, ns }) => [binding, Math.round(ns)]))).toEqual({
      "inter-machine links": 1_280_000,
      "other compute": 20_000,
      barriers: 8000,
      "transfer overhead": 7000,
      "network latency": 2200,
      "kernel launch": 2000,
    });
  });
});

describe("a run of several passes", () => {
  test("multiplies one pass, and its trace says so", () => {
    const [once, thrice] = [simulate(relay(), handTopology(2, 2)), simulate(relay(3), handTopology(2, 2))];
    expect(thrice.passNs).toBe(once.makespanNs);
    expect(thrice.makespanNs).toBe(3 * once.makespanNs);
    expect(thrice.lowerBoundNs.compute).toBe(3 * once.lowerBoundNs.compute);
    expect(thrice.ranks[1]!.idleNs).toBeCloseTo(3 * once.ranks[1]!.idleNs, 3);
    const trace = predictedTrace(relay(3), thrice, "00", "hand-made");
    expect(trace.notes).toEqual([
      "predicted for hand-made",
      `one of 3 equal passes; the run takes ${thrice.makespanNs} ns`,
    ]);
    expect(Array.from(trace.op)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(trace.endNs[7]).toBe(once.passNs);
  });
});

test("the ranks of the placement decide which links are used", () => {
  const near = simulate(relay(), handTopology(4, 2));
  const far = simulate({ ...relay(), placement: [0, 3] }, handTopology(4, 2));
  expect(near.linkBytes.reduce((sum, bytes) => sum + bytes, 0)).toBe(2 * 128_000);
  expect(far.makespanNs).toBeGreaterThan(near.makespanNs);
});
