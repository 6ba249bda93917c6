import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyCorrections } from "../plan/topology/corrections.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { compileMachine, makeConstants, simulate } from "../sim/index.ts";
import { boundOf, boundOfPaths } from "../sim/search/bound.ts";
import { figuresOf } from "../sim/search/figures.ts";
import { hostBoundNs } from "../sim/search/host-bound.ts";
import { linkBoundNs } from "../sim/search/traffic.ts";
import { type SearchRequest, search } from "../sim/search/index.ts";
import { planSchedule } from "../plan/methods/index.ts";
import { METHODS } from "../plan/schedule/schedule.ts";
import { campaign, seed } from "./support/campaign.ts";
import { plans, smallWorkload } from "./support/plans.ts";

const constants = makeConstants();

describe("the bound of a point", () => {
  test("is never above what is simulated", () => {
    const clusters = fc.constantFrom("p4d.24xlarge", "dgx-h100", "8xl40s", "8xmi300x");
    const scale = fc.constantFrom(1, 32, 64, 1000);
    fc.assert(
      fc.property(plans, clusters, scale, (request, name, factor) => {
        const workload = {
          ...request.workload,
          tokens: request.workload.tokens * factor,
          headDim: 128,
          dtype: "bf16" as const,
        };
        const machines = request.mesh.ulyssesInter * request.mesh.ringInter;
        const perMachine = request.mesh.ulyssesIntra * request.mesh.ringIntra;
        const machine = compileMachine(presetTopology(`${name}:${machines}`));
        const placement = Array.from(
          { length: machines * perMachine },
          (_, i) => Math.floor(i / perMachine) * 8 + (i % perMachine),
        );
        const schedule = planSchedule({ ...request, workload, groups: 1, placement });
        const figures = figuresOf(machine, placement, { machines, ranksPerMachine: perMachine }, workload, constants);
        const { passNs } = simulate(schedule, machine);
        expect(boundOf(request, workload, figures, constants)).toBeLessThanOrEqual(passNs * (1 + 1e-9));
        expect(linkBoundNs(request, workload, machine, placement, figures, constants)).toBeLessThanOrEqual(
          passNs * (1 + 1e-9),
        );
        if (request.method === "torus")
          expect(boundOfPaths(request, workload, figures, constants)).toBeLessThanOrEqual(passNs * (1 + 1e-9));
      }),
      { numRuns: campaign(2000), seed },
    );
  });
});

describe("the bound of a point on CPU ranks", () => {
  test("is never above what is simulated", () => {
    const property = fc.property(
      plans,
      fc.constantFrom(1, 32, 256),
      fc.constantFrom(0.1, 1, 8),
      (point, scale, gigabits) => {
        const workload = { ...point.workload, tokens: point.workload.tokens * scale };
        const machines = point.mesh.ulyssesInter * point.mesh.ringInter;
        const perMachine = point.mesh.ulyssesIntra * point.mesh.ringIntra;
        const topology = applyCorrections(presetTopology(`threads:${machines}`), {
          interBitsPerSecond: gigabits * 1e9,
        });
        const machine = compileMachine(topology);
        const placement = Array.from(
          { length: machines * perMachine },
          (_, i) => Math.floor(i / perMachine) * 16 + (i % perMachine),
        );
        const schedule = planSchedule({ ...point, workload, groups: 1, placement });
        const figures = figuresOf(machine, placement, { machines, ranksPerMachine: perMachine }, workload, constants);
        const passNs = simulate(schedule, machine).passNs * (1 + 1e-9);
        expect(hostBoundNs(point, workload, machine.hosts!, placement)).toBeLessThanOrEqual(passNs);
        expect(linkBoundNs(point, workload, machine, placement, figures, constants)).toBeLessThanOrEqual(passNs);
      },
    );
    fc.assert(property, { numRuns: campaign(1000), seed });
  });
});

function request(options: Partial<SearchRequest>): SearchRequest {
  const topology = presetTopology("p4de.24xlarge:2");
  return {
    topology,
    placement: Array.from({ length: 16 }, (_, i) => i),
    workload: smallWorkload({ tokens: 4096, heads: 8, headDim: 128, dtype: "bf16" }),
    groups: 1,
    methods: METHODS,
    transports: ["one-sided", "two-sided"],
    tiles: [1, 2],
    published: false,
    maxSimulatedOps: 2e6,
    exhaustive: false,
    ...options,
  };
}

describe("search", () => {
  test("finds the best for CPU ranks, as simulating every point of a method does", () => {
    const topology = presetTopology("threads:2");
    const workload = smallWorkload({ tokens: 2048, heads: 4, headDim: 64 });
    const onThreads = { topology, workload, placement: [0, 1, 16, 17] };
    const found = search(request({ ...onThreads, methods: ["torus", "tas", "usp"] }));
    const each = (["torus", "tas", "usp"] as const).flatMap((method) =>
      [1, 2].map((tiles) => search(request({ ...onThreads, methods: [method], tiles: [tiles] })).prediction.makespanNs),
    );
    expect(found.search).toMatchObject({ proven: true, gap: 0 });
    expect(found.prediction.makespanNs).toBe(Math.min(...each));
  });

  test("finds the best of the space, as trying every point does", () => {
    const found = search(request({}));
    const all = METHODS.flatMap((method) =>
      (["one-sided", "two-sided"] as const).flatMap((transport) =>
        [1, 2].map((tiles) => {
          try {
            return search(request({ methods: [method], transports: [transport], tiles: [tiles] })).prediction
              .makespanNs;
          } catch {
            return Number.POSITIVE_INFINITY;
          }
        }),
      ),
    );
    expect(found.search).toMatchObject({ proven: true, gap: 0 });
    expect(found.prediction.makespanNs / Math.min(...all)).toBeCloseTo(1, 12);
    expect(found.candidates[0]!.makespanNs).toBe(found.prediction.makespanNs);
  });

  test("says how far the answer can be from the best when it stops early", () => {
    const cut = search(request({ maxSimulatedOps: 1 }));
    const best = search(request({ exhaustive: true })).prediction.makespanNs;
    expect(cut.search!.simulated).toBeLessThan(cut.search!.space);
    expect(cut.prediction.makespanNs / best - 1).toBeLessThanOrEqual(cut.search!.gap + 1e-12);
  });

  test("published takes the default mesh, whole tiles and the paper's path", () => {
    const { candidates } = search(request({ methods: ["torus"], transports: ["one-sided"], published: true }));
    expect(candidates).toHaveLength(1);
    expect(candidates[0]).toMatchObject({ tiles: 1, path: "QK", mesh: { ulyssesInter: 2, ulyssesIntra: 4 } });
  });

  test("refuses heads that no degree divides, and names what works", () => {
    const workload = smallWorkload({ tokens: 4096, heads: 7, headDim: 128, dtype: "bf16" });
    expect(() => search(request({ methods: ["ulysses"], workload }))).toThrow(/infeasible|not possible/);
  });

  test("refuses what does not fit the device's memory", () => {
    const workload = { ...smallWorkload({ tokens: 4096, heads: 8, headDim: 128, dtype: "bf16" }), modelBytes: 1e12 };
    expect(() => search(request({ workload }))).toThrow(/the device has/);
  });
});
