import { describe, expect, test } from "vitest";
import { machinesOf, rankMachines, selectRanks } from "./machines.ts";
import { presetTopology } from "./presets.ts";
import type { Topology } from "./topology.ts";

/** Ranks that alternate between two machines, the first with one more. */
const mixed: Topology = {
  version: 1,
  name: "mixed",
  nodes: [0, 1, 0, 1, 0].map((machine, index) => ({ id: `g${index}`, kind: "gpu" as const, machine })),
  links: [],
  devices: {},
  assumed: [],
};

test("ranks are listed by machine, even or not", () => {
  expect([...rankMachines(mixed)]).toEqual([0, 1, 0, 1, 0]);
  expect(machinesOf(mixed)).toEqual([
    [0, 2, 4],
    [1, 3],
  ]);
});

describe("selectRanks", () => {
  const four = presetTopology("p4de.24xlarge:4");

  test("takes all ranks, machine by machine", () => {
    expect([...selectRanks(mixed, null)]).toEqual([0, 2, 4, 1, 3]);
    expect(selectRanks(four, null)).toHaveLength(32);
  });

  test("takes the first ranks of every machine", () => {
    expect([...selectRanks(four, 8)]).toEqual([0, 1, 8, 9, 16, 17, 24, 25]);
    expect([...selectRanks(mixed, 4)]).toEqual([0, 2, 1, 3]);
  });

  test("takes a given order as it is", () => {
    expect([...selectRanks(four, [9, 0, 31])]).toEqual([9, 0, 31]);
  });

  test.each([
    [10, /multiple of the 4 machines, got 10/, "Use 8 or 12."],
    [3, /multiple/, "Use 4."],
    [31, /multiple/, "Use 28 or 32."],
    [33, /at most the 32 ranks/, null],
    [0, /from 1 to 32, got 0/, null],
    [-4, /from 1 to 32, got -4/, null],
    [2.5, /whole number/, null],
    [Number.NaN, /whole number/, null],
    [[0, 0], /each rank once/, null],
    [[32], /from 0 to 31, got 32/, null],
    [[], /at least one/, null],
  ] as const)("refuses %j", (selection, message, hint) => {
    expect(() => selectRanks(four, selection)).toThrow(message);
    if (hint !== null) expect(() => selectRanks(four, selection)).toThrow(expect.objectContaining({ hint }));
  });

  test("refuses more ranks of a machine than it has", () => {
    const wide = { ...mixed, nodes: [...mixed.nodes, { id: "g5", kind: "gpu" as const, machine: 0 }] };
    expect(() => selectRanks(wide, 6)).toThrow(/machine 1 has 2/);
  });
});
