import { UsageError } from "../errors.ts";
import { lookUpDevice } from "./devices.ts";
import { nicBytesPerSecond, nicLatencyNs, pcieLatencyNs } from "./link-rates.ts";
import { compileNetwork, isRank, type Network } from "./network.ts";
import { nearestNics } from "./nics.ts";
import { createRoutes, type Routes } from "./routes.ts";
import type { NodeKind, Topology, TopologyLink, TopologyNode } from "./topology.ts";

/** The most machines that a name may ask for. */
export const maxMachines = 4096;

/** Gb/s of a NIC where not even the device says what is usual; of one that is emulated, within what copies reach. */
const defaultGigabits = 100;
const emulatedGigabits = 10;

/** For a NIC that had to be made up: only its network link shall bind. */
const unboundBytesPerSecond = 1e12;

/**
 * A topology of `machines` copies of a single machine. What belongs to no machine stays once and joins them; where
 * nothing leaves the machine, each of its NICs that is nearest to a rank is linked to one `net` node, and a machine
 * without NICs gets one. NIC rates are the usual ones beside the device, said in `assumed`; `applyCorrections` sets
 * others. Throws a UsageError (`usage`) for a topology of several machines or a number that is not 1 to 4096.
 */
export function repeatMachines(topology: Topology, machines: number): Topology {
  if (!Number.isInteger(machines) || machines < 1 || machines > maxMachines) {
    throw new UsageError("usage", `expected 1 to ${maxMachines} machines, got ${machines}`, { path: "--topology" });
  }
  const several = topology.nodes.find((node) => node.machine !== null && node.machine > 0);
  if (several !== undefined && machines > 1) {
    throw new UsageError("usage", `expected one machine to repeat, ${topology.name} has several (${several.id})`, {
      path: "--topology",
      hint: `Leave ":${machines}" out.`,
    });
  }
  if (machines === 1) return topology;
  return copyMachine(hasUplinks(topology) ? topology : addUplinks(topology), machines);
}

function hasUplinks({ nodes, links }: Topology): boolean {
  const machines = new Map(nodes.map(({ id, machine }) => [id, machine]));
  return links.some(({ from, to }) => machines.get(from) !== machines.get(to));
}

function copyMachine(topology: Topology, machines: number): Topology {
  const inside = topology.nodes.filter(({ machine }) => machine !== null);
  const outside = topology.nodes.filter(({ machine }) => machine === null);
  const isNamed = inside.every(({ id }) => id.startsWith("m0/"));
  const outsideIds = new Set(outside.map(({ id }) => id));
  const rename = (id: string, machine: number) =>
    outsideIds.has(id) ? id : `m${machine}/${isNamed ? id.slice("m0/".length) : id}`;
  const nodes: TopologyNode[] = [];
  const links: TopologyLink[] = [];
  for (let machine = 0; machine < machines; machine++) {
    for (const node of inside) nodes.push({ ...node, id: rename(node.id, machine), machine });
    for (const link of topology.links) {
      if (outsideIds.has(link.from) && outsideIds.has(link.to)) continue;
      links.push({ ...link, from: rename(link.from, machine), to: rename(link.to, machine) });
    }
  }
  nodes.push(...outside);
  links.push(...topology.links.filter(({ from, to }) => outsideIds.has(from) && outsideIds.has(to)));
  return { ...topology, name: `${topology.name}:${machines}`, nodes, links };
}

/** The machine with its NICs linked to a `net` node, which it shares with its copies. */
function addUplinks(topology: Topology): Topology {
  const based = usedNics(topology).length > 0 ? topology : addNic(topology);
  const used = usedNics(based);
  const unused = based.nodes.filter((node) => node.kind === "nic" && !used.includes(node));
  const gigabits = usualGigabits(topology);
  const net: TopologyNode = { id: freeId(based, "net"), kind: "net", machine: null };
  const uplinks = used.map(({ id }) => ({
    from: id,
    to: net.id,
    bytesPerSecond: numJoined(id) * nicBytesPerSecond(gigabits),
    latencyNs: nicLatencyNs,
    duplex: "full" as const,
  }));
  const numNics = used.reduce((sum, { id }) => sum + numJoined(id), 0);
  const said = [
    `The network is taken as one switch, NICs a machine: ${numNics} of ${gigabits} Gb/s; --nic or --inter corrects it.`,
  ];
  if (unused.length > 0) {
    said.push(`Not linked to the network, since no rank is nearest to them: ${unused.map(({ id }) => id).join(", ")}.`);
  }
  return {
    ...based,
    nodes: [...based.nodes, net],
    links: [...based.links, ...uplinks],
    assumed: [...based.assumed, ...said],
  };
}

/** The NICs that are nearest to some rank. */
function usedNics(topology: Topology): readonly TopologyNode[] {
  const network = compileNetwork(topology);
  const nearest = new Set(nearestNics(topology, network, createRoutes(network)));
  return topology.nodes.filter((_, index) => nearest.has(index));
}

/** The number of NICs that a `nic` node stands for: those that act as one are joined by `+` in its id. */
export function numJoined(id: string): number {
  return id.split("+").length;
}

function usualGigabits(topology: Topology): number {
  const name = topology.nodes.find(isRank)?.device;
  if (name === undefined) return defaultGigabits;
  if (topology.devices[name]?.host !== undefined) return emulatedGigabits;
  return lookUpDevice(name)?.usualNicGigabits ?? defaultGigabits;
}

/**
 * The machine with one NIC at its most central `pcie` nodes, of a machine of CPU ranks at its memory, or at every rank
 * where it has none of them.
 */
function addNic(topology: Topology): Topology {
  const network = compileNetwork(topology);
  const hubs = centralNodes(topology, network, createRoutes(network));
  const nic: TopologyNode = { id: freeId(topology, "nic"), kind: "nic", machine: 0 };
  const ends = hubs.length > 0 ? hubs : topology.nodes.filter(isRank).map(({ id }) => id);
  const links = ends.map((from) => ({
    from,
    to: nic.id,
    bytesPerSecond: unboundBytesPerSecond,
    latencyNs: pcieLatencyNs,
    duplex: "full" as const,
  }));
  const said = "The machine's description has no NIC: one is added; --inter says what it carries.";
  return {
    ...topology,
    nodes: [...topology.nodes, nic],
    links: [...topology.links, ...links],
    assumed: [...topology.assumed, said],
  };
}

/**
 * The `pcie` node (where all ranks are CPU ranks also `switch`) with the fewest hops to all ranks, and those linked to it
 * with as few: both sockets of a machine, so that neither's traffic has to cross between them first. No path between
 * ranks gets shorter through such a NIC.
 */
function centralNodes(topology: Topology, network: Network, routes: Routes): string[] {
  const isOfCpus = topology.nodes.every(({ kind }) => kind !== "gpu");
  const isBridge = (kind: NodeKind) => kind === "pcie" || (isOfCpus && kind === "switch");
  const bridges = topology.nodes.flatMap(({ kind }, node) => (isBridge(kind) ? [node] : []));
  const numHops = bridges.map((bridge) =>
    network.rankNodes.reduce((sum, rank) => sum + (routes.find(rank, bridge)?.length ?? Number.POSITIVE_INFINITY), 0),
  );
  const least = numHops.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (!Number.isFinite(least)) return [];
  const central = bridges.filter((_, index) => numHops[index] === least);
  const isLinked = (node: number) => node === central[0] || routes.find(central[0]!, node)?.length === 1;
  return central.filter(isLinked).map((node) => network.nodeIds[node]!);
}

function freeId(topology: Topology, wanted: string): string {
  const taken = new Set(topology.nodes.map(({ id }) => id));
  let id = wanted;
  for (let suffix = 1; taken.has(id); suffix++) id = `${wanted}${suffix}`;
  return id;
}
