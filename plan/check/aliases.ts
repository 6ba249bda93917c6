import type { Schedule, Slot } from "../schedule/schedule.ts";
import { cellBytes, isAccumulator } from "./slots.ts";

/** A rectangle of a slot, in all of its planes: rows `[rowStart, rowEnd)` × columns `[columnStart, columnEnd)`. */
export interface Rectangle {
  rowStart: number;
  rowEnd: number;
  columnStart: number;
  columnEnd: number;
}

/**
 * Which slots may share bytes. Slots of one *storage* overlap in bytes, directly or through others. Those of one
 * *geometry* also place each row and column at the same bytes, so that rectangles tell all about what they share.
 */
export interface Aliases {
  readonly numStorages: number;
  readonly storageOf: Int32Array;
  readonly geometryOf: Int32Array;
  /** 1 for slots that share bytes with one of another geometry. */
  readonly isMixed: Uint8Array;
  /** Whether a rectangle of slot `a` and one of slot `b`, of another geometry, have a byte in common. */
  sharesBytes(a: number, inA: Rectangle, b: number, inB: Rectangle): boolean;
}

export function findAliases(schedule: Schedule): Aliases {
  const { slots, workload } = schedule;
  const layouts = slots.map((slot) => layoutOf(slot, cellBytes(workload, slot)));
  const storageOf = joinOverlapping(slots);
  const geometryOf = Int32Array.from(slots, (slot) => slots.findIndex((other) => sameGeometry(other, slot)));
  return {
    numStorages: slots.length,
    storageOf,
    geometryOf,
    isMixed: Uint8Array.from(slots, (_, i) =>
      slots.some((_, j) => storageOf[i] === storageOf[j] && geometryOf[i] !== geometryOf[j]) ? 1 : 0,
    ),
    // How an accumulator lays out its LSE is not defined: different shapes on common bytes share all they have.
    sharesBytes: (a, inA, b, inB) =>
      isAccumulator(slots[a]!) || meet(runsOf(layouts[a]!, inA), runsOf(layouts[b]!, inB)),
  };
}

/** For each slot the first one that it is joined with by overlapping bytes. */
function joinOverlapping(slots: readonly Slot[]): Int32Array {
  const storageOf = Int32Array.from(slots, (_, i) => i);
  for (let i = 0; i < slots.length; i++) {
    for (let j = 0; j < i; j++) {
      if (!overlap(slots[i]!, slots[j]!)) continue;
      const [kept, joined] = [Math.min(storageOf[i]!, storageOf[j]!), Math.max(storageOf[i]!, storageOf[j]!)];
      for (let k = 0; k <= i; k++) if (storageOf[k] === joined) storageOf[k] = kept;
    }
  }
  return storageOf;
}

function overlap(a: Slot, b: Slot): boolean {
  const sameMemory = isAccumulator(a) === isAccumulator(b);
  return sameMemory && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

function sameGeometry(a: Slot, b: Slot): boolean {
  const samePlanes = a.rows === b.rows || (a.planes === 1 && b.planes === 1);
  return isAccumulator(a) === isAccumulator(b) && a.offset === b.offset && a.columns === b.columns && samePlanes;
}

/** Where the bytes of a slot lie. */
interface Layout {
  readonly offset: number;
  readonly planes: number;
  readonly planeBytes: number;
  readonly rowBytes: number;
  readonly cellBytes: number;
  readonly columns: number;
}

function layoutOf(slot: Slot, bytes: number): Layout {
  const rowBytes = slot.columns * bytes;
  const { offset, planes, columns } = slot;
  return { offset, planes, planeBytes: slot.rows * rowBytes, rowBytes, cellBytes: bytes, columns };
}

/** Runs of bytes: in each of `planes` planes `rows` runs of `length` bytes, `rowBytes` apart. */
interface Runs {
  readonly start: number;
  readonly planes: number;
  readonly planeBytes: number;
  readonly rows: number;
  readonly rowBytes: number;
  readonly length: number;
}

/** A rectangle of all columns is one run a plane. */
function runsOf(layout: Layout, { rowStart, rowEnd, columnStart, columnEnd }: Rectangle): Runs {
  const { planes, planeBytes, rowBytes } = layout;
  const start = layout.offset + rowStart * rowBytes + columnStart * layout.cellBytes;
  const isWhole = columnEnd - columnStart === layout.columns;
  const length = isWhole ? (rowEnd - rowStart) * rowBytes : (columnEnd - columnStart) * layout.cellBytes;
  return { start, planes, planeBytes, rows: isWhole ? 1 : rowEnd - rowStart, rowBytes, length };
}

/** Whether two sets of runs have a byte in common: exact; planes are merged in order, rows found by division. */
function meet(a: Runs, b: Runs): boolean {
  const [hullA, hullB] = [hullBytes(a), hullBytes(b)];
  for (let i = 0, j = 0; i < a.planes && j < b.planes; ) {
    const [startA, startB] = [a.start + i * a.planeBytes, b.start + j * b.planeBytes];
    const touch = startA < startB + hullB && startB < startA + hullA;
    if (touch && (a.rows <= b.rows ? rowsMeet(a, startA, b, startB) : rowsMeet(b, startB, a, startA))) return true;
    if (startA + hullA <= startB + hullB) i++;
    else j++;
  }
  return false;
}

/** Bytes from the first run of a plane to the end of its last. */
function hullBytes(runs: Runs): number {
  return (runs.rows - 1) * runs.rowBytes + runs.length;
}

/** Looks for each run of `few` whether a run of `many` reaches into it. */
function rowsMeet(few: Runs, startFew: number, many: Runs, startMany: number): boolean {
  for (let row = 0; row < few.rows; row++) {
    const start = startFew + row * few.rowBytes;
    const firstEndingAfter = Math.max(0, Math.floor((start - startMany - many.length) / many.rowBytes) + 1);
    if (firstEndingAfter < many.rows && startMany + firstEndingAfter * many.rowBytes < start + few.length) return true;
  }
  return false;
}
