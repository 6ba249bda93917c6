import { Kind, type OpKind, type Schedule, type Slot, TensorCode } from "../../plan/schedule/schedule.ts";
import type { Workload } from "../../plan/workload/workload.ts";

/** A tile at a place of a slot. */
export interface HandOperand {
  readonly slot: string;
  readonly tensor: "Q" | "KV" | "O";
  readonly row?: number;
  readonly column?: number;
  readonly head?: number;
  readonly numHeads: number;
  readonly token: number;
  readonly numTokens: number;
}

export interface HandOp {
  readonly kind: OpKind;
  readonly from?: readonly HandOperand[];
  readonly to?: readonly HandOperand[];
  readonly flops?: number;
}

export interface HandSlot {
  readonly name: string;
  readonly role: Slot["role"];
  readonly planes: number;
  readonly rows: number;
  readonly columns: number;
}

/** A schedule of one rank and one stream for kernels: not a whole plan, only slots and ops that compute. */
export function handMadeOps(
  options: Partial<Workload> & { tokens: number; heads: number },
  handSlots: readonly HandSlot[],
  handOps: readonly HandOp[],
): Schedule {
  const workload = makeSmallWorkload(options);
  const slots = placeSlots(handSlots, workload.headDim);
  const operands: HandOperand[] = [];
  const lists = { from: [] as number[], fromStart: [0], to: [] as number[], toStart: [0] };
  for (const { from = [], to = [] } of handOps) {
    for (const operand of from) lists.from.push(operands.push(operand) - 1);
    for (const operand of to) lists.to.push(operands.push(operand) - 1);
    lists.fromStart.push(lists.from.length);
    lists.toStart.push(lists.to.length);
  }
  const count = handOps.length;
  const computes = handOps.map(({ flops = 0 }, i) => ({ name: `work ${i}`, flops, bytes: 0 }));
  const slotOf = (name: string) => slots.findIndex((slot) => slot.name === name);
  return {
    version: 1,
    method: "ring",
    transport: "one-sided",
    tiles: 1,
    path: "",
    workload,
    mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 1 },
    groups: 1,
    ranks: 1,
    placement: [0],
    repeats: 1,
    streams: ["compute"],
    slots,
    heapBytes: heapEnd(slots),
    accumulatorBytes: 0,
    computes,
    signals: {
      rank: new Uint16Array(0),
      word: new Uint32Array(0),
      writerRank: new Uint16Array(0),
      writerStream: new Uint8Array(0),
    },
    operands: {
      slot: Uint16Array.from(operands, ({ slot }) => slotOf(slot)),
      row: Uint32Array.from(operands, ({ row = 0 }) => row),
      column: Uint16Array.from(operands, ({ column = 0 }) => column),
      tensor: Uint8Array.from(operands, ({ tensor }) => TensorCode[tensor]),
      head: Uint16Array.from(operands, ({ head = 0 }) => head),
      numHeads: Uint16Array.from(operands, ({ numHeads }) => numHeads),
      token: Uint32Array.from(operands, ({ token }) => token),
      numTokens: Uint32Array.from(operands, ({ numTokens }) => numTokens),
    },
    ops: {
      kind: Uint8Array.from(handOps, ({ kind }) => Kind[kind]),
      rank: new Uint16Array(count),
      stream: new Uint8Array(count),
      peer: new Uint16Array(count),
      group: new Uint32Array(count),
      signal: new Uint32Array(count),
      signalValue: new Uint32Array(count),
      work: Uint16Array.from(handOps.keys()),
      depsStart: new Uint32Array(count + 1),
      deps: new Uint32Array(0),
      fromStart: Uint32Array.from(lists.fromStart),
      from: Uint32Array.from(lists.from),
      toStart: Uint32Array.from(lists.toStart),
      to: Uint32Array.from(lists.to),
    },
  };
}

function makeSmallWorkload(options: Partial<Workload> & { tokens: number; heads: number }): Workload {
  return {
    model: null,
    batch: 1,
    kvHeads: options.heads,
    headDim: 4,
    dtype: "fp32",
    mask: "full",
    shardOrder: "contiguous",
    scope: "attention",
    guidance: "none",
    before: [],
    after: [],
    layers: 1,
    modelBytes: 0,
    activationBytesPerToken: 0,
    ...options,
  };
}

function placeSlots(handSlots: readonly HandSlot[], headDim: number): Slot[] {
  let offset = 0;
  return handSlots.map((slot) => {
    const bytes = 4 * slot.planes * slot.rows * slot.columns * headDim;
    const placed = { ...slot, offset: slot.role === "accumulator" ? 0 : offset, bytes };
    if (slot.role !== "accumulator") offset += 256 * Math.ceil(bytes / 256);
    return placed;
  });
}

function heapEnd(slots: readonly Slot[]): number {
  return Math.max(...slots.filter(({ role }) => role !== "accumulator").map(({ offset, bytes }) => offset + bytes));
}
