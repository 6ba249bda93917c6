import type { Slot, Tensor } from "../schedule/schedule.ts";
import type { Block, Run } from "./blocks.ts";
import { type Builder, Stream } from "./builder.ts";
import type { Dimensions } from "./layout.ts";

/** Operand indices of one sub-tile at one place. */
export type Operands = readonly number[];

/** What a method's generator works with: the builder, the sizes, and the first rank of the group that is planned. */
export interface PlanContext {
  readonly builder: Builder;
  readonly dimensions: Dimensions;
  readonly tiles: number;
  readonly slots: readonly Slot[];
  /** Index of each slot by name. */
  readonly slotOf: ReadonlyMap<string, number>;
  /** First rank of the group. */
  readonly base: number;
  /** Streams for concurrent transfers of an all-to-all inside a machine: `intra` and those after `credit`. */
  readonly lanes: number;
  /** Work after attention waits for all of O, so every transfer of O has a signal; otherwise the last barrier tells. */
  readonly isOutputAwaited: boolean;
  /** Indices into `computes` of the work before and after attention, for a rank. */
  readonly before: (rank: number) => readonly number[];
  readonly after: (rank: number) => readonly number[];
}

/** Index of the slot of that name, which the method has declared. */
export function slotIndex(context: PlanContext, name: string): number {
  return context.slotOf.get(name)!;
}

/** Registers `runs` of a tensor's heads in a slot, row by row from `row` on. */
export function placeRuns(
  context: PlanContext,
  runs: readonly Run[],
  at: { slot: number; row: number; column: number; by: "row" | "shardRow" },
  tensor: Tensor,
  head: number,
  numHeads: number,
): number[] {
  return runs.map((run) =>
    context.builder.operand({
      slot: at.slot,
      row: at.row + run[at.by],
      column: at.column,
      tensor,
      head,
      numHeads,
      token: run.token,
      numTokens: run.numTokens,
    }),
  );
}

/** Registers sub-tile `s` of a block that lies at `row` of a slot whose columns are exactly its heads. */
export function placeSubtile(
  context: PlanContext,
  block: Block,
  s: number,
  slot: number,
  row: number,
  tensor: Tensor,
  head: number,
  numHeads: number,
): number[] {
  return placeRuns(context, block.subtiles[s]!, { slot, row, column: 0, by: "row" }, tensor, head, numHeads);
}

/** The stream for a transfer between two ranks; `lane` spreads an all-to-all inside a machine. */
export function transferStream(context: PlanContext, a: number, b: number, lane = 0): number {
  const { ranksPerMachine } = context.dimensions;
  if (Math.floor(a / ranksPerMachine) !== Math.floor(b / ranksPerMachine)) return Stream.inter;
  const index = lane % context.lanes;
  return index === 0 ? Stream.intra : Stream.credit + index;
}

/** The whole shard of a rank in its input or output slot. */
export function placeShard(context: PlanContext, rank: number, name: "Q" | "KV" | "O"): number[] {
  const { pieces, heads, kvHeads } = context.dimensions;
  const slot = slotIndex(context, name);
  const operands: number[] = [];
  let row = 0;
  for (const { start, end } of pieces[rank]!) {
    const numHeads = name === "KV" ? kvHeads : heads;
    operands.push(
      context.builder.operand({
        slot,
        row,
        column: 0,
        tensor: name,
        head: 0,
        numHeads,
        token: start,
        numTokens: end - start,
      }),
    );
    row += end - start;
  }
  return operands;
}

/** The layer's work before attention: it fills the inputs. */
export function computeBefore(context: PlanContext): void {
  for (let rank = 0; rank < context.dimensions.ranks; rank++) {
    const works = context.before(rank);
    works.forEach((work, i) => {
      const last = i === works.length - 1;
      const writes = last ? [...placeShard(context, rank, "Q"), ...placeShard(context, rank, "KV")] : [];
      context.builder.compute(context.base + rank, work, [], writes);
    });
  }
}

/** The layer's work after attention: it reads the output. */
export function computeAfter(context: PlanContext): void {
  for (let rank = 0; rank < context.dimensions.ranks; rank++) {
    context.after(rank).forEach((work, i) => {
      context.builder.compute(context.base + rank, work, i === 0 ? placeShard(context, rank, "O") : [], []);
    });
  }
}
