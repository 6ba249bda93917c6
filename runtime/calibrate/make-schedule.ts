import { assert } from "../../plan/errors.ts";
import {
  type ComputeWork,
  Kind,
  type OpKind,
  type Schedule,
  type Slot,
  SLOT_ALIGNMENT,
  type SlotRole,
  type Tensor,
  TensorCode,
} from "../../plan/schedule/schedule.ts";
import { countTokens, shardPieces } from "../../plan/workload/shards.ts";
import type { Workload } from "../../plan/workload/workload.ts";

/** `numTokens` tokens × `numHeads` heads at (row, column) of a slot; what they mean does not matter to who measures. */
export interface Place {
  readonly slot: "Q" | "KV" | "O" | "accumulator";
  readonly row: number;
  readonly column: number;
  readonly numTokens: number;
  readonly numHeads: number;
}

/** An op of a schedule for measuring; barriers at both ends of every rank are added. */
export interface MadeOp {
  readonly kind: OpKind;
  readonly rank: number;
  readonly stream: number;
  readonly peer?: number;
  /** Signal word `word` of the peer is set to `value`, or of the own rank awaited. */
  readonly signal?: { readonly word: number; readonly value: number };
  /** Positions in the list of ops. */
  readonly deps?: readonly number[];
  readonly from?: readonly Place[];
  readonly to?: readonly Place[];
  readonly work?: number;
}

export interface MadeSchedule {
  readonly ranks: number;
  readonly workload: Workload;
  readonly ops: readonly MadeOp[];
  readonly computes?: readonly ComputeWork[];
}

/** Streams as planned schedules have them. */
const streams = ["compute", "intra", "inter", "credit"];

/**
 * A schedule of ops listed one by one, for measurements that no method's plan isolates: it computes no attention, and its
 * list must respect happens-before. Slots are Q, KV and O, each for one shard of the workload, and as large an
 * accumulator.
 */
export function makeSchedule({ ranks, workload, ops, computes = [] }: MadeSchedule): Schedule {
  const slots = makeSlots(ranks, workload);
  const places: { place: Place; tensor: Tensor }[] = [];
  const all = withBarriers(ranks, ops);
  const signals = new Map<string, { rank: number; word: number; writer: number; stream: number }>();
  for (const op of all) {
    if (op.signal === undefined || op.kind === "wait") continue;
    const at = { rank: op.peer!, word: op.signal.word, writer: op.rank, stream: op.stream };
    signals.set(`${at.rank} ${at.word}`, at);
  }
  const keys = [...signals.keys()];
  const signalOf = (op: MadeOp) =>
    op.signal === undefined ? 0 : keys.indexOf(`${op.kind === "wait" ? op.rank : op.peer!} ${op.signal.word}`);
  const operandsOf = (list: readonly Place[] | undefined) =>
    (list ?? []).map((place) => places.push({ place, tensor: tensorOf(place) }) - 1);
  const deps = compress(all.map((op) => op.deps ?? []));
  const from = compress(all.map((op) => operandsOf(op.from)));
  const to = compress(all.map((op) => operandsOf(op.to)));
  const column = (of: (op: MadeOp) => number) => Uint32Array.from(all, of);
  const words = [...signals.values()];
  return {
    version: 1,
    method: "ring",
    transport: "one-sided",
    tiles: 1,
    path: "",
    workload,
    mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: ranks },
    groups: 1,
    ranks,
    placement: Array.from({ length: ranks }, (_, rank) => rank),
    repeats: 1,
    streams,
    slots,
    heapBytes: endOf(slots.filter(({ role }) => role !== "accumulator")),
    accumulatorBytes: endOf(slots.filter(({ role }) => role === "accumulator")),
    computes,
    signals: {
      rank: Uint16Array.from(words, (word) => word.rank),
      word: Uint32Array.from(words, (word) => word.word),
      writerRank: Uint16Array.from(words, (word) => word.writer),
      writerStream: Uint8Array.from(words, (word) => word.stream),
    },
    operands: operandColumns(slots, places),
    ops: {
      kind: Uint8Array.from(all, (op) => Kind[op.kind]),
      rank: Uint16Array.from(all, (op) => op.rank),
      stream: Uint8Array.from(all, (op) => op.stream),
      peer: Uint16Array.from(all, (op) => op.peer ?? op.rank),
      group: column(() => 0),
      signal: column(signalOf),
      signalValue: column((op) => op.signal?.value ?? 0),
      work: Uint16Array.from(all, (op) => op.work ?? 0),
      depsStart: deps.start,
      deps: deps.list,
      fromStart: from.start,
      from: from.list,
      toStart: to.start,
      to: to.list,
    },
  };
}

function makeSlots(ranks: number, workload: Workload): Slot[] {
  const rows = Math.max(...shardPieces(workload, ranks).map(countTokens));
  const { batch, heads, kvHeads, headDim } = workload;
  const shapes: readonly [string, SlotRole, number, number, number][] = [
    ["Q", "input", batch, heads, headDim],
    ["KV", "input", 2 * batch, kvHeads, headDim],
    ["O", "output", batch, heads, headDim],
    ["accumulator", "accumulator", batch, heads, headDim + 1],
  ];
  let end = 0;
  return shapes.map(([name, role, planes, columns, width]) => {
    const offset = role === "accumulator" ? 0 : Math.ceil(end / SLOT_ALIGNMENT) * SLOT_ALIGNMENT;
    const bytes = 4 * planes * rows * columns * width;
    if (role !== "accumulator") end = offset + bytes;
    return { name, role, planes, rows, columns, offset, bytes };
  });
}

function endOf(slots: readonly Slot[]): number {
  return slots.reduce((end, { offset, bytes }) => Math.max(end, offset + bytes), 0);
}

/** Barriers first and last; every other op depends on its rank's first barrier, and the last barrier on all of them. */
function withBarriers(ranks: number, ops: readonly MadeOp[]): MadeOp[] {
  const all = Array.from({ length: ranks }, (_, rank): MadeOp => ({ kind: "barrier", rank, stream: 0 }));
  ops.forEach((op) => {
    all.push({ ...op, deps: [op.rank, ...(op.deps ?? []).map((dep) => dep + ranks)] });
  });
  for (let rank = 0; rank < ranks; rank++) {
    const deps = ops.flatMap((op, at) => (op.rank === rank ? [at + ranks] : []));
    all.push({ kind: "barrier", rank, stream: 0, deps });
  }
  return all;
}

function tensorOf({ slot }: Place): Tensor {
  return slot === "accumulator" ? "O" : slot;
}

function compress(lists: readonly (readonly number[])[]): { start: Uint32Array; list: Uint32Array } {
  const start = new Uint32Array(lists.length + 1);
  lists.forEach((list, i) => {
    start[i + 1] = start[i]! + list.length;
  });
  return { start, list: Uint32Array.from(lists.flat()) };
}

function operandColumns(slots: readonly Slot[], places: readonly { place: Place; tensor: Tensor }[]) {
  const slotOf = ({ slot }: Place) => {
    const index = slots.findIndex(({ name }) => name === slot);
    assert(index >= 0, `slot ${slot}`);
    return index;
  };
  return {
    slot: Uint16Array.from(places, ({ place }) => slotOf(place)),
    row: Uint32Array.from(places, ({ place }) => place.row),
    column: Uint16Array.from(places, ({ place }) => place.column),
    tensor: Uint8Array.from(places, ({ tensor }) => TensorCode[tensor]),
    head: Uint16Array.from(places, ({ place }) => place.column),
    numHeads: Uint16Array.from(places, ({ place }) => place.numHeads),
    token: Uint32Array.from(places, ({ place }) => place.row),
    numTokens: Uint32Array.from(places, ({ place }) => place.numTokens),
  };
}
