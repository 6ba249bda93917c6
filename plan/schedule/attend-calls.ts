import type { Piece } from "../workload/shards.ts";
import type { Mask } from "../workload/workload.ts";

/** Queries and keys of one tile of scores: 512 KiB of fp32, half of a common L2 cache. */
export const TILE_QUERIES = 256;
export const TILE_KEYS = 512;

/** Tiles of scores that one call of the kernel goes through. */
export const MAX_CALL_TILES = 4;

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
 * their operand's start; under a causal mask a tile of queries ends its keys with one tile on the diagonal, and queries
 * before all keys of an operand are left out.
 */
export function attendCalls(query: Piece, keys: readonly Piece[], mask: Mask): AttendCall[] {
  const calls: AttendCall[] = [];
  for (let start = query.start; start < query.end; start += TILE_QUERIES) {
    const rows = { start, end: Math.min(query.end, start + TILE_QUERIES) };
    if (mask === "full")
      addCalls(
        calls,
        rows,
        keys.flatMap((piece, operand) => cutKeys(operand, piece)),
        false,
      );
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
  // Every query of `seen` sees the keys before its first token; what lies after them is on the diagonal.
  const all = Math.min(keys.end, seen.start);
  const tiles = cutKeys(operand, { start: keys.start, end: all });
  const diagonal = { operand, start: all, end: Math.min(keys.end, seen.end) };
  if (diagonal.start < diagonal.end) addCalls(calls, seen, [...tiles, diagonal], true);
  else addCalls(calls, seen, tiles, false);
}

function cutKeys(operand: number, { start, end }: Piece): KeyTile[] {
  const tiles: KeyTile[] = [];
  for (let at = start; at < end; at += TILE_KEYS)
    tiles.push({ operand, start: at, end: Math.min(end, at + TILE_KEYS) });
  return tiles;
}

function addCalls(calls: AttendCall[], rows: Piece, tiles: readonly KeyTile[], isMasked: boolean): void {
  for (let at = 0; at < tiles.length; at += MAX_CALL_TILES) {
    const some = tiles.slice(at, at + MAX_CALL_TILES);
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
  let lastQuery = -1;
  for (const call of attendCalls(query, keys, mask)) {
    const numCalls = batch * Math.ceil(numHeads / headsPerCall(call, numHeads, isShared));
    const rows = call.queryEnd - call.queryStart;
    const findsMaximum = isFirst && call.queryEnd !== lastQuery;
    lastQuery = call.queryEnd;
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
