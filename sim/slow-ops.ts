import { Kind, numOps, type Schedule } from "../plan/schedule/schedule.ts";
import { isKernel } from "./is-kernel.ts";

/**
 * What an op is doing. `delay`, `work` and `flow` take time; the others wait for the state of the rest.
 * `work` is in ns of a device of its own, `flow` in bytes. `host`: a thread or emulated links have it.
 */
export type Phase =
  | { readonly name: "unposted" | "signal" | "engine" | "resident" | "partner" | "pair" | "host" | "ended" }
  | { readonly name: "multiprocessors"; readonly gaps: readonly Gap[] }
  | { readonly name: "delay"; readonly untilNs: number; readonly then: (op: Op) => void }
  | { readonly name: "work"; readonly total: number; left: number }
  | { readonly name: "flow"; readonly path: Int32Array; left: number };

/** A kernel that is ahead, and the work that it still has when it gives way. */
export interface Gap {
  readonly op: Op;
  readonly left: number;
}

export interface Op {
  readonly id: number;
  readonly kind: number;
  readonly rank: number;
  readonly peer: number;
  /** Members of its unit, itself among them. */
  unit: readonly Op[];
  predecessors: readonly Op[];
  partner: Op | null;
  phase: Phase;
  /** Of sends and receives: the kernel of the unit has its multiprocessors. */
  isResident: boolean;
  startNs: number;
  issueNs: number;
  endNs: number;
}

export interface SlowRun {
  readonly startNs: readonly number[];
  readonly endNs: readonly number[];
  readonly computeNs: readonly number[];
  readonly communicationNs: readonly number[];
  readonly exposedNs: readonly number[];
}

/** All ops, unposted. */
export function makeOps(schedule: Schedule): Op[] {
  const { kind, rank, peer } = schedule.ops;
  const ops = Array.from(
    { length: numOps(schedule) },
    (_, id): Op => ({
      id,
      kind: kind[id]!,
      rank: rank[id]!,
      peer: peer[id]!,
      unit: [],
      predecessors: [],
      partner: null,
      phase: { name: "unposted" },
      isResident: false,
      startNs: -1,
      issueNs: -1,
      endNs: -1,
    }),
  );
  for (const op of ops) op.unit = unitOf(schedule, ops, op);
  for (const op of ops) op.predecessors = predecessorsOf(schedule, ops, op);
  matchEnds(ops);
  return ops;
}

function sameStream(schedule: Schedule, op: Op): (other: Op) => boolean {
  return (other) => other.rank === op.rank && schedule.ops.stream[other.id] === schedule.ops.stream[op.id];
}

function unitOf(schedule: Schedule, ops: readonly Op[], op: Op): readonly Op[] {
  const { group } = schedule.ops;
  if (op.kind === Kind.barrier) {
    const barriers = (rank: number) => ops.filter((other) => other.kind === Kind.barrier && other.rank === rank);
    const index = barriers(op.rank).indexOf(op);
    return Array.from({ length: schedule.ranks }, (_, rank) => barriers(rank)[index]!).sort((a, b) => a.id - b.id);
  }
  if (group[op.id] === 0 || (op.kind !== Kind.send && op.kind !== Kind.receive)) return [op];
  const lane = ops.filter(sameStream(schedule, op));
  const isMember = (other: Op | undefined) => other !== undefined && group[other.id] === group[op.id];
  let first = lane.indexOf(op);
  let last = first;
  while (isMember(lane[first - 1])) first--;
  while (isMember(lane[last + 1])) last++;
  return lane.slice(first, last + 1);
}

function predecessorsOf(schedule: Schedule, ops: readonly Op[], op: Op): readonly Op[] {
  const { deps, depsStart } = schedule.ops;
  const earlier = ops.filter(sameStream(schedule, op)).filter((other) => other.id < op.id && !op.unit.includes(other));
  return [...earlier, ...Array.from(deps.subarray(depsStart[op.id], depsStart[op.id + 1]), (id) => ops[id]!)];
}

function matchEnds(ops: readonly Op[]): void {
  for (const send of ops.filter((op) => op.kind === Kind.send)) {
    const sends = ops.filter((op) => op.kind === Kind.send && op.rank === send.rank && op.peer === send.peer);
    const receives = ops.filter((op) => op.kind === Kind.receive && op.rank === send.peer && op.peer === send.rank);
    send.partner = receives[sends.indexOf(send)]!;
    send.partner.partner = send;
  }
}

interface Interval {
  readonly startNs: number;
  readonly endNs: number;
}

/** Times of all ops and sums by rank. */
export function summarize(schedule: Schedule, ops: readonly Op[]): SlowRun {
  const isTransfer = (op: Op) => [Kind.put, Kind.get, Kind.send].includes(op.kind);
  const ranks = Array.from({ length: schedule.ranks }, (_, rank) => {
    const own = ops.filter((op) => op.rank === rank && isKernel(op.kind));
    const kernels = own.map((op) => ({ startNs: op.startNs, endNs: op.endNs }));
    const touching = ops.filter((op) => isTransfer(op) && (op.rank === rank || op.peer === rank));
    const flows = touching.map((op) => ({ startNs: op.issueNs, endNs: op.endNs }));
    const [computeNs, communicationNs] = [unionNs(kernels), unionNs(flows)];
    return { computeNs, communicationNs, exposedNs: unionNs([...kernels, ...flows]) - computeNs };
  });
  return {
    startNs: ops.map((op) => op.startNs),
    endNs: ops.map((op) => op.endNs),
    computeNs: ranks.map(({ computeNs }) => computeNs),
    communicationNs: ranks.map(({ communicationNs }) => communicationNs),
    exposedNs: ranks.map(({ exposedNs }) => exposedNs),
  };
}

/** Length of the union of intervals. */
function unionNs(intervals: readonly Interval[]): number {
  let sum = 0;
  let reached = 0;
  for (const { startNs, endNs } of [...intervals].sort((a, b) => a.startNs - b.startNs)) {
    sum += Math.max(0, endNs - Math.max(startNs, reached));
    reached = Math.max(reached, endNs);
  }
  return sum;
}
