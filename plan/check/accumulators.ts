import { describeContent } from "./accesses.ts";
import type { Rectangle } from "./aliases.ts";
import { describeOp, describeRange, describeTile } from "./describe.ts";
import { addInterval, firstGap, type Intervals } from "./intervals.ts";
import { holdsTile, type Memory } from "./memory.ts";
import type { Content } from "./regions.ts";

/**
 * What accumulators hold is the set of keys that are merged in them, for each query and head. Under a causal mask a
 * query sees the keys up to its own token; the attends of a tile add whole key ranges and the mask does the rest.
 *
 * For a region of queries `[a, b)` it is enough to follow the keys up to its last query, clipped to `[0, b)`: if these
 * are in it exactly once, then so are those of every query q < b, `[0, q]`, because a part of an exact cover covers its
 * part exactly; and keys of b and later are allowed to none of them. It is also needed, as the last query sees all of
 * `[0, b)`. A region cut by rows keeps the list of the whole, of which its own limit counts.
 */
function limitOf(memory: Memory, region: number): number {
  const { regions } = memory.store;
  const { mask, tokens } = memory.schedule.workload;
  if (mask === "full") return tokens;
  return regions.token[region]! + regions.rowEnd[region]! - regions.rowStart[region]!;
}

/** The keys of an attend: its KV operands joined, each token once. */
export function keysOf(memory: Memory, op: number, first: number, end: number): Intervals {
  const { ops, operands } = memory.schedule;
  const keys: Intervals = [];
  for (let i = first; i < end; i++) {
    const operand = ops.from[i]!;
    const start = operands.token[operand]!;
    const twice = addInterval(keys, start, start + operands.numTokens[operand]!);
    if (twice) {
      const text = `itself, as two of its operands hold them: heads ${operands.head[operand]!} on`;
      memory.report.add("attended-twice", [op], describeOp(memory.schedule, op), text, describeRange(...twice));
    }
  }
  return keys;
}

/** An attend adds keys to one accumulator tile. */
export function addKeys(memory: Memory, op: number, rank: number, sum: Content, keys: Intervals): void {
  const exact = memory.exactRegion(memory.regionsOf(rank, sum.slot), sum);
  if (exact !== -1) {
    takeOver(memory, op, exact, sum);
    addToRegion(memory, op, exact, sum, keys);
    return;
  }
  const uncovered = useRegions(memory, op, rank, sum, (region) => addToRegion(memory, op, region, sum, keys));
  for (const part of uncovered) addAll(memory, op, startSum(memory, op, rank, sum, part), keys, sum);
}

function addToRegion(memory: Memory, op: number, region: number, sum: Content, keys: Intervals): void {
  if (memory.store.regions.coverage[region]!.length > 0) checkTile(memory, op, region, sum);
  else setTile(memory, region, sum);
  addAll(memory, op, region, keys, sum);
}

function addAll(memory: Memory, op: number, region: number, keys: Intervals, sum: Content): void {
  const coverage = memory.store.regions.coverage[region]!;
  const limit = limitOf(memory, region);
  for (let i = 0; i < keys.length; i += 2) {
    const twice = addInterval(coverage, keys[i]!, Math.min(keys[i + 1]!, limit));
    if (!twice) continue;
    const [text, tokens] = [describeContent(memory, sum), describeRange(...twice)];
    memory.report.add("attended-twice", [op], describeOp(memory.schedule, op), text, tokens);
  }
}

/** A finalize ends a sum, which has to be complete, and leaves the identity. */
export function endSum(memory: Memory, op: number, rank: number, sum: Content): void {
  const uncovered = useRegions(memory, op, rank, sum, (region) => {
    const coverage = memory.store.regions.coverage[region]!;
    if (coverage.length > 0) checkTile(memory, op, region, sum);
    reportGap(memory, op, sum, firstGap(coverage, limitOf(memory, region)));
    memory.store.regions.coverage[region] = [];
  });
  if (uncovered.length > 0) reportGap(memory, op, sum, [0, memory.schedule.workload.tokens]);
  for (const part of uncovered) startSum(memory, op, rank, sum, part);
}

function reportGap(memory: Memory, op: number, sum: Content, gap: [number, number] | null): void {
  if (gap === null) return;
  const [text, tokens] = [describeContent(memory, sum), describeRange(...gap)];
  memory.report.add("not-attended", [op], describeOp(memory.schedule, op), text, tokens);
}

/** A merge joins `from` into `to` and leaves the identity in `from`. */
export function mergeSums(memory: Memory, op: number, rank: number, from: Content, to: Content): void {
  const { regions } = memory.store;
  useRegions(memory, op, rank, from, (region) => {
    const coverage = regions.coverage[region]!;
    if (coverage.length > 0) checkTile(memory, op, region, from);
    regions.coverage[region] = [];
    addKeys(memory, op, rank, partOf(memory, region, from, to), coverage);
  });
}

/** The part of `to` that lies as a region lies in `from`. */
function partOf({ store: { regions } }: Memory, region: number, from: Content, to: Content): Content {
  const [down, right] = [to.rowStart - from.rowStart, to.columnStart - from.columnStart];
  const rowStart = regions.rowStart[region]! + down;
  const columnStart = regions.columnStart[region]! + right;
  return {
    ...to,
    operand: -1,
    rowStart,
    rowEnd: regions.rowEnd[region]! + down,
    columnStart,
    columnEnd: regions.columnEnd[region]! + right,
    token: to.token + rowStart - to.rowStart,
    head: to.head + columnStart - to.columnStart,
  };
}

/** Sums that were begun and never finalized. */
export function checkAllEnded(memory: Memory): void {
  const { schedule, store, report } = memory;
  const { regions } = store;
  for (let slot = 0; slot < schedule.slots.length; slot++) {
    if (schedule.slots[slot]!.role !== "accumulator") continue;
    for (let rank = 0; rank < schedule.ranks && !report.isFull(); rank++) {
      for (const region of memory.regionsOf(rank, slot)) {
        if (regions.slot[region] !== slot || regions.coverage[region]!.length === 0) continue;
        const writer = regions.writer[region]!;
        report.add("not-finalized", [writer], describeOp(schedule, writer), describeSum(memory, region));
      }
    }
  }
}

/**
 * Calls `use` for each region in the place of a sum, cut to it; each was last used by an op that has ended. Returns what
 * no op has used yet, where accumulators are the identity.
 */
function useRegions(
  memory: Memory,
  op: number,
  rank: number,
  sum: Content,
  use: (region: number) => void,
): Rectangle[] {
  const { store, aliases } = memory;
  const list = memory.regionsOf(rank, sum.slot);
  let uncovered: Rectangle[] = [sum];
  for (let i = 0, end = list.length; i < end; i++) {
    const region = list[i]!;
    if (aliases.geometryOf[store.regions.slot[region]!] !== aliases.geometryOf[sum.slot])
      reportShared(memory, op, region, sum);
    else if (store.overlaps(region, sum)) {
      if (!store.contains(sum, region)) store.cutTo(region, sum, list);
      takeOver(memory, op, region, sum);
      uncovered = uncovered.flatMap((part) => without(memory, part, region));
      use(region);
    }
  }
  return uncovered;
}

/** What is left of a rectangle outside of a region: up to four rectangles. */
function without({ store }: Memory, part: Rectangle, region: number): Rectangle[] {
  if (!store.overlaps(region, part)) return [part];
  const { rowStart, rowEnd, columnStart, columnEnd } = store.regions;
  const top = Math.max(part.rowStart, rowStart[region]!);
  const bottom = Math.min(part.rowEnd, rowEnd[region]!);
  const rest: Rectangle[] = [];
  if (part.rowStart < top) rest.push({ ...part, rowEnd: top });
  if (bottom < part.rowEnd) rest.push({ ...part, rowStart: bottom });
  const middle = { ...part, rowStart: top, rowEnd: bottom };
  if (part.columnStart < columnStart[region]!) rest.push({ ...middle, columnEnd: columnStart[region]! });
  if (columnEnd[region]! < part.columnEnd) rest.push({ ...middle, columnStart: columnEnd[region]! });
  return rest;
}

/** Orders the op after the last one that used the region; no op uses the same region twice. */
function takeOver(memory: Memory, op: number, region: number, sum: Content): void {
  const { store, order, report, schedule } = memory;
  const last = store.regions.writer[region]!;
  store.regions.writer[region] = op;
  if (order.before(last, op)) return;
  const [user, other] = [describeOp(schedule, op), describeOp(schedule, last)];
  report.add("accumulator-order", [op, last], user, describeContent(memory, sum), other);
}

/** Identity of one shape is not that of another: an accumulator with bytes of two shapes is never right. */
function reportShared(memory: Memory, op: number, region: number, sum: Content): void {
  const other = memory.store.regions.writer[region]!;
  const [user, text] = [describeOp(memory.schedule, op), describeContent(memory, sum)];
  memory.report.add("accumulator-shared", [op, other], user, text, describeOp(memory.schedule, other));
}

function checkTile(memory: Memory, op: number, region: number, sum: Content): void {
  if (holdsTile(memory, region, sum)) return;
  const [user, text] = [describeOp(memory.schedule, op), describeContent(memory, sum)];
  memory.report.add("accumulator-tile", [op], user, text, describeSum(memory, region));
}

function describeSum({ store: { regions } }: Memory, region: number): string {
  const numHeads = regions.columnEnd[region]! - regions.columnStart[region]!;
  const numTokens = regions.rowEnd[region]! - regions.rowStart[region]!;
  const { tensor, head, token } = regions;
  return describeTile(tensor[region]!, head[region]!, numHeads, token[region]!, numTokens);
}

/** The identity takes the tile of whoever uses it. */
function setTile({ store: { regions } }: Memory, region: number, sum: Content): void {
  regions.tensor[region] = sum.tensor;
  regions.token[region] = sum.token + regions.rowStart[region]! - sum.rowStart;
  regions.head[region] = sum.head + regions.columnStart[region]! - sum.columnStart;
}

function startSum(memory: Memory, op: number, rank: number, sum: Content, part: Rectangle): number {
  const content = {
    ...part,
    operand: -1,
    slot: sum.slot,
    tensor: sum.tensor,
    token: sum.token + part.rowStart - sum.rowStart,
    head: sum.head + part.columnStart - sum.columnStart,
  };
  const region = memory.store.add(content, op, []);
  memory.regionsOf(rank, sum.slot).push(region);
  return region;
}
