import { rankAt } from "./layout.ts";
import { type Operands, type PlanContext, placeSubtile, slotIndex, transferStream } from "./plan-context.ts";
import { isNeeded, ownBlock, type RingWork, type Seat } from "./ring-work.ts";

/** How KV travels: one ring over all Ring positions, or an inner turn inside the machine for each step of an outer one. */
export type RingOrder = "flat" | "nested";

/** A block at a rank: its Ring index and where its sub-tiles lie; a sub-tile that nobody needs there has no operands. */
export interface Held {
  readonly ringIndex: number;
  readonly keys: readonly Operands[];
}

/** What a turn does with a block at a rank; `last` is the rank's last block. */
export type Visit = (seat: Seat, held: Held, last: boolean) => void;

/** Places for blocks on their way: two let one arrive while another is attended and sent on. */
export function ringDepth(numTransfers: number): number {
  return Math.min(2, numTransfers);
}

/** One ring over all positions: send the block on, attend it, take the next. */
export function flatTurn(work: RingWork, visit: Visit): void {
  const { mesh, ring } = work.context.dimensions;
  const neighbor = (seat: Seat) => {
    const next = (seat.ringIndex + 1) % ring;
    return rankAt(mesh, Math.floor(next / mesh.ringIntra), seat.n, next % mesh.ringIntra, seat.u);
  };
  let held = ownBlocks(work);
  for (let t = 0; t < ring; t++) {
    const left = ring - 1 - t;
    const next =
      left === 0
        ? held
        : passOn(work, held, { slot: "ring", place: t % ringDepth(ring - 1) }, neighbor, (seat, b, s) =>
            some(left, (i) => isNeeded(work, (seat.ringIndex + 1 + i) % ring, b, s)),
          );
    for (const seat of work.seats) visit(seat, held[seat.rank]!, left === 0);
    held = next;
  }
}

/** An outer turn over groups of machines; in each of its steps an inner turn inside the machine. */
export function nestedTurn(work: RingWork, visit: Visit): void {
  const { mesh } = work.context.dimensions;
  const { ringInter, ringIntra } = mesh;
  const needs = (g: number, r: number, b: number, s: number) =>
    isNeeded(work, (g % ringInter) * ringIntra + (r % ringIntra), b, s);
  const nextGroup = (seat: Seat) => rankAt(mesh, (seat.g + 1) % ringInter, seat.n, seat.r, seat.u);
  const nextInside = (seat: Seat) => rankAt(mesh, seat.g, seat.n, (seat.r + 1) % ringIntra, seat.u);
  let outer = ownBlocks(work);
  let step = 0;
  for (let o = 0; o < ringInter; o++) {
    const groupsLeft = ringInter - 1 - o;
    const outerPlace = { slot: "outer", place: o % ringDepth(ringInter - 1) };
    const nextOuter =
      groupsLeft === 0
        ? outer
        : passOn(work, outer, outerPlace, nextGroup, (seat, b, s) =>
            some(groupsLeft, (i) => some(ringIntra, (r) => needs(seat.g + 1 + i, r, b, s))),
          );
    let held = outer;
    for (let i = 0; i < ringIntra; i++) {
      const left = ringIntra - 1 - i;
      const innerPlace = { slot: "ring", place: step % ringDepth(ringInter * (ringIntra - 1)) };
      const next =
        left === 0
          ? held
          : passOn(work, held, innerPlace, nextInside, (seat, b, s) =>
              some(left, (j) => needs(seat.g, seat.r + 1 + j, b, s)),
            );
      if (left > 0) step++;
      for (const seat of work.seats) visit(seat, held[seat.rank]!, groupsLeft === 0 && left === 0);
      held = next;
    }
    outer = nextOuter;
  }
}

function ownBlocks(work: RingWork): Held[] {
  return work.seats.map((seat) => ({ ringIndex: seat.ringIndex, keys: ownBlock(work, seat, "KV") }));
}

function some(count: number, test: (i: number) => boolean): boolean {
  for (let i = 0; i < count; i++) if (test(i)) return true;
  return false;
}

/** All ranks send what they hold to their neighbor, into one place of a ring slot; returns what each then holds. */
function passOn(
  work: RingWork,
  held: readonly Held[],
  at: { slot: string; place: number },
  neighbor: (seat: Seat) => number,
  isNeededFurther: (seat: Seat, ringIndex: number, s: number) => boolean,
): Held[] {
  const { context, seats, blocks } = work;
  const slot = slotIndex(context, at.slot);
  const row = at.place * blockRows(context);
  const received: { ringIndex: number; keys: Operands[] }[] = [];
  for (const seat of seats) received[neighbor(seat)] = { ringIndex: held[seat.rank]!.ringIndex, keys: [] };
  for (let s = 0; s < context.tiles; s++) {
    context.builder.together(() => {
      for (const seat of seats) {
        const target = neighbor(seat);
        const { ringIndex, keys } = held[seat.rank]!;
        const moves = isNeededFurther(seat, ringIndex, s);
        const numHeads = context.dimensions.partKvHeads;
        const to = moves ? placeSubtile(context, blocks[ringIndex]!, s, slot, row, "KV", seat.kvHead, numHeads) : [];
        const stream = transferStream(context, seat.rank, target);
        context.builder.push(context.base + seat.rank, stream, context.base + target, moves ? keys[s]! : [], to);
        received[target]!.keys.push(to);
      }
    });
  }
  return received;
}

/** Rows of one place in a ring slot: accumulators are as tall as the largest block. */
function blockRows(context: PlanContext): number {
  return context.slots[slotIndex(context, "accumulator")]!.rows;
}
