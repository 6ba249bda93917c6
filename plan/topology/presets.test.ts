import { describe, expect, test } from "vitest";
import { applyCorrections } from "./corrections.ts";
import { rankDevices } from "./devices.ts";
import { selectRanks } from "./machines.ts";
import { compileNetwork } from "./network.ts";
import { nearestNics, rankRails } from "./nics.ts";
import { listPresets, parseTopologyName, presetTopology } from "./presets.ts";
import { createRoutes } from "./routes.ts";
import type { Topology } from "./topology.ts";
import { validateTopology } from "./validate.ts";

function route(topology: Topology, from: string, to: string) {
  const network = compileNetwork(topology);
  const node = (id: string) => network.nodeIndices.get(id)!;
  const links = createRoutes(network).path(node(from), node(to));
  return {
    through: Array.from(links.slice(1), (link) => network.nodeIds[network.linkFrom[link]!]),
    bytesPerSecond: Math.min(...Array.from(links, (link) => network.capacity[link]!)),
  };
}

describe("presets", () => {
  // Ranks and nodes of one machine, nodes and links of four. A change here is a change of the modeled hardware.
  test.each([
    ["p4d.24xlarge", 8, 17, 69, 96],
    ["p4de.24xlarge", 8, 17, 69, 96],
    ["p5.48xlarge", 8, 25, 101, 128],
    ["dgx-a100", 8, 17, 69, 96],
    ["dgx-h100", 8, 25, 109, 136],
    ["gb200-nvl72", 72, 217, 869, 1152],
    ["8xl40s", 8, 13, 53, 52],
    ["4xrtx4090", 4, 6, 25, 24],
    ["8xmi300x", 8, 24, 97, 208],
    ["threads", 16, 17, 73, 72],
  ])("%s has its golden counts", (name, ranks, nodesOfOne, nodesOfFour, linksOfFour) => {
    const [one, four] = [presetTopology(name), presetTopology(`${name}:4`)];
    expect(compileNetwork(one).numRanks).toBe(ranks);
    expect(one.nodes).toHaveLength(nodesOfOne);
    expect(four.nodes).toHaveLength(nodesOfFour);
    expect(four.links).toHaveLength(linksOfFour);
  });

  test("are valid with 1, 2, 3 and 33 machines and know their devices", () => {
    for (const { name } of listPresets()) {
      for (const machines of [1, 2, 3, 33]) {
        const topology = presetTopology(`${name}:${machines}`);
        validateTopology(topology);
        expect(rankDevices(topology)).toHaveLength(compileNetwork(topology).numRanks);
        expect(compileNetwork(topology).numMachines).toBe(machines);
      }
    }
  });

  test("route inside a machine over the fast fabric and between machines over the nearest NIC", () => {
    const p4de = presetTopology("p4de.24xlarge:2");
    expect(route(p4de, "m0/gpu0", "m0/gpu1")).toEqual({ through: ["m0/nvswitch"], bytesPerSecond: 230e9 });
    expect(route(p4de, "m0/gpu1", "m1/gpu6")).toEqual({
      through: ["m0/pcie0", "m0/efa0", "net", "m1/efa3", "m1/pcie3"],
      bytesPerSecond: 12e9,
    });
    expect(route(presetTopology("8xmi300x"), "m0/gpu0", "m0/gpu7")).toEqual({ through: [], bytesPerSecond: 46e9 });
    expect(route(presetTopology("8xl40s"), "m0/gpu0", "m0/gpu7").through).toEqual([
      "m0/pcie0",
      "m0/socket0",
      "m0/socket1",
      "m0/pcie1",
    ]);
  });

  test("threads of several machines meet outside their memories", () => {
    const threads = presetTopology("threads:2");
    expect(threads.name).toBe("threads:2");
    expect(route(threads, "m0/cpu0", "m0/cpu15")).toEqual({ through: ["m0/memory"], bytesPerSecond: 17e9 });
    expect(route(threads, "m0/cpu1", "m1/cpu6")).toEqual({
      through: ["m0/memory", "m0/nic", "net", "m1/nic", "m1/memory"],
      bytesPerSecond: (10 / 8) * 0.97e9,
    });
    const slow = applyCorrections(threads, { interBitsPerSecond: 1e9 });
    expect(route(slow, "m0/cpu1", "m1/cpu6").bytesPerSecond).toBe(1.25e8);
    expect(slow.assumed).toEqual(["The CPU's figures are those of another machine: run toroid calibrate."]);
    expect(Array.from(selectRanks(threads, 4))).toEqual([0, 1, 16, 17]);
  });

  test("dgx-h100 keeps equal ranks of a unit on one leaf and crosses the spine otherwise", () => {
    const topology = presetTopology("dgx-h100:40");
    expect(route(topology, "m0/gpu3", "m31/gpu3").through).toEqual([
      "m0/pcie3",
      "m0/nic3",
      "unit0/leaf3",
      "m31/nic3",
      "m31/pcie3",
    ]);
    expect(route(topology, "m0/gpu3", "m32/gpu3").through).toContain("spine");
    const network = compileNetwork(topology);
    const rails = rankRails(topology, network, createRoutes(network));
    expect(rails.slice(0, 3)).toEqual(["unit0/leaf0", "unit0/leaf1", "unit0/leaf2"]);
    expect(rails.at(-1)).toBe("unit1/leaf7");
  });

  test("every rank has a nearest NIC of its own machine", () => {
    for (const { name } of listPresets()) {
      const topology = presetTopology(`${name}:2`);
      const network = compileNetwork(topology);
      for (const [rank, nic] of nearestNics(topology, network, createRoutes(network)).entries()) {
        expect(topology.nodes[nic!]!.machine).toBe(network.rankMachines[rank]);
      }
    }
  });

  test("paths of 128 machines are found in well under a second", () => {
    const network = compileNetwork(presetTopology("dgx-h100:128"));
    const routes = createRoutes(network);
    const start = performance.now();
    let numLinks = 0;
    for (let rank = 0; rank < network.numRanks; rank++) {
      for (let peer = 1; peer <= 20; peer++) {
        const other = (rank + peer * 53) % network.numRanks;
        numLinks += routes.path(network.rankNodes[rank]!, network.rankNodes[other]!).length;
      }
    }
    expect(numLinks).toBeGreaterThan(20 * network.numRanks);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("names", () => {
  test.each([
    ["p4de.24xlarge:4", { name: "p4de.24xlarge", machines: 4 }],
    ["cluster.json", { name: "cluster.json", machines: null }],
    ["dump.txt:2", { name: "dump.txt", machines: 2 }],
    ["C:\\dump.txt", { name: "C:\\dump.txt", machines: null }],
  ])("%s is split", (text, parts) => {
    expect(parseTopologyName(text)).toEqual(parts);
  });

  test.each(["0", "-1", "4097", "1.5", "1e3", "nan", "99999999999999999999", "", "x"])(
    "machines '%s' are refused",
    (count) => {
      expect(() => presetTopology(`dgx-h100:${count}`)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );

  test("an unknown preset is refused with the nearest names", () => {
    expect(() => presetTopology("p4de:4")).toThrow(
      expect.objectContaining({ code: "not-found", hint: expect.stringContaining("p4de.24xlarge") }),
    );
    expect(() => presetTopology("dgxh100")).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("dgx-h100") }),
    );
  });

  test("more ranks than a schedule can name are refused", () => {
    expect(() => presetTopology("gb200-nvl72:1000")).toThrow(expect.objectContaining({ code: "limit" }));
  });
});
