import { type KnownDevice, findDevice, lookUpDevice, mentionedDevice } from "../topology/devices.ts";
import {
  c2cBytesPerSecond,
  hostBytesPerSecond,
  nvlinkGenerations,
  nvlinkLatencyNs,
  pcieBytesPerSecond,
  pcieLatencyNs,
  socketBytesPerSecond,
  socketLatencyNs,
} from "../topology/link-rates.ts";
import type { NodeKind, Topology, TopologyLink, TopologyNode } from "../topology/topology.ts";
import { type Cell, listSome, numNvlinks, pcieTokens, type SmiMatrix } from "./smi-matrix.ts";

/** What the dump leaves open: the name for the topology, the device of `--device`, and text that may mention one. */
export interface SmiHints {
  readonly name: string;
  readonly device?: string;
  readonly text: string;
}

/** A device of the matrix in the graph: a GPU, or all NICs that stand at the same distances, as one node. */
interface Item {
  readonly id: string;
  readonly isGpu: boolean;
  /** Columns of the matrix: one for a GPU. */
  readonly columns: readonly number[];
}

/** Nodes and links of machine 0 while they grow. */
interface Draft {
  readonly nodes: TopologyNode[];
  readonly links: TopologyLink[];
  readonly assumed: string[];
}

/**
 * The graph of a machine from its matrix. NVLink: a clique of three or more GPUs with equal cells is a switch, unless
 * the cells add up to all links of a GPU generation (a mesh); other pairs get direct links. PCIe: nested groups of
 * devices by PIX, PXB, PHB and NODE, each a `pcie` node, all at the same depth, so that the number of links orders
 * distances as the tokens do; groups that only SYS joins are linked as CPU sockets are. NICs with equal rows become
 * one node `a+b` with their rates added up, because a path is fixed and would use one of them only.
 */
export function buildSmiGraph(matrix: SmiMatrix, hints: SmiHints): Topology {
  const items = makeItems(matrix);
  const islands = nvlinkIslands(matrix);
  const known = chooseDevice(matrix, islands, hints);
  const draft: Draft = { nodes: [], links: [], assumed: [...matrix.notes, ...known.said] };
  for (const { id, isGpu } of items) addNode(draft, id, isGpu ? "gpu" : "nic", known.device.name, isGpu);
  addNvlink(draft, matrix, islands, known.device);
  addPcie(draft, matrix, items, known.device);
  return {
    version: 1,
    name: hints.name,
    nodes: draft.nodes,
    links: draft.links,
    devices: { [known.device.name]: known.device.device },
    assumed: draft.assumed,
  };
}

function addNode(draft: Draft, id: string, kind: NodeKind, device: string, isGpu: boolean): void {
  draft.nodes.push({ id, kind, machine: 0, ...(isGpu ? { device } : {}) });
}

function addLink(draft: Draft, from: string, to: string, bytesPerSecond: number, latencyNs: number): void {
  draft.links.push({ from, to, bytesPerSecond, latencyNs, duplex: "full" });
}

function makeItems(matrix: SmiMatrix): Item[] {
  const gpus = matrix.labels.flatMap((_, column) => (matrix.isGpu[column] ? [column] : []));
  const nics = new Map<string, number[]>();
  for (const column of matrix.labels.keys()) {
    if (matrix.isGpu[column]) continue;
    const distances = gpus.map((gpu) => matrix.cells[gpu]![column]).join(" ");
    const equal = nics.get(distances) ?? [];
    equal.push(column);
    nics.set(distances, equal);
  }
  const name = (columns: readonly number[]) => columns.map((column) => matrix.labels[column]!).join("+");
  return [
    ...gpus.map((column) => ({ id: matrix.labels[column]!, isGpu: true, columns: [column] })),
    ...[...nics.values()].map((columns) => ({ id: name(columns), isGpu: false, columns })),
  ];
}

/** GPUs joined by NVLink, directly or through each other. */
interface Island {
  /** Columns. */
  readonly gpus: readonly number[];
  /** NVLinks of the GPU with the most of them, as the graph counts them. */
  readonly linksPerGpu: number;
  readonly isSwitched: boolean;
}

function nvlinkIslands(matrix: SmiMatrix): Island[] {
  const gpus = [...matrix.labels.keys()].filter((column) => matrix.isGpu[column]);
  const groups = groupBy(gpus, (a, b) => numNvlinks(matrix.cells[a]![b]!) > 0);
  return groups.filter((group) => group.length > 1).map((group) => describeIsland(matrix, group));
}

/** All links of a V100, an A100, an H100: cells of a mesh add up to that. */
const meshTotals = [nvlinkGenerations.volta.links, nvlinkGenerations.ampere.links, nvlinkGenerations.hopper.links];

function describeIsland(matrix: SmiMatrix, gpus: readonly number[]): Island {
  const rows = gpus.map((a) => gpus.filter((b) => b !== a).map((b) => numNvlinks(matrix.cells[a]![b]!)));
  const sums = rows.map((row) => row.reduce((sum, count) => sum + count, 0));
  const each = rows[0]![0]!;
  const isEqual = rows.every((row) => row.every((count) => count === each));
  const isMesh = meshTotals.some((total) => total === sums[0]);
  if (gpus.length > 2 && isEqual && !isMesh) return { gpus, linksPerGpu: each, isSwitched: true };
  return { gpus, linksPerGpu: sums.reduce((a, b) => Math.max(a, b), 0), isSwitched: false };
}

interface Choice {
  readonly device: KnownDevice;
  /** Sentences about the choice, none if the user made it. */
  readonly said: readonly string[];
}

/** The user's device; else one that the text or the file's name mentions and that fits; else by NVLinks. */
function chooseDevice(matrix: SmiMatrix, islands: readonly Island[], hints: SmiHints): Choice {
  if (hints.device !== undefined) return { device: findDevice(hints.device, "--device"), said: [] };
  const numLinks = islands.reduce((most, { linksPerGpu }) => Math.max(most, linksPerGpu), 0);
  const mentioned = mentionedDevice(hints.name) ?? mentionedDevice(hints.text);
  if (mentioned !== undefined && (numLinks === 0 || mentioned.nvlink !== null)) {
    return {
      device: mentioned,
      said: [`The GPUs are taken as ${mentioned.name}, named beside the matrix; --device corrects it.`],
    };
  }
  const device = lookUpDevice(guessDevice(numLinks, islands))!;
  const why = numLinks === 0 ? "the matrix shows no NVLink" : `they have ${numLinks} NVLinks`;
  const alike = numLinks > 12 ? " (H200 and B200 look the same)" : "";
  const said = [`The GPUs are taken as ${device.name}, since ${why}${alike}; --device corrects it.`];
  const numGpus = matrix.isGpu.filter((isGpu) => isGpu).length;
  if (numLinks === 0 && numGpus > 1)
    said.push("They are taken to talk over PCIe; a `topo -mp` matrix would hide NVLink.");
  return { device, said };
}

function guessDevice(numLinks: number, islands: readonly Island[]): string {
  if (numLinks === 0) return "L40S";
  if (numLinks > 12) return "H100-SXM";
  if (numLinks > 6) return islands.every(({ gpus }) => gpus.length === 2) ? "A100-PCIe" : "A100-SXM-80GB";
  return numLinks === 4 ? "RTX-A6000" : "V100";
}

function addNvlink(draft: Draft, matrix: SmiMatrix, islands: readonly Island[], device: KnownDevice): void {
  if (islands.length === 0) return;
  const { bytesPerSecondPerLink } = device.nvlink ?? nvlinkGenerations.ampere;
  const numSwitched = islands.filter(({ isSwitched }) => isSwitched).length;
  for (const [index, { gpus, linksPerGpu, isSwitched }] of islands.entries()) {
    if (isSwitched) {
      const hub = numSwitched === 1 ? "nvswitch" : `nvswitch${index}`;
      addNode(draft, hub, "switch", device.name, false);
      for (const gpu of gpus)
        addLink(draft, matrix.labels[gpu]!, hub, linksPerGpu * bytesPerSecondPerLink, nvlinkLatencyNs);
      continue;
    }
    for (const [a, b] of pairs(gpus)) {
      const count = numNvlinks(matrix.cells[a]![b]!);
      if (count === 0) continue;
      addLink(draft, matrix.labels[a]!, matrix.labels[b]!, count * bytesPerSecondPerLink, 2 * nvlinkLatencyNs);
    }
  }
  const most = islands.reduce((links, { linksPerGpu }) => Math.max(links, linksPerGpu), 0);
  const [each, all] = [bytesPerSecondPerLink, most * bytesPerSecondPerLink].map(gigabytes);
  const shape = numSwitched > 0 ? "behind a switch" : "as direct links";
  draft.assumed.push(
    `NVLink is taken ${shape}, ${most} links a GPU at ${each} GB/s each way, ${all} GB/s together; --nvlink corrects it.`,
  );
}

/** The nesting of devices on PCIe: one partition for each level that groups more than the level below. */
interface Level {
  readonly prefix: string;
  /** Groups of items. */
  readonly groups: readonly (readonly number[])[];
}

const levelPrefixes = ["pix", "pxb", "phb", "numa"] as const;

function addPcie(draft: Draft, matrix: SmiMatrix, items: readonly Item[], device: KnownDevice): void {
  const { pcieGeneration } = device;
  const x16 = pcieBytesPerSecond[pcieGeneration];
  const levels = pcieLevels(draft, matrix, items);
  let below: { id: string; bytesPerSecond: number; items: readonly number[] }[] = items.map(
    ({ id, columns }, index) => ({
      id,
      bytesPerSecond: columns.length * x16,
      items: [index],
    }),
  );
  for (const [depth, { prefix, groups }] of levels.entries()) {
    const isBridge = prefix === "phb" || depth === levels.length - 1;
    const nodes = groups.map((group, index) => {
      const id = `${prefix}${index}`;
      addNode(draft, id, "pcie", device.name, false);
      // A switch has one uplink; where only NICs hang on it, it stands for one switch for each of them.
      const isNicsOnly = group.every((item) => !items[item]!.isGpu);
      const numUplinks = isNicsOnly ? group.reduce((sum, item) => sum + items[item]!.columns.length, 0) : 1;
      return { id, bytesPerSecond: isBridge ? hostBytesPerSecond : numUplinks * x16, items: group };
    });
    for (const child of below) {
      const parent = nodes.find((node) => node.items.includes(child.items[0]!))!;
      addLink(draft, child.id, parent.id, child.bytesPerSecond, pcieLatencyNs);
    }
    below = nodes;
  }
  joinSockets(
    draft,
    below.map(({ id }) => id),
    device,
  );
  const by = `PCIe is taken as ${pcieGeneration}.0 x16, ${gigabytes(x16)} GB/s each way at each device`;
  draft.assumed.push(`${by}, as ${device.name} has it; an exported topology file can say otherwise.`);
}

/** Two groups that only SYS joins are two sockets with one link; of more, each has a link to their interconnect. */
function joinSockets(draft: Draft, groups: readonly string[], device: KnownDevice): void {
  if (groups.length < 2) return;
  const hasC2c = device.name === "GB200" || device.name === "GH200";
  const rate = hasC2c ? c2cBytesPerSecond : socketBytesPerSecond[device.pcieGeneration];
  if (groups.length === 2) {
    addLink(draft, groups[0]!, groups[1]!, rate, socketLatencyNs);
    return;
  }
  addNode(draft, "smp", "pcie", device.name, false);
  for (const group of groups) addLink(draft, group, "smp", rate, socketLatencyNs / 2);
}

function pcieLevels(draft: Draft, matrix: SmiMatrix, items: readonly Item[]): Level[] {
  const indices = [...items.keys()];
  const levels: Level[] = [];
  const contradictions = new Set<string>();
  let numGroups = items.length;
  let known: Cell[][] | null = null;
  known = items.map((a) => items.map((b) => nearestCell(matrix, a, b)));
  for (const [depth, prefix] of levelPrefixes.entries()) {
    const isNear = (a: number, b: number) => distanceOf(known[a]![b]!) <= depth;
    const shares = (a: number, b: number) => prefix === "numa" && sharesNuma(matrix, items[a]!, items[b]!);
    const groups = groupBy(indices, (a, b) => isNear(a, b) || shares(a, b));
    for (const group of groups) {
      for (const [a, b] of pairs(group)) {
        const cell = known[a]![b]!;
        if (distanceOf(cell) <= depth || distanceOf(cell) >= pcieTokens.length) continue;
        contradictions.add(`${items[a]!.id}–${items[b]!.id} (${cell})`);
      }
    }
    const isLast = depth === levelPrefixes.length - 1;
    if (groups.length === numGroups && !(isLast && levels.length === 0)) continue;
    numGroups = groups.length;
    levels.push({ prefix, groups });
  }
  if (contradictions.size > 0) {
    const where = listSome([...contradictions]);
    draft.assumed.push(
      `The matrix contradicts itself at ${where}: other devices join them more closely, which is taken.`,
    );
  }
  return levels;
}

/** Index in `pcieTokens`; beyond it for NVLink and unknown cells, which say nothing about PCIe. */
function distanceOf(cell: Cell): number {
  const index = pcieTokens.indexOf(cell as (typeof pcieTokens)[number]);
  return index < 0 ? pcieTokens.length : index;
}

/** The cell of two items: that of their nearest columns. */
function nearestCell(matrix: SmiMatrix, a: Item, b: Item): Cell {
  let best: Cell = null;
  for (const column of a.columns) {
    for (const other of b.columns) {
      const cell = matrix.cells[column]![other]!;
      if (best === null || distanceOf(cell) < distanceOf(best)) best = cell;
    }
  }
  return best;
}

/**
 * Whether NVLink hides that two GPUs are of one NUMA node: same affinity, and no NIC that only one of them reaches
 * without SYS.
 */
function sharesNuma(matrix: SmiMatrix, a: Item, b: Item): boolean {
  if (!a.isGpu || !b.isGpu) return false;
  const [i, j] = [a.columns[0]!, b.columns[0]!];
  if (distanceOf(matrix.cells[i]![j]!) < pcieTokens.length) return false;
  const numa = matrix.numa[i];
  if (numa === null || numa === undefined || numa !== matrix.numa[j]) return false;
  const isFar = (gpu: number, nic: number) => matrix.cells[gpu]![nic] === "SYS";
  return matrix.labels.every((_, nic) => matrix.isGpu[nic] || isFar(i, nic) === isFar(j, nic));
}

/** Connected groups of values, each ascending, ordered by their first. */
function groupBy(values: readonly number[], isJoined: (a: number, b: number) => boolean): number[][] {
  const groups: number[][] = [];
  const left = new Set(values);
  for (const first of values) {
    if (!left.delete(first)) continue;
    const group = [first];
    for (const member of group) {
      for (const other of left) {
        if (!isJoined(member, other)) continue;
        left.delete(other);
        group.push(other);
      }
    }
    groups.push(group.sort((a, b) => a - b));
  }
  return groups;
}

function* pairs(values: readonly number[]): Generator<[number, number]> {
  for (const [index, a] of values.entries()) {
    for (const b of values.slice(index + 1)) yield [a, b];
  }
}

function gigabytes(bytesPerSecond: number): string {
  return (bytesPerSecond / 1e9).toFixed(1).replace(/\.0$/, "");
}
