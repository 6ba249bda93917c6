import type { Schedule } from "../../plan/schedule/schedule.ts";
import type { RowRuns } from "./row-runs.ts";

/** One accumulator slot: normalized output `[planes, columns, rows, D]` and LSE `[planes, columns, rows]`. */
interface SlotMemory {
  readonly out: Float32Array;
  readonly lse: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Partial results: rows of D and their LSEs, run by run. Where the LSE is −∞ the row is the identity, whatever it holds. */
export interface Partial {
  readonly out: RowRuns;
  readonly lse: RowRuns;
}

/** The accumulators of one rank, in its own memory, head by head so that the tokens of a head are one run. */
export class Accumulators {
  readonly #schedule: Schedule;
  readonly #slots = new Map<number, SlotMemory>();

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    schedule.slots.forEach(({ role, planes, rows, columns }, index) => {
      if (role !== "accumulator") return;
      const count = planes * rows * columns;
      // Filled, so that no page faults while a clock runs.
      const out = new Float32Array(count * schedule.workload.headDim).fill(0);
      this.#slots.set(index, { out, lse: new Float32Array(count), rows, columns });
    });
    this.reset();
  }

  /** All are the identity. */
  reset(): void {
    for (const { lse } of this.#slots.values()) lse.fill(-Infinity);
  }

  /** An operand's rows from its (plane, head, token) on; a run for each head. */
  partial(operand: number, plane: number, head: number, token: number): Partial {
    const { slot, row, column } = this.#schedule.operands;
    const { out, lse, rows, columns } = this.#slots.get(slot[operand]!)!;
    const first = (plane * columns + column[operand]! + head) * rows + row[operand]! + token;
    return {
      out: { data: out, width: this.#schedule.workload.headDim, first, step: rows },
      lse: { data: lse, width: 1, first, step: rows },
    };
  }
}
