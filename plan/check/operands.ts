import { type Schedule, TENSORS } from "../schedule/schedule.ts";
import { describeOperand, describeOperandTile } from "./describe.ts";
import type { Report } from "./report.ts";
import { headsOf, isAccumulator, planesOf } from "./slots.ts";

/** Every operand by itself: its tile lies in the tensor, and it fits its slot. Several ops share an operand. */
export function checkOperands(schedule: Schedule, report: Report): void {
  let users: Int32Array | null = null;
  const firstUser = (operand: number): number[] => {
    users ??= firstUsers(schedule);
    return users[operand]! < 0 ? [] : [users[operand]!];
  };
  for (let operand = 0; operand < schedule.operands.slot.length && !report.isFull(); operand++) {
    checkTile(schedule, operand, firstUser, report);
    checkPlace(schedule, operand, firstUser, report);
  }
}

function checkTile(schedule: Schedule, operand: number, users: (operand: number) => number[], report: Report): void {
  const { tensor, head, numHeads, token, numTokens } = schedule.operands;
  const { workload } = schedule;
  const heads = headsOf(workload, TENSORS[tensor[operand]!]!);
  const inHeads = head[operand]! + numHeads[operand]! <= heads;
  if (inHeads && token[operand]! + numTokens[operand]! <= workload.tokens) return;
  const limits = `heads [0, ${heads}) and tokens [0, ${workload.tokens})`;
  report.add("tile-range", users(operand), describeOperandTile(schedule, operand), limits);
}

function checkPlace(schedule: Schedule, operand: number, users: (operand: number) => number[], report: Report): void {
  const { slot: slots, tensor, row, column, numHeads, numTokens } = schedule.operands;
  const slot = schedule.slots[slots[operand]!]!;
  const fits =
    row[operand]! + numTokens[operand]! <= slot.rows && column[operand]! + numHeads[operand]! <= slot.columns;
  if (!fits) {
    const shape = `${slot.rows} rows × ${slot.columns} columns`;
    report.add("slot-bounds", users(operand), describeOperand(schedule, operand), shape);
  }
  // An accumulator holds sums of O whatever it is called; everything else lies in as many planes as its tensor has.
  const planes = planesOf(schedule.workload, isAccumulator(slot) ? "O" : TENSORS[tensor[operand]!]!);
  if (slot.planes !== planes)
    report.add("slot-planes", users(operand), describeOperand(schedule, operand), planes, slot.planes);
}

/** For each operand the first op that uses it, −1 for none. */
function firstUsers(schedule: Schedule): Int32Array {
  const { kind, fromStart, from, toStart, to } = schedule.ops;
  const users = new Int32Array(schedule.operands.slot.length).fill(-1);
  for (let op = kind.length - 1; op >= 0; op--) {
    for (let i = fromStart[op]!; i < fromStart[op + 1]!; i++) users[from[i]!] = op;
    for (let i = toStart[op]!; i < toStart[op + 1]!; i++) users[to[i]!] = op;
  }
  return users;
}
