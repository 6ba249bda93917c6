import type { Topology, TopologyNode } from "./topology.ts";

/** Whether a node is a rank: only kinds `gpu` and `cpu` are. */
export function isRank(node: TopologyNode): boolean {
  return node.kind === "gpu" || node.kind === "cpu";
}

/**
 * A topology as columns. Nodes keep their order; a rank's index is its place among the nodes that are ranks. Links
 * are directed: in the order of `Topology.links` a full-duplex link gives two consecutive ones (forth, then back), a
 * simplex link one.
 */
export interface Network {
  readonly numNodes: number;
  readonly numLinks: number;
  readonly numRanks: number;
  /** One more than the highest machine index of any rank. */
  readonly numMachines: number;
  readonly nodeIds: readonly string[];
  readonly nodeIndices: ReadonlyMap<string, number>;
  /** By node: 1 where a path may pass through, 0 on ranks, which never forward. */
  readonly forwards: Uint8Array;
  /** By rank: its node. */
  readonly rankNodes: Int32Array;
  /** By rank: its machine; 0 for a rank without one, which `validateTopology` refuses and `flows` never asks for. */
  readonly rankMachines: Int32Array;
  /** By link: the node it leaves and the node it enters. */
  readonly linkFrom: Int32Array;
  readonly linkTo: Int32Array;
  /** By link: bytes per second. */
  readonly capacity: Float64Array;
  readonly latencyNs: Float64Array;
  /** The links that leave node v are `outLinks[outStart[v] … outStart[v+1] − 1]`, ascending. */
  readonly outStart: Int32Array;
  readonly outLinks: Int32Array;
  /** The links that enter node v, in the same form. */
  readonly inStart: Int32Array;
  readonly inLinks: Int32Array;
}

/** Compiles a topology whose ids and link ends are valid (`validateGraph`) into columns. */
export function compileNetwork(topology: Topology): Network {
  const nodeIndices = new Map(topology.nodes.map((node, index) => [node.id, index]));
  const links = directLinks(topology, nodeIndices);
  const numNodes = topology.nodes.length;
  const out = groupLinks(links.linkFrom, numNodes);
  const into = groupLinks(links.linkTo, numNodes);
  const ranks = topology.nodes.filter(isRank);
  return {
    numNodes,
    numLinks: links.linkFrom.length,
    numRanks: ranks.length,
    numMachines: ranks.reduce((most, { machine }) => Math.max(most, (machine ?? 0) + 1), 0),
    nodeIds: topology.nodes.map(({ id }) => id),
    nodeIndices,
    forwards: Uint8Array.from(topology.nodes, (node) => (isRank(node) ? 0 : 1)),
    rankNodes: Int32Array.from(ranks, ({ id }) => nodeIndices.get(id)!),
    rankMachines: Int32Array.from(ranks, ({ machine }) => machine ?? 0),
    ...links,
    outStart: out.start,
    outLinks: out.links,
    inStart: into.start,
    inLinks: into.links,
  };
}

function directLinks(topology: Topology, nodeIndices: ReadonlyMap<string, number>) {
  const numLinks = topology.links.reduce((sum, { duplex }) => sum + (duplex === "full" ? 2 : 1), 0);
  const linkFrom = new Int32Array(numLinks);
  const linkTo = new Int32Array(numLinks);
  const capacity = new Float64Array(numLinks);
  const latencyNs = new Float64Array(numLinks);
  let next = 0;
  for (const link of topology.links) {
    const from = nodeIndices.get(link.from)!;
    const to = nodeIndices.get(link.to)!;
    const end = next + (link.duplex === "full" ? 2 : 1);
    capacity.fill(link.bytesPerSecond, next, end);
    latencyNs.fill(link.latencyNs, next, end);
    linkFrom[next] = from;
    linkTo[next] = to;
    if (link.duplex === "full") {
      linkFrom[next + 1] = to;
      linkTo[next + 1] = from;
    }
    next = end;
  }
  return { linkFrom, linkTo, capacity, latencyNs };
}

/** Groups link indices by the node at one of their ends (compressed sparse rows). */
function groupLinks(ends: Int32Array, numNodes: number): { start: Int32Array; links: Int32Array } {
  const start = new Int32Array(numNodes + 1);
  for (const node of ends) start[node + 1]!++;
  for (let node = 0; node < numNodes; node++) start[node + 1]! += start[node]!;
  const next = start.slice(0, numNodes);
  const links = new Int32Array(ends.length);
  for (let link = 0; link < ends.length; link++) links[next[ends[link]!]!++] = link;
  return { start, links };
}
