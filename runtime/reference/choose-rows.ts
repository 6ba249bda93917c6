import { allowedPairs } from "../../plan/workload/shards.ts";
import type { Workload } from "../../plan/workload/workload.ts";

/** Below this, all rows are checked; above it, as many as it allows, but no fewer than `LEAST_ROWS` of every head. */
const MAX_FLOPS = 2 ** 32;
const LEAST_ROWS = 256;

/** Which rows of an output are checked: the same number of every head of every batch entry. */
export interface RowChoice {
  readonly seed: number;
  /** L. */
  readonly tokens: number;
  /** At most L, and L for all rows. */
  readonly rowsPerHead: number;
}

/** Chooses the rows of a workload that are checked, for `tokensOfHead` to list: by the workload and the seed alone. */
export function chooseRows(workload: Workload, seed: number): RowChoice {
  const { tokens } = workload;
  const flops = attentionFlops(workload);
  const affordable = flops < MAX_FLOPS ? tokens : Math.max(LEAST_ROWS, Math.floor((tokens * MAX_FLOPS) / flops));
  return { seed, tokens, rowsPerHead: Math.min(tokens, affordable) };
}

/** 4·B·H·D FLOPs a pair of query and key that the mask allows: a multiply-add each for the score and for the value. */
function attentionFlops({ batch, heads, headDim, tokens, mask }: Workload): number {
  const all = { start: 0, end: tokens };
  return 4 * batch * heads * headDim * allowedPairs(all, all, mask);
}

/**
 * The chosen tokens of one head of one batch entry, ascending: one of each of `rowsPerHead` equal parts of the sequence,
 * at a seeded place in it, with the first and the last token of the sequence among them.
 */
export function tokensOfHead({ seed, tokens, rowsPerHead }: RowChoice, batch: number, head: number): Int32Array {
  const next = createRandom([seed, Math.floor(seed / 2 ** 32), batch, head]);
  const cut = (part: number) => Math.floor((part * tokens) / rowsPerHead);
  return Int32Array.from({ length: rowsPerHead }, (_, part) => {
    const place = Math.floor(next() * (cut(part + 1) - cut(part)));
    if (part === 0) return 0;
    return part === rowsPerHead - 1 ? tokens - 1 : cut(part) + place;
  });
}

/** Numbers in [0, 1) by a seed of several words (mulberry32, public domain, over murmur3's finalizer). */
function createRandom(words: readonly number[]): () => number {
  let state = words.reduce((hash, word) => mix((hash ^ word) + 0x6d2b79f5), 0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    return (mix(state) >>> 0) / 2 ** 32;
  };
}

function mix(word: number): number {
  let hash = word ^ (word >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
