import type { Workload } from "../../plan/workload/workload.ts";
import { COLUMN_BLOCK, multiplyTransposed, ROW_BLOCK } from "./multiply.ts";

/** Keys that are converted to float64 at once: with D = 128, K and V of a block take 128 KiB. */
const KEY_BLOCK = 64;

export interface AttentionInputs {
  /** `[B, L, H, D]`. */
  readonly q: Float32Array;
  /** `[B, L, Hkv, D]`. */
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** Some rows of one head of one batch entry. */
export interface HeadRows {
  readonly batch: number;
  readonly head: number;
  /** Tokens of the rows, ascending. */
  readonly tokens: Int32Array;
}

/** Private memory for the rows of one head, float64. Counts are rounded up to whole blocks; what is added stays 0. */
interface Work {
  readonly rows: number;
  /** D, rounded up. */
  readonly width: number;
  /** Queries over √D, `[rows, width]`. */
  readonly queries: Float64Array;
  /** `[KEY_BLOCK, width]`. */
  readonly keys: Float64Array;
  /** `[width, KEY_BLOCK]`. */
  readonly values: Float64Array;
  /** Scores and then weights, `[rows, KEY_BLOCK]`. */
  readonly weights: Float64Array;
  /** Weighted values of one block and of all of them, `[rows, width]`. */
  readonly block: Float64Array;
  readonly out: Float64Array;
  /** Maximum of scores and sum of weights of each row. */
  readonly most: Float64Array;
  readonly sum: Float64Array;
}

/**
 * Attention of some rows in float64, block of keys by block of keys as online softmax with scale 1/√D under the mask.
 * Yields after each block (some milliseconds of work) the share of keys that is done; returns the output of the rows,
 * and the distance from one to the next (D, rounded up).
 */
export function* attendRows(
  workload: Workload,
  inputs: AttentionInputs,
  rows: HeadRows,
): Generator<number, { out: Float64Array; width: number }> {
  const work = createWork(workload, inputs.q, rows);
  const { mask, tokens: numTokens } = workload;
  const numKeys = mask === "causal" ? (rows.tokens.at(-1) ?? -1) + 1 : numTokens;
  for (let start = 0; start < numKeys; start += KEY_BLOCK) {
    const count = Math.min(KEY_BLOCK, numKeys - start);
    loadKeys(workload, inputs, rows, work, start, count);
    attendBlock(work, firstRow(workload, rows, start), (row) =>
      mask === "causal" && row < rows.tokens.length ? Math.min(count, rows.tokens[row]! + 1 - start) : count,
    );
    yield (start + count) / numKeys;
  }
  return { out: divideBySums(work), width: work.width };
}

function roundUp(count: number, block: number): number {
  return Math.ceil(count / block) * block;
}

function createWork(
  { tokens, heads, headDim }: Workload,
  q: Float32Array,
  { batch, head, tokens: list }: HeadRows,
): Work {
  const rows = roundUp(list.length, ROW_BLOCK);
  const width = roundUp(headDim, COLUMN_BLOCK);
  const queries = new Float64Array(rows * width);
  const scale = 1 / Math.sqrt(headDim);
  list.forEach((token, row) => {
    const from = ((batch * tokens + token) * heads + head) * headDim;
    for (let d = 0; d < headDim; d++) queries[row * width + d] = q[from + d]! * scale;
  });
  return {
    rows,
    width,
    queries,
    keys: new Float64Array(KEY_BLOCK * width),
    values: new Float64Array(width * KEY_BLOCK),
    weights: new Float64Array(rows * KEY_BLOCK),
    block: new Float64Array(rows * width),
    out: new Float64Array(rows * width),
    most: new Float64Array(rows).fill(Number.NEGATIVE_INFINITY),
    sum: new Float64Array(rows),
  };
}

/** Keys as they are and values transposed, so that both products run along rows; beyond `count` values are 0. */
function loadKeys(
  { tokens, heads, kvHeads, headDim }: Workload,
  { k, v }: AttentionInputs,
  { batch, head }: HeadRows,
  { keys, values, width }: Work,
  start: number,
  count: number,
): void {
  const kvHead = Math.floor((head * kvHeads) / heads);
  if (count < KEY_BLOCK) values.fill(0);
  for (let key = 0; key < count; key++) {
    const from = ((batch * tokens + start + key) * kvHeads + kvHead) * headDim;
    for (let d = 0; d < headDim; d++) {
      keys[key * width + d] = k[from + d]!;
      values[d * KEY_BLOCK + key] = v[from + d]!;
    }
  }
}

/** The first row, rounded down to a whole block, that sees keys from `start` on: rows are ascending. */
function firstRow({ mask }: Workload, { tokens }: HeadRows, start: number): number {
  if (mask !== "causal") return 0;
  const first = tokens.findIndex((token) => token >= start);
  return Math.floor(first / ROW_BLOCK) * ROW_BLOCK;
}

/** Adds a block of keys to the rows from `first` on; row r sees the first `numSeen(r)` of them, none where it is < 1. */
function attendBlock(work: Work, first: number, numSeen: (row: number) => number): void {
  const { width } = work;
  const rows = work.rows - first;
  const [queries, block] = [work.queries.subarray(first * width), work.block.subarray(first * width)];
  const weights = work.weights.subarray(first * KEY_BLOCK);
  multiplyTransposed(queries, work.keys, weights, [rows, KEY_BLOCK, width]);
  for (let row = first; row < work.rows; row++) weighScores(work, row, numSeen(row));
  multiplyTransposed(weights, work.values, block, [rows, width, KEY_BLOCK]);
  const { out } = work;
  for (let at = first * width; at < work.rows * width; at++) out[at]! += work.block[at]!;
}

/** Scores to weights e^(score − maximum); what the row holds already is scaled to the new maximum. */
function weighScores({ weights, most, sum, out, width }: Work, row: number, numSeen: number): void {
  const start = row * KEY_BLOCK;
  const end = start + Math.max(0, numSeen);
  weights.fill(0, end, start + KEY_BLOCK);
  if (end === start) return;
  const before = most[row]!;
  let now = before;
  for (let at = start; at < end; at++) now = Math.max(now, weights[at]!);
  let added = 0;
  for (let at = start; at < end; at++) added += weights[at] = Math.exp(weights[at]! - now);
  const keep = before === now ? 1 : Math.exp(before - now);
  sum[row] = sum[row]! * keep + added;
  most[row] = now;
  if (keep !== 1) for (let at = row * width; at < (row + 1) * width; at++) out[at]! *= keep;
}

function divideBySums({ rows, width, out, sum }: Work): Float64Array {
  for (let row = 0; row < rows; row++) for (let at = row * width; at < (row + 1) * width; at++) out[at]! /= sum[row]!;
  return out;
}
