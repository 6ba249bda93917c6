import { type Block, causalMeets, layBlock, type Run } from "./blocks.ts";
import { type Dimensions, partIndex, rankAt } from "./layout.ts";
import { type Operands, type PlanContext, placeSubtile, slotIndex } from "./plan-context.ts";

/** One rank's view of its all-to-all group and of its ring. */
export interface Seat {
  readonly rank: number;
  /** Ranks of the all-to-all, in rank order, and this rank's place among them. */
  readonly members: readonly number[];
  readonly index: number;
  /** Coordinates in the mesh, and the Ring index `g·R + r`. */
  readonly g: number;
  readonly n: number;
  readonly r: number;
  readonly u: number;
  readonly ringIndex: number;
  /** First head of its part, of Q and of KV. */
  readonly head: number;
  readonly kvHead: number;
}

/** State of a plan of all-to-all and ring: the blocks by Ring index, the ranks by id. */
export interface RingWork {
  readonly context: PlanContext;
  readonly blocks: readonly Block[];
  readonly seats: readonly Seat[];
}

/** Ranks of the all-to-all at Ring index `(g, r)`, in rank order. */
function membersOf(d: Dimensions, g: number, r: number): number[] {
  const members: number[] = [];
  for (let n = 0; n < d.mesh.ulyssesInter; n++)
    for (let u = 0; u < d.mesh.ulyssesIntra; u++) members.push(rankAt(d.mesh, g, n, r, u));
  return members;
}

/** What each Ring index holds after the all-to-all, by `g·R + r`. */
export function blocksOf(d: Dimensions, tiles: number): Block[] {
  const blocks: Block[] = [];
  for (let g = 0; g < d.mesh.ringInter; g++)
    for (let r = 0; r < d.mesh.ringIntra; r++)
      blocks.push(
        layBlock(
          membersOf(d, g, r).map((rank) => d.pieces[rank]!),
          tiles,
        ),
      );
  return blocks;
}

/** The seat of every rank, by rank. */
export function seatsOf(d: Dimensions): Seat[] {
  const { ringInter, ringIntra, ulyssesIntra } = d.mesh;
  const seats: Seat[] = [];
  for (let g = 0; g < ringInter; g++) {
    for (let r = 0; r < ringIntra; r++) {
      const members = membersOf(d, g, r);
      members.forEach((rank, index) => {
        const part = partOfMember(d, index);
        const [n, u] = [Math.floor(index / ulyssesIntra), index % ulyssesIntra];
        const [head, kvHead] = [part * d.partHeads, part * d.partKvHeads];
        seats[rank] = { rank, members, index, g, n, r, u, ringIndex: g * ringIntra + r, head, kvHead };
      });
    }
  }
  return seats;
}

/** Head part of the member at `index` of an all-to-all. */
export function partOfMember(d: Dimensions, index: number): number {
  return partIndex(d.mesh, Math.floor(index / d.mesh.ulyssesIntra), index % d.mesh.ulyssesIntra);
}

/** Runs of a member's sub-piece `s` in the block that it belongs to. */
export function memberRuns(work: RingWork, owner: Seat, s: number): readonly Run[] {
  return work.blocks[owner.ringIndex]!.parts[s]![owner.index]!;
}

/** Where a rank's own block lies, by sub-tile: gathered, or, without an all-to-all, in the input itself. */
export function ownBlock(work: RingWork, seat: Seat, tensor: "Q" | "KV"): Operands[] {
  const { context, blocks } = work;
  const d = context.dimensions;
  const slot = slotIndex(context, d.ulysses > 1 ? `gathered${tensor}` : tensor);
  const block = blocks[seat.ringIndex]!;
  const [head, numHeads] = tensor === "Q" ? [seat.head, d.partHeads] : [seat.kvHead, d.partKvHeads];
  return block.subtiles.map((_, s) => placeSubtile(context, block, s, slot, 0, tensor, head, numHeads));
}

/** The rank's accumulators, by sub-tile of Q. */
export function accumulatorsOf(work: RingWork, seat: Seat): Operands[] {
  const { context, blocks } = work;
  const block = blocks[seat.ringIndex]!;
  const slot = slotIndex(context, "accumulator");
  const numHeads = context.dimensions.partHeads;
  return block.subtiles.map((_, s) => placeSubtile(context, block, s, slot, 0, "O", seat.head, numHeads));
}

/** Whether the queries of Ring index `q` see sub-tile `s` of block `b`. */
export function isNeeded(work: RingWork, q: number, b: number, s: number): boolean {
  const keys = work.blocks[b]!.subtiles[s]!;
  if (keys.length === 0) return false;
  if (!work.context.dimensions.causal) return work.blocks[q]!.rows > 0;
  return work.blocks[q]!.subtiles.some((runs) => runs.length > 0 && causalMeets(runs, keys));
}
