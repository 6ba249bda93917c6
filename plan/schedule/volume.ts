import { elementBytes } from "../workload/workload.ts";
import { Kind, machinesOfMesh, ranksPerGroup, ranksPerMachine, type Schedule, TensorCode } from "./schedule.ts";

/** Bytes that one run through the ops moves. */
export interface Volume {
  /** Bytes that the busiest machine sends to other machines. */
  readonly interMachineBytesPerMachine: number;
  /** Bytes that the busiest rank sends to ranks of its own machine. */
  readonly intraMachineBytesPerRank: number;
}

/** Bytes of the operands `list[start … end − 1]`: planes·tokens·heads·D·s each, with 2B planes for KV and B for Q and O. */
export function listBytes(schedule: Schedule, list: Uint32Array, start: number, end: number): number {
  const { tensor, numTokens, numHeads } = schedule.operands;
  const { batch, headDim, dtype } = schedule.workload;
  let elements = 0;
  for (let at = start; at < end; at++) {
    const operand = list[at]!;
    const plane = numTokens[operand]! * numHeads[operand]!;
    elements += tensor[operand] === TensorCode.KV ? 2 * plane : plane;
  }
  return elements * batch * headDim * elementBytes(dtype);
}

/** Bytes of a transfer: its operands at the end that sends. */
export function transferBytes(schedule: Schedule, op: number): number {
  const { from, fromStart } = schedule.ops;
  return listBytes(schedule, from, fromStart[op]!, fromStart[op + 1]!);
}

/** Machine of a rank in the mesh; groups do not share machines here. */
function machineOfRank(schedule: Schedule, rank: number): number {
  const inGroup = rank % ranksPerGroup(schedule);
  const group = Math.floor(rank / ranksPerGroup(schedule));
  return group * machinesOfMesh(schedule.mesh) + Math.floor(inGroup / ranksPerMachine(schedule.mesh));
}

/** Counts the bytes of every put, get and send, by the machine and rank that they leave. */
export function volumeOf(schedule: Schedule): Volume {
  const { ops } = schedule;
  const machines = new Float64Array(schedule.groups * machinesOfMesh(schedule.mesh));
  const ranks = new Float64Array(schedule.ranks);
  for (let op = 0; op < ops.kind.length; op++) {
    const kind = ops.kind[op]!;
    if (kind !== Kind.put && kind !== Kind.get && kind !== Kind.send) continue;
    const source = kind === Kind.get ? ops.peer[op]! : ops.rank[op]!;
    const target = kind === Kind.get ? ops.rank[op]! : ops.peer[op]!;
    const machine = machineOfRank(schedule, source);
    if (machine === machineOfRank(schedule, target)) ranks[source]! += transferBytes(schedule, op);
    else machines[machine]! += transferBytes(schedule, op);
  }
  return { interMachineBytesPerMachine: largest(machines), intraMachineBytesPerRank: largest(ranks) };
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
