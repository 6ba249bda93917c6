import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { random } from "../../test/support/interpret.ts";
import type { Kernel } from "../kernel.ts";
import { createPlainKernel } from "../plain/plain-kernel.ts";
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

const isLong = process.env["TOROID_LONG"] === "1";
const runs = { numRuns: isLong ? 600 : 60, seed: 20260127 };

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

function createHeap(schedule: Schedule, isShared: boolean, seed: number, magnitude: number): Float32Array {
  const buffer = isShared ? new SharedArrayBuffer(schedule.heapBytes) : new ArrayBuffer(schedule.heapBytes);
  const next = random(seed);
  return new Float32Array(buffer).map(() => magnitude * next());
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function relativeError(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
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
  options: { isShared?: boolean; seed?: number; magnitude?: number; change?: (heap: Float32Array) => void } = {},
): Promise<Outcome> {
  const { isShared = true, seed = 1, magnitude = 2, change = () => {} } = options;
  const heap = createHeap(schedule, isShared, seed, magnitude);
  change(heap);
  const expected = heap.slice();
  const kernel = createOnnxKernel({ schedule, heap });
  await runAll(kernel, schedule);
  await runAll(createPlainKernel({ schedule, heap: expected }), schedule);
  const score = largest(heap) ** 2 * Math.sqrt(schedule.workload.headDim);
  const out = slotOf(schedule, heap, "O").slice();
  return {
    error: relativeError(out, slotOf(schedule, expected, "O")),
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
  })
  .map(({ shared, ...c }): AttendCase => {
    // Every query must see some key.
    const keys = c.mask === "causal" ? [{ ...c.keys[0]!, gap: 0 }, ...c.keys.slice(1)] : c.keys;
    return { ...c, keys, heads: c.kvHeads * shared };
  });

describe("attend", () => {
  it("is online softmax for any operands, on heaps of either kind", async () => {
    await fc.assert(
      fc.asyncProperty(attendCases, fc.boolean(), fc.nat(), async (c, isShared, seed) => {
        const { error, tolerance } = await compare(attendSchedule(c), { isShared, seed });
        expect(error).toBeLessThan(tolerance);
      }),
      runs,
    );
  });
});
