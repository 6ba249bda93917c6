import {
  Kind,
  OP_KINDS,
  type OperandColumns,
  type OpKind,
  type Schedule,
  type Slot,
  TENSORS,
  type Tensor,
  TensorCode,
} from "../schedule/schedule.ts";

/** A tile at a place. */
export interface DraftOperand {
  slot: number;
  row: number;
  column: number;
  tensor: Tensor;
  head: number;
  numHeads: number;
  token: number;
  numTokens: number;
}

/** An op that refers to others by themselves, so that ops can be taken out, moved and put in. */
export interface DraftOp {
  kind: OpKind;
  rank: number;
  stream: number;
  peer: number;
  group: number;
  signal: number;
  signalValue: number;
  work: number;
  deps: DraftOp[];
  from: DraftOperand[];
  to: DraftOperand[];
  /** Id in the schedule that it was taken from; −1 for a new one. */
  origin: number;
}

export interface DraftSignal {
  rank: number;
  word: number;
  writerRank: number;
  writerStream: number;
}

/** A schedule that can be changed. */
export interface Draft {
  /** Everything but the columns, the slots and what follows from them. */
  head: Omit<Schedule, "ops" | "operands" | "signals" | "slots" | "heapBytes" | "accumulatorBytes">;
  slots: Slot[];
  signals: DraftSignal[];
  ops: DraftOp[];
}

function operandAt(columns: OperandColumns, i: number): DraftOperand {
  return {
    slot: columns.slot[i]!,
    row: columns.row[i]!,
    column: columns.column[i]!,
    tensor: TENSORS[columns.tensor[i]!]!,
    head: columns.head[i]!,
    numHeads: columns.numHeads[i]!,
    token: columns.token[i]!,
    numTokens: columns.numTokens[i]!,
  };
}

/** A draft of its own: nothing that is done to it changes the schedule. */
export function thaw(schedule: Schedule): Draft {
  const { ops, operands, signals } = schedule;
  const drafts: DraftOp[] = [];
  for (let i = 0; i < ops.kind.length; i++) {
    drafts.push({
      kind: OP_KINDS[ops.kind[i]!]!,
      rank: ops.rank[i]!,
      stream: ops.stream[i]!,
      peer: ops.peer[i]!,
      group: ops.group[i]!,
      signal: ops.signal[i]!,
      signalValue: ops.signalValue[i]!,
      work: ops.work[i]!,
      deps: [],
      from: Array.from(ops.from.subarray(ops.fromStart[i]!, ops.fromStart[i + 1]!), (o) => operandAt(operands, o)),
      to: Array.from(ops.to.subarray(ops.toStart[i]!, ops.toStart[i + 1]!), (o) => operandAt(operands, o)),
      origin: i,
    });
  }
  for (let i = 0; i < drafts.length; i++)
    drafts[i]!.deps = Array.from(ops.deps.subarray(ops.depsStart[i]!, ops.depsStart[i + 1]!), (dep) => drafts[dep]!);
  const words = Array.from(signals.rank, (rank, i) => ({
    rank,
    word: signals.word[i]!,
    writerRank: signals.writerRank[i]!,
    writerStream: signals.writerStream[i]!,
  }));
  return { head: schedule, slots: [...schedule.slots], signals: words, ops: drafts };
}

/** The schedule of a draft. Ops are numbered as they stand; dependencies on ops that are gone are dropped. */
export function freeze(draft: Draft): Schedule {
  const { ops, signals, slots } = draft;
  const ids = new Map(ops.map((op, id) => [op, id]));
  const operandIds = new Map<string, number>();
  const operands: DraftOperand[] = [];
  const idOf = (operand: DraftOperand): number => {
    const key = JSON.stringify(operand);
    let id = operandIds.get(key);
    if (id === undefined) {
      id = operands.length;
      operandIds.set(key, id);
      operands.push(operand);
    }
    return id;
  };
  const deps = rowsOf(ops.map((op) => op.deps.flatMap((dep) => ids.get(dep) ?? [])));
  const from = rowsOf(ops.map((op) => op.from.map(idOf)));
  const to = rowsOf(ops.map((op) => op.to.map(idOf)));
  const peak = (isAccumulator: boolean) =>
    Math.max(
      0,
      ...slots.filter(({ role }) => (role === "accumulator") === isAccumulator).map((s) => s.offset + s.bytes),
    );
  return {
    ...draft.head,
    slots,
    heapBytes: peak(false),
    accumulatorBytes: peak(true),
    signals: {
      rank: Uint16Array.from(signals, (s) => s.rank),
      word: Uint32Array.from(signals, (s) => s.word),
      writerRank: Uint16Array.from(signals, (s) => s.writerRank),
      writerStream: Uint8Array.from(signals, (s) => s.writerStream),
    },
    operands: {
      slot: Uint16Array.from(operands, (o) => o.slot),
      row: Uint32Array.from(operands, (o) => o.row),
      column: Uint16Array.from(operands, (o) => o.column),
      tensor: Uint8Array.from(operands, (o) => TensorCode[o.tensor]),
      head: Uint16Array.from(operands, (o) => o.head),
      numHeads: Uint16Array.from(operands, (o) => o.numHeads),
      token: Uint32Array.from(operands, (o) => o.token),
      numTokens: Uint32Array.from(operands, (o) => o.numTokens),
    },
    ops: {
      kind: Uint8Array.from(ops, (op) => Kind[op.kind]),
      rank: Uint16Array.from(ops, (op) => op.rank),
      stream: Uint8Array.from(ops, (op) => op.stream),
      peer: Uint16Array.from(ops, (op) => op.peer),
      group: Uint32Array.from(ops, (op) => op.group),
      signal: Uint32Array.from(ops, (op) => op.signal),
      signalValue: Uint32Array.from(ops, (op) => op.signalValue),
      work: Uint16Array.from(ops, (op) => op.work),
      depsStart: deps.start,
      deps: deps.values,
      fromStart: from.start,
      from: from.values,
      toStart: to.start,
      to: to.values,
    },
  };
}

function rowsOf(rows: readonly (readonly number[])[]): { start: Uint32Array; values: Uint32Array } {
  const start = new Uint32Array(rows.length + 1);
  rows.forEach((row, i) => {
    start[i + 1] = start[i]! + row.length;
  });
  return { start, values: Uint32Array.from(rows.flat()) };
}
