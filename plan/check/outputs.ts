import { ranksPerGroup, type Schedule, type Tensor, TensorCode } from "../schedule/schedule.ts";
import type { Piece } from "../workload/shards.ts";
import { describeContent } from "./accesses.ts";
import { describeRegion, holdsTile, type Memory } from "./memory.ts";
import { areaOf, type Content, FILLED_BEFORE } from "./regions.ts";
import { headsOf } from "./slots.ts";

/** A shard in each slot of a role: its pieces one after the other from row 0 on, with all heads. */
export function shardContents(schedule: Schedule, role: "input" | "output", pieces: readonly Piece[]): Content[] {
  const contents: Content[] = [];
  schedule.slots.forEach((slot, index) => {
    if (slot.role !== role) return;
    const tensor = slot.name as Tensor;
    let row = 0;
    for (const { start, end } of pieces) {
      contents.push({
        operand: -1,
        slot: index,
        rowStart: row,
        rowEnd: row + end - start,
        columnStart: 0,
        columnEnd: headsOf(schedule.workload, tensor),
        tensor: TensorCode[tensor],
        token: start,
        head: 0,
      });
      row += end - start;
    }
  });
  return contents;
}

/**
 * At the end each rank's output holds its shard of O. Every op ends before the last barrier, and with that barrier all
 * puts are visible: there is nothing more to order.
 */
export function checkOutputs(memory: Memory, shards: readonly (readonly Piece[])[]): void {
  const perGroup = ranksPerGroup(memory.schedule);
  for (let rank = 0; rank < memory.schedule.ranks && !memory.report.isFull(); rank++) {
    for (const content of shardContents(memory.schedule, "output", shards[rank % perGroup]!))
      checkOutput(memory, rank, content);
  }
}

function checkOutput(memory: Memory, rank: number, expected: Content): void {
  const { store, aliases, report, isRead } = memory;
  const { regions } = store;
  let missing = areaOf(expected);
  let found = "bytes there that nothing has filled";
  for (const region of memory.regionsOf(rank, expected.slot)) {
    const sameShape = aliases.geometryOf[regions.slot[region]!] === aliases.geometryOf[expected.slot];
    if (!sameShape || !store.overlaps(region, expected)) continue;
    if (holdsTile(memory, region, expected)) {
      missing -= overlapArea(memory, region, expected);
      if (regions.writer[region] !== FILLED_BEFORE) isRead[regions.writer[region]!] = 1;
    } else found = describeRegion(memory, region);
  }
  if (missing > 0) report.addAtRanks("output", [rank], rank, describeContent(memory, expected), found);
}

function overlapArea({ store: { regions } }: Memory, region: number, expected: Content): number {
  const rowStart = Math.max(regions.rowStart[region]!, expected.rowStart);
  const rowEnd = Math.min(regions.rowEnd[region]!, expected.rowEnd);
  const columnStart = Math.max(regions.columnStart[region]!, expected.columnStart);
  const columnEnd = Math.min(regions.columnEnd[region]!, expected.columnEnd);
  return (rowEnd - rowStart) * (columnEnd - columnStart);
}
