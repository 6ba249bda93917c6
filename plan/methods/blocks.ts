import { cutPieces, type Piece } from "../workload/shards.ts";

/** Tokens `[token, token + numTokens)` at consecutive rows: of the block, and of the shard that they come from. */
export interface Run {
  readonly row: number;
  readonly shardRow: number;
  readonly token: number;
  readonly numTokens: number;
}

/**
 * The tokens of several ranks' shards as they lie together in a slot: sub-tile by sub-tile, in each the members in
 * order. So a sub-tile is one run of rows, and it holds the same part of every member's shard.
 */
export interface Block {
  readonly rows: number;
  /** Runs of each member in each sub-tile, `[subtile][member]`. */
  readonly parts: readonly (readonly (readonly Run[])[])[];
  /** Runs of each sub-tile, with neighbors in rows and tokens joined. */
  readonly subtiles: readonly (readonly Run[])[];
}

/** Lays out the shards of `members` cut into `tiles` sub-tiles each. */
export function layBlock(members: readonly (readonly Piece[])[], tiles: number): Block {
  const cuts = members.map((pieces) => cutPieces(pieces, tiles));
  const shardRows = members.map(() => 0);
  const parts: Run[][][] = [];
  let row = 0;
  for (let s = 0; s < tiles; s++) {
    parts.push(
      cuts.map((cut, member) =>
        cut[s]!.map(({ start, end }) => {
          const run = { row, shardRow: shardRows[member]!, token: start, numTokens: end - start };
          row += run.numTokens;
          shardRows[member]! += run.numTokens;
          return run;
        }),
      ),
    );
  }
  return { rows: row, parts, subtiles: parts.map((members) => joinRuns(members.flat())) };
}

function joinRuns(runs: readonly Run[]): Run[] {
  const joined: Run[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    if (last && last.token + last.numTokens === run.token && last.row + last.numTokens === run.row)
      joined[joined.length - 1] = { ...last, numTokens: last.numTokens + run.numTokens };
    else joined.push(run);
  }
  return joined;
}

/** Whether causal attention lets any of the queries see any of the keys. */
export function causalMeets(queries: readonly Run[], keys: readonly Run[]): boolean {
  return lastToken(queries) >= firstToken(keys);
}

/** Least token of some runs; Infinity for none. */
export function firstToken(runs: readonly Run[]): number {
  return runs.reduce((least, run) => Math.min(least, run.token), Number.POSITIVE_INFINITY);
}

/** Greatest token of some runs; −Infinity for none. */
export function lastToken(runs: readonly Run[]): number {
  return runs.reduce((most, run) => Math.max(most, run.token + run.numTokens - 1), Number.NEGATIVE_INFINITY);
}
