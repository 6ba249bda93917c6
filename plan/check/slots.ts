import { ranksPerGroup, type Schedule, SLOT_ALIGNMENT, type Slot, type Tensor } from "../schedule/schedule.ts";
import { countTokens, shardPieces, type Piece } from "../workload/shards.ts";
import { elementBytes, type Workload } from "../workload/workload.ts";
import type { Report } from "./report.ts";

/** Heads that a tensor has in all: columns of its shard. */
export function headsOf(workload: Workload, tensor: Tensor): number {
  return tensor === "KV" ? workload.kvHeads : workload.heads;
}

/** Planes that a slot needs to hold a tensor. */
export function planesOf(workload: Workload, tensor: Tensor): number {
  return tensor === "KV" ? 2 * workload.batch : workload.batch;
}

export function isAccumulator(slot: Slot): boolean {
  return slot.role === "accumulator";
}

/** Bytes of one head of one token: `D` elements, or for an accumulator `D + 1` of fp32, the LSE with them. */
export function cellBytes(workload: Workload, slot: Slot): number {
  return isAccumulator(slot) ? 4 * (workload.headDim + 1) : workload.headDim * elementBytes(workload.dtype);
}

/** Shards of the ranks of one group. */
export function shardsOfGroup(schedule: Schedule): Piece[][] {
  return shardPieces(schedule.workload, ranksPerGroup(schedule));
}

/** Slots by themselves: places, sizes, roles, and the two peaks. */
export function checkSlots(schedule: Schedule, report: Report): void {
  for (const slot of schedule.slots) checkSlot(schedule, slot, report);
  checkShardSlots(schedule, report);
  checkInputsApart(schedule, report);
  checkPeak(schedule, false, schedule.heapBytes, report);
  checkPeak(schedule, true, schedule.accumulatorBytes, report);
}

function checkSlot(schedule: Schedule, slot: Slot, report: Report): void {
  const needed = slot.planes * slot.rows * slot.columns * cellBytes(schedule.workload, slot);
  if (slot.bytes < needed) report.addAtRanks("slot-bytes", [], slot.name, needed, slot.bytes);
  if (slot.offset % SLOT_ALIGNMENT !== 0) report.addAtRanks("slot-place", [], slot.name, SLOT_ALIGNMENT, slot.offset);
}

function checkPeak(schedule: Schedule, accumulators: boolean, stated: number, report: Report): void {
  const slots = schedule.slots.filter((slot) => isAccumulator(slot) === accumulators);
  const peak = slots.reduce((most, slot) => Math.max(most, slot.offset + slot.bytes), 0);
  const memory = accumulators ? "accumulators" : "symmetric heap";
  if (peak !== stated) report.addAtRanks("heap-peak", [], memory, peak, stated);
}

/** Inputs are the slots Q and KV, the output is O; each holds the largest shard with all its heads. */
function checkShardSlots(schedule: Schedule, report: Report): void {
  const roles = [
    { role: "input", tensors: ["Q", "KV"] },
    { role: "output", tensors: ["O"] },
  ] as const;
  const rows = Math.max(...shardsOfGroup(schedule).map(countTokens));
  for (const { role, tensors } of roles) {
    const slots = schedule.slots.filter((slot) => slot.role === role);
    const names = slots.map((slot) => slot.name);
    if ([...names].sort().join() !== [...tensors].sort().join())
      report.addAtRanks("slot-roles", [], role, `the slots ${tensors.join(" and ")}`, names.join(", ") || "none");
    for (const slot of slots) checkShardSlot(schedule, slot, rows, report);
  }
}

/** All inputs are there before the run: none lies in the bytes of another. */
function checkInputsApart(schedule: Schedule, report: Report): void {
  const inputs = schedule.slots.filter(({ role }) => role === "input").sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < inputs.length; i++) {
    const [before, slot] = [inputs[i - 1]!, inputs[i]!];
    const end = before.offset + before.bytes;
    if (slot.offset < end) report.addAtRanks("inputs-overlap", [], slot.name, slot.offset, before.name, end);
  }
}

function checkShardSlot(schedule: Schedule, slot: Slot, rows: number, report: Report): void {
  const tensor = slot.name as Tensor;
  const columns = headsOf(schedule.workload, tensor);
  const planes = planesOf(schedule.workload, tensor);
  if (slot.columns === columns && slot.planes === planes && slot.rows >= rows) return;
  const expected = `${planes} planes × at least ${rows} rows × ${columns} columns`;
  report.addAtRanks("shard-slot", [], slot.name, expected, `${slot.planes} × ${slot.rows} × ${slot.columns}`);
}
