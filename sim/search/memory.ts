import { UsageError } from "../../plan/errors.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";

/** Bytes that a rank needs: all weights, one layer's activations of its shard, and the schedule's heap and accumulators. */
export interface RankMemory {
  readonly weights: number;
  readonly activations: number;
  readonly heap: number;
  readonly accumulators: number;
  readonly total: number;
}

/** Bytes that the busiest rank of a schedule needs. */
export function rankMemory(schedule: Schedule): RankMemory {
  const { workload, heapBytes, accumulatorBytes } = schedule;
  const rows = Math.ceil(workload.tokens / (schedule.ranks / schedule.groups)) * workload.batch;
  const activations = rows * workload.activationBytesPerToken;
  return {
    weights: workload.modelBytes,
    activations,
    heap: heapBytes,
    accumulators: accumulatorBytes,
    total: workload.modelBytes + activations + heapBytes + accumulatorBytes,
  };
}

/** Stops with `infeasible` where a rank's memory is not enough. */
export function requireMemory(schedule: Schedule, memoryBytes: number): void {
  const { weights, activations, heap, accumulators, total } = rankMemory(schedule);
  if (total <= memoryBytes) return;
  const parts = `weights ${gigabytes(weights)}, activations ${gigabytes(activations)}, heap ${gigabytes(heap)}, accumulators ${gigabytes(accumulators)}`;
  throw new UsageError(
    "infeasible",
    `a rank needs ${gigabytes(total)} (${parts}); the device has ${gigabytes(memoryBytes)}`,
    {
      hint: "Use more ranks, tensor parallelism, a device with more memory, or a smaller workload.",
    },
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
