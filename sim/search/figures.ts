import type { Device } from "../../plan/topology/topology.ts";
import type { Workload } from "../../plan/workload/workload.ts";
import { attentionFlops } from "../compute-model.ts";
import type { Constants } from "../constants.ts";
import type { Machine } from "../machine.ts";
import type { Extent } from "../../plan/methods/index.ts";

/** The best that a machine can do, for bounds: rates per ns, none of which any schedule exceeds. */
export interface Figures {
  /** Bytes per ns that the links out of (into) a mesh machine carry together. */
  readonly interBytesPerNs: number;
  /** Share of it that puts and gets reach at best. */
  readonly oneSidedEfficiency: number;
  /** Bytes per ns that a rank can send to (receive from) ranks of its machine, all links together. */
  readonly intraBytesPerNs: number;
  /** Links that lead from a rank to the others of its machine: more than one rewards concurrent transfers. */
  readonly intraLinks: number;
  readonly attentionFlopsPerNs: number;
  readonly matmulFlopsPerNs: number;
  readonly memoryBytesPerNs: number;
  readonly multiprocessors: number;
  readonly launchNs: number;
  readonly memoryBytes: number;
}

/** Figures of ranks `placement` (topology ranks in schedule order) of one group of the extent. */
export function figuresOf(
  machine: Machine,
  placement: readonly number[],
  extent: Extent,
  workload: Workload,
  constants: Constants,
): Figures {
  const devices = placement.map((rank) => machine.devices[rank]!);
  const best = (of: (device: Device) => number) => Math.max(...devices.map(of));
  const intra = fastestNeighbor(machine, placement, extent);
  return {
    interBytesPerNs: interRate(machine, placement, extent),
    oneSidedEfficiency: oneSidedEfficiency(machine, placement, extent, constants),
    intraBytesPerNs: intra.rate,
    intraLinks: intra.links,
    attentionFlopsPerNs: best((device) => attentionFlops(device, workload.dtype, workload.headDim)) / 1e9,
    matmulFlopsPerNs: best((device) => device.matmulFlops[workload.dtype] ?? Number.POSITIVE_INFINITY) / 1e9,
    memoryBytesPerNs: (best((device) => device.memoryBytesPerSecond) * constants.memoryEfficiency) / 1e9,
    multiprocessors: best((device) => device.multiprocessors),
    launchNs: Math.min(...devices.map((device) => device.launchNs)) * constants.launchScale,
    memoryBytes: Math.min(...devices.map((device) => device.memoryBytes)),
  };
}

function ranksOfMachine(placement: readonly number[], extent: Extent, machine: number): readonly number[] {
  return placement.slice(machine * extent.ranksPerMachine, (machine + 1) * extent.ranksPerMachine);
}

/** Any machine's rate bounds a schedule; of large clusters only the first machines are looked at. */
const MEASURED_MACHINES = 8;

/**
 * The slowest machine's rate to others: over all pairs with other machines, the paths' narrowest links, each counted
 * once. No set of flows out of the machine exceeds it, as each crosses one of them.
 */
function interRate(machine: Machine, placement: readonly number[], extent: Extent): number {
  if (extent.machines === 1) return Number.POSITIVE_INFINITY;
  let slowest = Number.POSITIVE_INFINITY;
  for (let m = 0; m < Math.min(extent.machines, MEASURED_MACHINES); m++) {
    const inside = ranksOfMachine(placement, extent, m);
    const outside = placement.filter((_, rank) => Math.floor(rank / extent.ranksPerMachine) !== m);
    for (const inward of [false, true]) {
      const narrow = new Set<number>();
      for (const a of inside) for (const b of outside) narrow.add(narrowest(machine, inward ? b : a, inward ? a : b));
      slowest = Math.min(slowest, sumOfCapacities(machine, narrow));
    }
  }
  return slowest;
}

/** The best of any path between machines; links that are emulated carry the payload alone. */
function oneSidedEfficiency(
  machine: Machine,
  placement: readonly number[],
  extent: Extent,
  constants: Constants,
): number {
  if (machine.hosts !== null) return 1;
  let best = 0;
  for (let m = 0; m < Math.min(extent.machines, MEASURED_MACHINES); m++) {
    for (const a of ranksOfMachine(placement, extent, m)) {
      for (const [rank, b] of placement.entries()) {
        if (Math.floor(rank / extent.ranksPerMachine) === m) continue;
        const efficiency = machine.pathOneSidedEfficiency(machine.pathIndex(a, b));
        best = Math.max(best, efficiency ?? constants.networkOneSidedEfficiency);
      }
    }
  }
  return best === 0 ? 1 : best;
}

function narrowest(machine: Machine, source: number, target: number): number {
  const path = machine.path(machine.pathIndex(source, target));
  return path.reduce((least, link) =>
    machine.network.capacity[link]! < machine.network.capacity[least]! ? link : least,
  );
}

/** The fastest rank's rate to its machine: its paths' first links, each counted once. */
function fastestNeighbor(
  machine: Machine,
  placement: readonly number[],
  extent: Extent,
): { rate: number; links: number } {
  let rate = 0;
  let links = 0;
  for (let m = 0; m < extent.machines; m++) {
    const inside = ranksOfMachine(placement, extent, m);
    for (const a of inside) {
      const first = new Set<number>();
      for (const b of inside) if (a !== b) first.add(machine.path(machine.pathIndex(a, b))[0]!);
      rate = Math.max(rate, sumOfCapacities(machine, first));
      links = Math.max(links, first.size);
    }
  }
  return links === 0 ? { rate: Number.POSITIVE_INFINITY, links: 1 } : { rate, links };
}

function sumOfCapacities(machine: Machine, links: ReadonlySet<number>): number {
  let sum = 0;
  for (const link of links) sum += machine.network.capacity[link]!;
  return sum / 1e9;
}
