import type { OpColumns, OperandColumns, SignalColumns } from "../schedule/schedule.ts";

type Column = Uint8Array | Uint16Array | Uint32Array;

/** A copy of `column` with room for `capacity` elements. */
function grown<T extends Column>(column: T, capacity: number): T {
  const copy = new (column.constructor as new (length: number) => T)(capacity);
  copy.set(column as never);
  return copy;
}

function growAll<T extends Record<string, Column>>(columns: T, capacity: number): void {
  for (const name of Object.keys(columns)) (columns as Record<string, Column>)[name] = grown(columns[name]!, capacity);
}

function trimmed<T extends Record<string, Column>>(columns: T, length: number): T {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.slice(0, length)])) as T;
}

/** Append-only rows of equal-length columns. */
interface Rows<T extends Record<string, Column>> {
  columns: T;
  length: number;
  capacity: number;
}

function createRows<T extends Record<string, Column>>(columns: T): Rows<T> {
  return { columns, length: 0, capacity: Object.values(columns)[0]!.length };
}

function appendRow<T extends Record<string, Column>>(rows: Rows<T>): number {
  if (rows.length === rows.capacity) {
    rows.capacity *= 2;
    growAll(rows.columns, rows.capacity);
  }
  return rows.length++;
}

/** One op as it is appended. `signalValue` 0 is no signal. */
export interface NewOp {
  kind: number;
  rank: number;
  stream: number;
  peer: number;
  group: number;
  signal: number;
  signalValue: number;
  work: number;
}

const INITIAL = 1024;

/** The columns of a schedule in the making: they grow by doubling and are trimmed once, at the end. */
export function createOpWriter() {
  const ops = createRows({
    kind: new Uint8Array(INITIAL),
    rank: new Uint16Array(INITIAL),
    stream: new Uint8Array(INITIAL),
    peer: new Uint16Array(INITIAL),
    group: new Uint32Array(INITIAL),
    signal: new Uint32Array(INITIAL),
    signalValue: new Uint32Array(INITIAL),
    work: new Uint16Array(INITIAL),
    depsStart: new Uint32Array(INITIAL),
    fromStart: new Uint32Array(INITIAL),
    toStart: new Uint32Array(INITIAL),
  });
  const operands = createRows({
    slot: new Uint16Array(INITIAL),
    row: new Uint32Array(INITIAL),
    column: new Uint16Array(INITIAL),
    tensor: new Uint8Array(INITIAL),
    head: new Uint16Array(INITIAL),
    numHeads: new Uint16Array(INITIAL),
    token: new Uint32Array(INITIAL),
    numTokens: new Uint32Array(INITIAL),
  });
  const signals = createRows({
    rank: new Uint16Array(INITIAL),
    word: new Uint32Array(INITIAL),
    writerRank: new Uint16Array(INITIAL),
    writerStream: new Uint8Array(INITIAL),
  });
  const lists = { deps: createList(), from: createList(), to: createList() };

  return {
    ops,
    operands,
    signals,
    appendOp(
      op: NewOp,
      deps: Int32Array,
      numDeps: number,
      settled: readonly number[],
      from: readonly number[],
      settledKeys: readonly number[],
      to: readonly number[],
    ): number {
      const id = appendRow(ops);
      const columns = ops.columns;
      columns.kind[id] = op.kind;
      columns.rank[id] = op.rank;
      columns.stream[id] = op.stream;
      columns.peer[id] = op.peer;
      columns.group[id] = op.group;
      columns.signal[id] = op.signal;
      columns.signalValue[id] = op.signalValue;
      columns.work[id] = op.work;
      columns.depsStart[id] = lists.deps.length;
      columns.fromStart[id] = lists.from.length;
      columns.toStart[id] = lists.to.length;
      reserve(lists.deps, numDeps);
      for (let i = 0; i < numDeps; i++) lists.deps.data[lists.deps.length++] = deps[i]!;
      extend(lists.from, settled);
      extend(lists.from, from);
      extend(lists.from, settledKeys);
      extend(lists.to, to);
      return id;
    },
    appendOperand(): number {
      return appendRow(operands);
    },
    appendSignal(rank: number, word: number, writerRank: number, writerStream: number): number {
      const id = appendRow(signals);
      signals.columns.rank[id] = rank;
      signals.columns.word[id] = word;
      signals.columns.writerRank[id] = writerRank;
      signals.columns.writerStream[id] = writerStream;
      return id;
    },
    finish(): { ops: OpColumns; operands: OperandColumns; signals: SignalColumns } {
      const columns = trimmed(ops.columns, ops.length);
      return {
        ops: {
          ...columns,
          depsStart: withEnd(columns.depsStart, lists.deps.length),
          deps: lists.deps.data.slice(0, lists.deps.length),
          fromStart: withEnd(columns.fromStart, lists.from.length),
          from: lists.from.data.slice(0, lists.from.length),
          toStart: withEnd(columns.toStart, lists.to.length),
          to: lists.to.data.slice(0, lists.to.length),
        },
        operands: trimmed(operands.columns, operands.length),
        signals: trimmed(signals.columns, signals.length),
      };
    },
  };
}

interface List {
  data: Uint32Array;
  length: number;
}

function createList(): List {
  return { data: new Uint32Array(INITIAL), length: 0 };
}

function reserve(list: List, more: number): void {
  if (list.length + more > list.data.length)
    list.data = grown(list.data, Math.max(2 * list.data.length, list.length + more));
}

function extend(list: List, values: readonly number[]): void {
  reserve(list, values.length);
  for (let i = 0; i < values.length; i++) list.data[list.length++] = values[i]!;
}

function withEnd(start: Uint32Array, end: number): Uint32Array {
  const closed = new Uint32Array(start.length + 1);
  closed.set(start);
  closed[start.length] = end;
  return closed;
}
