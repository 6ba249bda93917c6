import type { Device, Topology } from "../plan/topology/topology.ts";
import { rankDevices } from "../plan/topology/devices.ts";
import { type Hosts, hostsOf } from "../plan/topology/hosts.ts";
import { compileNetwork, type Network } from "../plan/topology/network.ts";
import { createRoutes } from "../plan/topology/routes.ts";

/** Above this number of ranks the pairs that are asked for are kept in a Map instead of a square table. */
const SQUARE_RANKS = 4096;

/** A topology made ready for many simulations: network, devices, and the path of each pair of ranks once it is asked for. */
export interface Machine {
  readonly name: string;
  readonly network: Network;
  /** By the topology's rank. */
  readonly devices: readonly Device[];
  /** Whose cores the ranks share; null where they are GPUs. */
  readonly hosts: Hosts | null;
  /** Index of the fixed path between two of the topology's ranks; throws a UsageError (`route`) where there is none. */
  pathIndex(source: number, target: number): number;
  /** Directed links of the path of that index, in order; do not write to it. */
  path(index: number): Int32Array;
  /** Sum of its link latencies. */
  pathLatencyNs(index: number): number;
  /** The least `oneSidedEfficiency` of the NICs on it, null where none says. */
  pathOneSidedEfficiency(index: number): number | null;
}

/** Compiles a valid topology. Throws a UsageError (`topology`) where a rank has no device, or only some have host figures. */
export function compileMachine(topology: Topology): Machine {
  const network = compileNetwork(topology);
  const routes = createRoutes(network);
  const { rankNodes, numRanks } = network;
  const known = numRanks <= SQUARE_RANKS ? squareTable(numRanks) : new Map<number, number>();
  const paths: Int32Array[] = [];
  const latencies: number[] = [];
  const efficiencies: (number | null)[] = [];
  const efficiencyOf = topology.nodes.map((node) => node.oneSidedEfficiency ?? null);

  function addPath(source: number, target: number): number {
    const [from, to] = [rankNodes[source]!, rankNodes[target]!];
    paths.push(routes.path(from, to).slice());
    latencies.push(routes.latencyNs(from, to));
    efficiencies.push(leastEfficiency(network, efficiencyOf, paths.at(-1)!));
    known.set(source * numRanks + target, paths.length - 1);
    return paths.length - 1;
  }

  return {
    name: topology.name,
    network,
    devices: rankDevices(topology),
    hosts: hostsOf(topology),
    pathIndex: (source, target) => known.get(source * numRanks + target) ?? addPath(source, target),
    path: (index) => paths[index]!,
    pathLatencyNs: (index) => latencies[index]!,
    pathOneSidedEfficiency: (index) => efficiencies[index]!,
  };
}

function leastEfficiency(network: Network, of: readonly (number | null)[], path: Int32Array): number | null {
  let least: number | null = null;
  for (const link of path) {
    const efficiency = of[network.linkTo[link]!]!;
    if (efficiency !== null) least = Math.min(least ?? 1, efficiency);
  }
  return least;
}

/** The part of a Map that `compileMachine` needs, for the keys `0 … numRanks² − 1`; holds index + 1, so that 0 is none. */
function squareTable(numRanks: number): Pick<Map<number, number>, "get"> & { set(key: number, index: number): void } {
  const table = new Int32Array(numRanks * numRanks);
  return {
    get: (key) => (table[key] === 0 ? undefined : table[key]! - 1),
    set: (key, index) => {
      table[key] = index + 1;
    },
  };
}

/** Name of a directed link, `from→to` by node ids. */
export function linkName(network: Network, link: number): string {
  return `${network.nodeIds[network.linkFrom[link]!]}→${network.nodeIds[network.linkTo[link]!]}`;
}
