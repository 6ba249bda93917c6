import { Kind, type Schedule } from "./schedule.ts";

/** Rows and columns of an accumulator slot of one rank; ends are not in it. */
interface Region {
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly columnStart: number;
  readonly columnEnd: number;
}

/**
 * Follows through the ops, in the order of their ids, which accumulators are no longer the identity: attends and merges
 * into them make them so, finalizes and merges from them take it back.
 */
export class AccumulatorUse {
  readonly #schedule: Schedule;
  /** By rank and slot. */
  readonly #touched = new Map<number, Region[]>();

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  /** Whether some of an operand (an accumulator) is in use. */
  isInUse(rank: number, operand: number): boolean {
    const region = this.#regionOf(operand);
    return this.#regionsOf(rank, operand).some((other) => overlap(region, other));
  }

  /** Takes in one op. */
  follow(op: number): void {
    const { kind, rank, from, fromStart, to, toStart } = this.#schedule.ops;
    const code = kind[op];
    const own = rank[op]!;
    if (code === Kind.finalize || code === Kind.merge)
      for (let at = fromStart[op]!; at < fromStart[op + 1]!; at++) this.#release(own, from[at]!);
    if (code === Kind.attend || code === Kind.merge)
      for (let at = toStart[op]!; at < toStart[op + 1]!; at++) this.#touch(own, to[at]!);
  }

  #touch(rank: number, operand: number): void {
    const region = this.#regionOf(operand);
    const regions = this.#regionsOf(rank, operand);
    if (region.rowStart === region.rowEnd || regions.some((other) => isInside(region, other))) return;
    this.#release(rank, operand);
    regions.push(region);
  }

  /** Rows of the operand are taken out of every region that it overlaps. */
  #release(rank: number, operand: number): void {
    const freed = this.#regionOf(operand);
    const regions = this.#regionsOf(rank, operand);
    for (let i = regions.length - 1; i >= 0; i--) {
      const region = regions[i]!;
      if (!overlap(freed, region)) continue;
      const above = { ...region, rowEnd: freed.rowStart };
      const below = { ...region, rowStart: freed.rowEnd };
      regions.splice(i, 1, ...[above, below].filter(({ rowStart, rowEnd }) => rowStart < rowEnd));
    }
  }

  #regionOf(operand: number): Region {
    const { row, numTokens, column, numHeads } = this.#schedule.operands;
    const rowStart = row[operand]!;
    const columnStart = column[operand]!;
    return {
      rowStart,
      rowEnd: rowStart + numTokens[operand]!,
      columnStart,
      columnEnd: columnStart + numHeads[operand]!,
    };
  }

  #regionsOf(rank: number, operand: number): Region[] {
    const { slots, operands } = this.#schedule;
    const key = rank * slots.length + operands.slot[operand]!;
    const known = this.#touched.get(key) ?? [];
    this.#touched.set(key, known);
    return known;
  }
}

function isInside(a: Region, b: Region): boolean {
  return (
    a.rowStart >= b.rowStart && a.rowEnd <= b.rowEnd && a.columnStart >= b.columnStart && a.columnEnd <= b.columnEnd
  );
}

function overlap(a: Region, b: Region): boolean {
  return a.rowStart < b.rowEnd && b.rowStart < a.rowEnd && a.columnStart < b.columnEnd && b.columnStart < a.columnEnd;
}
