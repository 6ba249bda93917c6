import { assert } from "../../plan/errors.ts";
import { repeatMachines } from "../../plan/topology/repeat.ts";
import type { Topology, TopologyLink } from "../../plan/topology/topology.ts";

/** More hosts than that are taken as if one switch joined them. */
const MAX_HOSTS = 16;

/** Two transfers that together reach less than this share of what they reach one after the other have a link in common. */
const COMMON = 0.8;

/** What one transfer from host to host reaches while nothing else moves. */
export interface PairRate {
  readonly from: number;
  readonly to: number;
  readonly bytesPerSecond: number;
}

/** Two transfers at once, all four hosts different: what each reaches. */
export interface RatesAtOnce {
  readonly transfers: readonly [PairRate, PairRate];
}

/** How hosts are joined: each by a link to the switch of its leaf, leaves by uplinks to one network. */
export interface HostLinks {
  /** Bytes per second, each direction, by host. */
  readonly ports: readonly number[];
  /** Leaf of each host; 0 for all where one switch joins them. */
  readonly leafOf: readonly number[];
  /** Bytes per second, each direction, by leaf; empty where there is one leaf only. */
  readonly uplinks: readonly number[];
}

/**
 * The links that explain what transfers reach, alone and two at once: of all ways to deal the hosts, in their order, to
 * leaves in blocks, the one that says rightly most often which two transfers have a link in common, and of those the one
 * with the fewest leaves.
 */
export function findHostLinks(numHosts: number, alone: readonly PairRate[], atOnce: readonly RatesAtOnce[]): HostLinks {
  const ports = Array.from({ length: numHosts }, (_, host) =>
    Math.max(...alone.filter(({ from, to }) => from === host || to === host).map((pair) => pair.bytesPerSecond)),
  );
  const rateAlone = (pair: PairRate) =>
    alone.find(({ from, to }) => from === pair.from && to === pair.to)?.bytesPerSecond ?? 0;
  const tests = atOnce.map(({ transfers }) => {
    const sum = transfers.reduce((total, { bytesPerSecond }) => total + bytesPerSecond, 0);
    return { transfers, sum, isCommon: sum < COMMON * transfers.reduce((total, pair) => total + rateAlone(pair), 0) };
  });
  let best = { leafOf: ports.map(() => 0), wrong: tests.filter(({ isCommon }) => isCommon).length };
  for (const leafOf of dealings(tests.length === 0 ? 0 : numHosts)) {
    const wrong = tests.filter(({ transfers, isCommon }) => shareLink(leafOf, transfers) !== isCommon).length;
    if (wrong < best.wrong || (wrong === best.wrong && leafOf.at(-1)! < best.leafOf.at(-1)!)) best = { leafOf, wrong };
  }
  const { leafOf } = best;
  const numLeaves = leafOf.at(-1)! + 1;
  if (numLeaves === 1) return { ports, leafOf, uplinks: [] };
  const uplinks = Array.from({ length: numLeaves }, (_, leaf) => {
    const own = leafOf.flatMap((other, host) => (other === leaf ? [ports[host]!] : []));
    const seen = tests
      .filter(({ transfers, isCommon }) => isCommon && shareLink(leafOf, transfers) && touches(leafOf, transfers, leaf))
      .map(({ sum }) => sum);
    // A leaf of which nothing is seen carries what its hosts do.
    return seen.length > 0 ? Math.max(...seen) : own.reduce((sum, rate) => sum + rate, 0);
  });
  return { ports, leafOf, uplinks };
}

/** All ways to deal hosts to leaves in blocks of neighbors, none where there are too few or too many hosts. */
function* dealings(numHosts: number): Generator<number[]> {
  if (numHosts < 4 || numHosts > MAX_HOSTS) return;
  for (let cuts = 1; cuts < 1 << (numHosts - 1); cuts++) {
    let leaf = 0;
    yield Array.from({ length: numHosts }, (_, host) => (host > 0 && (cuts >> (host - 1)) & 1 ? ++leaf : leaf));
  }
}

/** Whether two transfers go up from one leaf together, or down to one. */
function shareLink(leafOf: readonly number[], [a, b]: readonly [PairRate, PairRate]): boolean {
  const leaves = [a, b].map(({ from, to }) => ({ from: leafOf[from], to: leafOf[to] }));
  if (leaves.some(({ from, to }) => from === to)) return false;
  return leaves[0]!.from === leaves[1]!.from || leaves[0]!.to === leaves[1]!.to;
}

/** Whether both go up from the leaf or both go down to it. */
function touches(leafOf: readonly number[], transfers: readonly [PairRate, PairRate], leaf: number): boolean {
  return transfers.every(({ from }) => leafOf[from] === leaf) || transfers.every(({ to }) => leafOf[to] === leaf);
}

/**
 * So many machines like the one given, joined by these links. `latencyNs` is that of the whole path between two of them;
 * links inside machines have none, since waking threads is in the figures of their hosts.
 */
export function joinHosts(machine: Topology, { ports, leafOf, uplinks }: HostLinks, latencyNs: number): Topology {
  const plain = repeatMachines(machine, ports.length);
  const machineOf = new Map(plain.nodes.map((node) => [node.id, node.machine]));
  const net = plain.nodes.find(({ kind }) => kind === "net");
  assert(net !== undefined, "several machines have a network");
  const linkNs = latencyNs / (uplinks.length > 0 ? 4 : 2);
  const leafId = (leaf: number) => (uplinks.length > 0 ? `leaf${leaf}` : net.id);
  const links = plain.links.map((link): TopologyLink => {
    if (link.to !== net.id) return { ...link, latencyNs: 0 };
    const host = machineOf.get(link.from)!;
    return { ...link, to: leafId(leafOf[host]!), bytesPerSecond: ports[host]!, latencyNs: linkNs };
  });
  const ups = uplinks.map(
    (bytesPerSecond, leaf): TopologyLink => ({
      ...{ from: leafId(leaf), to: net.id, bytesPerSecond, latencyNs: linkNs, duplex: "full" },
    }),
  );
  return {
    ...plain,
    nodes: [...plain.nodes, ...uplinks.map((_, leaf) => ({ ...net, id: leafId(leaf) }))],
    links: [...links, ...ups],
    assumed: machine.assumed,
  };
}
