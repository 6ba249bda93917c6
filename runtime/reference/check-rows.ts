import { assert } from "../../plan/errors.ts";
import type { Workload } from "../../plan/workload/workload.ts";
import { type AttentionInputs, attendRows, type HeadRows } from "./attend-rows.ts";
import { chooseRows, tokensOfHead } from "./choose-rows.ts";

/**
 * Rows that are computed at once, at most and (where there are more shares than that makes parts) at least: what they
 * need stays in a core's cache, and keys are converted once for all of them.
 */
const MOST_ROWS_AT_ONCE = 256;
const LEAST_ROWS_AT_ONCE = 32;

/** Q, K, V and the output to be checked, `[B, L, H, D]` (K and V: `[B, L, Hkv, D]`); may lie in shared memory. */
export interface CheckedTensors extends AttentionInputs {
  readonly out: Float32Array;
}

/** Sums over rows that were checked; those of several shares add up. */
export interface CheckedRows {
  /** Σ (out − reference)². NaN where out has one. */
  readonly difference2: number;
  /** Σ reference². */
  readonly norm2: number;
  /** Rows: one for each token, head and batch entry. */
  readonly rows: number;
}

export interface CheckOptions {
  /** Which share of the rows is checked here, of how many (default: all): shares differ by at most 256 rows. */
  readonly share?: number;
  readonly shares?: number;
  /** Told every few milliseconds which fraction of the share is done. Ends the check by throwing. */
  readonly onProgress?: (fraction: number) => void;
}

/**
 * Compares rows of an output with attention in float64: all rows below 2^32 FLOPs, otherwise seeded ones (`chooseRows`).
 * The relative error of the output is that of the sums of all shares, `relativeError`.
 */
export function checkRows(
  workload: Workload,
  tensors: CheckedTensors,
  seed: number,
  { share = 0, shares = 1, onProgress = () => {} }: CheckOptions = {},
): CheckedRows {
  requireSizes(workload, tensors);
  const parts = partsOfShare(workload, seed, share, shares);
  let [difference2, norm2, rows] = [0, 0, 0];
  parts.forEach((part, index) => {
    const steps = attendRows(workload, tensors, part);
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) onProgress((index + step.value) / parts.length);
    const sums = compareRows(workload, tensors.out, part, step.value.out, step.value.width);
    difference2 += sums.difference2;
    norm2 += sums.norm2;
    rows += part.tokens.length;
  });
  return { difference2, norm2, rows };
}

/** ‖out − reference‖ / ‖reference‖; of a reference of zeros 0 or infinity. */
export function relativeError({ difference2, norm2 }: CheckedRows): number {
  return difference2 === 0 && norm2 === 0 ? 0 : Math.sqrt(difference2 / norm2);
}

function requireSizes({ batch, tokens, heads, kvHeads, headDim }: Workload, { q, k, v, out }: CheckedTensors): void {
  const size = batch * tokens * headDim;
  assert(
    q.length === size * heads && out.length === size * heads,
    `${q.length} elements of Q, ${out.length} of the output`,
  );
  assert(k.length === size * kvHeads && v.length === size * kvHeads, `${k.length} elements of K, ${v.length} of V`);
}

/** Every `shares`-th part, where a part is some of the chosen rows of one head, from all over the sequence. */
function partsOfShare(workload: Workload, seed: number, share: number, shares: number): HeadRows[] {
  assert(share >= 0 && share < shares, `share ${share} of ${shares}`);
  const choice = chooseRows(workload, seed);
  const numHeads = workload.batch * workload.heads;
  const evenShare = Math.ceil((numHeads * choice.rowsPerHead) / shares);
  const rowsAtOnce = Math.min(MOST_ROWS_AT_ONCE, Math.max(LEAST_ROWS_AT_ONCE, evenShare));
  const partsOfHead = Math.ceil(choice.rowsPerHead / rowsAtOnce);
  const parts: HeadRows[] = [];
  for (let index = share; index < numHeads * partsOfHead; index += shares) {
    const row = Math.floor(index / partsOfHead);
    const [batch, head] = [Math.floor(row / workload.heads), row % workload.heads];
    const part = index % partsOfHead;
    parts.push({ batch, head, tokens: tokensOfHead(choice, batch, head).filter((_, i) => i % partsOfHead === part) });
  }
  return parts;
}

function compareRows(
  { tokens: numTokens, heads, headDim }: Workload,
  out: Float32Array,
  { batch, head, tokens }: HeadRows,
  reference: Float64Array,
  width: number,
): { difference2: number; norm2: number } {
  let [difference2, norm2] = [0, 0];
  tokens.forEach((token, row) => {
    const at = ((batch * numTokens + token) * heads + head) * headDim;
    for (let d = 0; d < headDim; d++) {
      const expected = reference[row * width + d]!;
      difference2 += (out[at + d]! - expected) ** 2;
      norm2 += expected ** 2;
    }
  });
  return { difference2, norm2 };
}
