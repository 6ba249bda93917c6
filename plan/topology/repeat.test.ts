import { describe, expect, test } from "vitest";
import { applyCorrections } from "./corrections.ts";
import { presetTopology } from "./presets.ts";
import { repeatMachines } from "./repeat.ts";
import type { Topology, TopologyNode } from "./topology.ts";
import { validateTopology } from "./validate.ts";

const rank = (id: string): TopologyNode => ({ id, kind: "gpu", machine: 0, device: "A100-SXM-80GB" });
const link = (from: string, to: string, bytesPerSecond = 1e9) => ({
  from,
  to,
  bytesPerSecond,
  latencyNs: 1,
  duplex: "full" as const,
});

/** Two sockets with a GPU each, joined; NICs as given at socket 0. */
function machine(nics: readonly string[]): Topology {
  const bridges = ["s0", "s1"].map((id): TopologyNode => ({ id, kind: "pcie", machine: 0 }));
  const added = nics.map((id): TopologyNode => ({ id, kind: "nic", machine: 0 }));
  return {
    version: 1,
    name: "box",
    nodes: [rank("g0"), rank("g1"), ...bridges, ...added],
    links: [link("g0", "s0"), link("g1", "s1"), link("s0", "s1"), ...nics.map((nic) => link("s0", nic))],
    devices: {},
    assumed: [],
  };
}

function uplinks(topology: Topology) {
  return topology.links.filter(({ to }) => to === "net").map(({ from, bytesPerSecond }) => [from, bytesPerSecond]);
}

describe("repeatMachines", () => {
  test("links the NICs of each copy to one network and says at which rate", () => {
    const topology = repeatMachines(machine(["nic0+nic1"]), 3);
    validateTopology(topology);
    expect(topology.name).toBe("box:3");
    expect(uplinks(topology)).toEqual([
      ["m0/nic0+nic1", 47e9],
      ["m1/nic0+nic1", 47e9],
      ["m2/nic0+nic1", 47e9],
    ]);
    expect(topology.assumed).toEqual([expect.stringMatching(/2 of 200 Gb\/s; --nic or --inter/)]);
  });

  test("leaves out NICs that no rank is nearest to", () => {
    const topology = repeatMachines(machine(["nic0", "storage"]), 2);
    expect(uplinks(topology).map(([nic]) => nic)).toEqual(["m0/nic0", "m1/nic0"]);
    expect(topology.assumed.at(-1)).toMatch(/storage/);
  });

  test("adds a NIC where there is none, at both sockets", () => {
    const topology = repeatMachines(machine([]), 2);
    validateTopology(topology);
    expect(topology.links.filter(({ to }) => to === "m0/nic").map(({ from }) => from)).toEqual(["m0/s0", "m0/s1"]);
    expect(topology.assumed[0]).toMatch(/no NIC: one is added/);
  });

  test("adds a NIC at the ranks of a machine without PCIe", () => {
    const bare: Topology = { ...machine([]), nodes: [rank("g0"), rank("g1")], links: [link("g0", "g1")] };
    validateTopology(repeatMachines(bare, 4));
  });

  test("repeats around a network that is already there", () => {
    const one = machine(["nic0"]);
    const wired: Topology = {
      ...one,
      nodes: [...one.nodes, { id: "leaf", kind: "switch", machine: null }],
      links: [...one.links, link("nic0", "leaf", 7e9)],
    };
    const topology = repeatMachines(wired, 2);
    validateTopology(topology);
    expect(topology.nodes.filter(({ machine }) => machine === null)).toHaveLength(1);
    expect(topology.links.filter(({ to }) => to === "leaf").map(({ from }) => from)).toEqual(["m0/nic0", "m1/nic0"]);
    expect(topology.assumed).toEqual([]);
  });

  test("leaves a single machine alone and refuses several or absurd counts", () => {
    const one = machine([]);
    expect(repeatMachines(one, 1)).toBe(one);
    expect(() => repeatMachines(presetTopology("dgx-h100:2"), 2)).toThrow(/one machine to repeat/);
    for (const count of [0, -1, 1.5, 5000, Number.NaN]) expect(() => repeatMachines(one, count)).toThrow(/1 to 4096/);
  });
});

describe("applyCorrections", () => {
  test("--inter is shared by the NICs of a machine", () => {
    const topology = applyCorrections(presetTopology("p4de.24xlarge:2"), { interBitsPerSecond: 400e9 });
    expect(uplinks(topology)).toHaveLength(8);
    for (const [, rate] of uplinks(topology)) expect(rate).toBe(12.5e9);
  });

  test("--nic is the rate of each NIC, also of those in one node, and the network grows with it", () => {
    const p5 = applyCorrections(presetTopology("p5.48xlarge:2"), { nicBitsPerSecond: 200e9 });
    expect(new Set(uplinks(p5).map(([, rate]) => rate))).toEqual(new Set([100e9]));
    const dgx = applyCorrections(presetTopology("dgx-h100:4"), { nicBitsPerSecond: 800e9 });
    expect(dgx.links.find(({ to }) => to === "spine")!.bytesPerSecond).toBeCloseTo(400e9, -3);
  });

  test("--nvlink is what a GPU sends to all others of its machine", () => {
    const h100 = applyCorrections(presetTopology("dgx-h100:2"), { nvlinkBytesPerSecond: 450e9 });
    const fabric = h100.links.filter(({ to }) => to.endsWith("/nvswitch"));
    expect(new Set(fabric.map(({ bytesPerSecond }) => bytesPerSecond))).toEqual(new Set([450e9]));
    const mi300 = applyCorrections(presetTopology("8xmi300x"), { nvlinkBytesPerSecond: 448e9 });
    expect(mi300.links[0]!.bytesPerSecond).toBeCloseTo(64e9, -3);
  });

  test("--device sets the GPUs", () => {
    const topology = applyCorrections(presetTopology("dgx-h100"), { device: "H200" });
    expect(topology.nodes[0]!.device).toBe("H200");
    expect(topology.devices["H200"]!.memoryBytes).toBe(141e9);
  });

  test("drops the sentences that named the flag, and only those", () => {
    const topology = { ...repeatMachines(machine(["nic0"]), 2) };
    const said = { ...topology, assumed: [...topology.assumed, "Guessed; --device corrects it.", "No flag."] };
    expect(applyCorrections(said, { interBitsPerSecond: 1e9 }).assumed).toEqual(said.assumed.slice(1));
    expect(applyCorrections(said, { device: "A100" }).assumed).toEqual([said.assumed[0], "No flag."]);
  });

  test("refuses rates that are none and flags without a link to correct", () => {
    const dgx = presetTopology("dgx-h100:2");
    for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => applyCorrections(dgx, { nvlinkBytesPerSecond: rate })).toThrow(/rate above zero/);
      expect(() => applyCorrections(dgx, { nicBitsPerSecond: rate })).toThrow(/rate above zero/);
    }
    expect(() => applyCorrections(presetTopology("4xrtx4090"), { nvlinkBytesPerSecond: 1e9 })).toThrow(/has none/);
    expect(() => applyCorrections(dgx, { nicBitsPerSecond: 1e9, interBitsPerSecond: 1e9 })).toThrow(/got both/);
    expect(() => applyCorrections(dgx, { device: "B2OO" })).toThrow(expect.objectContaining({ code: "not-found" }));
  });

  test("NIC flags leave a single machine as it is", () => {
    const one = presetTopology("p4de.24xlarge");
    expect(applyCorrections(one, { interBitsPerSecond: 400e9 })).toBe(one);
  });
});
