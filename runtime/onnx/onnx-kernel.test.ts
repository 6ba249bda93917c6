import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { planSchedule } from "../../plan/methods/index.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { campaign, longRun, seed } from "../../test/support/campaign.ts";
import { attention, random, randomTensors, relativeError, type Tensors } from "../../test/support/interpret.ts";
import { plans } from "../../test/support/plans.ts";
import type { Kernel } from "../kernel.ts";
import { runNull } from "../null/run-null.ts";
import { createPlainKernel } from "../plain/plain-kernel.ts";
import { groupOf, shardRuns } from "../shard-memory.ts";
import { type HandOp, type HandOperand, type HandSlot, handMadeOps } from "./hand-made.test-support.ts";
import { loadOnnxruntime } from "./load-onnxruntime.ts";
import { createOnnxKernel } from "./onnx-kernel.ts";

/**
 * Of the norm. Sums of up to some thousand products in fp32, in the order of the library's blocks, are off by some
 * √n·2^-24 ≈ 3e-6 of their terms' norm; the reference adds in float64 and rounds once.
 */
const TOLERANCE = 1e-5;

/** A score of size s is known to s·2^-24 times a few, and its exponential to as much of itself. */
const SCORE_TOLERANCE = 8 * 2 ** -24;

const unavailable = await loadOnnxruntime().then(
  () => null,
  (error: Error & { hint?: string | null }) => `${error.message}. ${error.hint}`,
);

beforeEach(({ skip }) => {
  if (unavailable !== null) skip(unavailable);
});

async function runAll(kernel: Kernel, schedule: Schedule): Promise<void> {
  const ops = Uint32Array.from(schedule.ops.kind.keys());
  await kernel.prepare(ops);
  for (const op of ops) {
    kernel.begin(op);
    while (!(await kernel.step()));
  }
}

function createHeap(schedule: Schedule, isShared: boolean, dataSeed: number, magnitude: number): Float32Array {
  const buffer = isShared ? new SharedArrayBuffer(schedule.heapBytes) : new ArrayBuffer(schedule.heapBytes);
  const next = random(dataSeed);
  const heap = new Float32Array(buffer);
  for (let i = 0; i < heap.length; i++) heap[i] = magnitude * next();
  return heap;
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** The part of the heap that a slot takes. */
function slotOf(schedule: Schedule, heap: Float32Array, name: string): Float32Array {
  const slot = schedule.slots.find((candidate) => candidate.name === name)!;
  return heap.subarray(slot.offset / 4, (slot.offset + slot.bytes) / 4);
}

interface Outcome {
  readonly error: number;
  readonly tolerance: number;
  readonly numRepeatedCalls: number;
  readonly out: Float32Array;
}

/** Runs all ops by both kernels and compares their slot `O`. */
async function compare(
  schedule: Schedule,
  options: { isShared?: boolean; dataSeed?: number; magnitude?: number; change?: (heap: Float32Array) => void } = {},
): Promise<Outcome> {
  const { isShared = true, dataSeed = 1, magnitude = 2, change = () => {} } = options;
  const heap = createHeap(schedule, isShared, dataSeed, magnitude);
  change(heap);
  const expected = heap.slice();
  const kernel = createOnnxKernel({ schedule, heap });
  await runAll(kernel, schedule);
  await runAll(createPlainKernel({ schedule, heap: expected }), schedule);
  const score = largest(heap) ** 2 * Math.sqrt(schedule.workload.headDim);
  const out = slotOf(schedule, heap, "O").slice();
  return {
    error: relativeError(Float64Array.from(out), Float64Array.from(slotOf(schedule, expected, "O"))),
    tolerance: TOLERANCE + SCORE_TOLERANCE * score,
    numRepeatedCalls: kernel.numRepeatedCalls,
    out,
  };
}

interface AttendCase {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly mask: "full" | "causal";
  /** Tokens of each operand, and how many of the sequence's are left out before it. */
  readonly queries: readonly { readonly gap: number; readonly count: number }[];
  readonly keys: readonly { readonly gap: number; readonly count: number }[];
  readonly spareColumns: number;
  /** Further passes with the same keys, so that accumulators are not the identity. */
  readonly attends: number;
}

/** Attends all queries with all keys, then writes O. Operands lie one after the other in their slots. */
function attendSchedule(c: AttendCase): Schedule {
  const place = (pieces: AttendCase["queries"]) => {
    let token = 0;
    let row = 0;
    return pieces.map(({ gap, count }) => {
      const placed = { token: token + gap, row, numTokens: count };
      token += gap + count;
      row += count;
      return placed;
    });
  };
  const [queries, keys] = [place(c.queries), place(c.keys)];
  const rows = (placed: typeof queries) => placed.reduce((sum, { numTokens }) => sum + numTokens, 0);
  const tokens = Math.max(...[...queries, ...keys].map(({ token, numTokens }) => token + numTokens));
  const column = c.spareColumns;
  const slots: HandSlot[] = [
    { name: "Q", role: "input", planes: c.batch, rows: rows(queries), columns: c.heads + c.spareColumns },
    { name: "KV", role: "input", planes: 2 * c.batch, rows: rows(keys), columns: c.kvHeads + c.spareColumns },
    { name: "O", role: "output", planes: c.batch, rows: rows(queries), columns: c.heads + c.spareColumns },
    { name: "A", role: "accumulator", planes: c.batch, rows: rows(queries), columns: c.heads },
  ];
  const q = (slot: string): HandOperand[] =>
    queries.map((piece) => ({
      ...piece,
      slot,
      tensor: slot === "Q" ? "Q" : "O",
      numHeads: c.heads,
      column: slot === "A" ? 0 : column,
    }));
  const kv = keys.map((piece): HandOperand => ({ ...piece, slot: "KV", tensor: "KV", numHeads: c.kvHeads, column }));
  const attends = Array.from(
    { length: c.attends },
    (): HandOp => ({ kind: "attend", from: [...q("Q"), ...kv], to: q("A") }),
  );
  return handMadeOps({ ...c, tokens, heads: c.heads }, slots, [
    ...attends,
    { kind: "finalize", from: q("A"), to: q("O") },
  ]);
}

const pieces = (largestCount: number) =>
  fc.array(fc.record({ gap: fc.nat(70), count: fc.integer({ min: 1, max: largestCount }) }), {
    minLength: 1,
    maxLength: 3,
  });

const attendCases = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    shared: fc.constantFrom(1, 1, 2, 3),
    headDim: fc.constantFrom(32, 40, 64, 80, 96, 128),
    mask: fc.constantFrom("full" as const, "causal" as const),
    queries: pieces(330),
    keys: pieces(700),
    spareColumns: fc.nat(1),
    attends: fc.integer({ min: 1, max: 2 }),
    pairs: fc.integer({ min: 1, max: longRun ? 400_000 : 60_000 }),
  })
  .map(({ shared, pairs, ...c }): AttendCase => {
    const heads = c.kvHeads * shared;
    const numQueries = c.queries.reduce((sum, { count }) => sum + count, 0);
    const numKeys = c.keys.reduce((sum, { count }) => sum + count, 0);
    // The reference is slow: few pairs, either few queries or few keys as it comes.
    const share = Math.min(1, pairs / (numQueries * numKeys * heads * c.batch));
    const shrink = (list: AttendCase["keys"], by: number) =>
      list.map(({ gap, count }) => ({ gap, count: Math.max(1, Math.round(count * by)) }));
    const queries = shrink(c.queries, pairs % 2 === 0 ? share : 1);
    const keys = shrink(c.keys, pairs % 2 === 0 ? 1 : share);
    // Every query must see some key.
    if (c.mask === "causal") keys[0] = { ...keys[0]!, gap: 0 };
    return { ...c, queries, keys, heads };
  });

const plainCase: AttendCase = {
  batch: 1,
  heads: 2,
  kvHeads: 2,
  headDim: 32,
  mask: "full",
  queries: [{ gap: 0, count: 70 }],
  keys: [{ gap: 0, count: 90 }],
  spareColumns: 0,
  attends: 1,
};

/** Multiplies the keys (plane 0 of one batch entry) from a row on. */
function scaleKeys(schedule: Schedule, heap: Float32Array, firstRow: number, factor: number): void {
  const slot = schedule.slots.find(({ name }) => name === "KV")!;
  const width = slot.columns * schedule.workload.headDim;
  const start = slot.offset / 4;
  for (let i = firstRow * width; i < slot.rows * width; i++) heap[start + i]! *= factor;
}

describe("attend", () => {
  it("is online softmax for any operands, on heaps of either kind", async () => {
    await fc.assert(
      fc.asyncProperty(attendCases, fc.boolean(), fc.nat(), async (c, isShared, dataSeed) => {
        const { error, tolerance } = await compare(attendSchedule(c), { isShared, dataSeed });
        expect(error).toBeLessThan(tolerance);
      }),
      { numRuns: campaign(600), seed },
    );
  });

  const pieces = [700, 401, 600].map((count) => ({ gap: 3, count }));
  const large = [
    { ...plainCase, queries: [{ gap: 0, count: 900 }], keys: pieces },
    { ...plainCase, heads: 1, kvHeads: 1, queries: [{ gap: 0, count: 1700 }], keys: [{ gap: 0, count: 1700 }] },
    { ...plainCase, mask: "causal" as const, queries: pieces, keys: [{ gap: 0, count: 900 }, ...pieces.slice(0, 2)] },
    { ...plainCase, heads: 48, kvHeads: 48, queries: [{ gap: 0, count: 33 }], keys: [{ gap: 0, count: 47 }] },
    { ...plainCase, heads: 6, kvHeads: 2, headDim: 128, mask: "causal" as const, queries: [{ gap: 0, count: 300 }] },
  ];
  it.each(large)("is right for many tiles and many heads: case %#", async (c) => {
    const { error, tolerance } = await compare(attendSchedule(c));
    expect(error).toBeLessThan(tolerance);
  });

  it.each([1e-6, 0.1, 10, 30, 200])("is right for numbers of magnitude %d", async (magnitude) => {
    for (const mask of ["full", "causal"] as const) {
      const c = { ...plainCase, mask, queries: [{ gap: 300, count: 300 }], attends: 2 };
      const schedule = attendSchedule({ ...c, keys: [{ gap: 0, count: 250 }, ...pieces.slice(0, 2)] });
      const { error, tolerance, numRepeatedCalls } = await compare(schedule, { magnitude });
      expect(error).toBeLessThan(tolerance);
      if (magnitude >= 30) expect(numRepeatedCalls).toBeGreaterThan(0);
      if (magnitude <= 2) expect(numRepeatedCalls).toBe(0);
    }
  });

  it.each([
    { firstRow: 500, factor: 100 },
    { firstRow: 0, factor: 60 },
    { firstRow: 1, factor: 1e-4 },
  ])("is right where scores grow or shrink by $factor from key $firstRow on", async ({ firstRow, factor }) => {
    for (const mask of ["full", "causal"] as const) {
      const one = [{ gap: 0, count: 1900 }];
      const c = { ...plainCase, heads: 1, kvHeads: 1, mask, queries: [{ gap: 300, count: 600 }], keys: one };
      const schedule = attendSchedule({ ...c, attends: 2 });
      const change = (heap: Float32Array) => scaleKeys(schedule, heap, firstRow, factor);
      const { error, tolerance, numRepeatedCalls } = await compare(schedule, { change });
      expect(error).toBeLessThan(tolerance);
      if (factor >= 60) expect(numRepeatedCalls).toBeGreaterThan(0);
    }
  });

  it("gives the same bits in every run", async () => {
    const schedule = attendSchedule({ ...plainCase, queries: [{ gap: 0, count: 300 }], keys: pieces });
    const heap = createHeap(schedule, true, 7, 40);
    const kernel = createOnnxKernel({ schedule, heap });
    await runAll(kernel, schedule);
    expect(kernel.numRepeatedCalls).toBeGreaterThan(0);
    const first = heap.slice();
    for (let pass = 0; pass < 2; pass++) {
      kernel.reset();
      await runAll(kernel, schedule);
      expect(heap).toEqual(first);
    }
    await runAll(createOnnxKernel({ schedule, heap }), schedule);
    expect(heap).toEqual(first);
  });

  it("copies only what the library cannot use: all of a shared heap, of an ordinary one what has gaps", async () => {
    const schedule = attendSchedule({ ...plainCase, spareColumns: 0 });
    const moved = async (isShared: boolean) => {
      const kernel = createOnnxKernel({ schedule, heap: createHeap(schedule, isShared, 1, 1) });
      await runAll(kernel, schedule);
      return kernel.stagedBytes;
    };
    expect(await moved(true)).toBe(4 * 32 * 2 * (70 + 2 * 90 + 70));
    expect(await moved(false)).toBe(0);
  });
});

/** One head slot-wise: queries `Q`, two operands of keys, accumulators `A` and `B`, outputs `O`. */
function accumulatorSchedule(
  ops: (part: Record<"q" | "k0" | "k1" | "a" | "b" | "o0" | "o1", HandOperand>) => HandOp[],
) {
  const rows = 40;
  const tile = (slot: string, tensor: "Q" | "KV" | "O", row: number, token: number): HandOperand => ({
    slot,
    tensor,
    row,
    token,
    numHeads: 3,
    numTokens: rows,
  });
  const slot = (name: string, role: HandSlot["role"], planes: number, slotRows: number): HandSlot => ({
    name,
    role,
    planes,
    rows: slotRows,
    columns: 3,
  });
  const slots = [
    slot("Q", "input", 2, rows),
    slot("KV", "input", 4, 2 * rows),
    slot("O", "output", 2, 2 * rows),
    slot("A", "accumulator", 2, rows),
    slot("B", "accumulator", 2, rows),
  ];
  return handMadeOps(
    { tokens: 2 * rows, heads: 3, headDim: 40, batch: 2 },
    slots,
    ops({
      q: tile("Q", "Q", 0, 0),
      k0: tile("KV", "KV", 0, 0),
      k1: tile("KV", "KV", rows, rows),
      a: tile("A", "O", 0, 0),
      b: tile("B", "O", 0, 0),
      o0: tile("O", "O", 0, 0),
      o1: tile("O", "O", rows, 0),
    }),
  );
}

describe("merge and finalize", () => {
  it("joins partial results, and leaves the identity", async () => {
    const schedule = accumulatorSchedule(({ q, k0, k1, a, b, o0, o1 }) => [
      { kind: "attend", from: [q, k0], to: [a] },
      { kind: "attend", from: [q, k1], to: [b] },
      { kind: "merge", from: [b], to: [a] },
      // The identity joined into something, then something into the identity.
      { kind: "merge", from: [b], to: [a] },
      { kind: "merge", from: [a], to: [b] },
      { kind: "attend", from: [q, k1], to: [a] },
      { kind: "finalize", from: [b, a], to: [o0, o1] },
    ]);
    for (const magnitude of [2, 40]) {
      const { error, tolerance } = await compare(schedule, { magnitude });
      expect(error).toBeLessThan(tolerance);
    }
  });

  it("starts again after finalize: the same op gives the same bits", async () => {
    const schedule = accumulatorSchedule(({ q, k0, a, o0, o1 }) => [
      { kind: "attend", from: [q, k0], to: [a] },
      { kind: "finalize", from: [a], to: [o0] },
      { kind: "attend", from: [q, k0], to: [a] },
      { kind: "finalize", from: [a], to: [o1] },
    ]);
    const { out, error } = await compare(schedule);
    expect(error).toBeLessThan(TOLERANCE);
    const half = out.length / 4;
    expect(out.subarray(0, half)).toEqual(out.subarray(half, 2 * half));
  });
});

describe("copy and compute", () => {
  it.each([true, false])("copies tiles with and without gaps (shared heap: %s)", async (isShared) => {
    const slots: HandSlot[] = [
      { name: "Q", role: "input", planes: 2, rows: 9, columns: 5 },
      { name: "O", role: "output", planes: 2, rows: 9, columns: 3 },
    ];
    const o = { slot: "O", tensor: "Q", token: 0 } as const;
    const schedule = handMadeOps({ tokens: 9, heads: 5, headDim: 8, batch: 2 }, slots, [
      {
        kind: "copy",
        from: [
          { ...o, slot: "Q", row: 2, column: 1, numHeads: 3, numTokens: 4 },
          { ...o, slot: "Q", row: 0, column: 4, numHeads: 1, numTokens: 2 },
        ],
        to: [
          { ...o, row: 5, column: 0, numHeads: 3, numTokens: 4 },
          { ...o, row: 1, column: 2, numHeads: 1, numTokens: 2 },
        ],
      },
    ]);
    expect((await compare(schedule, { isShared })).error).toBe(0);
  });

  it("does other work in bounded parts", async () => {
    const schedule = handMadeOps(
      { tokens: 1, heads: 1 },
      [{ name: "Q", role: "input", planes: 1, rows: 1, columns: 1 }],
      [
        { kind: "compute", flops: 1.2e9 },
        { kind: "compute", flops: 0 },
      ],
    );
    const kernel = createOnnxKernel({ schedule, heap: createHeap(schedule, false, 1, 1) });
    await kernel.prepare(Uint32Array.of(0, 1));
    const countSteps = async (op: number) => {
      kernel.begin(op);
      for (let steps = 1; ; steps++) if (await kernel.step()) return steps;
    };
    expect(await countSteps(0)).toBe(4);
    expect(await countSteps(1)).toBe(1);
  });
});

describe("whole plans", () => {
  it("give attention, with one kernel for each rank", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (request) => {
        const schedule = planSchedule(request);
        const { workload, groups, ranks, ops } = schedule;
        const inputs = Array.from({ length: groups }, (_, group) => randomTensors(workload, group + 1));
        const heaps = Array.from({ length: ranks }, (_, rank) => filledHeap(schedule, rank, inputs));
        const kernels = heaps.map((heap) => createOnnxKernel({ schedule, heap }));
        for (const [rank, kernel] of kernels.entries())
          await kernel.prepare(Uint32Array.from(ops.kind.keys()).filter((op) => ops.rank[op] === rank));
        await runNull(schedule, { data: { heaps, kernels } });
        for (const [group, input] of inputs.entries())
          expect(relativeError(outputOf(schedule, heaps, group), attention(workload, input))).toBeLessThan(TOLERANCE);
      }),
      { numRuns: campaign(600), seed },
    );
  });
});

/** A rank's heap with its shards of Q and KV. */
function filledHeap(schedule: Schedule, rank: number, inputs: readonly Tensors[]): Float32Array {
  const heap = new Float32Array(new SharedArrayBuffer(schedule.heapBytes)).fill(Number.NaN);
  const { q, k, v } = inputs[groupOf(schedule, rank)]!;
  for (const { heapAt, tensorAt, length } of shardRuns(schedule, rank, "Q"))
    heap.set(q.subarray(tensorAt, tensorAt + length), heapAt);
  for (const { heapAt, tensorAt, length, plane } of shardRuns(schedule, rank, "KV"))
    heap.set((plane < schedule.workload.batch ? k : v).subarray(tensorAt, tensorAt + length), heapAt);
  return heap;
}

/** O of a group, `[B, L, heads, D]`. */
function outputOf(schedule: Schedule, heaps: readonly Float32Array[], group: number): Float64Array {
  const { batch, tokens, heads, headDim } = schedule.workload;
  const out = new Float64Array(batch * tokens * heads * headDim).fill(Number.NaN);
  heaps.forEach((heap, rank) => {
    if (groupOf(schedule, rank) !== group) return;
    for (const { heapAt, tensorAt, length } of shardRuns(schedule, rank, "O"))
      out.set(heap.subarray(heapAt, heapAt + length), tensorAt);
  });
  return out;
}
