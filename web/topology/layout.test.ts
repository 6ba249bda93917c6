import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { importTopology } from "../../plan/formats/importers.ts";
import { listPresets, presetTopology } from "../../plan/topology/presets.ts";
import { repeatMachines } from "../../plan/topology/repeat.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { foldMachines, machineNumbers } from "./fold.ts";
import { layoutTopology } from "./layout.ts";
import type { Box, TopologyLayout } from "./layout-types.ts";
import { modelLinks } from "./links.ts";

const cases = listPresets().flatMap(({ name }) =>
  [1, 2, 3, 4, 8, 16, 40, 200].map((machines) => `${name}:${machines}`),
);
const layoutOf = (topology: Topology, asked: readonly number[] = []) =>
  layoutTopology(topology, modelLinks(topology), new Set(asked));

test.each(cases)("%s: nothing overlaps, all is inside, and twice the same", (name) => {
  const topology = presetTopology(name);
  const layout = layoutOf(topology);
  expect(layoutOf(presetTopology(name))).toEqual(layout);
  expectApart(layout.nodes);
  expectApart(layout.machines);
  const sheet = { x: 0, y: 0, width: layout.width, height: layout.height };
  for (const box of [...layout.nodes, ...layout.machines]) expect(isInside(box, sheet), name).toBe(true);
  for (const node of layout.nodes) {
    const frame =
      node.machine === null ? layout.band! : layout.machines.find(({ machines }) => machines.includes(node.machine!))!;
    expect(isInside(node, frame), node.id).toBe(true);
  }
});

test.each(cases)("%s: every machine and every link is drawn once or folded", (name) => {
  const topology = presetTopology(name);
  const model = modelLinks(topology);
  const layout = layoutTopology(topology, model);
  const machines = layout.machines.flatMap((one) => one.machines).sort((a, b) => a - b);
  expect(machines).toEqual(machineNumbers(topology));
  const drawn = [...layout.links.map(({ pair }) => pair), ...layout.bundles.flatMap((one) => one.pairs)];
  const all = [...drawn, ...layout.bundles.flatMap((one) => one.inside)];
  expect(new Set(all).size).toBe(all.length);
  if (layout.numHiddenSwitches === 0) expect(all.length).toBe(model.pairs.length);
  expect(layout.machines.reduce((sum, { numRanks }) => sum + numRanks, 0)).toBe(
    topology.nodes.filter(({ kind }) => kind === "gpu" || kind === "cpu").length,
  );
});

test.each(cases)("%s: lines end on their nodes", (name) => {
  const topology = presetTopology(name);
  const model = modelLinks(topology);
  const { nodes, links } = layoutTopology(topology, model);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const { pair, x1, y1, x2, y2 } of links) {
    const { a, b } = model.pairs[pair]!;
    expect(isInside({ x: x1, y: y1, width: 0, height: 0 }, byId.get(a)!), `${a} of ${a}, ${b}`).toBe(true);
    expect(isInside({ x: x2, y: y2, width: 0, height: 0 }, byId.get(b)!), `${b} of ${a}, ${b}`).toBe(true);
  }
});

/** Dumps as people posted them; they stand beside the repository, not in it. */
const posted = new URL("../../../shared/data/samples/nvidia-smi-topo/", import.meta.url);
const kept = new URL("../../traces/topologies/8xa100-nvidia-smi-topo.txt", import.meta.url);
const dumps = [kept, ...(existsSync(posted) ? readdirSync(posted).map((name) => new URL(name, posted)) : [])];

test("dumps of nvidia-smi are laid out, alone and repeated", () => {
  for (const url of dumps.filter(({ pathname }) => !/topo-mp|amd/.test(pathname))) {
    const topology = importTopology(readFileSync(url), { fileName: "dump.txt" });
    for (const machines of [1, 2, 5]) {
      const layout = layoutOf(repeatMachines(topology, machines));
      expectApart(layout.nodes);
      for (const node of layout.nodes) {
        const frame = layout.machines.find((one) => one.machines.includes(node.machine ?? -1)) ?? layout.band!;
        expect(isInside(node, frame), `${url.pathname} ${node.id}`).toBe(true);
      }
    }
  }
});

test("lines of presets without a mesh or sockets are upright", () => {
  for (const name of ["p4de.24xlarge:4", "dgx-h100:8", "threads:2", "4xrtx4090:1"]) {
    for (const { x1, x2 } of layoutOf(presetTopology(name)).links) expect(x1).toBeCloseTo(x2, 6);
  }
});

test("parallel lines of a rank keep apart", () => {
  const { links } = layoutOf(presetTopology("8xmi300x:1"));
  const ends = links.flatMap(({ bend, x1, x2 }) => (bend === 0 ? [] : [x1, x2])).sort((a, b) => a - b);
  expect(ends.length).toBe(56);
  for (let i = 1; i < ends.length; i++) expect(ends[i]! - ends[i - 1]!).toBeGreaterThan(5);
});

test("many machines: examples, the odd one and those asked for are open", () => {
  const topology = presetTopology("dgx-h100:40");
  const links = topology.links.map((link) => (link.from === "m17/gpu3" ? { ...link, bytesPerSecond: 1e9 } : link));
  const edited = { ...topology, links };
  const { open, folded, rest } = foldMachines(edited, modelLinks(edited), new Set([23]));
  expect(open).toEqual([0, 1, 2, 3, 17, 23]);
  expect(folded.length).toBe(34);
  expect(rest).toEqual([]);
  const many = presetTopology("p4d.24xlarge:1000");
  const folding = foldMachines(many, modelLinks(many), new Set());
  expect([folding.open.length, folding.folded.length, folding.rest.length]).toEqual([4, 119, 877]);
});

test("a topology without a network, of several machines, or without links is laid out", () => {
  const one = presetTopology("8xl40s:1");
  const bare: Topology = { ...one, links: [] };
  expectApart(layoutOf(bare).nodes);
  const two = presetTopology("8xl40s:2");
  const apart: Topology = {
    ...two,
    nodes: two.nodes.filter(({ machine }) => machine !== null),
    links: [
      ...two.links.filter(({ to }) => to !== "net"),
      { from: "m0/nic0", to: "m1/nic0", bytesPerSecond: 1e9, latencyNs: 1, duplex: "full" },
    ],
  };
  const layout: TopologyLayout = layoutOf(apart);
  expectApart(layout.nodes);
  expect(layout.band).toBe(null);
  expect(layout.links.length).toBe(apart.links.length);
});

function expectApart(boxes: readonly (Box & { readonly id?: string })[]): void {
  const sorted = [...boxes].sort((a, b) => a.x - b.x);
  for (const [index, a] of sorted.entries()) {
    for (let next = index + 1; next < sorted.length && sorted[next]!.x < a.x + a.width - 1e-6; next++) {
      const b = sorted[next]!;
      const isApart = a.y + a.height <= b.y + 1e-6 || b.y + b.height <= a.y + 1e-6;
      expect(isApart, `${a.id ?? ""} and ${b.id ?? ""}`).toBe(true);
    }
  }
}

function isInside(box: Box, frame: Box): boolean {
  return (
    box.x >= frame.x - 1e-6 &&
    box.y >= frame.y - 1e-6 &&
    box.x + box.width <= frame.x + frame.width + 1e-6 &&
    box.y + box.height <= frame.y + frame.height + 1e-6
  );
}
