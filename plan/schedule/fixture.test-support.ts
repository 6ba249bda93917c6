import type { Workload } from "../workload/workload.ts";
import { Kind, type OpKind, type Schedule, type Slot, TensorCode } from "./schedule.ts";

const workload: Workload = {
  model: null,
  batch: 1,
  tokens: 8,
  heads: 2,
  kvHeads: 2,
  headDim: 4,
  dtype: "fp32",
  mask: "full",
  shardOrder: "contiguous",
  scope: "layer",
  guidance: "none",
  before: [{ name: "projections", flopsPerToken: 384, bytesPerToken: 64, weightBytes: 768 }],
  after: [],
  layers: 1,
  modelBytes: 0,
  activationBytesPerToken: 0,
};

const slots: readonly Slot[] = [
  { name: "Q", role: "input", planes: 1, rows: 4, columns: 2, offset: 0, bytes: 128 },
  { name: "KV", role: "input", planes: 2, rows: 4, columns: 2, offset: 256, bytes: 256 },
  { name: "O", role: "output", planes: 1, rows: 4, columns: 2, offset: 512, bytes: 128 },
  { name: "ringKV", role: "scratch", planes: 2, rows: 4, columns: 2, offset: 768, bytes: 256 },
  { name: "accumulator", role: "accumulator", planes: 1, rows: 4, columns: 2, offset: 0, bytes: 160 },
];

interface FixtureOp {
  readonly kind: OpKind;
  readonly rank: number;
  readonly stream?: number;
  readonly peer?: number;
  readonly signal?: number;
  readonly signalValue?: number;
  readonly deps?: readonly number[];
  readonly from?: readonly number[];
  readonly to?: readonly number[];
}

/** Operands of the rank that holds tokens `[4·r, 4·r+4)`: five for each rank, in this order. */
const Operand = { q: 0, kv: 1, o: 2, ringKv: 3, accumulator: 4 } as const;

function operand(rank: number, name: keyof typeof Operand): number {
  return 5 * rank + Operand[name];
}

/** Each rank computes, sends its KV to the other, attends what it has, waits, attends what came, and finalizes. */
const rings: readonly ((rank: number, peer: number) => FixtureOp)[] = [
  (rank) => ({ kind: "barrier", rank }),
  (rank) => ({ kind: "compute", rank }),
  (rank, peer) => ({
    kind: "put",
    rank,
    stream: 1,
    peer,
    signal: peer,
    signalValue: 1,
    deps: [2 + rank],
    from: [operand(rank, "kv")],
    to: [operand(rank, "ringKv")],
  }),
  (rank) => ({
    kind: "attend",
    rank,
    from: [operand(rank, "q"), operand(rank, "kv")],
    to: [operand(rank, "accumulator")],
  }),
  (rank) => ({ kind: "wait", rank, signal: rank, signalValue: 1 }),
  (rank, peer) => ({
    kind: "attend",
    rank,
    from: [operand(rank, "q"), operand(peer, "ringKv")],
    to: [operand(rank, "accumulator")],
  }),
  (rank) => ({ kind: "finalize", rank, from: [operand(rank, "accumulator")], to: [operand(rank, "o")] }),
  (rank) => ({ kind: "barrier", rank, deps: [4 + rank] }),
];

/**
 * A schedule made by hand: Ring of two ranks, one-sided, on eight tokens, with work before attention.
 * It is right in every respect, so a checker has no finding on it. Each call makes fresh columns.
 */
export function makeRingOfTwo(): Schedule {
  const ops = rings.flatMap((make) => [make(0, 1), make(1, 0)]);
  return {
    version: 1,
    method: "ring",
    transport: "one-sided",
    tiles: 1,
    path: "",
    workload,
    mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 2 },
    groups: 1,
    ranks: 2,
    placement: [0, 1],
    repeats: 1,
    streams: ["compute", "intra", "inter", "credit"],
    slots,
    heapBytes: 1024,
    accumulatorBytes: 160,
    computes: [{ name: "projections", flops: 1536, bytes: 1024 }],
    // Signal r is word 0 of rank r, written by the other rank's stream `intra`.
    signals: {
      rank: Uint16Array.of(0, 1),
      word: Uint32Array.of(0, 0),
      writerRank: Uint16Array.of(1, 0),
      writerStream: Uint8Array.of(1, 1),
    },
    operands: makeOperands(),
    ops: makeOps(ops),
  };
}

function makeOperands(): Schedule["operands"] {
  const ten = Array.from({ length: 10 }, (_, i) => i);
  const tensors = [TensorCode.Q, TensorCode.KV, TensorCode.O, TensorCode.KV, TensorCode.O];
  return {
    slot: Uint16Array.from(ten, (i) => i % 5),
    row: new Uint32Array(10),
    column: new Uint16Array(10),
    tensor: Uint8Array.from(ten, (i) => tensors[i % 5]!),
    head: new Uint16Array(10),
    numHeads: new Uint16Array(10).fill(2),
    token: Uint32Array.from(ten, (i) => (i < 5 ? 0 : 4)),
    numTokens: new Uint32Array(10).fill(4),
  };
}

function makeOps(ops: readonly FixtureOp[]): Schedule["ops"] {
  return {
    kind: Uint8Array.from(ops, ({ kind }) => Kind[kind]),
    rank: Uint16Array.from(ops, ({ rank }) => rank),
    stream: Uint8Array.from(ops, ({ stream }) => stream ?? 0),
    peer: Uint16Array.from(ops, ({ peer, rank }) => peer ?? rank),
    group: new Uint32Array(ops.length),
    signal: Uint32Array.from(ops, ({ signal }) => signal ?? 0),
    signalValue: Uint32Array.from(ops, ({ signalValue }) => signalValue ?? 0),
    work: new Uint16Array(ops.length),
    ...compress("deps", ops),
    ...compress("from", ops),
    ...compress("to", ops),
  } as Schedule["ops"];
}

function compress(name: "deps" | "from" | "to", ops: readonly FixtureOp[]): Record<string, Uint32Array> {
  const rows = ops.map((op) => op[name] ?? []);
  const start = new Uint32Array(ops.length + 1);
  rows.forEach((row, i) => {
    start[i + 1] = start[i]! + row.length;
  });
  return { [`${name}Start`]: start, [name]: Uint32Array.from(rows.flat()) };
}
