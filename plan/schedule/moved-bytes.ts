import { Kind, type Schedule } from "./schedule.ts";
import { listBytes } from "./volume.ts";
import { elementBytes } from "../workload/workload.ts";

/** Bytes of an element of an accumulator, fp32. */
export const ACCUMULATOR_BYTES = 4;

/** Elements of the tiles `list[start … end − 1]` with `width` elements a token and head, over the whole batch. */
export function elementsOf(schedule: Schedule, list: Uint32Array, start: number, end: number, width: number): number {
  const { numTokens, numHeads } = schedule.operands;
  let sum = 0;
  for (let at = start; at < end; at++) sum += numTokens[list[at]!]! * numHeads[list[at]!]!;
  return sum * schedule.workload.batch * width;
}

/** Elements of the accumulators in `to` (of a merge or attend), the LSE among them. */
export function accumulatorElements(schedule: Schedule, op: number): number {
  const { to, toStart } = schedule.ops;
  return elementsOf(schedule, to, toStart[op]!, toStart[op + 1]!, schedule.workload.headDim + 1);
}

/** Read and written bytes of a merge (both accumulators read, both written), finalize or copy. */
export function movedBytes(schedule: Schedule, op: number): number {
  const { kind, from, fromStart, to, toStart } = schedule.ops;
  const { headDim, dtype } = schedule.workload;
  const code = kind[op]!;
  if (code === Kind.merge) return 4 * ACCUMULATOR_BYTES * accumulatorElements(schedule, op);
  if (code === Kind.copy) return 2 * listBytes(schedule, from, fromStart[op]!, fromStart[op + 1]!);
  const accumulators = elementsOf(schedule, from, fromStart[op]!, fromStart[op + 1]!, headDim + 1);
  const output = elementsOf(schedule, to, toStart[op]!, toStart[op + 1]!, headDim);
  return 2 * ACCUMULATOR_BYTES * accumulators + elementBytes(dtype) * output;
}
