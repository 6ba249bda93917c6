import { finalizedOutput, gather, scatter } from "./all-to-all.ts";
import { causalMeets, type Run } from "./blocks.ts";
import type { Dimensions, SlotShape } from "./layout.ts";
import { computeAfter, computeBefore, type Operands, type PlanContext } from "./plan-context.ts";
import { flatTurn, type Held, nestedTurn, type RingOrder, ringDepth } from "./ring-turns.ts";
import { accumulatorsOf, blocksOf, ownBlock, type RingWork, type Seat, seatsOf } from "./ring-work.ts";

function ringSlots(d: Dimensions, order: RingOrder, rows: number): SlotShape[] {
  const { ringInter, ringIntra } = d.mesh;
  const slot = (name: string, depth: number): SlotShape[] =>
    depth === 0 ? [] : [{ name, role: "scratch", planes: 2 * d.batch, rows: depth * rows, columns: d.partKvHeads }];
  if (order === "flat") return slot("ring", ringDepth(d.ring - 1));
  return [...slot("ring", ringDepth(ringInter * (ringIntra - 1))), ...slot("outer", ringDepth(ringInter - 1))];
}

/** Slots of Ulysses, Ring, USP and TAS. O returns in the bytes of the gathered Q, and of Q as it was packed. */
export function ulyssesRingSlots(d: Dimensions, tiles: number, order: RingOrder): SlotShape[] {
  const rows = Math.max(...blocksOf(d, tiles).map((block) => block.rows));
  const scratch = { role: "scratch", planes: d.batch, columns: d.partHeads } as const;
  const scratchKv = { role: "scratch", planes: 2 * d.batch, columns: d.partKvHeads } as const;
  const packed = (d.ulysses - d.mesh.ulyssesIntra) * d.shardRows;
  return [
    { name: "Q", role: "input", planes: d.batch, rows: d.shardRows, columns: d.heads },
    { name: "KV", role: "input", planes: 2 * d.batch, rows: d.shardRows, columns: d.kvHeads },
    { name: "O", role: "output", planes: d.batch, rows: d.shardRows, columns: d.heads },
    ...(d.ulysses > 1
      ? [
          { name: "gatheredQ", rows, ...scratch },
          { name: "gatheredKV", rows, ...scratchKv },
        ]
      : []),
    ...(packed > 0
      ? [
          { name: "packedQ", rows: packed, ...scratch },
          { name: "packedKV", rows: packed, ...scratchKv },
          { name: "packedO", rows: packed, ...scratch, within: "packedQ" },
        ]
      : []),
    ...ringSlots(d, order, rows),
    { name: "accumulator", role: "accumulator", planes: d.batch, rows, columns: d.partHeads },
  ];
}

/**
 * Ulysses, Ring, USP (flat ring) and TAS (nested ring): all-to-all of Q and KV over the `P_u` ranks of a Ring index,
 * KV round the ring with attention on every block, all-to-all back of O.
 */
export function planUlyssesRing(context: PlanContext, order: RingOrder): void {
  const d = context.dimensions;
  const work: RingWork = { context, blocks: blocksOf(d, context.tiles), seats: seatsOf(d) };
  computeBefore(context);
  if (d.ulysses > 1) {
    gather(work, "Q");
    gather(work, "KV");
  }
  const rows = work.seats.map((seat) => ({
    queries: ownBlock(work, seat, "Q"),
    sums: accumulatorsOf(work, seat),
    isSettled: new Array<boolean>(context.tiles).fill(false),
  }));
  const turn = order === "flat" ? flatTurn : nestedTurn;
  turn(work, (seat, held, last) => attendBlock(work, seat, rows[seat.rank]!, held, last));
  if (d.ulysses > 1) for (let q = 0; q < context.tiles; q++) scatter(work, q);
  computeAfter(context);
}

/** A rank's Q and its sums by sub-tile, and which of them it has attended before. */
interface Rows {
  readonly queries: readonly Operands[];
  readonly sums: readonly Operands[];
  readonly isSettled: boolean[];
}

/**
 * Attends a block, one launch a sub-tile. At the rank's last block the last launch is cut by sub-tiles of Q and each is
 * finalized, so that a part of O leaves while the next is computed.
 */
function attendBlock(work: RingWork, seat: Seat, rows: Rows, held: Held, last: boolean): void {
  const { context, blocks } = work;
  for (let s = 0; s < context.tiles; s++) {
    const tiles = tilesThatSee(work, seat, blocks[held.ringIndex]!.subtiles[s]!);
    const keys = held.keys[s]!;
    if (last && s + 1 === context.tiles) finishRows(work, seat, rows, keys, tiles);
    else attend(context, seat, rows, keys, tiles);
  }
}

/** Sub-tiles of the rank's Q with queries that may see the keys. */
function tilesThatSee(work: RingWork, seat: Seat, keys: readonly Run[]): number[] {
  const { causal } = work.context.dimensions;
  const tiles: number[] = [];
  work.blocks[seat.ringIndex]!.subtiles.forEach((runs, q) => {
    if (runs.length > 0 && keys.length > 0 && (!causal || causalMeets(runs, keys))) tiles.push(q);
  });
  return tiles;
}

/** One launch. Q tiles that the rank has attended before stand first: only their own rank overwrites them, with O. */
function attend(context: PlanContext, seat: Seat, rows: Rows, keys: Operands, tiles: readonly number[]): void {
  if (keys.length === 0 || tiles.length === 0) return;
  const settled = tiles.filter((q) => rows.isSettled[q]!);
  const fresh = tiles.filter((q) => !rows.isSettled[q]!);
  for (const q of fresh) rows.isSettled[q] = true;
  const queriesOf = (list: readonly number[]) => list.flatMap((q) => rows.queries[q]!);
  const sums = [...settled, ...fresh].flatMap((q) => rows.sums[q]!);
  context.builder.local("attend", context.base + seat.rank, [...queriesOf(fresh), ...keys], sums, queriesOf(settled));
}

function finishRows(work: RingWork, seat: Seat, rows: Rows, keys: Operands, tiles: readonly number[]): void {
  const { context } = work;
  for (let q = 0; q < context.tiles; q++) {
    if (tiles.includes(q)) attend(context, seat, rows, keys, [q]);
    context.builder.local("finalize", context.base + seat.rank, rows.sums[q]!, finalizedOutput(work, seat, q));
  }
}
