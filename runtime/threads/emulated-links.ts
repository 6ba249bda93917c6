import { UsageError } from "../../plan/errors.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { hostsOf, leavesMemory } from "../../plan/topology/hosts.ts";
import { compileNetwork } from "../../plan/topology/network.ts";
import { createRoutes } from "../../plan/topology/routes.ts";
import type { Topology } from "../../plan/topology/topology.ts";

/** The links of an emulated topology; ranks are the schedule's. */
export interface EmulatedPaths {
  /** Bytes per second of each directed link. */
  readonly capacities: Float64Array;
  pathOf(source: number, target: number): Int32Array;
  latencyNs(source: number, target: number): number;
  /** Whether transfers between two ranks are slowed: not between threads of one host, whose memory is the real one. */
  isEmulated(a: number, b: number): boolean;
}

export function createEmulatedPaths(topology: Topology, schedule: Schedule): EmulatedPaths {
  const network = compileNetwork(topology);
  const routes = createRoutes(network);
  const nodeOf = (rank: number) => network.rankNodes[schedule.placement[rank]!]!;
  const isHost = hostsOf(topology) !== null;
  const known = new Map<number, Int32Array>();
  const pathOf = (source: number, target: number) => {
    const key = source * schedule.ranks + target;
    const path = known.get(key) ?? routes.path(nodeOf(source), nodeOf(target)).slice();
    known.set(key, path);
    return path;
  };
  const leaves = (a: number, b: number) =>
    leavesMemory(network, schedule.placement[a]!, schedule.placement[b]!, pathOf(a, b));
  return {
    capacities: network.capacity,
    pathOf,
    latencyNs: (source, target) => routes.latencyNs(nodeOf(source), nodeOf(target)),
    isEmulated: (a, b) => a !== b && (!isHost || leaves(a, b)),
  };
}

/**
 * Refuses links that this machine cannot stand in for: a path between two ranks whose slowest link is faster than half of
 * what one thread copies. Throws a UsageError (`topology`) with the figures.
 */
export function checkEmulation(topology: Topology, schedule: Schedule, copyBytesPerSecond: number): void {
  const paths = createEmulatedPaths(topology, schedule);
  const network = compileNetwork(topology);
  const gigabytes = (rate: number) => `${(rate / 1e9).toFixed(2)} GB/s`;
  for (let a = 0; a < schedule.ranks; a++) {
    for (let b = 0; b < schedule.ranks; b++) {
      if (!paths.isEmulated(a, b)) continue;
      const path = paths.pathOf(a, b);
      const slowest = path.reduce((least, link) => (paths.capacities[link]! < paths.capacities[least]! ? link : least));
      const rate = paths.capacities[slowest]!;
      if (rate <= copyBytesPerSecond / 2) continue;
      const name = `${network.nodeIds[network.linkFrom[slowest]!]}→${network.nodeIds[network.linkTo[slowest]!]}`;
      throw new UsageError(
        "topology",
        `expected links of at most ${gigabytes(copyBytesPerSecond / 2)}, half of what a thread copies here, got ${gigabytes(rate)} between ranks ${a} and ${b} (${name})`,
        {
          path: "--emulate",
          hint: "Take slower links, such as --topology threads:2 --inter 1 (Gb/s), or leave --emulate out.",
        },
      );
    }
  }
}
