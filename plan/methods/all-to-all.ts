import type { Tensor } from "../schedule/schedule.ts";
import type { Dimensions } from "./layout.ts";
import { placeRuns, placeSubtile, slotIndex, transferStream } from "./plan-context.ts";
import { memberRuns, partOfMember, type RingWork, type Seat } from "./ring-work.ts";

function isRemote(d: Dimensions, a: number, b: number): boolean {
  return Math.floor(a / d.ranksPerMachine) !== Math.floor(b / d.ranksPerMachine);
}

/** Row in the packed slots of what a rank exchanges with the member at `index`, which sits on another machine. */
function packedRow(d: Dimensions, seat: Seat, index: number): number {
  const before = seat.n * d.mesh.ulyssesIntra;
  return (index < before ? index : index - d.mesh.ulyssesIntra) * d.shardRows;
}

function partHeads(d: Dimensions, tensor: Tensor): number {
  return tensor === "KV" ? d.partKvHeads : d.partHeads;
}

/** Sub-piece `s` of the owner's shard, head part of member `part`: in the owner's shard itself (strided). */
function inShard(work: RingWork, owner: Seat, tensor: Tensor, s: number, part: number): number[] {
  const d = work.context.dimensions;
  const numHeads = partHeads(d, tensor);
  const head = partOfMember(d, part) * numHeads;
  const at = { slot: slotIndex(work.context, tensor), row: 0, column: head, by: "shardRow" } as const;
  return placeRuns(work.context, memberRuns(work, owner, s), at, tensor, head, numHeads);
}

/** The same tile in the owner's packed slot. */
function inPacked(work: RingWork, owner: Seat, tensor: Tensor, s: number, part: number): number[] {
  const d = work.context.dimensions;
  const numHeads = partHeads(d, tensor);
  const at = {
    slot: slotIndex(work.context, `packed${tensor}`),
    row: packedRow(d, owner, part),
    column: 0,
    by: "shardRow",
  } as const;
  const head = partOfMember(d, part) * numHeads;
  return placeRuns(work.context, memberRuns(work, owner, s), at, tensor, head, numHeads);
}

/** The same tile where member `part` gathers it; O lies in the bytes of Q. */
function inGathered(work: RingWork, owner: Seat, tensor: Tensor, s: number, part: number): number[] {
  const d = work.context.dimensions;
  const numHeads = partHeads(d, tensor);
  const slot = slotIndex(work.context, tensor === "KV" ? "gatheredKV" : "gatheredQ");
  const head = partOfMember(d, part) * numHeads;
  return placeRuns(
    work.context,
    memberRuns(work, owner, s),
    { slot, row: 0, column: 0, by: "row" },
    tensor,
    head,
    numHeads,
  );
}

/** All transfers of one all-to-all round, distance by distance, so that no two senders meet at one receiver. */
function rotate(work: RingWork, transfer: (seat: Seat, part: number, lane: number) => void): void {
  const { ulysses } = work.context.dimensions;
  work.context.builder.together(() => {
    for (let distance = 1; distance < ulysses; distance++)
      for (const seat of work.seats) transfer(seat, (seat.index + distance) % ulysses, distance - 1);
  });
}

/** All-to-all, tokens to heads: every member receives its head part of every member's tokens, sub-tile by sub-tile. */
export function gather(work: RingWork, tensor: "Q" | "KV"): void {
  const { context, seats } = work;
  for (let s = 0; s < context.tiles; s++) {
    for (const seat of seats) packOwn(work, seat, tensor, s);
    rotate(work, (seat, part, lane) => {
      const member = seat.members[part]!;
      const place = isRemote(context.dimensions, seat.rank, member) ? inPacked : inShard;
      context.builder.push(
        context.base + seat.rank,
        transferStream(context, seat.rank, member, lane),
        context.base + member,
        place(work, seat, tensor, s, part),
        inGathered(work, seat, tensor, s, part),
      );
    });
  }
}

/** One copy: the rank's own part to where it is gathered, and what leaves the machine to contiguous places. */
function packOwn(work: RingWork, seat: Seat, tensor: "Q" | "KV", s: number): void {
  const { context } = work;
  const from = inShard(work, seat, tensor, s, seat.index);
  const to = inGathered(work, seat, tensor, s, seat.index);
  seat.members.forEach((member, index) => {
    if (!isRemote(context.dimensions, seat.rank, member)) return;
    from.push(...inShard(work, seat, tensor, s, index));
    to.push(...inPacked(work, seat, tensor, s, index));
  });
  context.builder.local("copy", context.base + seat.rank, from, to);
}

/** Where O of sub-tile `q` is finalized: among the gathered, or, without an all-to-all, in the output itself. */
export function finalizedOutput(work: RingWork, seat: Seat, q: number): number[] {
  const { context, blocks } = work;
  const d = context.dimensions;
  const slot = slotIndex(context, d.ulysses > 1 ? "gatheredQ" : "O");
  return placeSubtile(context, blocks[seat.ringIndex]!, q, slot, 0, "O", seat.head, d.partHeads);
}

/** All-to-all, heads to tokens: sub-tile `q` of O goes back to the owners of its tokens. */
export function scatter(work: RingWork, q: number): void {
  const { context, seats } = work;
  const silent = !context.isOutputAwaited;
  rotate(work, (seat, part, lane) => {
    const owner = seats[seat.members[part]!]!;
    const remote = isRemote(context.dimensions, seat.rank, owner.rank);
    context.builder.push(
      context.base + seat.rank,
      transferStream(context, seat.rank, owner.rank, lane),
      context.base + owner.rank,
      inGathered(work, owner, "O", q, seat.index),
      remote ? inPacked(work, owner, "O", q, seat.index) : inShard(work, owner, "O", q, seat.index),
      { silent: silent && !remote },
    );
  });
  for (const seat of seats) unpackOwn(work, seat, q);
}

/** One copy: the rank's own part, and what other machines returned, to their heads of the output. */
function unpackOwn(work: RingWork, seat: Seat, q: number): void {
  const { context } = work;
  const from = inGathered(work, seat, "O", q, seat.index);
  const to = inShard(work, seat, "O", q, seat.index);
  seat.members.forEach((member, index) => {
    if (!isRemote(context.dimensions, seat.rank, member)) return;
    from.push(...inPacked(work, seat, "O", q, index));
    to.push(...inShard(work, seat, "O", q, index));
  });
  context.builder.local("copy", context.base + seat.rank, from, to);
}
