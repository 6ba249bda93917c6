import type { Rectangle } from "./aliases.ts";

/** Writer of what was there before the run. */
export const FILLED_BEFORE = -1;
/** Tensor of bytes that were overwritten through a slot of another shape: they hold no tile. */
export const TORN = 255;

/**
 * Rectangles of slots, each with what lies in it, in columns; freed ids are used again. A region holds rows of one tile:
 * the token of its first row and the head of its first column say which.
 */
export interface Regions {
  rowStart: Float64Array;
  rowEnd: Float64Array;
  columnStart: Int32Array;
  columnEnd: Int32Array;
  slot: Uint16Array;
  tensor: Uint8Array;
  token: Float64Array;
  head: Int32Array;
  /** The op that wrote it, or `FILLED_BEFORE`; of an accumulator the op that used it last. */
  writer: Int32Array;
  /** First reader since then, an index into `readerOp`; −1 for none. */
  readers: Int32Array;
  /** Of an accumulator: tokens of the keys that are in it, as ascending disjoint `start, end, start, end, …` */
  coverage: (number[] | null)[];
  readerOp: Int32Array;
  readerNext: Int32Array;
}

/** A place and the tile that is meant to lie there. */
export interface Content extends Rectangle {
  /** The operand that says so, −1 for none. */
  operand: number;
  slot: number;
  tensor: number;
  token: number;
  head: number;
}

const INITIAL = 4096;

export function createRegions() {
  const regions: Regions = {
    rowStart: new Float64Array(INITIAL),
    rowEnd: new Float64Array(INITIAL),
    columnStart: new Int32Array(INITIAL),
    columnEnd: new Int32Array(INITIAL),
    slot: new Uint16Array(INITIAL),
    tensor: new Uint8Array(INITIAL),
    token: new Float64Array(INITIAL),
    head: new Int32Array(INITIAL),
    writer: new Int32Array(INITIAL),
    readers: new Int32Array(INITIAL),
    coverage: [],
    readerOp: new Int32Array(INITIAL),
    readerNext: new Int32Array(INITIAL),
  };
  let numRegions = 0;
  let numReaders = 0;
  const freeRegions: number[] = [];
  let freeReader = -1;

  function growRegions(): void {
    regions.rowStart = wider(regions.rowStart);
    regions.rowEnd = wider(regions.rowEnd);
    regions.columnStart = wider(regions.columnStart);
    regions.columnEnd = wider(regions.columnEnd);
    regions.slot = wider(regions.slot);
    regions.tensor = wider(regions.tensor);
    regions.token = wider(regions.token);
    regions.head = wider(regions.head);
    regions.writer = wider(regions.writer);
    regions.readers = wider(regions.readers);
  }

  function take(): number {
    const freed = freeRegions.pop();
    if (freed !== undefined) return freed;
    if (numRegions === regions.writer.length) growRegions();
    return numRegions++;
  }

  function takeReader(): number {
    if (freeReader !== -1) {
      const freed = freeReader;
      freeReader = regions.readerNext[freed]!;
      return freed;
    }
    if (numReaders === regions.readerOp.length) {
      regions.readerOp = wider(regions.readerOp);
      regions.readerNext = wider(regions.readerNext);
    }
    return numReaders++;
  }

  function addReader(region: number, op: number): void {
    const reader = takeReader();
    regions.readerOp[reader] = op;
    regions.readerNext[reader] = regions.readers[region]!;
    regions.readers[region] = reader;
  }

  function add(content: Content, writer: number, coverage: number[] | null): number {
    const region = take();
    regions.rowStart[region] = content.rowStart;
    regions.rowEnd[region] = content.rowEnd;
    regions.columnStart[region] = content.columnStart;
    regions.columnEnd[region] = content.columnEnd;
    regions.readers[region] = -1;
    regions.coverage[region] = coverage;
    fill(region, content, writer);
    return region;
  }

  function fill(region: number, content: Content, writer: number): void {
    regions.slot[region] = content.slot;
    regions.tensor[region] = content.tensor;
    regions.token[region] = content.token;
    regions.head[region] = content.head;
    regions.writer[region] = writer;
  }

  /** The same place is written as a whole. */
  function renew(region: number, content: Content, writer: number): void {
    freeReaders(region);
    fill(region, content, writer);
  }

  function freeReaders(region: number): void {
    for (let reader = regions.readers[region]!; reader !== -1; ) {
      const next = regions.readerNext[reader]!;
      regions.readerNext[reader] = freeReader;
      freeReader = reader;
      reader = next;
    }
    regions.readers[region] = -1;
  }

  function free(region: number): void {
    freeReaders(region);
    regions.coverage[region] = null;
    freeRegions.push(region);
  }

  /** A part of a region as a region of its own, with the same content, writer and readers. */
  function copyPart(region: number, rowStart: number, rowEnd: number, columnStart: number, columnEnd: number): number {
    const coverage = regions.coverage[region]!;
    const part = add(
      {
        operand: -1,
        rowStart,
        rowEnd,
        columnStart,
        columnEnd,
        slot: regions.slot[region]!,
        tensor: regions.tensor[region]!,
        token: regions.token[region]! + rowStart - regions.rowStart[region]!,
        head: regions.head[region]! + columnStart - regions.columnStart[region]!,
      },
      regions.writer[region]!,
      coverage && [...coverage],
    );
    for (let r = regions.readers[region]!; r !== -1; r = regions.readerNext[r]!) addReader(part, regions.readerOp[r]!);
    return part;
  }

  /** Cuts a region down to what lies in the rectangle; the rest becomes up to four regions, appended to the list. */
  function cutTo(region: number, inside: Rectangle, list: number[]): void {
    const { rowStart, rowEnd, columnStart, columnEnd } = regions;
    let [top, bottom] = [rowStart[region]!, rowEnd[region]!];
    let [left, right] = [columnStart[region]!, columnEnd[region]!];
    if (top < inside.rowStart) list.push(copyPart(region, top, inside.rowStart, left, right));
    if (inside.rowEnd < bottom) list.push(copyPart(region, inside.rowEnd, bottom, left, right));
    [top, bottom] = [Math.max(top, inside.rowStart), Math.min(bottom, inside.rowEnd)];
    if (left < inside.columnStart) list.push(copyPart(region, top, bottom, left, inside.columnStart));
    if (inside.columnEnd < right) list.push(copyPart(region, top, bottom, inside.columnEnd, right));
    [left, right] = [Math.max(left, inside.columnStart), Math.min(right, inside.columnEnd)];
    shrink(region, top, bottom, left, right);
  }

  function shrink(region: number, top: number, bottom: number, left: number, right: number): void {
    regions.token[region]! += top - regions.rowStart[region]!;
    regions.head[region]! += left - regions.columnStart[region]!;
    regions.rowStart[region] = top;
    regions.rowEnd[region] = bottom;
    regions.columnStart[region] = left;
    regions.columnEnd[region] = right;
  }

  /** Whether a region and a rectangle of the same geometry overlap. */
  function overlaps(region: number, at: Rectangle): boolean {
    return (
      regions.rowStart[region]! < at.rowEnd &&
      at.rowStart < regions.rowEnd[region]! &&
      regions.columnStart[region]! < at.columnEnd &&
      at.columnStart < regions.columnEnd[region]!
    );
  }

  function contains(at: Rectangle, region: number): boolean {
    return (
      at.rowStart <= regions.rowStart[region]! &&
      regions.rowEnd[region]! <= at.rowEnd &&
      at.columnStart <= regions.columnStart[region]! &&
      regions.columnEnd[region]! <= at.columnEnd
    );
  }

  function isExactly(region: number, at: Rectangle): boolean {
    return (
      regions.rowStart[region] === at.rowStart &&
      regions.columnStart[region] === at.columnStart &&
      regions.rowEnd[region] === at.rowEnd &&
      regions.columnEnd[region] === at.columnEnd
    );
  }

  return { regions, add, free, renew, addReader, cutTo, overlaps, contains, isExactly };
}

function wider<T extends Float64Array | Int32Array | Uint16Array | Uint8Array>(column: T): T {
  const copy = new (column.constructor as new (length: number) => T)(2 * column.length);
  copy.set(column as never);
  return copy;
}

/** Number of cells of a rectangle. */
export function areaOf(at: Rectangle): number {
  return (at.rowEnd - at.rowStart) * (at.columnEnd - at.columnStart);
}
