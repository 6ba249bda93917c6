import { ranksPerGroup, type Schedule, type Slot } from "../plan/schedule/schedule.ts";
import { shardPieces } from "../plan/workload/shards.ts";

/** A run of elements that a shard shares with the whole tensor. */
export interface ShardRun {
  /** Element of the heap, and of the tensor `[B, L, heads, D]`. */
  readonly heapAt: number;
  readonly tensorAt: number;
  readonly length: number;
  /** `[B, tokens, heads, D]` is once in Q and O; in KV planes `B…` are V. */
  readonly plane: number;
}

/** Where the shard of a rank lies in its input or output slot (layout of ARCHITECTURE.md), and in its group's tensor. */
export function shardRuns(schedule: Schedule, rank: number, name: "Q" | "KV" | "O"): ShardRun[] {
  const { workload } = schedule;
  const slot = slotNamed(schedule, name);
  const ranks = ranksPerGroup(schedule);
  const width = slot.columns * workload.headDim;
  const runs: ShardRun[] = [];
  for (let plane = 0; plane < slot.planes; plane++) {
    let row = 0;
    for (const { start, end } of shardPieces(workload, ranks)[rank % ranks]!) {
      runs.push({
        heapAt: slot.offset / Float32Array.BYTES_PER_ELEMENT + (plane * slot.rows + row) * width,
        tensorAt: ((plane % workload.batch) * workload.tokens + start) * width,
        length: (end - start) * width,
        plane,
      });
      row += end - start;
    }
  }
  return runs;
}

/** Group that a rank belongs to. */
export function groupOf(schedule: Schedule, rank: number): number {
  return Math.floor(rank / ranksPerGroup(schedule));
}

function slotNamed({ slots }: Schedule, name: string): Slot {
  return slots.find((slot) => slot.name === name && slot.role !== "accumulator")!;
}
