import { Kind, numOps, type Schedule } from "../plan/schedule/schedule.ts";
import { createComputeModel } from "./compute-model.ts";
import type { Constants } from "./constants.ts";
import { hostBounds } from "./host-bounds.ts";
import { createHostModel, type HostModel } from "./host-model.ts";
import { isKernel } from "./is-kernel.ts";
import type { Machine } from "./machine.ts";
import { createTransferModel } from "./transfer-model.ts";

/** Times (ns) that no run of one pass through a schedule can beat under the simulator's model. */
export interface Bounds {
  /**
   * The rank with the most kernel work, each kernel at its best rate; of one stream also the launches. On hosts the busiest
   * thread, or all threads' work over the cores.
   */
  readonly compute: number;
  /** The busiest directed link: the bytes that load it over its capacity; or the copies of a host over its memory. */
  readonly network: number;
  /** Bytes that load each directed link in one pass, overhead of protocol and messages included. */
  readonly linkBytes: Float64Array;
  /** The busiest link, or −1 where nothing crosses any. */
  readonly busiestLink: number;
}

/** Lower bounds of one pass; both are admissible: the makespan of a pass is never below either. */
export function lowerBounds(schedule: Schedule, machine: Machine, constants: Constants): Bounds {
  const model = createHostModel(schedule, machine);
  const linkBytes = loadLinks(schedule, machine, constants, model);
  const { capacity } = machine.network;
  let busiestLink = -1;
  let network = 0;
  for (let link = 0; link < linkBytes.length; link++) {
    const busyNs = (linkBytes[link]! / capacity[link]!) * 1e9;
    if (linkBytes[link] === 0 || busyNs <= network) continue;
    network = busyNs;
    busiestLink = link;
  }
  if (model === null) return { compute: computeBound(schedule, machine, constants), network, linkBytes, busiestLink };
  const { compute, copies } = hostBounds(schedule, model);
  return { compute, network: Math.max(network, copies), linkBytes, busiestLink };
}

/** A rank's kernels share its multiprocessors, so their work adds up; launches of one stream come one after the other. */
function computeBound(schedule: Schedule, machine: Machine, constants: Constants): number {
  const { kind, rank, stream } = schedule.ops;
  const model = createComputeModel(schedule, machine.devices, constants);
  const numStreams = schedule.streams.length;
  const workOfRank = new Float64Array(schedule.ranks);
  const timeOfLane = new Float64Array(schedule.ranks * numStreams);
  for (let op = 0; op < numOps(schedule); op++) {
    if (!isKernel(kind[op]!)) continue;
    const workNs = model.workNs(op);
    workOfRank[rank[op]!]! += workNs;
    timeOfLane[rank[op]! * numStreams + stream[op]!]! += workNs + model.launchNs(rank[op]!);
  }
  return Math.max(largest(workOfRank), largest(timeOfLane));
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) if (value > most) most = value;
  return most;
}

function loadLinks(schedule: Schedule, machine: Machine, constants: Constants, hosts: HostModel | null): Float64Array {
  const { kind, rank, peer } = schedule.ops;
  const model = createTransferModel(schedule, machine, constants);
  const linkBytes = new Float64Array(machine.network.numLinks);
  for (let op = 0; op < numOps(schedule); op++) {
    const code = kind[op]!;
    if (code !== Kind.put && code !== Kind.get && code !== Kind.send) continue;
    const source = code === Kind.get ? peer[op]! : rank[op]!;
    const target = code === Kind.get ? rank[op]! : peer[op]!;
    if (source === target || hosts?.takesLinks(source, target) === false) continue;
    const bytes = hosts === null ? model.wireBytes(op) : model.payloadBytes(op);
    const path = model.path(source, target);
    for (let i = 0; i < path.length; i++) linkBytes[path[i]!]! += bytes;
  }
  return linkBytes;
}
