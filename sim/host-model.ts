import { UsageError } from "../plan/errors.ts";
import { Kind, type Schedule, TensorCode } from "../plan/schedule/schedule.ts";
import { listBytes } from "../plan/schedule/volume.ts";
import { leavesMemory } from "../plan/topology/hosts.ts";
import type { AttendFigures, HostFigures } from "../plan/topology/topology.ts";
import { attendFiguresAt, attendWorkNs } from "./attend-time.ts";
import { createAttendCounter } from "../plan/schedule/attend-counter.ts";
import { matchPairs } from "./dependencies.ts";
import type { Machine } from "./machine.ts";
import { movedBytes } from "../plan/schedule/moved-bytes.ts";

const NS_PER_SECOND = 1e9;

/** Threads of each rank: one runs stream 0, the other all other streams. */
export const THREADS_PER_RANK = 2;

/**
 * What the ops of ranks on cores of hosts cost, from `HostFigures` alone. Work is in ns of a thread that has a core and the
 * memory for itself. As flows of a network (`capacity`) a busy thread moves `copyBytesPerSecond` at most, so that 1 ns of
 * work is that many bytes; all threads of a host share its link of cores, those that copy also its link of copies.
 */
export interface HostModel {
  readonly numThreads: number;
  readonly numHosts: number;
  /** The thread that runs an op: `THREADS_PER_RANK · rank`, or one more. */
  threadOf(op: number): number;
  /** Links of the topology, then two for each host: cores and copies; bytes per second. */
  readonly capacity: Float64Array;
  /** The host's links that a thread loads, with or without copies. */
  threadPath(thread: number, copies: boolean): Int32Array;
  /** What a thread reaches alone, bytes per second. */
  threadRate(thread: number): number;
  hostOfThread(thread: number): number;
  opNs(thread: number): number;
  wakeNs(thread: number): number;
  /** Work of attend, merge, finalize, copy and compute, without `opNs`. */
  kernelNs(op: number): number;
  /** Work of moving the bytes of a put, get or send, by whichever thread does it. */
  transferNs(op: number): number;
  /** What the thread at the peer has to do for it; 0 but where links between machines are real. */
  peerNs(op: number): number;
  /** Whether transfers between two ranks take links of the topology, which are emulated or real. */
  takesLinks(source: number, target: number): boolean;
}

/**
 * The model of a schedule on a machine of host ranks, null on one of GPUs. Throws a UsageError: `workload` for a
 * schedule that is not in fp32, `format` for a send without receive.
 */
export function createHostModel(schedule: Schedule, machine: Machine): HostModel | null {
  const { hosts, network } = machine;
  if (hosts === null) return null;
  requireFp32(schedule);
  const { placement, ops } = schedule;
  const { kind, rank, stream, peer } = ops;
  const hostOfThread = (thread: number) => hosts.hostOf[placement[Math.floor(thread / THREADS_PER_RANK)]!]!;
  const figuresOf = (thread: number) => hosts.figures[hostOfThread(thread)]!;
  const figuresOfRank = (of: number) => figuresOf(of * THREADS_PER_RANK);
  const partner = matchPairs(schedule);
  const takesLinks = createTakesLinks(schedule, machine);
  const { kernelNs, copyNs, networkNs } = createDurations(schedule, figuresOfRank);
  const isNetwork = (op: number) =>
    figuresOfRank(rank[op]!).networkBytesPerSecond !== undefined && takesLinks(rank[op]!, peer[op]!);
  const paths = hosts.figures.map((_, host) => {
    const cores = network.numLinks + 2 * host;
    return { work: Int32Array.of(cores), copies: Int32Array.of(cores, cores + 1) };
  });
  return {
    numThreads: schedule.ranks * THREADS_PER_RANK,
    numHosts: hosts.figures.length,
    threadOf: (op) => rank[op]! * THREADS_PER_RANK + (stream[op] === 0 ? 0 : 1),
    capacity: capacities(network.capacity, hosts.figures),
    threadPath: (thread, copies) => paths[hostOfThread(thread)]![copies ? "copies" : "work"],
    threadRate: (thread) => figuresOf(thread).copyBytesPerSecond,
    hostOfThread,
    opNs: (thread) => figuresOf(thread).opNs,
    wakeNs: (thread) => figuresOf(thread).wakeNs,
    kernelNs,
    transferNs(op) {
      const target = kind[op] === Kind.send ? partner[op]! : op;
      return isNetwork(op) ? networkNs(op, target, rank[op]!) : copyNs(op, target);
    },
    peerNs: (op) => (isNetwork(op) ? networkNs(op, kind[op] === Kind.send ? partner[op]! : op, peer[op]!) : 0),
    takesLinks,
  };
}

function createTakesLinks({ placement }: Schedule, machine: Machine): HostModel["takesLinks"] {
  return (source, target) => {
    if (source === target) return false;
    const [from, to] = [placement[source]!, placement[target]!];
    return leavesMemory(machine.network, from, to, machine.path(machine.pathIndex(from, to)));
  };
}

function requireFp32({ workload }: Schedule): void {
  if (workload.dtype === "fp32") return;
  throw new UsageError("workload", `expected fp32 for ranks on the cores of a host, got ${workload.dtype}`, {
    path: "--dtype",
    hint: "Use --dtype fp32.",
  });
}

function capacities(links: Float64Array, hosts: readonly HostFigures[]): Float64Array {
  const all = new Float64Array(links.length + 2 * hosts.length);
  all.set(links);
  all.set(
    hosts.flatMap((host) => [host.cores * host.copyBytesPerSecond, host.allCopiesBytesPerSecond]),
    links.length,
  );
  return all;
}

type FiguresOfRank = (rank: number) => HostFigures;

function createDurations(schedule: Schedule, figuresOf: FiguresOfRank) {
  const { ops, operands, slots, workload, computes } = schedule;
  const { kind, rank, work, from, fromStart, to, toStart } = ops;
  const countAttend = createAttendCounter(schedule);
  const attendFigures = new Map<readonly AttendFigures[], AttendFigures>();

  function attendNs(op: number): number {
    const { attend } = figuresOf(rank[op]!);
    const known = attendFigures.get(attend) ?? attendFiguresAt(attend, workload.headDim);
    attendFigures.set(attend, known);
    return attendWorkNs(countAttend(op), known);
  }

  /** Whether a tile fills all columns of its slot. */
  function fillsColumns(operand: number): boolean {
    return operands.numHeads[operand] === slots[operands.slot[operand]!]!.columns;
  }

  /** Contiguous runs of bytes: planes, or where a tile at either end does not fill all columns their rows. */
  function numRuns(source: number, target: number): number {
    let runs = 0;
    const shift = toStart[target]! - fromStart[source]!;
    for (let at = fromStart[source]!; at < fromStart[source + 1]!; at++) {
      const operand = from[at]!;
      const isWhole = fillsColumns(operand) && fillsColumns(to[at + shift]!);
      const planes = workload.batch * (operands.tensor[operand] === TensorCode.KV ? 2 : 1);
      runs += planes * (isWhole ? 1 : operands.numTokens[operand]!);
    }
    return runs;
  }

  /** From the operands `from` of one op to the operands `to` of another or the same. */
  function copyNs(source: number, target: number): number {
    const { copyBytesPerSecond, copyRunNs } = figuresOf(rank[source]!);
    return (bytesOf(source) * NS_PER_SECOND) / copyBytesPerSecond + numRuns(source, target) * copyRunNs;
  }

  /** The same over a real network, at one end of it. */
  function networkNs(source: number, target: number, end: number): number {
    const { networkBytesPerSecond, copyRunNs } = figuresOf(end);
    const byteNs = NS_PER_SECOND / (networkBytesPerSecond ?? Infinity);
    return bytesOf(source) * byteNs + numRuns(source, target) * copyRunNs;
  }

  function bytesOf(op: number): number {
    return listBytes(schedule, from, fromStart[op]!, fromStart[op + 1]!);
  }

  function kernelNs(op: number): number {
    const { mergeBytesPerSecond, finalizeBytesPerSecond, matmulFlops } = figuresOf(rank[op]!);
    switch (kind[op]) {
      case Kind.attend:
        return attendNs(op);
      case Kind.merge:
        return (movedBytes(schedule, op) * NS_PER_SECOND) / mergeBytesPerSecond;
      case Kind.finalize:
        return (movedBytes(schedule, op) * NS_PER_SECOND) / finalizeBytesPerSecond;
      case Kind.copy:
        return copyNs(op, op);
      default:
        return (computes[work[op]!]!.flops * NS_PER_SECOND) / matmulFlops;
    }
  }

  return { kernelNs, copyNs, networkNs };
}
