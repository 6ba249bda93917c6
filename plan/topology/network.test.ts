import { expect, test } from "vitest";
import { compileNetwork } from "./network.ts";
import type { Topology } from "./topology.ts";

const topology: Topology = {
  version: 1,
  name: "two and a switch",
  nodes: [
    { id: "a", kind: "gpu", machine: 0 },
    { id: "s", kind: "switch", machine: null },
    { id: "b", kind: "cpu", machine: 1 },
  ],
  links: [
    { from: "a", to: "s", bytesPerSecond: 5, latencyNs: 7, duplex: "full" },
    { from: "b", to: "s", bytesPerSecond: 3, latencyNs: 2, duplex: "simplex" },
    { from: "s", to: "b", bytesPerSecond: 4, latencyNs: 1, duplex: "full" },
  ],
  devices: {},
  assumed: [],
};

test("a full-duplex link becomes two consecutive directed links, a simplex link one", () => {
  const network = compileNetwork(topology);
  expect([...network.linkFrom]).toEqual([0, 1, 2, 1, 2]);
  expect([...network.linkTo]).toEqual([1, 0, 1, 2, 1]);
  expect([...network.capacity]).toEqual([5, 5, 3, 4, 4]);
  expect([...network.latencyNs]).toEqual([7, 7, 2, 1, 1]);
});

test("ranks are the nodes of kind gpu and cpu in order, and alone do not forward", () => {
  const network = compileNetwork(topology);
  expect([...network.rankNodes]).toEqual([0, 2]);
  expect([...network.rankMachines]).toEqual([0, 1]);
  expect(network.numMachines).toBe(2);
  expect([...network.forwards]).toEqual([0, 1, 0]);
});

test("links are grouped by their ends", () => {
  const { outStart, outLinks, inStart, inLinks } = compileNetwork(topology);
  expect([...outStart]).toEqual([0, 1, 3, 5]);
  expect([...outLinks]).toEqual([0, 1, 3, 2, 4]);
  expect([...inStart]).toEqual([0, 1, 4, 5]);
  expect([...inLinks]).toEqual([1, 0, 2, 4, 3]);
});
