import type { Network } from "./network.ts";
import type { Routes } from "./routes.ts";
import type { Topology } from "./topology.ts";

/**
 * The NIC nearest to each rank, as a node index: of those of its machine the one with the best path to it, by the
 * criteria of routes. Null where the rank's machine has none that it reaches.
 */
export function nearestNics(topology: Topology, network: Network, routes: Routes): readonly (number | null)[] {
  const byMachine = new Map<number | null, number[]>();
  for (const [index, { kind, machine }] of topology.nodes.entries()) {
    if (kind !== "nic") continue;
    const nics = byMachine.get(machine) ?? [];
    nics.push(index);
    byMachine.set(machine, nics);
  }
  return Array.from(network.rankNodes, (node) =>
    nearestOf(byMachine.get(topology.nodes[node]!.machine) ?? [], node, network, routes),
  );
}

/**
 * The rail of each rank: the id of the node outside all machines to which its nearest NIC is linked, null without
 * one. Ranks of different machines with the same rail reach each other through that node alone.
 */
export function rankRails(topology: Topology, network: Network, routes: Routes): readonly (string | null)[] {
  return nearestNics(topology, network, routes).map((nic) => {
    if (nic === null) return null;
    const links = network.outLinks.subarray(network.outStart[nic], network.outStart[nic + 1]);
    const ends = Array.from(links, (link) => topology.nodes[network.linkTo[link]!]!);
    return ends.find(({ machine }) => machine === null)?.id ?? null;
  });
}

function nearestOf(nics: readonly number[], rank: number, network: Network, routes: Routes): number | null {
  let best: { nic: number; links: Int32Array } | null = null;
  for (const nic of nics) {
    const links = routes.find(rank, nic);
    if (links === null) continue;
    if (best === null || isNearer(network, links, best.links)) best = { nic, links };
  }
  return best?.nic ?? null;
}

function isNearer(network: Network, a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return a.length < b.length;
  const width = (links: Int32Array) =>
    links.reduce((least, link) => Math.min(least, network.capacity[link]!), Number.POSITIVE_INFINITY);
  if (width(a) !== width(b)) return width(a) > width(b);
  const latency = (links: Int32Array) => links.reduce((sum, link) => sum + network.latencyNs[link]!, 0);
  return latency(a) < latency(b);
}
