import { expect, test } from "vitest";
import { UsageError } from "../../plan/errors.ts";
import { makeWorkload } from "../../plan/workload/make-workload.ts";
import { defaultState, SWEEP_AXES } from "../state/explorer-state.ts";
import type { PlanState } from "./protocol.ts";
import { topologyOf } from "./resolve.ts";
import { computeSweep } from "./sweep.ts";
import { interGigabits, sweepValues, tokenValues } from "./sweep-values.ts";

const state: PlanState = {
  topology: { ...defaultState.topology, preset: "p4de.24xlarge", machines: 2 },
  workload: { tokens: 8192, heads: 8, headDim: 64 },
  plan: { method: "auto", transport: "auto", ranks: 4 },
};
/** For the number of machines: more ranks of each, and fewer machines thus. */
const wide: PlanState = { ...state, plan: { ...state.plan, ranks: 8 } };

test.each(SWEEP_AXES)("over %s: ascending values with the present one, finite makespans, crossovers inside", (axis) => {
  const calls: [number, number][] = [];
  const sweep = computeSweep(
    axis === "machines" ? wide : state,
    axis,
    { topologyOf },
    (done, total) => void calls.push([done, total]),
  );
  const present = { tokens: 8192, machines: 2, inter: interGigabits(topologyOf(state.topology)) }[axis];
  expect(sweep.axis).toBe(axis);
  expect(sweep.x).toContain(present);
  expect(sweep.x.length).toBeGreaterThanOrEqual(8);
  expect([...sweep.x].sort((a, b) => a - b)).toEqual(sweep.x);
  expect(new Set(sweep.x).size).toBe(sweep.x.length);
  for (const { makespanNs } of sweep.series) {
    expect(makespanNs.length).toBe(sweep.x.length);
    for (const ns of makespanNs) expect(ns === null || (Number.isFinite(ns) && ns > 0)).toBe(true);
  }
  const torus = sweep.series.find(({ method }) => method === "torus")!;
  expect(torus.makespanNs.every((ns) => ns !== null)).toBe(true);
  for (const { x } of sweep.crossovers) {
    expect(x).toBeGreaterThanOrEqual(sweep.x[0]!);
    expect(x).toBeLessThanOrEqual(sweep.x.at(-1)!);
  }
  expect(calls.at(-1)![0]).toBe(calls.at(-1)![1]);
  expect(calls.map(([done]) => done)).toEqual(calls.map(([done]) => done).sort((a, b) => a - b));
});

/** But for what a schedule's turns do by chance: a shorter op can let another one wait. */
const SLACK = 0.1;

test("more Gb/s does not take longer, more tokens not less", () => {
  const rising = (values: readonly (number | null)[]) =>
    values.every((ns, i) => i === 0 || ns === null || ns >= values[i - 1]! * (1 - SLACK));
  const tokens = computeSweep(state, "tokens", { topologyOf });
  const inter = computeSweep(state, "inter", { topologyOf });
  for (const { makespanNs } of tokens.series) expect(rising(makespanNs)).toBe(true);
  for (const { makespanNs } of inter.series) expect(rising([...makespanNs].reverse())).toBe(true);
});

test("a method without a mesh has null, and one that is asked for stands alone", () => {
  const odd: PlanState = { ...state, workload: { tokens: 8192, heads: 3, headDim: 64 } };
  const { x, series } = computeSweep(odd, "tokens", { topologyOf });
  const ulysses = series.find(({ method }) => method === "ulysses")!;
  // No degree of four divides three heads.
  expect(ulysses.makespanNs).toEqual(x.map(() => null));
  const ring = computeSweep({ ...state, plan: { ...state.plan, method: "ring" } }, "tokens", { topologyOf });
  expect(ring.series.map(({ method }) => method)).toEqual(["ring"]);
});

test("an image is replaced by as many tokens of the same model", () => {
  const image: PlanState = { ...state, workload: { model: "flux.1-dev", image: "1024x1024" } };
  const { tokens } = makeWorkload(image.workload);
  const given = computeSweep(image, "tokens", { topologyOf });
  const same = computeSweep({ ...state, workload: { model: "flux.1-dev", tokens } }, "tokens", { topologyOf });
  expect(given).toEqual(same);
  expect(given.x).toContain(tokens);
});

test("rates that were typed for links between machines do not stand against the axis", () => {
  const { links, nodes } = topologyOf(state.topology);
  const machines = new Map(nodes.map(({ id, machine }) => [id, machine]));
  const up = links.find(({ from, to }) => machines.get(from) !== machines.get(to))!;
  const edit = { from: up.from, to: up.to, bytesPerSecond: up.bytesPerSecond / 10 };
  const edited = { ...state, topology: { ...state.topology, inter: 400, links: [edit] } };
  const plain = { ...state, topology: { ...state.topology, inter: 400 } };
  expect(computeSweep(edited, "inter", { topologyOf })).toEqual(computeSweep(plain, "inter", { topologyOf }));
});

test("values around the present one", () => {
  expect(tokenValues(37_376, 32)).toEqual([2336, 4672, 9344, 18_688, 37_376, 74_752, 149_504, 299_008, 598_016]);
  expect(tokenValues(100, 4)).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600]);
  expect(tokenValues(2 ** 31 - 1, 8).at(-1)).toBe(2 ** 31 - 1);
  const topology = topologyOf(state.topology);
  expect(interGigabits(topologyOf({ ...state.topology, inter: 100 }))).toBeCloseTo(100, 9);
  expect(sweepValues({ ...state, plan: { ...state.plan, ranks: null } }, "machines", topology)).toEqual([
    1, 2, 3, 4, 6, 8,
  ]);
});

test("an axis that says nothing, and a plan that fits nowhere, are refused in words", () => {
  const single = { ...state, topology: { ...state.topology, machines: 1 } };
  expect(() => computeSweep(single, "inter", { topologyOf })).toThrow(UsageError);
  const impossible: PlanState = {
    ...state,
    workload: { ...state.workload, shardOrder: "zigzag" },
    plan: { ...state.plan, method: "torus" },
  };
  expect(() => computeSweep(impossible, "tokens", { topologyOf })).toThrow(UsageError);
});
