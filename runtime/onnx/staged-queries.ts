import { queryTile } from "../../plan/schedule/attend-calls.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { Buffer32 } from "./buffers.ts";
import type { HeapTiles } from "./heap-tiles.ts";
import { WIDEN, WIDEN_ONE } from "./layout-models.ts";
import { denseRuns } from "./row-runs.ts";
import type { Runner } from "./runner.ts";

/** One tile of queries of one Q operand, all of its heads: `[heads, queries, D + 1]`, whose last column is free. */
export class StagedQueries {
  readonly #schedule: Schedule;
  readonly #heap: HeapTiles;
  readonly #runner: Runner;
  readonly #copied = new Buffer32();
  readonly #staged = new Buffer32();
  readonly #lastColumn = new Buffer32();
  readonly #dense = new Buffer32();
  #start = 0;
  #numQueries = 0;

  constructor(schedule: Schedule, heap: HeapTiles, runner: Runner) {
    this.#schedule = schedule;
    this.#heap = heap;
    this.#runner = runner;
  }

  /** Compiles its model and sets memory aside for an operand like this. */
  async prepare(operand: number): Promise<void> {
    for (const model of [WIDEN, WIDEN_ONE]) await this.#runner.prepare(model);
    const { numTokens, numHeads } = this.#schedule.operands;
    const { headDim } = this.#schedule.workload;
    const count = queryTile(numTokens[operand]!) * numHeads[operand]!;
    this.#copied.take(count * headDim);
    this.#staged.take(count * (headDim + 1));
    this.#lastColumn.take(count);
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
    const n = end - start;
    const tensor = (data: Float32Array, ...size: number[]) => this.#runner.tensor(data, size);
    const last = this.#lastColumn.take(n * heads);
    const staged = this.#staged.take(n * heads * (headDim + 1));
    if (heads === 1) {
      const inputs = { x: tensor(rows, n, headDim), last: tensor(last, n, 1) };
      await this.#runner.run(WIDEN_ONE, inputs, { y: tensor(staged, n, headDim + 1) });
    } else {
      const inputs = { x: tensor(rows, n, heads, headDim), last: tensor(last, heads, n, 1) };
      await this.#runner.run(WIDEN, inputs, { y: tensor(staged, heads, n, headDim + 1) });
    }
  }

  /** `[heads, rows, D + 1]` from an operand's token `start` on, of what was staged last. */
  rows(firstHead: number, numHeads: number, start: number, numRows: number): Float32Array {
    const first = firstHead * this.#numQueries + start - this.#start;
    const width = this.#schedule.workload.headDim + 1;
    return denseRuns({ data: this.#staged.all, width, first, step: this.#numQueries }, numHeads, numRows, this.#dense);
  }
}
