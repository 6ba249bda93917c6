import { describe, expect, test } from "vitest";
import { hostsOf, leavesMemory } from "./hosts.ts";
import { compileNetwork } from "./network.ts";
import { presetTopology } from "./presets.ts";
import { createRoutes } from "./routes.ts";
import type { Topology } from "./topology.ts";

/** `threads` with the figures of its ranks changed rank by rank: the device of rank i is `cpu<which(i)>`. */
function withDevices(topology: Topology, which: (rank: number) => number, sharedBy: "topology" | "machine"): Topology {
  const { cpu } = topology.devices;
  const names = [...new Set(topology.nodes.map((_, rank) => which(rank)))];
  const copy = () => ({ ...cpu!, host: { ...cpu!.host!, sharedBy } });
  return {
    ...topology,
    nodes: topology.nodes.map((node, i) => (node.kind === "cpu" ? { ...node, device: `cpu${which(i)}` } : node)),
    devices: Object.fromEntries(names.map((name) => [`cpu${name}`, copy()])),
  };
}

describe("hosts", () => {
  test("are one for the topology, or one for each machine", () => {
    const topology = presetTopology("threads:2");
    expect(new Set(hostsOf(topology)!.hostOf)).toEqual(new Set([0]));
    const apart = hostsOf(withDevices(topology, () => 0, "machine"))!;
    expect([apart.hostOf[15], apart.hostOf[16]]).toEqual([0, 1]);
    expect(apart.figures).toHaveLength(2);
  });

  test("are none of GPUs", () => {
    expect(hostsOf(presetTopology("dgx-h100"))).toBeNull();
  });

  test("with ranks of different figures are refused", () => {
    const topology = withDevices(presetTopology("threads"), (rank) => rank % 2, "topology");
    expect(() => hostsOf(topology)).toThrow(/one device for all ranks of a host, found cpu1 at cpu1/);
  });
});

test("only what crosses other links than those to the memory leaves it", () => {
  const network = compileNetwork(presetTopology("threads:2"));
  const routes = createRoutes(network);
  const leaves = (a: number, b: number) =>
    leavesMemory(network, a, b, routes.path(network.rankNodes[a]!, network.rankNodes[b]!));
  expect([leaves(0, 0), leaves(0, 15), leaves(0, 16)]).toEqual([false, false, true]);
});
