import { UsageError } from "../errors.ts";
import { findDevice } from "./devices.ts";
import {
  c2cBytesPerSecond,
  efaLatencyNs,
  efaOneSidedEfficiency,
  nicBytesPerSecond,
  nicLatencyNs,
  type NvlinkGeneration,
  nvlinkGenerations,
  nvlinkLatencyNs,
  type PcieGeneration,
  pcieBytesPerSecond,
  pcieLatencyNs,
  socketBytesPerSecond,
  socketLatencyNs,
  spineLatencyNs,
  xgmiBytesPerSecond,
  xgmiLatencyNs,
} from "./link-rates.ts";
import { nearestNames } from "./nearest-names.ts";
import { maxMachines, repeatMachines } from "./repeat.ts";
import { threadsMachine, threadsPreset } from "./threads-preset.ts";
import type { NodeKind, Topology, TopologyLink, TopologyNode } from "./topology.ts";

/** A named kind of machine, any number of which make a topology. */
interface Preset {
  readonly name: string;
  readonly summary: string;
  readonly device: string;
  readonly numGpus: number;
  /**
   * `switch`: all NVSwitches of a machine as one node, since a GPU spreads its links over all of them; figure for one
   * GPU. `mesh`: a direct link for each pair; figure for one link.
   */
  readonly fabric: {
    readonly shape: "switch" | "mesh";
    readonly bytesPerSecond: number;
    readonly latencyNs: number;
  } | null;
  /** GPUs behind one PCIe switch (or host bridge), which holds at most one `nic` node. */
  readonly gpusPerPcie: number;
  readonly pcieGeneration: PcieGeneration;
  /** Bytes per second between a GPU and its `pcie` node where that is not a PCIe x16 link. */
  readonly gpuBytesPerSecond?: number;
  /** Whether `pcie` nodes are joined by CPU sockets, half of them at each of two. Else only NICs use them. */
  readonly hasSockets: boolean;
  readonly nic: {
    /**
     * By `pcie` node: the names of its NICs; none from where the list ends. Several NICs are one node named `a+b`,
     * with their rates added up, because a path is fixed and would use one of them only.
     */
    readonly names: (pcie: number) => readonly string[];
    readonly gigabits: number;
    readonly latencyNs: number;
    /** Where puts and gets reach less than sends and receives. */
    readonly oneSidedEfficiency?: number;
  };
  /** `flat`: one non-blocking network. `rails`: NIC i of all machines at leaf i of their unit, leaves joined by spines. */
  readonly network: "flat" | "rails";
  /** Sentences for topologies of several machines. */
  readonly assumed: readonly string[];
}

const { ampere, hopper, blackwell } = nvlinkGenerations;

const nvswitch = ({ links, bytesPerSecondPerLink }: NvlinkGeneration) => ({
  shape: "switch" as const,
  bytesPerSecond: links * bytesPerSecondPerLink,
  latencyNs: nvlinkLatencyNs,
});
const xgmi = { shape: "mesh" as const, bytesPerSecond: xgmiBytesPerSecond, latencyNs: xgmiLatencyNs };

/** Four 100 Gb/s EFA adapters a machine, one at each PCIe switch with two GPUs (AWS; 6.25 GB/s a GPU by spec). */
const p4 = {
  numGpus: 8,
  fabric: nvswitch(ampere),
  gpusPerPcie: 2,
  pcieGeneration: 4,
  hasSockets: false,
  nic: {
    names: (pcie: number) => [`efa${pcie}`],
    gigabits: 100,
    latencyNs: efaLatencyNs,
    oneSidedEfficiency: efaOneSidedEfficiency,
  },
  network: "flat",
  assumed: [],
} as const satisfies Partial<Preset>;

/** One NIC for each GPU, at the PCIe switch that they share. */
const onePerGpu = (gigabits: number) => ({
  names: (pcie: number) => [`nic${pcie}`],
  gigabits,
  latencyNs: nicLatencyNs,
});

/** Machines without a network in their name: one NIC, at the first PCIe switch. */
const oneNic = (gigabits: number) => ({
  names: (pcie: number) => (pcie === 0 ? ["nic0"] : []),
  gigabits,
  latencyNs: nicLatencyNs,
});

const presets: readonly Preset[] = [
  { ...p4, name: "p4d.24xlarge", summary: "8 A100 40 GB, NVSwitch, 4 × 100 Gb/s EFA", device: "A100-SXM-40GB" },
  { ...p4, name: "p4de.24xlarge", summary: "8 A100 80 GB, NVSwitch, 4 × 100 Gb/s EFA", device: "A100-SXM-80GB" },
  {
    // AWS: 32 EFA v2 adapters of 100 Gb/s, four for each GPU.
    name: "p5.48xlarge",
    summary: "8 H100, NVSwitch, 32 × 100 Gb/s EFA",
    device: "H100-SXM",
    numGpus: 8,
    fabric: nvswitch(hopper),
    gpusPerPcie: 1,
    pcieGeneration: 5,
    hasSockets: false,
    nic: {
      names: (pcie) => [0, 1, 2, 3].map((index) => `efa${4 * pcie + index}`),
      gigabits: 100,
      latencyNs: efaLatencyNs,
      oneSidedEfficiency: efaOneSidedEfficiency,
    },
    network: "flat",
    assumed: [],
  },
  {
    // DGX A100: two GPUs and two 200 Gb/s ConnectX-6 at each PCIe switch.
    name: "dgx-a100",
    summary: "8 A100 80 GB, NVSwitch, 8 × 200 Gb/s InfiniBand",
    device: "A100-SXM-80GB",
    numGpus: 8,
    fabric: nvswitch(ampere),
    gpusPerPcie: 2,
    pcieGeneration: 4,
    hasSockets: false,
    nic: {
      names: (pcie) => [`nic${2 * pcie}`, `nic${2 * pcie + 1}`],
      gigabits: 200,
      latencyNs: nicLatencyNs,
    },
    network: "flat",
    assumed: [],
  },
  {
    // DGX SuperPOD H100: units of 32 machines with 8 leaf switches, one for each rail, and non-blocking spines.
    name: "dgx-h100",
    summary: "8 H100, NVSwitch, 8 × 400 Gb/s InfiniBand on rails",
    device: "H100-SXM",
    numGpus: 8,
    fabric: nvswitch(hopper),
    gpusPerPcie: 1,
    pcieGeneration: 5,
    hasSockets: false,
    nic: onePerGpu(400),
    network: "rails",
    assumed: [],
  },
  {
    // The machine is the rack: 18 trays of 4 GPUs in one NVLink domain. Each GPU has a ConnectX-7, here behind a
    // Grace of its own: in truth two GPUs share one, but then the fixed paths of both would take the same NIC.
    name: "gb200-nvl72",
    summary: "72 GB200 in one NVLink domain, 72 × 400 Gb/s InfiniBand",
    device: "GB200",
    numGpus: 72,
    fabric: nvswitch(blackwell),
    gpusPerPcie: 1,
    pcieGeneration: 5,
    gpuBytesPerSecond: c2cBytesPerSecond,
    hasSockets: false,
    nic: onePerGpu(400),
    network: "flat",
    assumed: [],
  },
  {
    // Two sockets, at each a PCIe switch with four GPUs. The network is that of the L40 machines in xDiT's reports.
    name: "8xl40s",
    summary: "8 L40S on PCIe 4.0, two sockets, 100 Gb/s Ethernet",
    device: "L40S",
    numGpus: 8,
    fabric: null,
    gpusPerPcie: 4,
    pcieGeneration: 4,
    hasSockets: true,
    nic: oneNic(100),
    network: "flat",
    assumed: ["The network is taken as one 100 Gb/s NIC a machine; --inter corrects it."],
  },
  {
    // One socket. The driver allows no peer access: data pass through host memory, at no more than the PCIe rate.
    name: "4xrtx4090",
    summary: "4 RTX 4090 on PCIe 4.0, 100 Gb/s Ethernet",
    device: "RTX-4090",
    numGpus: 4,
    fabric: null,
    gpusPerPcie: 4,
    pcieGeneration: 4,
    hasSockets: false,
    nic: oneNic(100),
    network: "flat",
    assumed: ["The network is taken as one 100 Gb/s NIC a machine; --inter corrects it."],
  },
  {
    // Seven xGMI links a GPU, one to each other GPU (448 GB/s by spec, 316–319 achieved all to all).
    name: "8xmi300x",
    summary: "8 MI300X, xGMI mesh, 8 × 400 Gb/s",
    device: "MI300X",
    numGpus: 8,
    fabric: xgmi,
    gpusPerPcie: 1,
    pcieGeneration: 5,
    hasSockets: false,
    nic: onePerGpu(400),
    network: "flat",
    assumed: ["The network is taken as one 400 Gb/s NIC for each GPU; --nic corrects it."],
  },
];

/** Ranks are 16-bit in schedules. */
const maxRanks = 65_536;
/** Machines of a unit whose NICs end at the same leaves: a leaf has 64 ports, half of them upwards. */
const unitMachines = 32;

/** The built-in presets: name and one line about each. */
export function listPresets(): readonly { readonly name: string; readonly summary: string }[] {
  return [...presets, threadsPreset].map(({ name, summary }) => ({ name, summary }));
}

/**
 * The topology `<preset>` or `<preset>:<machines>`. Throws a UsageError: `not-found` with the nearest names for an
 * unknown preset, `usage` for a number of machines that is not an integer from 1 to 4096, `limit` above 65,536 ranks.
 */
export function presetTopology(text: string): Topology {
  const { name, machines } = parseTopologyName(text);
  if (name.toLowerCase() === threadsPreset.name) return repeatMachines(threadsMachine(), machines ?? 1);
  const preset = presets.find((one) => one.name === name.toLowerCase());
  if (preset === undefined) throw unknownPreset(name);
  return buildPreset(preset, machines ?? 1);
}

/**
 * Splits `<name>[:<machines>]`; the name may be a preset or a file. `machines` is null where there is no `:<number>`.
 * A text after the last colon that is no number belongs to the name (`C:\dump.txt`), unless the name before it is a
 * preset. Throws a UsageError (`usage`) for a number of machines that is not an integer from 1 to 4096.
 */
export function parseTopologyName(text: string): { name: string; machines: number | null } {
  const colon = text.lastIndexOf(":");
  if (colon < 0) return { name: text, machines: null };
  const [name, count] = [text.slice(0, colon), text.slice(colon + 1)];
  if (!/^[+-]?[\d.]+(?:e\d+)?$|^nan$|^-?inf(?:inity)?$/i.test(count) && !isPreset(name))
    return { name: text, machines: null };
  const machines = Number(count);
  if (/^\d+$/.test(count) && machines >= 1 && machines <= maxMachines) return { name, machines };
  throw new UsageError("usage", `expected 1 to ${maxMachines} machines after "${name}:", got "${count.slice(0, 40)}"`, {
    path: "--topology",
    hint: `Write a whole number, for example ${name}:4.`,
  });
}

/** Whether a name without `:<machines>` is that of a preset. */
export function isPreset(name: string): boolean {
  return listPresets().some((preset) => preset.name === name.toLowerCase());
}

function unknownPreset(name: string): UsageError {
  const names = listPresets().map((preset) => preset.name);
  return new UsageError("not-found", `expected a preset or a file, got ${JSON.stringify(name.slice(0, 80))}`, {
    path: "--topology",
    hint: `Use one of ${nearestNames(name, names).join(", ")}, or see them all with \`toroid topology list\`.`,
  });
}

/** Nodes and links while a topology grows. */
interface Draft {
  readonly nodes: TopologyNode[];
  readonly links: TopologyLink[];
}

function addNode(draft: Draft, id: string, kind: NodeKind, machine: number | null, device?: string): string {
  draft.nodes.push({ id, kind, machine, ...(device === undefined ? {} : { device }) });
  return id;
}

function addLink(draft: Draft, from: string, to: string, bytesPerSecond: number, latencyNs: number): void {
  draft.links.push({ from, to, bytesPerSecond, latencyNs, duplex: "full" });
}

function buildPreset(preset: Preset, machines: number): Topology {
  if (machines * preset.numGpus > maxRanks) {
    throw new UsageError("limit", `expected at most ${maxRanks} ranks, got ${machines} × ${preset.numGpus}`, {
      path: "--topology",
      hint: `Use at most ${preset.name}:${Math.floor(maxRanks / preset.numGpus)}.`,
    });
  }
  const draft: Draft = { nodes: [], links: [] };
  for (let machine = 0; machine < machines; machine++) addMachine(draft, preset, machine);
  if (machines > 1) addNetwork(draft, preset, machines);
  return {
    version: 1,
    name: machines === 1 ? preset.name : `${preset.name}:${machines}`,
    nodes: draft.nodes,
    links: draft.links,
    devices: { [preset.device]: findDevice(preset.device).device },
    assumed: machines === 1 ? [] : preset.assumed,
  };
}

function addMachine(draft: Draft, preset: Preset, machine: number): void {
  const gpus = Array.from({ length: preset.numGpus }, (_, gpu) =>
    addNode(draft, `m${machine}/gpu${gpu}`, "gpu", machine, preset.device),
  );
  addFabric(draft, preset, machine, gpus);
  const pcieRate = pcieBytesPerSecond[preset.pcieGeneration];
  const numPcie = preset.numGpus / preset.gpusPerPcie;
  for (let pcie = 0; pcie < numPcie; pcie++) {
    const id = addNode(draft, `m${machine}/pcie${pcie}`, "pcie", machine);
    for (const gpu of gpus.slice(pcie * preset.gpusPerPcie, (pcie + 1) * preset.gpusPerPcie)) {
      addLink(draft, gpu, id, preset.gpuBytesPerSecond ?? pcieRate, pcieLatencyNs);
    }
    const names = preset.nic.names(pcie);
    if (names.length === 0) continue;
    const nic = `m${machine}/${names.join("+")}`;
    const { oneSidedEfficiency } = preset.nic;
    draft.nodes.push({
      id: nic,
      kind: "nic",
      machine,
      ...(oneSidedEfficiency === undefined ? {} : { oneSidedEfficiency }),
    });
    addLink(draft, id, nic, names.length * pcieRate, pcieLatencyNs);
  }
  if (preset.hasSockets) addSockets(draft, preset, machine, numPcie);
}

function addFabric(draft: Draft, preset: Preset, machine: number, gpus: readonly string[]): void {
  if (preset.fabric === null) return;
  const { shape, bytesPerSecond, latencyNs } = preset.fabric;
  if (shape === "switch") {
    const hub = addNode(draft, `m${machine}/nvswitch`, "switch", machine);
    for (const gpu of gpus) addLink(draft, gpu, hub, bytesPerSecond, latencyNs);
    return;
  }
  for (const [index, gpu] of gpus.entries()) {
    for (const other of gpus.slice(index + 1)) addLink(draft, gpu, other, bytesPerSecond, latencyNs);
  }
}

function addSockets(draft: Draft, preset: Preset, machine: number, numPcie: number): void {
  const sockets = [0, 1].map((socket) => addNode(draft, `m${machine}/socket${socket}`, "pcie", machine));
  for (let pcie = 0; pcie < numPcie; pcie++) {
    const socket = sockets[Math.floor((2 * pcie) / numPcie)]!;
    addLink(draft, `m${machine}/pcie${pcie}`, socket, pcieBytesPerSecond[preset.pcieGeneration], pcieLatencyNs);
  }
  addLink(draft, sockets[0]!, sockets[1]!, socketBytesPerSecond[preset.pcieGeneration], socketLatencyNs);
}

function addNetwork(draft: Draft, preset: Preset, machines: number): void {
  const nics = draft.nodes.filter(({ kind }) => kind === "nic");
  const rate = nicBytesPerSecond(preset.nic.gigabits);
  const leafOf = preset.network === "flat" ? addFlat(draft) : addRails(draft, machines, nics.length / machines, rate);
  for (const [index, { id, machine }] of nics.entries()) {
    const leaf = leafOf(machine!, index % (nics.length / machines));
    addLink(draft, id, leaf, id.split("+").length * rate, preset.nic.latencyNs);
  }
}

function addFlat(draft: Draft): () => string {
  addNode(draft, "net", "net", null);
  return () => "net";
}

/**
 * Leaves of all units under one `spine` node that stands for all spine switches: traffic spreads over them, whereas a
 * fixed path would take the first one. A leaf has as much upwards as downwards.
 */
function addRails(
  draft: Draft,
  machines: number,
  numRails: number,
  rate: number,
): (machine: number, rail: number) => string {
  const leafOf = (unit: number, rail: number) => `unit${unit}/leaf${rail}`;
  const numUnits = Math.ceil(machines / unitMachines);
  addNode(draft, "spine", "switch", null);
  for (let unit = 0; unit < numUnits; unit++) {
    const below = Math.min(unitMachines, machines - unit * unitMachines);
    for (let rail = 0; rail < numRails; rail++) {
      addNode(draft, leafOf(unit, rail), "switch", null);
      addLink(draft, leafOf(unit, rail), "spine", below * rate, spineLatencyNs);
    }
  }
  return (machine, rail) => leafOf(Math.floor(machine / unitMachines), rail);
}
