import { Kind, type Schedule } from "../schedule/schedule.ts";
import { type Aliases, findAliases } from "./aliases.ts";
import { describeOp, describeTile } from "./describe.ts";
import type { HappensBefore } from "./happens-before.ts";
import type { Links } from "./links.ts";
import { type Content, createRegions, FILLED_BEFORE, TORN } from "./regions.ts";
import type { Report } from "./report.ts";
import { createVisibility } from "./visibility.ts";

/** Everything that the abstract execution knows: what lies where at every rank, and who comes before whom. */
export type Memory = ReturnType<typeof createMemory>;

/** The memory of all ranks before the run: no slot holds anything. */
export function createMemory(schedule: Schedule, links: Links, order: HappensBefore, report: Report) {
  const aliases: Aliases = findAliases(schedule);
  const lists: (number[] | undefined)[] = new Array(schedule.ranks * aliases.numStorages);
  const store = createRegions();
  /** For each operand, where in a list of regions its exact region stood last. */
  const hints = new Int32Array(schedule.operands.slot.length);
  return {
    schedule,
    links,
    report,
    aliases,
    order,
    visibility: createVisibility(schedule, links, order),
    store,
    /** Ops whose data some op has read. */
    isRead: new Uint8Array(schedule.ops.kind.length),
    /** Regions of a rank in the bytes of a slot and of those that it shares bytes with. */
    regionsOf(rank: number, slot: number): number[] {
      const index = rank * aliases.numStorages + aliases.storageOf[slot]!;
      return (lists[index] ??= []);
    },
    /**
     * The region of the list that is exactly an operand's place, and so all that lies there; −1 if there is none or the
     * slot shares bytes with others of another shape. Most accesses are to what one op has written, and find it at once.
     */
    exactRegion(list: readonly number[], content: Content): number {
      if (content.operand === -1 || aliases.isMixed[content.slot] === 1) return -1;
      const hint = hints[content.operand]!;
      if (hint < list.length && store.isExactly(list[hint]!, content)) return list[hint]!;
      for (let i = 0; i < list.length; i++) {
        if (!store.isExactly(list[i]!, content)) continue;
        hints[content.operand] = i;
        return list[i]!;
      }
      return -1;
    },
  };
}

/** The place and the tile of an operand. */
export function contentOf(schedule: Schedule, operand: number): Content {
  const { slot, row, column, tensor, head, numHeads, token, numTokens } = schedule.operands;
  return {
    operand,
    slot: slot[operand]!,
    rowStart: row[operand]!,
    rowEnd: row[operand]! + numTokens[operand]!,
    columnStart: column[operand]!,
    columnEnd: column[operand]! + numHeads[operand]!,
    tensor: tensor[operand]!,
    token: token[operand]!,
    head: head[operand]!,
  };
}

/** Whether the region's part of a tile is the one that `expected` has at the same rows and columns. */
export function holdsTile({ store: { regions } }: Memory, region: number, expected: Content): boolean {
  return (
    regions.tensor[region] === expected.tensor &&
    regions.token[region]! - regions.rowStart[region]! === expected.token - expected.rowStart &&
    regions.head[region]! - regions.columnStart[region]! === expected.head - expected.columnStart
  );
}

/** What lies in a region and who wrote it, in words. */
export function describeRegion({ schedule, store: { regions } }: Memory, region: number): string {
  const writer = regions.writer[region]!;
  const origin = writer === FILLED_BEFORE ? "filled before the run" : `written by ${describeOp(schedule, writer)}`;
  if (regions.tensor[region] === TORN) return `bytes, ${origin}, that were overwritten through another slot since`;
  const numHeads = regions.columnEnd[region]! - regions.columnStart[region]!;
  const numTokens = regions.rowEnd[region]! - regions.rowStart[region]!;
  const tile = describeTile(
    regions.tensor[region]!,
    regions.head[region]!,
    numHeads,
    regions.token[region]!,
    numTokens,
  );
  return `${tile}, ${origin}`;
}

/** Whether an op is on one stream after another of it, so that it speaks for it too; not within one group. */
export function speaksFor({ schedule, links }: Memory, later: number, earlier: number): boolean {
  const { rank, stream } = schedule.ops;
  if (rank[later] !== rank[earlier] || stream[later] !== stream[earlier]) return false;
  return links.groupFirst.length === 0 || links.groupFirst[later] !== links.groupFirst[earlier] || later === earlier;
}

/** Whether an op of this kind moves data from one slot to another. */
export function movesData(kind: number): boolean {
  return kind === Kind.put || kind === Kind.get || kind === Kind.receive || kind === Kind.copy;
}
