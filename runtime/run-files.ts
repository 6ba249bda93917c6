import { UsageError } from "../plan/errors.ts";
import type { Schedule } from "../plan/schedule/schedule.ts";
import type { Inputs } from "./job.ts";
import { readTensorFile, shapeOfTensor } from "./tensors/tensor-files.ts";

/**
 * Q, K and V of a schedule's one group from files, into memory that `allocate` makes. Throws a UsageError for files that do
 * not fit the workload, and for a schedule of several groups: each has a request of its own.
 */
export function readInputs(
  inputs: Extract<Inputs, { q: string }>,
  { workload, groups }: Schedule,
  allocate: (numElements: number) => Float32Array,
): { readonly q: Float32Array; readonly k: Float32Array; readonly v: Float32Array } {
  if (groups !== 1) {
    throw new UsageError("usage", `expected a schedule of one group to read inputs for, got ${groups} groups`, {
      path: "--q",
      hint: "Leave --q, --k and --v out, or plan without --data-parallel and split guidance.",
    });
  }
  const read = (name: "q" | "k" | "v") =>
    readTensorFile(inputs[name], name, shapeOfTensor(workload, name), allocate).data;
  return { q: read("q"), k: read("k"), v: read("v") };
}
