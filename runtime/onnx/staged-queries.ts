import type { Tensor } from "onnxruntime-node";
import { queryTile } from "../../plan/schedule/attend-calls.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { Buffer32 } from "./buffers.ts";
import type { HeapTiles } from "./heap-tiles.ts";
import { SWAP } from "./layout-models.ts";
import { denseRuns } from "./row-runs.ts";
import type { Runner } from "./runner.ts";

/** One tile of queries of one Q operand, all of its heads: `[heads, queries, D]`. */
export class StagedQueries {
  readonly #schedule: Schedule;
  readonly #heap: HeapTiles;
  readonly #runner: Runner;
  readonly #copied = new Buffer32();
  readonly #swapped = new Buffer32();
  readonly #dense = new Buffer32();
  #staged: Float32Array = new Float32Array(0);
  #start = 0;
  #numQueries = 0;

  constructor(schedule: Schedule, heap: HeapTiles, runner: Runner) {
    this.#schedule = schedule;
    this.#heap = heap;
    this.#runner = runner;
  }

  /** Compiles its model and sets memory aside for an operand like this. */
  async prepare(operand: number): Promise<void> {
    await this.#runner.prepare(SWAP);
    const { numTokens, numHeads } = this.#schedule.operands;
    const length = queryTile(numTokens[operand]!) * numHeads[operand]! * this.#schedule.workload.headDim;
    for (const buffer of [this.#copied, this.#swapped]) buffer.take(length);
  }

  /** Stages one tile of an operand's plane. */
  async stage(operand: number, plane: number, tile: number): Promise<void> {
    const { headDim } = this.#schedule.workload;
    const { numTokens, numHeads } = this.#schedule.operands;
    const heads = numHeads[operand]!;
    const size = queryTile(numTokens[operand]!);
    const start = tile * size;
    const end = Math.min(numTokens[operand]!, start + size);
    this.#start = start;
    this.#numQueries = end - start;
    const rows = this.#heap.rows(operand, plane, start, end, this.#copied);
    this.#staged = rows;
    if (heads === 1) return;
    this.#staged = this.#swapped.take(rows.length);
    await this.#runner.run(
      SWAP,
      { x: this.#runner.tensor(rows, [end - start, heads, headDim]) },
      { y: this.#runner.tensor(this.#staged, [heads, end - start, headDim]) },
    );
  }

  /** `[heads, rows, D]` from an operand's token `start` on, of what was staged last; without heads if not batched. */
  tensor(heads: { first: number; count: number; isBatched: boolean }, start: number, rows: number): Tensor {
    const width = this.#schedule.workload.headDim;
    const first = heads.first * this.#numQueries + start - this.#start;
    const runs = { data: this.#staged, width, first, step: this.#numQueries };
    const data = denseRuns(runs, heads.count, rows, this.#dense);
    return this.#runner.tensor(data, heads.isBatched ? [heads.count, rows, width] : [rows, width]);
  }
}
