import type { Schedule } from "../../plan/schedule/schedule.ts";
import type { RowRuns } from "./row-runs.ts";

/**
 * Partial results of rows, run by run: Σ e^(score − most)·v in `out` (rows of D), the number `most` that all of the row's
 * scores are taken relative to, and Σ e^(score − most) in `weight`. The LSE is `most + log(weight)`, the output
 * `out / weight`. A row of weight 0 is the identity, whatever its `out` holds; its `most` is 0.
 */
export interface Partial {
  readonly out: RowRuns;
  readonly most: RowRuns;
  readonly weight: RowRuns;
}

/** One accumulator slot: `[planes, columns, rows]` rows. */
interface SlotMemory {
  readonly out: Float32Array;
  readonly most: Float32Array;
  readonly weight: Float32Array;
  readonly rows: number;
  readonly columns: number;
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
      const filled = (length: number) => new Float32Array(length).fill(0);
      const out = filled(count * schedule.workload.headDim);
      this.#slots.set(index, { out, most: filled(count), weight: filled(count), rows, columns });
    });
  }

  /** All are the identity. */
  reset(): void {
    for (const { most, weight } of this.#slots.values()) {
      most.fill(0);
      weight.fill(0);
    }
  }

  /** An operand's rows from its (plane, head, token) on; a run for each head. */
  partial(operand: number, plane: number, head: number, token: number): Partial {
    const { slot, row, column } = this.#schedule.operands;
    const { out, most, weight, rows, columns } = this.#slots.get(slot[operand]!)!;
    const first = (plane * columns + column[operand]! + head) * rows + row[operand]! + token;
    return {
      out: { data: out, width: this.#schedule.workload.headDim, first, step: rows },
      most: { data: most, width: 1, first, step: rows },
      weight: { data: weight, width: 1, first, step: rows },
    };
  }
}
