import { Kind, type Schedule } from "../plan/schedule/schedule.ts";
import { listBytes } from "../plan/schedule/volume.ts";
import type { Constants } from "./constants.ts";
import type { Machine } from "./machine.ts";

/** What a transfer costs beside its share of the links: overheads, latencies and the bytes that load the links. */
export interface TransferModel {
  /** Whether two ranks are on one machine, so that the fabric joins them. */
  isFabric(a: number, b: number): boolean;
  /** Payload (bytes) of a put, get, send or receive. */
  payloadBytes(op: number): number;
  /** Bytes by which a put, get or send loads each link of its path: protocol and start of the message make it more. */
  wireBytes(op: number): number;
  /** From the posting of a put, get or notify (for put and get, from a free copy engine on) to its latency phase (ns). */
  issueNs(source: number, target: number): number;
  /** From both kernels of a pair being resident to the latency phase (ns). */
  rendezvousNs(source: number, target: number): number;
  /** From the last byte to the signal seen (ns). */
  signalNs(source: number, target: number): number;
  /** Latency of the path (ns); 0 from a rank to itself. */
  latencyNs(source: number, target: number): number;
  /** Links of the path; only between different ranks. */
  path(source: number, target: number): Int32Array;
  /** From the last rank's arrival to the end of a barrier (ns). */
  readonly barrierNs: number;
}

/** The model of a schedule's transfers on a machine; ranks are the schedule's. */
export function createTransferModel(schedule: Schedule, machine: Machine, constants: Constants): TransferModel {
  const { placement, ops } = schedule;
  const { kind, from, fromStart, to, toStart } = ops;
  const place = Int32Array.from(placement);
  const machineOf = place.map((rank) => machine.network.rankMachines[rank]!);
  const isTwoSided = schedule.transport === "two-sided";
  const fabricFactor = isTwoSided ? 1 / constants.fabricTwoSidedEfficiency : 1;
  const kernelBytes = isTwoSided ? networkBytesOfKernels(schedule, machineOf) : new Float64Array(0);

  function isFabric(a: number, b: number): boolean {
    return machineOf[a] === machineOf[b];
  }

  function payloadBytes(op: number): number {
    if (kind[op] === Kind.receive) return listBytes(schedule, to, toStart[op]!, toStart[op + 1]!);
    return listBytes(schedule, from, fromStart[op]!, fromStart[op + 1]!);
  }

  return {
    isFabric,
    payloadBytes,
    wireBytes(op) {
      const payload = payloadBytes(op);
      if (payload === 0) return 0;
      const isGet = kind[op] === Kind.get;
      const source = isGet ? ops.peer[op]! : ops.rank[op]!;
      const target = isGet ? ops.rank[op]! : ops.peer[op]!;
      if (isFabric(source, target)) return payload * fabricFactor;
      if (isTwoSided) return payload * (1 + Math.min(1, constants.networkTwoSidedStartBytes / kernelBytes[op]!));
      const efficiency = machine.pathOneSidedEfficiency(machine.pathIndex(place[source]!, place[target]!));
      return payload / (efficiency ?? constants.networkOneSidedEfficiency) + constants.networkOneSidedMessageBytes;
    },
    issueNs: (source, target) => (isFabric(source, target) ? constants.fabricPutNs : constants.networkPutNs),
    rendezvousNs: (source, target) =>
      isFabric(source, target) ? constants.fabricRendezvousNs : constants.networkRendezvousNs,
    signalNs: (source, target) => (isFabric(source, target) ? constants.fabricSignalNs : constants.networkSignalNs),
    latencyNs: (source, target) =>
      source === target ? 0 : machine.pathLatencyNs(machine.pathIndex(place[source]!, place[target]!)),
    path: (source, target) => machine.path(machine.pathIndex(place[source]!, place[target]!)),
    barrierNs: barrierNs(machineOf, constants),
  };
}

/** For each send between machines: the bytes of all of them in its communication kernel, whose members are neighbors. */
function networkBytesOfKernels(schedule: Schedule, machineOf: Int32Array): Float64Array {
  const { kind, rank, peer, stream, group, from, fromStart } = schedule.ops;
  const first = new Uint32Array(kind.length);
  const bytes = new Float64Array(kind.length);
  const lastOfLane = new Int32Array(schedule.ranks * schedule.streams.length).fill(-1);
  for (let op = 0; op < kind.length; op++) {
    if (kind[op] !== Kind.send || machineOf[rank[op]!] === machineOf[peer[op]!]) continue;
    const lane = rank[op]! * schedule.streams.length + stream[op]!;
    const last = lastOfLane[lane]!;
    const joins = last !== -1 && group[op] !== 0 && group[last] === group[op];
    first[op] = joins ? first[last]! : op;
    bytes[first[op]!]! += listBytes(schedule, from, fromStart[op]!, fromStart[op + 1]!);
    lastOfLane[lane] = op;
  }
  for (let op = 0; op < kind.length; op++) bytes[op] = bytes[first[op]!]!;
  return bytes;
}

function barrierNs(machineOf: Int32Array, constants: Constants): number {
  const sizes = new Map<number, number>();
  for (const machine of machineOf) sizes.set(machine, (sizes.get(machine) ?? 0) + 1);
  return barrierRoundsNs(Math.max(...sizes.values()), sizes.size, constants);
}

/** A barrier by dissemination (ns): rounds inside the largest machine, then between machines. */
export function barrierRoundsNs(ranksOfMachine: number, machines: number, constants: Constants): number {
  return (
    Math.ceil(Math.log2(ranksOfMachine)) * constants.fabricBarrierNs +
    Math.ceil(Math.log2(machines)) * constants.networkBarrierNs
  );
}
