import type { Tensor } from "onnxruntime-node";
import { TILE_KEYS } from "../../plan/schedule/attend-calls.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { Buffer32 } from "./buffers.ts";
import type { HeapTiles } from "./heap-tiles.ts";
import { KEYS, SWAP } from "./layout-models.ts";
import { copyRuns, denseRuns, type RowRuns } from "./row-runs.ts";
import type { Runner } from "./runner.ts";

/** A KV operand and where its rows begin among the staged ones. */
interface Staged {
  readonly operand: number;
  readonly firstRow: number;
  readonly numTokens: number;
  readonly numHeads: number;
}

/**
 * The keys and values of one attend, head by head: `[batch, tile, heads, tokens]` rows of D + 1 (keys, with a 1 at the
 * end) and of D (values) for each KV operand. Tiles are of `TILE_KEYS` tokens from the operand's start.
 */
export class StagedKeys {
  readonly #schedule: Schedule;
  readonly #heap: HeapTiles;
  readonly #runner: Runner;
  readonly #keys = new Buffer32();
  readonly #values = new Buffer32();
  readonly #copied = new Buffer32();
  readonly #ones = new Buffer32();
  readonly #denseKeys = new Buffer32();
  readonly #denseValues = new Buffer32();
  #staged: readonly Staged[] = [];

  constructor(schedule: Schedule, heap: HeapTiles, runner: Runner) {
    this.#schedule = schedule;
    this.#heap = heap;
    this.#runner = runner;
  }

  /** Compiles its models and sets memory aside for operands like these. */
  async prepare(operands: readonly number[]): Promise<void> {
    await this.#runner.prepare(KEYS);
    await this.#runner.prepare(SWAP);
    const { headDim } = this.#schedule.workload;
    this.#staged = this.#lay(operands);
    this.#keys.take(this.#numRows() * (headDim + 1));
    this.#values.take(this.#numRows() * headDim);
    for (const { numHeads, numTokens } of this.#staged) {
      const count = numHeads * Math.min(TILE_KEYS, numTokens);
      this.#copied.take(count * headDim);
      this.#ones.take(count).fill(1);
    }
  }

  /** Stages these operands; a part is one tile. */
  async *stage(operands: readonly number[]): AsyncGenerator<void> {
    await this.prepare(operands);
    for (const staged of this.#staged)
      for (let plane = 0; plane < this.#schedule.workload.batch; plane++)
        for (let start = 0; start < staged.numTokens; start += TILE_KEYS) {
          await this.#stageTile(staged, plane, start);
          yield;
        }
  }

  /** Keys `[heads, tokens, D + 1]` and values `[heads, tokens, D]` of tokens `[start, end)`; without heads if one only. */
  tensors(
    index: number,
    plane: number,
    heads: { readonly first: number; readonly count: number; readonly isBatched: boolean },
    start: number,
    end: number,
  ): { readonly k: Tensor; readonly v: Tensor } {
    const { headDim } = this.#schedule.workload;
    const size = heads.isBatched ? [heads.count, end - start] : [end - start];
    const pick = (data: Float32Array, width: number, buffer: Buffer32) =>
      this.#runner.tensor(this.#dense(data, width, buffer, index, plane, heads, start, end), [...size, width]);
    return {
      k: pick(this.#keys.all, headDim + 1, this.#denseKeys),
      v: pick(this.#values.all, headDim, this.#denseValues),
    };
  }

  #lay(operands: readonly number[]): Staged[] {
    const { numTokens, numHeads } = this.#schedule.operands;
    let firstRow = 0;
    return operands.map((operand) => {
      const staged = { operand, firstRow, numTokens: numTokens[operand]!, numHeads: numHeads[operand]! };
      firstRow += this.#schedule.workload.batch * staged.numTokens * staged.numHeads;
      return staged;
    });
  }

  #numRows(): number {
    const last = this.#staged.at(-1);
    return last === undefined ? 0 : last.firstRow + this.#schedule.workload.batch * last.numTokens * last.numHeads;
  }

  async #stageTile(staged: Staged, plane: number, start: number): Promise<void> {
    const { headDim, batch } = this.#schedule.workload;
    const { operand, numHeads } = staged;
    const end = Math.min(staged.numTokens, start + TILE_KEYS);
    const count = (end - start) * numHeads;
    const row = tileRow(staged, plane, start);
    const shape = [end - start, numHeads, headDim];
    const tensor = (data: Float32Array, size: readonly number[]) => this.#runner.tensor(data, size);
    await this.#runner.run(
      KEYS,
      {
        x: tensor(this.#heap.rows(operand, plane, start, end, this.#copied), shape),
        ones: tensor(this.#ones.take(count), [numHeads, end - start, 1]),
      },
      { y: tensor(slice(this.#keys.all, row, count, headDim + 1), [numHeads, end - start, headDim + 1]) },
    );
    const target = slice(this.#values.all, row, count, headDim);
    if (numHeads === 1) this.#heap.read(operand, batch + plane, start, end, target);
    else
      await this.#runner.run(
        SWAP,
        { x: tensor(this.#heap.rows(operand, batch + plane, start, end, this.#copied), shape) },
        { y: tensor(target, [numHeads, end - start, headDim]) },
      );
  }

  #dense(
    data: Float32Array,
    width: number,
    buffer: Buffer32,
    index: number,
    plane: number,
    heads: { readonly first: number; readonly count: number },
    start: number,
    end: number,
  ): Float32Array {
    const staged = this.#staged[index]!;
    const runsAt = (token: number): RowRuns => {
      const tileStart = token - (token % TILE_KEYS);
      const step = Math.min(staged.numTokens, tileStart + TILE_KEYS) - tileStart;
      const first = tileRow(staged, plane, tileStart) + heads.first * step + token - tileStart;
      return { data, width, first, step };
    };
    const cut = Math.min(end, start - (start % TILE_KEYS) + TILE_KEYS);
    if (cut === end) return denseRuns(runsAt(start), heads.count, end - start, buffer);
    // A tile on the diagonal may lie across two staged ones; it is shorter than either.
    const dense = buffer.take(heads.count * (end - start) * width);
    const target = (first: number): RowRuns => ({ data: dense, width, first, step: end - start });
    copyRuns(runsAt(start), target(0), heads.count, cut - start);
    copyRuns(runsAt(cut), target(cut - start), heads.count, end - cut);
    return dense;
  }
}

/** First staged row of the tile that begins at token `start` of its operand. */
function tileRow(staged: Staged, plane: number, start: number): number {
  return staged.firstRow + (plane * staged.numTokens + start) * staged.numHeads;
}

function slice(data: Float32Array, row: number, count: number, width: number): Float32Array {
  return data.subarray(row * width, (row + count) * width);
}
