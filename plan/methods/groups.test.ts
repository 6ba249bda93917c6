import { expect, test } from "vitest";
import { makeWorkload } from "../workload/make-workload.ts";
import { numGroups, placeGroups, workloadOfGroup } from "./groups.ts";

const alone = { tensorParallel: 1, dataParallel: 1, guidance: "none" } as const;
const ranks = [0, 1, 2, 3, 4, 5, 6, 7];

test("one group keeps the ranks as they are", () => {
  expect(numGroups(alone)).toBe(1);
  expect(placeGroups([5, 4, 7], alone)).toEqual([5, 4, 7]);
});

test("data parallel parts and guidance branches get consecutive ranks", () => {
  expect(placeGroups(ranks, { ...alone, dataParallel: 2 })).toEqual(ranks);
  expect(numGroups({ ...alone, dataParallel: 2, guidance: "split" })).toBe(4);
});

test("neighbors share a tensor-parallel layer, so that a group spans the machines", () => {
  expect(placeGroups(ranks, { ...alone, tensorParallel: 2 })).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
  expect(placeGroups(ranks, { ...alone, tensorParallel: 2, dataParallel: 2 })).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
});

test("ranks that do not divide are infeasible and the hint says which do", () => {
  expect(() => placeGroups(ranks, { ...alone, dataParallel: 3 })).toThrow(/8 ranks do not divide into 3 groups/);
  expect(() => placeGroups([0], { ...alone, dataParallel: 3 })).toThrow(/1 ranks/);
});

test("a group has its share of heads and weights, and all of the tokens", () => {
  const whole = makeWorkload({ model: "flux.1-dev", image: "1024x1024", scope: "layer" });
  const share = workloadOfGroup(whole, { ...alone, tensorParallel: 4 });
  expect(share).toMatchObject({ heads: 6, kvHeads: 6, tokens: whole.tokens, modelBytes: whole.modelBytes / 4 });
  expect(share.after[0]!.flopsPerToken).toBe(whole.after[0]!.flopsPerToken / 4);
  expect(workloadOfGroup(whole, alone)).toBe(whole);
  expect(() => workloadOfGroup(whole, { ...alone, tensorParallel: 5 })).toThrow(/24 heads/);
});
