import { UsageError } from "../errors.ts";
import { rankDevices } from "./devices.ts";
import { isRank, type Network } from "./network.ts";
import type { HostFigures, Topology } from "./topology.ts";

/** The computers on whose cores the ranks of a topology run. */
export interface Hosts {
  /** By the topology's rank. */
  readonly hostOf: Int32Array;
  /** By host. */
  readonly figures: readonly HostFigures[];
}

/**
 * The hosts of a topology whose ranks run on cores, null for one of GPUs. Throws a UsageError (`topology`) where only some
 * ranks have host figures, or ranks of one host have different ones, and where a rank has no device.
 */
export function hostsOf(topology: Topology): Hosts | null {
  const devices = rankDevices(topology);
  const ranks = topology.nodes.filter(isRank);
  const bare = ranks.find((_, rank) => devices[rank]!.host === undefined);
  if (bare !== undefined) {
    if (devices.every(({ host }) => host === undefined)) return null;
    throw new UsageError("topology", `expected host figures for all ranks or for none, found none for ${bare.id}`, {
      path: `devices.${bare.device}.host`,
      hint: "Ranks on GPUs and ranks on cores of a host cannot run one schedule: take either.",
    });
  }
  const hostOf = new Int32Array(ranks.length);
  const figures: HostFigures[] = [];
  const known = new Map<number, number>();
  for (const [rank, { id, machine, device }] of ranks.entries()) {
    const own = devices[rank]!.host!;
    const key = own.sharedBy === "topology" ? -1 : machine!;
    const host = known.get(key) ?? figures.push(own) - 1;
    known.set(key, host);
    hostOf[rank] = host;
    if (figures[host] === own) continue;
    throw new UsageError("topology", `expected one device for all ranks of a host, found ${device} at ${id}`, {
      path: `devices.${device}.host`,
      hint: "Ranks that share cores have the same figures.",
    });
  }
  return { hostOf, figures };
}

/**
 * Whether a transfer over a path is more than a copy in the memory of the host: it crosses a link other than the two
 * between a rank and the memory of its machine. Such links are emulated when the schedule runs on one computer.
 */
export function leavesMemory(network: Network, source: number, target: number, path: Int32Array): boolean {
  if (source === target) return false;
  return network.rankMachines[source] !== network.rankMachines[target] || path.length !== 2;
}
