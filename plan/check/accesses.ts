import { describeOp, describeRange, describeTile } from "./describe.ts";
import { describeRegion, holdsTile, type Memory, speaksFor } from "./memory.ts";
import { areaOf, type Content, FILLED_BEFORE, TORN } from "./regions.ts";

/** The tile that an op means and where, in words. */
export function describeContent({ schedule }: Memory, content: Content): string {
  const { rowStart, rowEnd, columnStart, columnEnd } = content;
  const numHeads = columnEnd - columnStart;
  const tile = describeTile(content.tensor, content.head, numHeads, content.token, rowEnd - rowStart);
  const rows = describeRange(rowStart, rowEnd);
  const columns = describeRange(columnStart, columnEnd);
  return `${tile} at ${schedule.slots[content.slot]!.name} rows ${rows} columns ${columns}`;
}

/** What lies in the slots of a rank before the run: no op writes it. */
export function fillBefore(memory: Memory, rank: number, content: Content): void {
  memory.regionsOf(rank, content.slot).push(memory.store.add(content, FILLED_BEFORE, null));
}

/**
 * An op reads a tile of a rank: all of it has to lie there, visible. Regions are cut to what is read, so that a later
 * write of other parts has nothing to do with this reader.
 */
export function readTile(memory: Memory, op: number, rank: number, expected: Content): void {
  const { store, aliases, schedule, report } = memory;
  const list = memory.regionsOf(rank, expected.slot);
  const exact = memory.exactRegion(list, expected);
  if (exact !== -1 && holdsTile(memory, exact, expected)) {
    recordReader(memory, exact, op);
    checkVisible(memory, op, exact, expected);
    return;
  }
  const geometry = aliases.geometryOf[expected.slot]!;
  let missing = areaOf(expected);
  let other = -1;
  // Parts that cutting appends lie outside of what is read.
  for (let i = 0, end = list.length; i < end; i++) {
    const region = list[i]!;
    if (aliases.geometryOf[store.regions.slot[region]!] !== geometry || !store.overlaps(region, expected)) continue;
    if (!store.contains(expected, region)) store.cutTo(region, expected, list);
    recordReader(memory, region, op);
    if (holdsTile(memory, region, expected)) {
      missing -= areaOfRegion(memory, region);
      checkVisible(memory, op, region, expected);
    } else other = region;
  }
  if (missing === 0) return;
  const found = other === -1 ? "bytes there that nothing has filled" : describeRegion(memory, other);
  report.add("read-content", [op], describeOp(schedule, op), describeContent(memory, expected), found);
}

function areaOfRegion({ store: { regions } }: Memory, region: number): number {
  const rows = regions.rowEnd[region]! - regions.rowStart[region]!;
  return rows * (regions.columnEnd[region]! - regions.columnStart[region]!);
}

function checkVisible(memory: Memory, op: number, region: number, expected: Content): void {
  const { store, schedule, report, visibility, isRead } = memory;
  const writer = store.regions.writer[region]!;
  if (writer === FILLED_BEFORE) return;
  isRead[writer] = 1;
  if (writer !== op && visibility.isVisible(writer, op)) return;
  const [reader, origin] = [describeOp(schedule, op), describeOp(schedule, writer)];
  report.add(
    "read-too-early",
    [op, writer],
    reader,
    describeContent(memory, expected),
    origin,
    visibility.missing(writer),
  );
}

/** Of each stream only the last reader is kept: the others have ended before it. */
function recordReader(memory: Memory, region: number, op: number): void {
  const { regions } = memory.store;
  for (let r = regions.readers[region]!; r !== -1; r = regions.readerNext[r]!) {
    if (!speaksFor(memory, op, regions.readerOp[r]!)) continue;
    regions.readerOp[r] = op;
    return;
  }
  memory.store.addReader(region, op);
}

/**
 * An op writes a tile at a rank: all that read or wrote these bytes before must have ended before it starts. What it
 * covers is gone; of what lies in other shapes on the same bytes, the whole region is torn.
 */
export function writeTile(memory: Memory, op: number, rank: number, content: Content): void {
  const { store, aliases } = memory;
  const list = memory.regionsOf(rank, content.slot);
  const exact = memory.exactRegion(list, content);
  if (exact !== -1) {
    checkOverwrite(memory, op, exact, content);
    store.renew(exact, content, op);
    return;
  }
  const geometry = aliases.geometryOf[content.slot]!;
  for (let i = list.length - 1; i >= 0; i--) {
    const region = list[i]!;
    const slot = store.regions.slot[region]!;
    if (aliases.geometryOf[slot] !== geometry) tear(memory, op, region, content);
    else if (store.overlaps(region, content)) {
      if (!store.contains(content, region)) store.cutTo(region, content, list);
      checkOverwrite(memory, op, region, content);
      list[i] = list[list.length - 1]!;
      list.pop();
      store.free(region);
    }
  }
  list.push(store.add(content, op, null));
}

function tear(memory: Memory, op: number, region: number, content: Content): void {
  const { aliases, store } = memory;
  const { regions } = store;
  const place = {
    rowStart: regions.rowStart[region]!,
    rowEnd: regions.rowEnd[region]!,
    columnStart: regions.columnStart[region]!,
    columnEnd: regions.columnEnd[region]!,
  };
  if (!aliases.sharesBytes(regions.slot[region]!, place, content.slot, content)) return;
  checkOverwrite(memory, op, region, content);
  regions.tensor[region] = TORN;
}

/** Where there are readers, the writer has ended before them. */
function checkOverwrite(memory: Memory, op: number, region: number, content: Content): void {
  const { store, order, report, schedule } = memory;
  const { regions } = store;
  for (let r = regions.readers[region]!; r !== -1; r = regions.readerNext[r]!) {
    const reader = regions.readerOp[r]!;
    if (order.before(reader, op)) continue;
    const [writing, reading] = [describeOp(schedule, op), describeOp(schedule, reader)];
    report.add("overwritten-read", [op, reader], writing, describeContent(memory, content), reading);
  }
  const writer = regions.writer[region]!;
  if (regions.readers[region] !== -1 || writer === FILLED_BEFORE || order.before(writer, op)) return;
  const [writing, written] = [describeOp(schedule, op), describeOp(schedule, writer)];
  report.add("overwritten-write", [op, writer], writing, describeContent(memory, content), written);
}
