import type { Piece } from "../workload/shards.ts";
import type { Mask } from "../workload/workload.ts";

/**
 * The most queries and keys of one tile of scores. Their 1.1 MiB of fp32 are about a core's L2 cache; more queries than
 * keys, because each product packs its keys or values anew, and 768 queries hide that.
 */
export const TILE_QUERIES = 768;
export const TILE_KEYS = 384;

/** Queries of a tile on the diagonal, where half of the scores are computed in vain. */
const DIAGONAL_QUERIES = 256;

/** What tiles are multiples of, but for the last of an operand: products go through their keys in blocks of 128. */
const QUERY_STEP = 16;
const KEY_STEP = 128;

/** Tiles of scores that one call of the kernel goes through. */
export const MAX_CALL_TILES = 4;

/** Queries of each tile of a Q operand, and keys of each tile of a KV operand; the last may be smaller. */
export function queryTile(numQueries: number): number {
  return evenTile(numQueries, TILE_QUERIES, QUERY_STEP);
}
export function keyTile(numKeys: number): number {
  return evenTile(numKeys, TILE_KEYS, KEY_STEP);
}

/** Cuts evenly, so that no small rest remains. */
function evenTile(total: number, most: number, step: number): number {
  const even = Math.ceil(total / Math.ceil(total / most));
  return Math.min(most, step * Math.ceil(even / step));
}

/** Keys `[start, end)` of the KV operand `operand` (a position in the op's list) that a call attends. */
export interface KeyTile {
  readonly operand: number;
  readonly start: number;
  readonly end: number;
}

/**
 * One call of an attention kernel that works tile by tile on a CPU: queries `[queryStart, queryEnd)` of one Q operand
 * with tiles of keys one after the other. Every query sees the first key of the first tile.
 */
export interface AttendCall {
  readonly queryStart: number;
  readonly queryEnd: number;
  readonly tiles: readonly KeyTile[];
  /** The last tile lies on the diagonal: a query sees the keys whose token is not larger. */
  readonly isMasked: boolean;
}

/**
 * The calls, for each head, that attend one Q operand (global tokens `query`) with the KV operands (`keys`), in order.
 * It is here because kernels follow it and the simulator counts it. Queries are cut from the operand's start, keys from
 * their operand's start. Under a causal mask a tile of queries first sees the keys before all of it; the rest is done by
 * smaller tiles of queries, each of which ends with keys on the diagonal; queries before all keys are left out.
 */
export function attendCalls(query: Piece, keys: readonly Piece[], mask: Mask): AttendCall[] {
  const calls: AttendCall[] = [];
  for (const rows of cut(query, queryTile(query.end - query.start))) {
    if (mask === "full") addCalls(calls, rows, keys.flatMap(cutKeys), false);
    else
      keys.forEach((piece, operand) => {
        addCausalCalls(calls, rows, piece, operand);
      });
  }
  return calls;
}

function addCausalCalls(calls: AttendCall[], rows: Piece, keys: Piece, operand: number): void {
  const seen = { start: Math.max(rows.start, keys.start), end: rows.end };
  if (seen.start >= seen.end || keys.start >= keys.end) return;
  const tileOf = (piece: Piece): KeyTile => ({ operand, ...piece });
  const before = cutKeys(keys, operand).filter(({ start }) => start < seen.start);
  const last = before.at(-1);
  if (last !== undefined)
    before[before.length - 1] = tileOf({ start: last.start, end: Math.min(last.end, seen.start) });
  addCalls(calls, seen, before, false);
  if (seen.start >= keys.end) return;
  for (const part of cut(seen, DIAGONAL_QUERIES)) {
    const full = { start: seen.start, end: Math.min(keys.end, part.start) };
    const tiles = cut(full, TILE_KEYS).map(tileOf);
    const diagonal = { start: part.start, end: Math.min(keys.end, part.end) };
    if (diagonal.start < diagonal.end) addCalls(calls, part, [...tiles, tileOf(diagonal)], true);
    else addCalls(calls, part, tiles, false);
  }
}

function cutKeys(keys: Piece, operand: number): KeyTile[] {
  return cut(keys, keyTile(keys.end - keys.start)).map((piece) => ({ operand, ...piece }));
}

function cut({ start, end }: Piece, size: number): Piece[] {
  const pieces: Piece[] = [];
  for (let at = start; at < end; at += size) pieces.push({ start: at, end: Math.min(end, at + size) });
  return pieces;
}

function addCalls(calls: AttendCall[], rows: Piece, tiles: readonly KeyTile[], isMasked: boolean): void {
  const perCall = Math.ceil(tiles.length / Math.ceil(tiles.length / MAX_CALL_TILES));
  for (let at = 0; at < tiles.length; at += perCall) {
    const some = tiles.slice(at, at + perCall);
    const isLast = at + some.length === tiles.length;
    calls.push({ queryStart: rows.start, queryEnd: rows.end, tiles: some, isMasked: isMasked && isLast });
  }
}

/**
 * How many of an op's heads one call takes: as many as keep its scores within the bytes of one tile. Heads that share KV
 * heads go one by one.
 */
export function headsPerCall(call: AttendCall, numHeads: number, isShared: boolean): number {
  if (isShared) return 1;
  const keys = Math.max(...call.tiles.map(({ start, end }) => end - start));
  const scores = (call.queryEnd - call.queryStart) * keys;
  return Math.max(1, Math.min(numHeads, Math.floor((TILE_QUERIES * TILE_KEYS) / scores)));
}

/** What one attend costs a CPU, in the units of `AttendFigures`; counts are over heads and batch entries. */
export interface AttendWork {
  calls: number;
  /** Queries and keys that are brought into the kernel's own layout. */
  queries: number;
  keys: number;
  /** Pairs of query and key that are computed, whether the mask allows them or not. */
  pairs: number;
  /** Of these, the pairs of tiles that find their maximum first, and of tiles on the diagonal. */
  firstPairs: number;
  maskedPairs: number;
}

export function noAttendWork(): AttendWork {
  return { calls: 0, queries: 0, keys: 0, pairs: 0, firstPairs: 0, maskedPairs: 0 };
}

/**
 * Adds the work of one Q operand (`numHeads` heads, `batch` entries) with the KV operands of an op. `isFirst`: its
 * accumulator is the identity before. Keys are counted by `addKeys`, once an op.
 */
export function addQueries(
  work: AttendWork,
  query: Piece,
  keys: readonly Piece[],
  mask: Mask,
  heads: { readonly numHeads: number; readonly batch: number; readonly isShared: boolean; readonly isFirst: boolean },
): void {
  const { numHeads, batch, isShared, isFirst } = heads;
  const entries = numHeads * batch;
  work.queries += (query.end - query.start) * entries;
  let covered = query.start;
  for (const call of attendCalls(query, keys, mask)) {
    const numCalls = batch * Math.ceil(numHeads / headsPerCall(call, numHeads, isShared));
    const rows = call.queryEnd - call.queryStart;
    const findsMaximum = isFirst && call.queryStart >= covered;
    covered = Math.max(covered, call.queryEnd);
    work.calls += numCalls;
    call.tiles.forEach(({ start, end }, i) => {
      const pairs = rows * (end - start) * entries;
      work.pairs += pairs;
      if (findsMaximum && i === 0) work.firstPairs += pairs;
      if (call.isMasked && i === call.tiles.length - 1) work.maskedPairs += pairs;
    });
  }
}

/** Adds the KV operands of an op, `numHeads` KV heads each. */
export function addKeys(work: AttendWork, keys: readonly Piece[], numHeads: number, batch: number): void {
  for (const { start, end } of keys) work.keys += (end - start) * numHeads * batch;
}
