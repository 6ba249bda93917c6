import type { Tensor } from "onnxruntime-node";
import { TILE_QUERIES } from "../../plan/schedule/attend-calls.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { Buffer32 } from "./buffers.ts";
import type { HeapTiles } from "./heap-tiles.ts";
import { queriesModel } from "./layout-models.ts";
import type { NamedModel } from "./onnx-model.ts";
import { denseRuns } from "./row-runs.ts";
import type { Runner } from "./runner.ts";

/** One tile of queries of one Q operand, all of its heads: `[heads, queries, D]`, times the scale of the scores. */
export class StagedQueries {
  readonly #schedule: Schedule;
  readonly #heap: HeapTiles;
  readonly #runner: Runner;
  readonly #model: NamedModel;
  readonly #copied = new Buffer32();
  readonly #staged = new Buffer32();
  readonly #dense = new Buffer32();
  #start = 0;
  #numQueries = 0;

  constructor(schedule: Schedule, heap: HeapTiles, runner: Runner) {
    this.#schedule = schedule;
    this.#heap = heap;
    this.#runner = runner;
    this.#model = queriesModel(schedule.workload.headDim);
  }

  /** Compiles its model and sets memory aside for tiles of this many heads. */
  async prepare(numHeads: number): Promise<void> {
    await this.#runner.prepare(this.#model);
    const length = TILE_QUERIES * numHeads * this.#schedule.workload.headDim;
    for (const buffer of [this.#copied, this.#staged]) buffer.take(length);
  }

  /** Stages up to `TILE_QUERIES` queries of an operand's plane, from its token `start` on. */
  async stage(operand: number, plane: number, start: number): Promise<void> {
    const { headDim } = this.#schedule.workload;
    const { numTokens, numHeads } = this.#schedule.operands;
    const heads = numHeads[operand]!;
    this.#start = start;
    this.#numQueries = Math.min(TILE_QUERIES, numTokens[operand]! - start);
    const length = this.#numQueries * heads * headDim;
    const end = start + this.#numQueries;
    const from = this.#heap.rows(operand, plane, start, end, this.#copied);
    await this.#runner.run(
      this.#model,
      { x: this.#runner.tensor(from, [this.#numQueries, heads, headDim]) },
      { y: this.#runner.tensor(this.#staged.take(length), [heads, this.#numQueries, headDim]) },
    );
  }

  /** `[heads, rows, D]` from an operand's token `start` on, of what was staged last; without heads if not batched. */
  tensor(heads: { first: number; count: number; isBatched: boolean }, start: number, rows: number): Tensor {
    const width = this.#schedule.workload.headDim;
    const first = heads.first * this.#numQueries + start - this.#start;
    const runs = { data: this.#staged.all, width, first, step: this.#numQueries };
    const data = denseRuns(runs, heads.count, rows, this.#dense);
    return this.#runner.tensor(data, heads.isBatched ? [heads.count, rows, width] : [rows, width]);
  }
}
