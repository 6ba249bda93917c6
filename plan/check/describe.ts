import { OP_KINDS, type Schedule, TENSORS } from "../schedule/schedule.ts";

const prepositions: Readonly<Record<string, string>> = {
  put: "to",
  get: "from",
  notify: "to",
  send: "to",
  receive: "from",
};

/** `op 17 (put to rank 1, on rank 0 inter)`. */
export function describeOp(schedule: Schedule, op: number): string {
  const { ops, streams } = schedule;
  const kind = OP_KINDS[ops.kind[op]!]!;
  const preposition = prepositions[kind];
  const peer = preposition === undefined ? "" : ` ${preposition} rank ${ops.peer[op]!}`;
  return `op ${op} (${kind}${peer}, on rank ${ops.rank[op]!} ${streams[ops.stream[op]!]!})`;
}

/** A half-open range, `[3, 7)`. */
export function describeRange(start: number, end: number): string {
  return `[${start}, ${end})`;
}

export function describeTile(tensor: number, head: number, numHeads: number, token: number, numTokens: number): string {
  const heads = describeRange(head, head + numHeads);
  return `${TENSORS[tensor]!} heads ${heads} tokens ${describeRange(token, token + numTokens)}`;
}

/** The tile of an operand. */
export function describeOperandTile(schedule: Schedule, operand: number): string {
  const { tensor, head, numHeads, token, numTokens } = schedule.operands;
  return describeTile(tensor[operand]!, head[operand]!, numHeads[operand]!, token[operand]!, numTokens[operand]!);
}

/** The tile of an operand and where it lies. */
export function describeOperand(schedule: Schedule, operand: number): string {
  const { slot, row, column, numHeads, numTokens } = schedule.operands;
  const rows = describeRange(row[operand]!, row[operand]! + numTokens[operand]!);
  const columns = describeRange(column[operand]!, column[operand]! + numHeads[operand]!);
  const name = schedule.slots[slot[operand]!]!.name;
  return `${describeOperandTile(schedule, operand)} at ${name} rows ${rows} columns ${columns}`;
}

/** `word 3 of rank 1 (signal 9)`. */
export function describeWord(schedule: Schedule, signal: number): string {
  const { rank, word } = schedule.signals;
  return `word ${word[signal]!} of rank ${rank[signal]!} (signal ${signal})`;
}
