import type { Tensor } from "onnxruntime-node";
import { keyTile } from "../../plan/schedule/attend-calls.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { Buffer32 } from "./buffers.ts";
import type { HeapTiles } from "./heap-tiles.ts";
import { KEYS_AND_VALUES, WIDEN_ONE } from "./layout-models.ts";
import { copyRuns, denseRuns, type RowRuns } from "./row-runs.ts";
import type { Runner } from "./runner.ts";

/** A KV operand and where its rows begin among the staged ones. */
interface Staged {
  readonly operand: number;
  readonly firstRow: number;
  readonly numTokens: number;
  readonly numHeads: number;
  /** Tokens of a tile; the last may have fewer. */
  readonly tileTokens: number;
}

/** Keys that one tile of a call needs. */
export interface KeyRange {
  /** Place of the tile in the call. */
  readonly tile: number;
  /** Place of the KV operand among the staged ones. */
  readonly index: number;
  readonly plane: number;
  readonly heads: { readonly first: number; readonly count: number; readonly isBatched: boolean };
  /** Tokens `[start, end)` from the operand's first. */
  readonly start: number;
  readonly end: number;
}

/**
 * The keys and values of one attend, head by head: `[batch, tile, heads, tokens]` rows of D + 1 (keys, with √D at the
 * end) and of D (values) for each KV operand.
 */
export class StagedKeys {
  readonly #schedule: Schedule;
  readonly #heap: HeapTiles;
  readonly #runner: Runner;
  readonly #keys = new Buffer32();
  readonly #values = new Buffer32();
  readonly #copiedKeys = new Buffer32();
  readonly #copiedValues = new Buffer32();
  readonly #lastColumn = new Buffer32();
  /** For rows that do not lie as one call wants them: a pair of buffers for each tile of the call. */
  readonly #gathered: { readonly k: Buffer32; readonly v: Buffer32 }[] = [];
  #staged: readonly Staged[] = [];

  constructor(schedule: Schedule, heap: HeapTiles, runner: Runner) {
    this.#schedule = schedule;
    this.#heap = heap;
    this.#runner = runner;
  }

  /** Compiles its models and sets memory aside for operands like these. */
  async prepare(operands: readonly number[]): Promise<void> {
    await this.#runner.prepare(WIDEN_ONE);
    await this.#runner.prepare(KEYS_AND_VALUES);
    const { headDim } = this.#schedule.workload;
    this.#staged = this.#lay(operands);
    this.#keys.take(this.#numRows() * (headDim + 1));
    this.#values.take(this.#numRows() * headDim);
    for (const { numHeads, numTokens, tileTokens } of this.#staged) {
      const count = numHeads * Math.min(tileTokens, numTokens);
      for (const buffer of [this.#copiedKeys, this.#copiedValues]) buffer.take(count * headDim);
      this.#lastColumn.take(count).fill(Math.sqrt(headDim));
    }
  }

  /** Stages these operands; a part is one tile. */
  async *stage(operands: readonly number[]): AsyncGenerator<void> {
    await this.prepare(operands);
    for (const staged of this.#staged)
      for (let plane = 0; plane < this.#schedule.workload.batch; plane++)
        for (let start = 0; start < staged.numTokens; start += staged.tileTokens) {
          await this.#stageTile(staged, plane, start);
          yield;
        }
  }

  /** Keys `[heads, tokens, D + 1]` and values `[heads, tokens, D]`; without heads if not batched. */
  tensors(range: KeyRange): { readonly k: Tensor; readonly v: Tensor } {
    const { headDim } = this.#schedule.workload;
    const gathered = (this.#gathered[range.tile] ??= { k: new Buffer32(), v: new Buffer32() });
    const tensor = (data: Float32Array, width: number, buffer: Buffer32) => {
      const { heads, start, end } = range;
      const size = heads.isBatched ? [heads.count, end - start, width] : [end - start, width];
      return this.#runner.tensor(this.#dense(data, width, buffer, range), size);
    };
    return {
      k: tensor(this.#keys.all, headDim + 1, gathered.k),
      v: tensor(this.#values.all, headDim, gathered.v),
    };
  }

  #lay(operands: readonly number[]): Staged[] {
    const { numTokens, numHeads } = this.#schedule.operands;
    let firstRow = 0;
    return operands.map((operand) => {
      const [tokens, heads] = [numTokens[operand]!, numHeads[operand]!];
      const staged = { operand, firstRow, numTokens: tokens, numHeads: heads, tileTokens: keyTile(tokens) };
      firstRow += this.#schedule.workload.batch * tokens * heads;
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
    const end = Math.min(staged.numTokens, start + staged.tileTokens);
    const count = (end - start) * numHeads;
    const row = tileAt(staged, plane, start).first;
    const k = this.#heap.rows(operand, plane, start, end, this.#copiedKeys);
    const last = this.#lastColumn.take(count);
    const keys = this.#keys.all.subarray(row * (headDim + 1), (row + count) * (headDim + 1));
    const values = this.#values.all.subarray(row * headDim, (row + count) * headDim);
    const tensor = (data: Float32Array, ...size: number[]) => this.#runner.tensor(data, size);
    if (numHeads === 1) {
      this.#heap.read(operand, batch + plane, start, end, values);
      const inputs = { x: tensor(k, count, headDim), last: tensor(last, count, 1) };
      return this.#runner.run(WIDEN_ONE, inputs, { y: tensor(keys, count, headDim + 1) });
    }
    const v = this.#heap.rows(operand, batch + plane, start, end, this.#copiedValues);
    const [h, n] = [numHeads, end - start];
    await this.#runner.run(
      KEYS_AND_VALUES,
      { x: tensor(k, n, h, headDim), v: tensor(v, n, h, headDim), last: tensor(last, h, n, 1) },
      { y: tensor(keys, h, n, headDim + 1), values: tensor(values, h, n, headDim) },
    );
  }

  #dense(data: Float32Array, width: number, buffer: Buffer32, range: KeyRange): Float32Array {
    const { heads, plane, start, end } = range;
    const staged = this.#staged[range.index]!;
    const runsAt = (token: number): RowRuns => {
      const { first, tokens } = tileAt(staged, plane, token);
      return { data, width, first: first + heads.first * tokens + (token % staged.tileTokens), step: tokens };
    };
    if (staged.numHeads === 1 || tileEnd(staged, start) >= end)
      return denseRuns(runsAt(start), heads.count, end - start, buffer);
    // Tiles of queries need not begin where tiles of keys do, so one on the diagonal may lie across several of these.
    const dense = buffer.take(heads.count * (end - start) * width);
    for (let at = start; at < end; at = tileEnd(staged, at)) {
      const target = { data: dense, width, first: at - start, step: end - start };
      copyRuns(runsAt(at), target, heads.count, Math.min(end, tileEnd(staged, at)) - at);
    }
    return dense;
  }
}

/** First staged row of the tile that a token of the operand is in, and the tile's tokens. */
function tileAt(staged: Staged, plane: number, token: number): { readonly first: number; readonly tokens: number } {
  const start = token - (token % staged.tileTokens);
  return {
    first: staged.firstRow + (plane * staged.numTokens + start) * staged.numHeads,
    tokens: Math.min(staged.numTokens, start + staged.tileTokens) - start,
  };
}

/** Where the tile ends that a token is in; beyond the operand's end for the last one. */
function tileEnd({ tileTokens }: Staged, token: number): number {
  return token - (token % tileTokens) + tileTokens;
}
