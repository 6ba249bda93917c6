import { type Block, causalMeets, layBlock } from "./blocks.ts";
import { type Dimensions, partIndex, rankAt, type SlotShape } from "./layout.ts";
import {
  computeAfter,
  computeBefore,
  type Operands,
  type PlanContext,
  placeRuns,
  placeSubtile,
  slotIndex,
  transferStream,
} from "./plan-context.ts";
import { arrivalsOfPath } from "./torus-path.ts";
import { countTokens } from "../workload/shards.ts";
import { assignPlaces, type Lifetimes, type TorusStorage, tileLifetimes } from "./torus-storage.ts";

/** Blocks by machine and place in its ring, `m·R + r`: the tokens of the ranks `(m, r, ·)`. */
function blocksOf(d: Dimensions, tiles: number): Block[] {
  const { ulyssesIntra, ringIntra } = d.mesh;
  const blocks: Block[] = [];
  for (let i = 0; i < d.machines * ringIntra; i++)
    blocks.push(layBlock(d.pieces.slice(i * ulyssesIntra, (i + 1) * ulyssesIntra), tiles));
  return blocks;
}

/** Slots of Torus. Every O lies in the bytes of the Q that it belongs to, here and at its owner. */
export function torusSlots(d: Dimensions, tiles: number, storage: TorusStorage): SlotShape[] {
  const rows = Math.max(...blocksOf(d, tiles).map((block) => block.rows));
  const { ulyssesInter, ringIntra } = d.mesh;
  const q = (name: string, places: number): SlotShape[] =>
    places === 0 ? [] : [{ name, role: "scratch", planes: d.batch, rows: places * rows, columns: d.partHeads }];
  const kv = (name: string, places: number): SlotShape[] =>
    places === 0 ? [] : [{ name, role: "scratch", planes: 2 * d.batch, rows: places * rows, columns: d.partKvHeads }];
  const turnPlaces = storage.holds ? storage.banks * (ringIntra - 1) : turnDepth(d);
  return [
    { name: "Q", role: "input", planes: d.batch, rows: d.shardRows, columns: d.heads },
    { name: "KV", role: "input", planes: 2 * d.batch, rows: d.shardRows, columns: d.kvHeads },
    { name: "O", role: "output", planes: d.batch, rows: d.shardRows, columns: d.heads },
    ...(d.ulysses > 1 ? [...q("gatheredQ", ulyssesInter), ...kv("gatheredKV", ulyssesInter)] : []),
    ...q("pulledQ", ulyssesInter - 1),
    ...kv("pulledKV", storage.pullPlaces),
    ...kv("ring", turnPlaces),
    { name: "accumulator", role: "accumulator", planes: d.batch, rows: ulyssesInter * rows, columns: d.partHeads },
  ];
}

/** Places of a turn whose blocks do not stay. */
function turnDepth(d: Dimensions): number {
  return Math.min(2, d.mesh.ringIntra - 1);
}

/** One rank's place in the mesh and what it has placed. */
interface Seat {
  readonly rank: number;
  readonly g: number;
  readonly n: number;
  readonly r: number;
  readonly u: number;
  /** First Q and KV head of part `(n, u)`, which this rank attends. */
  readonly head: number;
  readonly kvHead: number;
  /** Rows of the grid that are present, by Q tile: the block and where its sub-tiles and their sums lie. */
  readonly rows: Row[];
  front: Front | null;
}

/** Operands of all rows of a rank. */
interface Front {
  readonly numRows: number;
  readonly queries: number[];
  readonly sums: number[];
}

/** A sub-tile of a Q tile at a rank: where it and its sums lie, and where its O is finalized. */
interface QueryTile {
  readonly queries: Operands;
  readonly sums: Operands;
  readonly output: Operands;
  /** The rank has attended it before. */
  isSettled: boolean;
}

/** A row of the grid: Q tile `distance` machines back in the group, by sub-tile. */
interface Row {
  readonly distance: number;
  readonly block: Block;
  readonly tiles: readonly QueryTile[];
}

/** A block of a KV tile at a rank: whose tokens, and where its sub-tiles lie (no operands where it is not needed). */
interface Held {
  readonly block: Block;
  readonly keys: readonly Operands[];
}

interface TorusWork {
  readonly context: PlanContext;
  readonly storage: TorusStorage;
  readonly blocks: readonly Block[];
  readonly blockRows: number;
  readonly seats: readonly Seat[];
  readonly lifetimes: Lifetimes;
  readonly pullPlaces: readonly number[];
  readonly banks: readonly number[];
  /** Blocks that stay, by rank and then KV tile: the own block first, then as the turn brings them. */
  readonly held: Held[][][];
  /** Every sub-tile has tokens and every launch takes place: no mask and no small shard leaves one out. */
  readonly isFull: boolean;
  /** Turns without holding, so far. */
  turns: number;
}

/**
 * Torus attention (StreamFusion): TAS with the transfers between machines taken apart, so that each overlaps the
 * attention of what has arrived. See DESIGN "Torus in detail"; `path` orders the arrivals.
 */
export function planTorus(context: PlanContext, path: string, storage: TorusStorage): void {
  const work = createWork(context, path, storage);
  const d = context.dimensions;
  computeBefore(context);
  if (d.ulysses > 1) for (const tensor of ["Q", "KV"] as const) gather(work, tensor);
  for (const seat of work.seats) seat.rows.push(placeRow(work, seat, 0));
  const arrivals = arrivalsOfPath(path);
  const lastTile = d.machines - 1;
  keysArrive(work, 0, lastTile === 0);
  for (const arrival of arrivals) {
    if (arrival.tensor === "Q") {
      const tilesPresent = work.held[0]!.length;
      pullQueries(work, arrival.index);
      queriesArrive(work, arrival.index, tilesPresent, tilesPresent === d.machines);
    } else {
      pullKeys(work, arrival.index);
      keysArrive(work, arrival.index, arrival.index === lastTile);
    }
  }
  if (d.ulysses > 1) for (let s = 0; s < context.tiles; s++) returnOutput(work, s);
  computeAfter(context);
}

function createWork(context: PlanContext, path: string, storage: TorusStorage): TorusWork {
  const d = context.dimensions;
  const lifetimes = tileLifetimes(arrivalsOfPath(path));
  const pullPlaces = assignPlaces(lifetimes, 1, storage.pullPlaces);
  const banks = storage.holds ? assignPlaces(lifetimes, 0, storage.banks) : [];
  if (!pullPlaces || !banks) throw new Error("bug: Torus storage does not fit the path");
  return {
    context,
    storage,
    blocks: blocksOf(d, context.tiles),
    blockRows: context.slots[slotIndex(context, "accumulator")]!.rows / d.mesh.ulyssesInter,
    seats: seatsOf(d),
    lifetimes,
    pullPlaces,
    banks,
    held: Array.from({ length: d.ranks }, () => []),
    isFull: !d.causal && d.pieces.every((ranges) => countTokens(ranges) >= context.tiles),
    turns: 0,
  };
}

function seatsOf(d: Dimensions): Seat[] {
  const { ulyssesInter, ringInter, ulyssesIntra, ringIntra } = d.mesh;
  const seats: Seat[] = [];
  for (let g = 0; g < ringInter; g++)
    for (let n = 0; n < ulyssesInter; n++)
      for (let r = 0; r < ringIntra; r++)
        for (let u = 0; u < ulyssesIntra; u++) {
          const part = partIndex(d.mesh, n, u);
          const [head, kvHead] = [part * d.partHeads, part * d.partKvHeads];
          seats.push({ rank: rankAt(d.mesh, g, n, r, u), g, n, r, u, head, kvHead, rows: [], front: null });
        }
  return seats;
}

function blockAt(work: TorusWork, machine: number, r: number): Block {
  return work.blocks[machine * work.context.dimensions.mesh.ringIntra + r]!;
}

function machineOf(work: TorusWork, seat: Seat): number {
  return seat.g * work.context.dimensions.mesh.ulyssesInter + seat.n;
}

/** Group and place in it of the machine that tile `distance` comes from: own group first. */
function sourceOf(d: Dimensions, seat: Pick<Seat, "g" | "n">, distance: number): { g: number; n: number } {
  const { ulyssesInter, ringInter } = d.mesh;
  const groups = Math.floor(distance / ulyssesInter);
  const places = distance % ulyssesInter;
  return { g: (seat.g - groups + ringInter) % ringInter, n: (seat.n - places + ulyssesInter) % ulyssesInter };
}

// --- All-to-all inside the machine ---------------------------------------------------------------------------------

/** Sub-piece `s` of `(m, r, u)`'s shard, some of the `N_u` parts of head group `group`, each at the place that `at` says. */
function placeParts(
  work: TorusWork,
  owner: Seat,
  tensor: "Q" | "KV" | "O",
  s: number,
  group: number,
  parts: readonly number[],
  at: (n: number, head: number) => Parameters<typeof placeRuns>[2],
): number[] {
  const { context } = work;
  const runs = blockAt(work, machineOf(work, owner), owner.r).parts[s]![owner.u]!;
  return parts.flatMap((n) => {
    const [head, numHeads] = partHeads(context.dimensions, tensor, n, group);
    return placeRuns(context, runs, at(n, head), tensor, head, numHeads);
  });
}

/** The parts in the owner's shard (strided). */
function inShard(
  work: TorusWork,
  owner: Seat,
  tensor: "Q" | "KV" | "O",
  s: number,
  group: number,
  parts: readonly number[],
): number[] {
  const slot = slotIndex(work.context, tensor);
  return placeParts(work, owner, tensor, s, group, parts, (_, column) => ({ slot, row: 0, column, by: "shardRow" }));
}

/** The parts where head group `group` gathers them, a place for each; O lies in the bytes of Q. */
function inGathered(
  work: TorusWork,
  owner: Seat,
  tensor: "Q" | "KV" | "O",
  s: number,
  group: number,
  parts: readonly number[],
): number[] {
  const slot = slotIndex(work.context, tensor === "KV" ? "gatheredKV" : "gatheredQ");
  const place = (n: number) => ({ slot, row: n * work.blockRows, column: 0, by: "row" }) as const;
  return placeParts(work, owner, tensor, s, group, parts, place);
}

function partHeads(d: Dimensions, tensor: "Q" | "KV" | "O", n: number, u: number): [head: number, numHeads: number] {
  const numHeads = tensor === "KV" ? d.partKvHeads : d.partHeads;
  return [partIndex(d.mesh, n, u) * numHeads, numHeads];
}

/** Every pair `(u, u + distance)` of every `(m, r)`, distance by distance. */
function rotate(work: TorusWork, transfer: (seat: Seat, peer: Seat, lane: number) => void): void {
  const { context, seats } = work;
  const { ulyssesIntra } = context.dimensions.mesh;
  context.builder.together(() => {
    for (let distance = 1; distance < ulyssesIntra; distance++)
      for (const seat of seats) {
        const peer = seats[seat.rank - seat.u + ((seat.u + distance) % ulyssesIntra)]!;
        transfer(seat, peer, distance - 1);
      }
  });
}

function allParts(work: TorusWork): number[] {
  return Array.from({ length: work.context.dimensions.mesh.ulyssesInter }, (_, n) => n);
}

/** Tokens to heads among the `u` of a machine: afterwards `(m, r, u)` holds the tokens of `(m, r, ·)` for group `u`. */
function gather(work: TorusWork, tensor: "Q" | "KV"): void {
  const { context, seats } = work;
  const parts = allParts(work);
  for (let s = 0; s < context.tiles; s++) {
    for (const seat of seats) {
      const from = inShard(work, seat, tensor, s, seat.u, parts);
      context.builder.local("copy", context.base + seat.rank, from, inGathered(work, seat, tensor, s, seat.u, parts));
    }
    rotate(work, (seat, peer, lane) =>
      context.builder.push(
        context.base + seat.rank,
        transferStream(context, seat.rank, peer.rank, lane),
        context.base + peer.rank,
        inShard(work, seat, tensor, s, peer.u, parts),
        inGathered(work, seat, tensor, s, peer.u, parts),
      ),
    );
  }
}

/** Heads to tokens among the `u` of a machine; parts that came from other machines leave before the own part is done. */
function returnOutput(work: TorusWork, s: number): void {
  const { context, seats } = work;
  const silent = !context.isOutputAwaited;
  for (const own of [false, true]) {
    rotate(work, (seat, peer, lane) => {
      const parts = allParts(work).filter((n) => (n === seat.n) === own);
      context.builder.push(
        context.base + seat.rank,
        transferStream(context, seat.rank, peer.rank, lane),
        context.base + peer.rank,
        inGathered(work, peer, "O", s, seat.u, parts),
        inShard(work, peer, "O", s, seat.u, parts),
        { silent },
      );
    });
  }
  for (const seat of seats) {
    const parts = allParts(work);
    const from = inGathered(work, seat, "O", s, seat.u, parts);
    context.builder.local("copy", context.base + seat.rank, from, inShard(work, seat, "O", s, seat.u, parts));
  }
}

// --- The grid ------------------------------------------------------------------------------------------------------

/** Row `distance` of a rank's grid: its own Q tile, or the place that a remote one is pulled to. */
function placeRow(work: TorusWork, seat: Seat, distance: number): Row {
  const { context } = work;
  const d = context.dimensions;
  const source = sourceOf(d, seat, distance);
  const block = blockAt(work, source.g * d.mesh.ulyssesInter + source.n, seat.r);
  const isOwn = distance === 0;
  const [slot, row] = isOwn ? ownPlace(work, seat, "Q") : (["pulledQ", (distance - 1) * work.blockRows] as const);
  const place = (s: number, name: string, at: number, tensor: "Q" | "O") =>
    placeSubtile(context, block, s, slotIndex(context, name), at, tensor, seat.head, d.partHeads);
  const tiles = block.subtiles.map((_, s) => ({
    queries: place(s, slot, row, "Q"),
    sums: place(s, "accumulator", distance * work.blockRows, "O"),
    output: isOwn && d.ulysses === 1 ? place(s, "O", 0, "O") : place(s, slot, row, "O"),
    isSettled: false,
  }));
  return { distance, block, tiles };
}

/** Slot and row of the own part of a tensor. */
function ownPlace(work: TorusWork, seat: Seat, tensor: "Q" | "KV"): readonly [string, number] {
  return work.context.dimensions.ulysses > 1 ? [`gathered${tensor}`, seat.n * work.blockRows] : [tensor, 0];
}

/** Pull Q: row `distance` of every rank arrives from the machine that far back in its group. */
function pullQueries(work: TorusWork, distance: number): void {
  const { context, seats } = work;
  const d = context.dimensions;
  for (const seat of seats) seat.rows.push(placeRow(work, seat, distance));
  for (let s = 0; s < context.tiles; s++) {
    context.builder.together(() => {
      for (const seat of seats) {
        const { g, n } = sourceOf(d, seat, distance);
        const owner = rankAt(d.mesh, g, n, seat.r, seat.u);
        const row = seat.rows.at(-1)!;
        const from = placeSubtile(
          context,
          row.block,
          s,
          slotIndex(context, "gatheredQ"),
          seat.n * work.blockRows,
          "Q",
          seat.head,
          d.partHeads,
        );
        const stream = transferStream(context, seat.rank, owner);
        context.builder.pull(context.base + seat.rank, stream, context.base + owner, from, row.tiles[s]!.queries);
      }
    });
  }
}

/** Pull KV: the rank's own block of KV tile `tile` arrives from its owner. */
function pullKeys(work: TorusWork, tile: number): void {
  const { context, seats } = work;
  const d = context.dimensions;
  const row = work.pullPlaces[tile]! * work.blockRows;
  const gathered = d.ulysses > 1 ? "gatheredKV" : "KV";
  for (const seat of seats) {
    const { g, n } = sourceOf(d, seat, tile);
    const block = blockAt(work, g * d.mesh.ulyssesInter + n, seat.r);
    const keys = block.subtiles.map((_, s) =>
      isNeededAhead(work, seat, block, s, [0, d.mesh.ringIntra])
        ? placeSubtile(context, block, s, slotIndex(context, "pulledKV"), row, "KV", seat.kvHead, d.partKvHeads)
        : [],
    );
    work.held[seat.rank]!.push([{ block, keys }]);
  }
  for (let s = 0; s < context.tiles; s++) {
    context.builder.together(() => {
      for (const seat of seats) {
        const { g, n } = sourceOf(d, seat, tile);
        const owner = rankAt(d.mesh, g, n, seat.r, seat.u);
        const { block, keys } = work.held[seat.rank]![tile]![0]!;
        if (keys[s]!.length === 0) continue;
        const place = d.ulysses > 1 ? seat.n * work.blockRows : 0;
        const from = placeSubtile(
          context,
          block,
          s,
          slotIndex(context, gathered),
          place,
          "KV",
          seat.kvHead,
          d.partKvHeads,
        );
        const stream = transferStream(context, seat.rank, owner);
        context.builder.pull(context.base + seat.rank, stream, context.base + owner, from, keys[s]!);
      }
    });
  }
}

/**
 * Whether one of the ranks `first` to `first + count − 1` places along the ring has queries that see the keys: of any row
 * of the group, or of some rows alone.
 */
function isNeededAhead(
  work: TorusWork,
  seat: Seat,
  block: Block,
  s: number,
  [first, count]: readonly [first: number, count: number],
  rows: readonly number[] | null = null,
): boolean {
  const { dimensions: d } = work.context;
  const keys = block.subtiles[s]!;
  if (keys.length === 0) return false;
  for (let i = first; i < first + count; i++) {
    const r = (seat.r + i) % d.mesh.ringIntra;
    for (const distance of rows ?? allParts(work)) {
      const { g, n } = sourceOf(d, seat, distance);
      const queries = blockAt(work, g * d.mesh.ulyssesInter + n, r).subtiles;
      if (queries.some((runs) => runs.length > 0 && (!d.causal || causalMeets(runs, keys)))) return true;
    }
  }
  return false;
}

/** A KV tile is there: one turn inside the machine, attended by all rows that are present; the last tile ends rows. */
function keysArrive(work: TorusWork, tile: number, isLast: boolean): void {
  if (tile === 0) for (const seat of work.seats) work.held[seat.rank]!.push([ownKeys(work, seat)]);
  const order = rowOrder(work.seats[0]!.rows.length);
  if (!isLast) {
    turn(work, tile, order, (seat, held) => attendBlock(work, seat, seat.rows, held));
    release(work, tile);
    return;
  }
  const [first, ...others] = order;
  turn(work, tile, [first!], (seat, held) => attendBlock(work, seat, [seat.rows[first!]!], held));
  finishRow(work, first!);
  others.forEach((row, i) => {
    attendRow(work, row, [tile], true, i + 1 === others.length);
  });
}

/** Forgets the blocks of a tile that no later Q tile attends. */
function release(work: TorusWork, tile: number): void {
  if (work.lifetimes.lastUse[tile]! > work.lifetimes.arrives[tile]!) return;
  for (const held of work.held) held[tile] = [];
}

function ownKeys(work: TorusWork, seat: Seat): Held {
  const { context } = work;
  const block = blockAt(work, machineOf(work, seat), seat.r);
  const [slot, row] = ownPlace(work, seat, "KV");
  const place = (s: number) =>
    placeSubtile(context, block, s, slotIndex(context, slot), row, "KV", seat.kvHead, context.dimensions.partKvHeads);
  return { block, keys: block.subtiles.map((_, s) => place(s)) };
}

/** Rows in the order in which they are finished: remote ones as they came, the own row last. */
function rowOrder(numRows: number): number[] {
  return [...Array.from({ length: numRows - 1 }, (_, i) => i + 1), 0];
}

/** A Q tile is there: it attends all KV tiles that are present, and is finished when there are no more to come. */
function queriesArrive(work: TorusWork, row: number, numTiles: number, isLast: boolean): void {
  attendRow(
    work,
    row,
    Array.from({ length: numTiles }, (_, tile) => tile),
    isLast,
    row + 1 === work.context.dimensions.mesh.ulyssesInter,
  );
}

/**
 * One row attends whole tiles: all their blocks in one launch for each sub-tile of Q if they stayed, else in a further
 * turn. A row that ends here is finalized and sent part by part.
 */
function attendRow(work: TorusWork, row: number, tiles: readonly number[], ends: boolean, isLastRow: boolean): void {
  if (!work.storage.holds && work.context.dimensions.mesh.ringIntra > 1) {
    for (const tile of tiles) turn(work, tile, [row], (seat, held) => attendBlock(work, seat, [seat.rows[row]!], held));
    if (ends) finishRow(work, row);
    return;
  }
  for (let q = 0; q < work.context.tiles; q++) {
    const isLastUse = isLastRow && q + 1 === work.context.tiles;
    for (const seat of work.seats) attendHeld(work, seat, seat.rows[row]!, q, tiles, isLastUse);
    if (ends) finishSubtile(work, row, q);
  }
}

/**
 * One sub-tile of a row attends the held blocks of some tiles. A turn has attended them before; where another launch will
 * once more, the keys need no tracking.
 */
function attendHeld(
  work: TorusWork,
  seat: Seat,
  row: Row,
  q: number,
  tiles: readonly number[],
  isLastUse: boolean,
): void {
  const keys: number[] = [];
  for (const tile of tiles) {
    for (const { block, keys: subtiles } of work.held[seat.rank]![tile]!) {
      for (let s = 0; s < subtiles.length; s++) {
        if (sees(work, row, q, block, s)) for (const operand of subtiles[s]!) keys.push(operand);
      }
    }
  }
  attend(work, seat, [row.tiles[q]!], keys, !isLastUse && work.isFull);
}

function sees(work: TorusWork, row: Row, q: number, block: Block, s: number): boolean {
  const [queries, keys] = [row.block.subtiles[q]!, block.subtiles[s]!];
  if (queries.length === 0 || keys.length === 0) return false;
  return !work.context.dimensions.causal || causalMeets(queries, keys);
}

/** Some rows attend one block, one launch a sub-tile. */
function attendBlock(work: TorusWork, seat: Seat, rows: readonly Row[], held: Held): void {
  held.keys.forEach((keys, s) => {
    if (keys.length === 0) return;
    const front = rows === seat.rows ? frontOf(work, seat) : null;
    if (front) work.context.builder.local("attend", work.context.base + seat.rank, keys, front.sums, front.queries);
    else attend(work, seat, tilesThatSee(work, rows, held.block, s), keys);
  });
}

/** All rows at once, once each has been attended: the same operands in every launch until another row comes. */
function frontOf(work: TorusWork, seat: Seat): Front | null {
  if (work.context.dimensions.causal) return null;
  if (seat.front?.numRows === seat.rows.length) return seat.front;
  const tiles = seat.rows.flatMap((row) => row.tiles);
  if (!tiles.every(({ isSettled, queries }) => isSettled || queries.length === 0)) return null;
  const front: Front = { numRows: seat.rows.length, queries: [], sums: [] };
  for (const tile of tiles) append(front.queries, tile.queries, front.sums, tile.sums);
  seat.front = front;
  return front;
}

function tilesThatSee(work: TorusWork, rows: readonly Row[], block: Block, s: number): QueryTile[] {
  const list: QueryTile[] = [];
  for (const row of rows) {
    for (let q = 0; q < work.context.tiles; q++) if (sees(work, row, q, block, s)) list.push(row.tiles[q]!);
  }
  return list;
}

/** One launch. Q tiles that the rank has attended before stand first: only their own rank overwrites them, with O. */
function attend(
  work: TorusWork,
  seat: Seat,
  tiles: readonly QueryTile[],
  keys: Operands,
  areKeysSettled = false,
): void {
  if (tiles.length === 0 || keys.length === 0) return;
  const settled: number[] = [];
  const fresh: number[] = [];
  const sums: number[] = [];
  for (const tile of tiles) if (tile.isSettled) append(settled, tile.queries, sums, tile.sums);
  for (const tile of tiles) {
    if (tile.isSettled) continue;
    append(fresh, tile.queries, sums, tile.sums);
    tile.isSettled = true;
  }
  const rank = work.context.base + seat.rank;
  const from = areKeysSettled ? fresh : fresh.length === 0 ? keys : fresh.concat(keys);
  work.context.builder.local("attend", rank, from, sums, settled, areKeysSettled ? keys : []);
}

function append(queries: number[], moreQueries: Operands, sums: number[], moreSums: Operands): void {
  for (const operand of moreQueries) queries.push(operand);
  for (const operand of moreSums) sums.push(operand);
}

/** Finalizes a row of every rank. */
function finishRow(work: TorusWork, index: number): void {
  for (let s = 0; s < work.context.tiles; s++) finishSubtile(work, index, s);
}

/** Push O: a sub-tile of a remote row goes to its owner, into the bytes that its Q came from; the own row stays. */
function finishSubtile(work: TorusWork, index: number, s: number): void {
  const { context, seats } = work;
  const d = context.dimensions;
  for (const seat of seats) {
    const row = seat.rows[index]!;
    context.builder.local("finalize", context.base + seat.rank, row.tiles[s]!.sums, row.tiles[s]!.output);
  }
  if (index === 0) return;
  const slot = slotIndex(context, "gatheredQ");
  context.builder.together(() => {
    for (const seat of seats) {
      const row = seat.rows[index]!;
      const { g, n } = sourceOf(d, seat, row.distance);
      const owner = rankAt(d.mesh, g, n, seat.r, seat.u);
      const to = placeSubtile(context, row.block, s, slot, seat.n * work.blockRows, "O", seat.head, d.partHeads);
      const stream = transferStream(context, seat.rank, owner);
      context.builder.push(context.base + seat.rank, stream, context.base + owner, row.tiles[s]!.output, to);
    }
  });
}

// --- The turn inside the machine -----------------------------------------------------------------------------------

/**
 * One Ring turn over `r` for a KV tile: send the block on, attend it with some rows, take the next. Where storage holds,
 * blocks stay for all rows; else they go only as far as one of these rows needs them.
 */
function turn(work: TorusWork, tile: number, rows: readonly number[], visit: (seat: Seat, held: Held) => void): void {
  const { context, seats, storage } = work;
  const d = context.dimensions;
  const length = d.mesh.ringIntra;
  if (storage.holds && length > 1) creditBank(work, tile);
  let current = seats.map((seat) => work.held[seat.rank]![tile]![0]!);
  for (let j = 0; j < length; j++) {
    const place = storage.holds ? work.banks[tile]! * (length - 1) + j : work.turns++ % turnDepth(d);
    const next = j + 1 < length ? passOn(work, current, place, j, storage.holds ? null : rows) : current;
    for (const seat of seats) visit(seat, current[seat.rank]!);
    if (j + 1 < length && storage.holds) for (const seat of seats) work.held[seat.rank]![tile]!.push(next[seat.rank]!);
    current = next;
  }
}

function neighborOf(work: TorusWork, seat: Seat): number {
  const { mesh } = work.context.dimensions;
  return rankAt(mesh, seat.g, seat.n, (seat.r + 1) % mesh.ringIntra, seat.u);
}

/** One credit a turn: the neighbor is done with all that the bank held. */
function creditBank(work: TorusWork, tile: number): void {
  const { context, seats } = work;
  const bankRows = (context.dimensions.mesh.ringIntra - 1) * work.blockRows;
  const row = work.banks[tile]! * bankRows;
  for (const seat of seats) {
    const target = neighborOf(work, seat);
    const stream = transferStream(context, seat.rank, target);
    context.builder.credit(
      context.base + seat.rank,
      stream,
      context.base + target,
      slotIndex(context, "ring"),
      row,
      row + bankRows,
    );
  }
}

function passOn(
  work: TorusWork,
  current: readonly Held[],
  place: number,
  j: number,
  rows: readonly number[] | null,
): Held[] {
  const { context, seats } = work;
  const slot = slotIndex(context, "ring");
  const received: { block: Block; keys: Operands[] }[] = [];
  for (const seat of seats) received[neighborOf(work, seat)] = { block: current[seat.rank]!.block, keys: [] };
  for (let s = 0; s < context.tiles; s++) {
    context.builder.together(() => {
      for (const seat of seats) {
        const target = neighborOf(work, seat);
        const { block, keys } = current[seat.rank]!;
        const moves =
          keys[s]!.length > 0 &&
          isNeededAhead(work, seat, block, s, [1, context.dimensions.mesh.ringIntra - 1 - j], rows);
        const numHeads = context.dimensions.partKvHeads;
        const to = moves
          ? placeSubtile(context, block, s, slot, place * work.blockRows, "KV", seat.kvHead, numHeads)
          : [];
        const stream = transferStream(context, seat.rank, target);
        context.builder.push(context.base + seat.rank, stream, context.base + target, moves ? keys[s]! : [], to);
        received[target]!.keys.push(to);
      }
    });
  }
  return received;
}
