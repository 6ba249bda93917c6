import { assert } from "../errors.ts";
import type { Mask, Workload } from "./workload.ts";

/** Tokens `[start, end)` of the sequence. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

/**
 * `⌊index·total/parts⌋`. Exact below `index·total < 2^53`: a quotient `q + r/parts` with `r < parts` is at least
 * `1/parts` below the next integer, more than half a unit in the last place of `q`, so it never rounds up to it.
 */
function cutAt(index: number, total: number, parts: number): number {
  return Math.floor((index * total) / parts);
}

/** Non-empty ranges, those that touch joined into one; ranges are ascending. */
function joinPieces(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    if (piece.end <= piece.start) continue;
    const last = joined.at(-1);
    if (last !== undefined && last.end === piece.start)
      joined[joined.length - 1] = { start: last.start, end: piece.end };
    else joined.push(piece);
  }
  return joined;
}

/**
 * Tokens of every rank, as ascending non-empty pieces; a rank may have none.
 * Contiguous: rank i of P holds `[⌊iL/P⌋, ⌊(i+1)L/P⌋)`. Zigzag: the sequence is cut into 2P parts the same way and
 * rank i holds parts i and 2P−1−i, which balances causal attention (ring-flash-attention's zigzag).
 * Exact for any L below 2^31 and up to 2^20 ranks.
 */
export function shardPieces(workload: Pick<Workload, "tokens" | "shardOrder">, ranks: number): Piece[][] {
  const { tokens, shardOrder } = workload;
  assert(Number.isInteger(ranks) && ranks >= 1, `shards for ${ranks} ranks`);
  assert(2 * ranks * tokens < Number.MAX_SAFE_INTEGER, `${tokens} tokens on ${ranks} ranks are not exact`);
  const numParts = shardOrder === "zigzag" ? 2 * ranks : ranks;
  const part = (index: number): Piece => ({
    start: cutAt(index, tokens, numParts),
    end: cutAt(index + 1, tokens, numParts),
  });
  return Array.from({ length: ranks }, (_, rank) =>
    joinPieces(shardOrder === "zigzag" ? [part(rank), part(numParts - 1 - rank)] : [part(rank)]),
  );
}

/** Number of tokens in pieces that do not overlap. */
export function countTokens(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.end - piece.start, 0);
}

/** Tokens `[from, to)` of the concatenation of pieces. */
function slicePieces(pieces: readonly Piece[], from: number, to: number): Piece[] {
  const slices: Piece[] = [];
  let offset = 0;
  for (const piece of pieces) {
    const start = Math.max(piece.start, piece.start + from - offset);
    const end = Math.min(piece.end, piece.start + to - offset);
    if (start < end) slices.push({ start, end });
    offset += piece.end - piece.start;
  }
  return slices;
}

/**
 * Cuts the concatenation of pieces (n tokens) into `parts` runs, run s holding its tokens `[⌊sn/k⌋, ⌊(s+1)n/k⌋)`:
 * sizes differ by one at most, and runs are empty where there are fewer tokens than parts.
 */
export function cutPieces(pieces: readonly Piece[], parts: number): Piece[][] {
  assert(Number.isInteger(parts) && parts >= 1, `cut into ${parts} parts`);
  const total = countTokens(pieces);
  return Array.from({ length: parts }, (_, index) =>
    slicePieces(pieces, cutAt(index, total, parts), cutAt(index + 1, total, parts)),
  );
}

/** `first + (first+1) + … + last`, halved before the product so that it is exact up to 2^53. */
function sumRange(first: number, last: number): number {
  const count = last - first + 1;
  if (count <= 0) return 0;
  const ends = first + last;
  return count % 2 === 0 ? (count / 2) * ends : count * (ends / 2);
}

/**
 * Pairs (query, key) that the mask allows between two ranges: all of them, or for `causal` those with key ≤ query.
 * In closed form, exact up to 2^53: queries inside the keys' range see a growing number of keys, those after it all.
 */
export function allowedPairs(q: Piece, kv: Piece, mask: Mask): number {
  const numKeys = Math.max(0, kv.end - kv.start);
  if (mask === "full") return Math.max(0, q.end - q.start) * numKeys;
  const inside = sumRange(Math.max(q.start, kv.start) + 1 - kv.start, Math.min(q.end, kv.end) - kv.start);
  return inside + Math.max(0, q.end - Math.max(q.start, kv.end)) * numKeys;
}
