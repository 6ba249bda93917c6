import { expect, test } from "vitest";
import { Kind } from "../../plan/schedule/schedule.ts";
import { decodeSchedule, scheduleHash } from "../../plan/schedule/codec-packed.ts";
import { makespanNs } from "../../plan/trace/trace.ts";
import { UsageError } from "../../plan/errors.ts";
import { defaultState } from "../state/explorer-state.ts";
import { packedSchedule, planDetail, planFindings } from "./detail.ts";
import { explore } from "./explore.ts";
import { decodeFirstPicture, encodeFirstPicture, firstPlanState } from "./first-picture.ts";
import { buffersOf } from "./messages.ts";
import type { PlanState } from "./protocol.ts";
import { topologyOf } from "./resolve.ts";

const state: PlanState = {
  topology: { ...defaultState.topology, preset: "p4de.24xlarge", machines: 2 },
  workload: { tokens: 8192, heads: 8, headDim: 64 },
  plan: { method: "auto", transport: "auto", ranks: 8 },
};
const quietly = () => {};
const clock = () => 0;

test("first, quick and full rank the same plans alike", () => {
  const first = explore({ state, effort: "first", points: [] }, clock, quietly);
  expect(new Set(first.candidates.map(({ method }) => method))).toEqual(
    new Set(["ulysses", "ring", "usp", "tas", "torus"]),
  );
  const points = first.candidates.map(({ key }) => key);
  const quick = explore({ state, effort: "quick", points }, clock, quietly);
  expect(quick.candidates.map(({ key, makespanNs: ns }) => [key, ns])).toEqual(
    first.candidates.map(({ key, makespanNs: ns }) => [key, ns]),
  );
  const full = explore({ state, effort: "full", points: [] }, clock, quietly);
  expect(full.candidates[0]!.makespanNs).toBeLessThanOrEqual(first.candidates[0]!.makespanNs);
  expect(full.candidates.length).toBeGreaterThanOrEqual(full.search!.simulated);
  const methods = (candidates: typeof full.candidates) => [...new Set(candidates.map(({ method }) => method))].sort();
  expect(methods(full.candidates)).toEqual(methods(first.candidates));
});

test("a candidate's compute, exposed communication and idle time add up to its makespan", () => {
  for (const one of explore({ state, effort: "first", points: [] }, clock, quietly).candidates) {
    const sum = one.computeNs + one.exposedCommunicationNs + one.idleNs;
    expect(Math.abs(sum / one.makespanNs - 1)).toBeLessThan(1e-9);
  }
});

test.each(["one-sided", "two-sided"] as const)("the detail of a plan, %s", (transport) => {
  const { candidates } = explore(
    { state: { ...state, plan: { ...state.plan, method: "torus", transport } }, effort: "first", points: [] },
    clock,
    quietly,
  );
  const { key, makespanNs: expected } = candidates[0]!;
  const detail = planDetail(state, key);
  const schedule = decodeSchedule(packedSchedule(state, key));
  expect(detail.findings).toBeNull();
  expect(planFindings(state, detail.key)).toEqual([]);
  expect(detail.makespanNs).toBe(expected);
  expect(makespanNs(detail.trace)).toBe(detail.passNs);
  expect(detail.trace.scheduleHash).toBe(scheduleHash(schedule));
  const { kind, rank, peer } = schedule.ops;

  // Every wait is the head of one arrow that starts at its peer and ends before it; every receive of one from its send.
  const { from, to } = detail.arrows;
  const heads = Array.from(to).sort((a, b) => a - b);
  const awaiting = Array.from(kind.keys()).filter((op) => kind[op] === Kind.wait || kind[op] === Kind.receive);
  expect([...new Set(heads)]).toEqual(awaiting);
  from.forEach((op, i) => {
    expect(peer[op]).toBe(rank[to[i]!]);
    expect(detail.trace.endNs[to[i]!]).toBeGreaterThanOrEqual(detail.trace.endNs[op]!);
  });

  // Bytes: by op, by pair of ranks, and along paths that lead from one rank to the other.
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  expect(sum(detail.matrix)).toBe(sum(detail.opBytes));
  expect(sum(detail.opBytes)).toBeGreaterThan(0);
  const ranks = detail.topology.nodes.filter((node) => node.kind === "gpu").map(({ id }) => id);
  detail.opBytes.forEach((bytes, op) => {
    const path = Array.from(
      detail.opLinks.linkIds.subarray(detail.opLinks.start[op]!, detail.opLinks.start[op + 1]!),
      (link) => detail.links[link]!,
    );
    expect(path.length > 0).toBe(bytes > 0);
    if (path.length === 0) return;
    const ends = [path[0]!.from, path.at(-1)!.to];
    const [here, there] = [rank[op]!, peer[op]!].map((one) => ranks[schedule.placement[one]!]);
    expect(kind[op] === Kind.get ? ends : ends.reverse()).toEqual([there, here]);
  });
});

test("heap in use never exceeds the heap, and begins with the inputs", () => {
  for (const { key, heapBytes } of explore({ state, effort: "first", points: [] }, clock, quietly).candidates) {
    const { heap } = planDetail(state, key);
    expect(Math.max(...heap.bytes)).toBeLessThanOrEqual(heapBytes);
    expect(heap.timeNs[0]).toBe(0);
    expect(heap.bytes[0]).toBeGreaterThan(0);
    expect([...heap.timeNs]).toEqual([...heap.timeNs].sort((a, b) => a - b));
  }
});

test("a link that was edited changes the topology and the answer", () => {
  const topology = topologyOf(state.topology);
  const slow = topology.links.filter(({ to }) => topology.nodes.some(({ id, kind }) => id === to && kind === "net"));
  const links = slow.map(({ from, to }) => ({ from: to, to: from, bytesPerSecond: 1e8 }));
  expect(links.length).toBeGreaterThan(0);
  const edited = { ...state, topology: { ...state.topology, links } };
  expect(topologyOf(edited.topology).links.filter(({ bytesPerSecond }) => bytesPerSecond === 1e8)).toHaveLength(
    links.length,
  );
  const [before, after] = [state, edited].map(
    (one) => explore({ state: one, effort: "first", points: [] }, clock, quietly).candidates[0]!.makespanNs,
  );
  expect(after!).toBeGreaterThan(before! * 2);
});

test("bad input is a UsageError", () => {
  const wrong = (patch: Partial<PlanState>) => () =>
    explore({ state: { ...state, ...patch }, effort: "first", points: [] }, clock, quietly);
  expect(wrong({ topology: { ...state.topology, preset: "dgx-h1000" } })).toThrow(UsageError);
  expect(wrong({ workload: { tokens: 8 } })).toThrow(UsageError);
  expect(wrong({ plan: { ...state.plan, ranks: 7 } })).toThrow(UsageError);
  expect(() => planDetail(state, "torus")).toThrow(UsageError);
  expect(() => planDetail(state, "ring one-sided 1 64 1 64 1 -")).toThrow(UsageError);
});

test("the first picture is read as it was written", () => {
  const ranking = explore(
    { state: firstPlanState, effort: "first", points: [] },
    () => 0,
    () => {},
  );
  const picture = { ranking, detail: planDetail(firstPlanState, ranking.candidates[0]!.key) };
  expect(decodeFirstPicture(encodeFirstPicture(picture))).toEqual(picture);
});

test("a plan can still be proved and packed when the columns of its detail were handed over", () => {
  const key = explore({ state, effort: "first", points: [] }, clock, quietly).candidates[0]!.key;
  const answer = { kind: "detail", detail: planDetail(state, key) } as const;
  structuredClone(answer, { transfer: buffersOf(answer) });
  expect(planFindings(state, key)).toEqual([]);
  expect(packedSchedule(state, key).length).toBeGreaterThan(0);
  expect(planDetail(state, key).trace.op.length).toBeGreaterThan(0);
});
