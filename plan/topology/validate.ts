import { UsageError } from "../errors.ts";
import { compileNetwork, isRank, type Network } from "./network.ts";
import type { Topology, TopologyLink, TopologyNode } from "./topology.ts";

/** Beyond these a figure is a slip of units: a petabyte per second, a quarter of an hour. */
const maxBytesPerSecond = 1e15;
const maxLatencyNs = 1e12;
/** Ranks are 16-bit in schedules; a cluster of that size has several nodes a rank. */
const maxRanks = 65_536;
const maxNodes = 1_048_576;

/**
 * Checks what planning needs: a valid graph (`validateGraph`), at least one rank, each on a machine, machines numbered
 * 0…n−1, and a path from every rank to every other. Throws a UsageError (`topology`, or `route` where a path lacks)
 * with the place in the input.
 */
export function validateTopology(topology: Topology): void {
  validateGraph(topology);
  validateMachines(topology);
  validateReach(compileNetwork(topology));
}

/**
 * Checks what a flow simulation needs: ids are unique, links join two different nodes that exist, bandwidth and
 * latency are sane, machines are whole numbers. Ranks may be missing or apart. Throws a UsageError (`topology`).
 */
export function validateGraph(topology: Topology): void {
  if (topology.nodes.length === 0) throw broken("expected at least one node, found none", "nodes");
  if (topology.nodes.length > maxNodes) {
    throw broken(`expected at most ${maxNodes} nodes, found ${topology.nodes.length}`, "nodes");
  }
  const ids = new Map<string, number>();
  for (const [index, node] of topology.nodes.entries()) validateNode(node, index, ids);
  for (const [index, link] of topology.links.entries()) validateLink(link, `links[${index}]`, ids);
}

function validateNode(node: TopologyNode, index: number, ids: Map<string, number>): void {
  const path = `nodes[${index}]`;
  if (node.id === "") throw broken("expected an id, found an empty one", `${path}.id`);
  const first = ids.get(node.id);
  if (first !== undefined) throw broken(`expected unique ids, nodes[${first}] is ${quote(node.id)} too`, `${path}.id`);
  ids.set(node.id, index);
  if (node.machine !== null && !(Number.isSafeInteger(node.machine) && node.machine >= 0)) {
    throw broken(`expected a machine index (0, 1, …) or null, got ${node.machine}`, `${path}.machine`);
  }
}

function validateLink(link: TopologyLink, path: string, ids: ReadonlyMap<string, number>): void {
  for (const end of ["from", "to"] as const) {
    if (!ids.has(link[end])) throw broken(`expected the id of a node, got ${quote(link[end])}`, `${path}.${end}`);
  }
  if (link.from === link.to) throw broken(`expected two different nodes, got ${quote(link.from)} twice`, path);
  const { bytesPerSecond, latencyNs } = link;
  if (!(bytesPerSecond > 0 && bytesPerSecond <= maxBytesPerSecond)) {
    const message = `expected bytes per second above 0 and up to ${maxBytesPerSecond}, got ${bytesPerSecond}`;
    throw broken(message, `${path}.bytesPerSecond`);
  }
  if (!(latencyNs >= 0 && latencyNs <= maxLatencyNs)) {
    throw broken(`expected nanoseconds from 0 to ${maxLatencyNs}, got ${latencyNs}`, `${path}.latencyNs`);
  }
}

function validateMachines(topology: Topology): void {
  const ranks = topology.nodes.filter(isRank);
  if (ranks.length === 0) throw broken("expected at least one node of kind gpu or cpu, found none", "nodes");
  if (ranks.length > maxRanks) throw broken(`expected at most ${maxRanks} ranks, found ${ranks.length}`, "nodes");
  for (const [index, node] of topology.nodes.entries()) {
    if (isRank(node) && node.machine === null) {
      throw broken(`expected the machine of rank ${quote(node.id)}, got null`, `nodes[${index}].machine`);
    }
  }
  const machines = new Set(ranks.map(({ machine }) => machine!));
  for (const [index, { machine }] of topology.nodes.entries()) {
    if (machine === null || machine < machines.size) continue;
    const message = `expected machines numbered from 0 without gaps (${machines.size} have ranks), got ${machine}`;
    throw broken(message, `nodes[${index}].machine`);
  }
}

/**
 * A path for each pair of ranks. Usually one switch reaches all ranks and is reached by all, which two searches show;
 * only where no neighbor of rank 0 is such a hub is every rank searched from.
 */
function validateReach(network: Network): void {
  const { rankNodes, numRanks, linkTo, outStart, outLinks, forwards } = network;
  if (numRanks < 2) return;
  const first = rankNodes[0]!;
  for (let at = outStart[first]!; at < outStart[first + 1]!; at++) {
    const hub = linkTo[outLinks[at]!]!;
    if (forwards[hub] === 1 && isHub(network, hub)) return;
  }
  for (const source of rankNodes) {
    const reached = reach(network, source, "out");
    const target = rankNodes.find((node) => reached[node] === 0);
    if (target !== undefined) throw unreachable(network, source, target);
  }
}

function isHub(network: Network, hub: number): boolean {
  const [from, to] = [reach(network, hub, "out"), reach(network, hub, "in")];
  return network.rankNodes.every((node) => from[node] === 1 && to[node] === 1);
}

/** By node: 1 if a path leads there from `root` (or, for `in`, from there to `root`). */
function reach(network: Network, root: number, direction: "out" | "in"): Uint8Array {
  const [start, incident, far] =
    direction === "out"
      ? [network.outStart, network.outLinks, network.linkTo]
      : [network.inStart, network.inLinks, network.linkFrom];
  const reached = new Uint8Array(network.numNodes);
  const queue = new Int32Array(network.numNodes);
  let numQueued = 1;
  queue[0] = root;
  reached[root] = 1;
  for (let index = 0; index < numQueued; index++) {
    const node = queue[index]!;
    if (node !== root && network.forwards[node] === 0) continue;
    for (let at = start[node]!; at < start[node + 1]!; at++) {
      const next = far[incident[at]!]!;
      if (reached[next] === 1) continue;
      reached[next] = 1;
      queue[numQueued++] = next;
    }
  }
  return reached;
}

function unreachable(network: Network, source: number, target: number): UsageError {
  const [from, to] = [network.nodeIds[source], network.nodeIds[target]];
  return new UsageError("route", `expected a path between all ranks, found none from ${from} to ${to}`, {
    path: `nodes[${source}]`,
    hint: "Add the missing links; ranks do not forward, and a simplex link leads one way only.",
  });
}

function broken(message: string, path: string): UsageError {
  return new UsageError("topology", message, { path });
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
