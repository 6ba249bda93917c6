import type { Tensor } from "onnxruntime-node";
import type { Partial } from "./accumulators.ts";
import { attendModel, exactModel, probeModel } from "./attend-model.ts";
import { Buffer32 } from "./buffers.ts";
import { CausalMasks } from "./causal-masks.ts";
import { mergePartials, zeroIdentity } from "./merge.ts";
import { copyRuns, denseRuns, type RowRuns } from "./row-runs.ts";
import type { Runner, Tensors } from "./runner.ts";

/** Sums of weights between which a call is right: values below 1e18 times weights up to e^46 do not overflow. */
const LARGEST_WEIGHT = 1e20;
const LEAST_WEIGHT = 1e-20;

export interface KeyTensors {
  /** `[keys, D + 1]`. */
  readonly k: Tensor;
  /** `[keys, D]`. */
  readonly v: Tensor;
}

/** One call for one group of heads: `[heads, rows]` queries with tiles of keys, and the partial results to update. */
export interface Call {
  readonly rows: number;
  readonly numHeads: number;
  /** Tensors have a leading dimension of heads; otherwise `numHeads` is 1. */
  readonly isBatched: boolean;
  /** The last tile is on the diagonal: row i sees its keys 0…i. Every row sees all keys of the others. */
  readonly isMasked: boolean;
  /** `[rows, D]`. */
  readonly query: Tensor;
  /** At least one, not empty. */
  readonly tiles: readonly KeyTensors[];
  /** Tiles of the model that is used, at least as many: calls with one model find its memory in the cache. */
  readonly numTiles: number;
  readonly target: Partial;
}

/** What the models of a call depend on. */
export interface CallShape extends Pick<Call, "rows" | "numHeads" | "isBatched" | "isMasked" | "numTiles"> {
  /** Of each tile. */
  readonly numKeys: readonly number[];
}

/** Does calls by the models of attend-model.ts. */
export class CallRunner {
  readonly #headDim: number;
  readonly #runner: Runner;
  readonly #masks = new CausalMasks();
  readonly #denseOut = new Buffer32();
  readonly #zeros = new Buffer32();
  readonly #most = new Buffer32();
  readonly #start = new Buffer32();
  readonly #newOut = new Buffer32();
  readonly #newLse = new Buffer32();
  readonly #weight = new Buffer32();
  /** Scores of this run have been far from 0, so that it is no good guess for where they are. */
  #isFarFromZero = false;
  /** Calls that were repeated because scores were far from where they were expected. */
  numRepeated = 0;

  constructor(headDim: number, runner: Runner) {
    this.#headDim = headDim;
    this.#runner = runner;
  }

  reset(): void {
    this.#isFarFromZero = false;
  }

  /** Compiles the models of calls of this shape, runs new ones once and sets memory aside. */
  async prepare(shape: CallShape): Promise<void> {
    const count = shape.rows * shape.numHeads;
    for (const buffer of [this.#denseOut, this.#zeros, this.#newOut]) buffer.take(count * this.#headDim);
    for (const buffer of [this.#most, this.#start, this.#newLse, this.#weight]) buffer.take(count);
    const call = this.#callOfZeros(shape);
    const last = shape.numKeys.length - 1;
    if (!this.#runner.has(attendModel(this.#shape(call), call.numTiles))) await this.#attend(call, call.target);
    if (!this.#runner.has(probeModel(this.#shape(call)))) await this.#probe(call);
    for (const tile of [0, last])
      if (!this.#runner.has(exactModel(this.#shape(call, tile)))) await this.#attendExactly(call, tile, call.target);
  }

  async attend(call: Call): Promise<void> {
    const count = call.numHeads * call.rows;
    const numIdentity = this.#expectScores(call);
    const isIdentity = numIdentity === count;
    // Where there is nothing to preserve, the result is written where it belongs.
    const result = isIdentity && isDense(call) ? call.target : this.#result(call);
    if (isIdentity && this.#isFarFromZero) await this.#probe(call);
    if (await this.#attend(call, result, isIdentity)) return copyPartial(result, call);
    this.numRepeated++;
    if (numIdentity > 0) this.#isFarFromZero = true;
    await this.#attendTileByTile(call, isIdentity);
  }

  /** Each tile with its own maximum, merged in the safe form. */
  async #attendTileByTile(call: Call, isIdentity: boolean): Promise<void> {
    for (let tile = 0; tile < call.tiles.length; tile++) {
      const result = this.#result(call);
      await this.#attendExactly(call, tile, result);
      if (isIdentity && tile === 0) copyPartial(result, call);
      else mergePartials(result, call.target, call.numHeads, call.rows);
    }
  }

  /** Sets `most` and `start` from the LSEs so far, 0 for the identity. Returns the number of rows that are the identity. */
  #expectScores({ target, numHeads, rows }: Call): number {
    const most = this.#most.take(numHeads * rows);
    const start = this.#start.take(numHeads * rows);
    let numIdentity = 0;
    for (let head = 0, to = 0; head < numHeads; head++) {
      for (let i = 0, at = target.lse.first + head * target.lse.step; i < rows; i++, at++, to++) {
        const lse = target.lse.data[at]!;
        const isIdentity = lse === -Infinity;
        if (isIdentity) numIdentity++;
        most[to] = isIdentity ? 0 : lse;
        start[to] = isIdentity ? 0 : 1;
      }
    }
    return numIdentity;
  }

  /** Sets `most` by the first keys of all. */
  async #probe(call: Call): Promise<void> {
    const inputs = { q: call.query, k0: call.tiles[0]!.k };
    const most = this.#tensor(call, this.#most.take(call.numHeads * call.rows));
    await this.#runner.run(probeModel(this.#shape(call)), inputs, { most });
  }

  /** All tiles at once. False if scores were too far from what was expected, and `result` is void. */
  async #attend(call: Call, result: Partial, isIdentity = false): Promise<boolean> {
    const { rows, numHeads, tiles, numTiles } = call;
    const count = numHeads * rows;
    if (!isIdentity) zeroIdentity(call.target, numHeads, rows);
    const out = isIdentity
      ? this.#zeros.take(count * this.#headDim)
      : denseRuns(call.target.out, numHeads, rows, this.#denseOut);
    const inputs: Tensors = {
      q: call.query,
      out: this.#tensor(call, out),
      most: this.#tensor(call, this.#most.take(count)),
      start: this.#tensor(call, this.#start.take(count)),
    };
    if (call.isMasked) inputs["mask"] = this.#mask(call);
    // Tiles that are missing are empty; before the others, because the last one is masked.
    for (let i = 0; i < numTiles; i++) {
      const tile = tiles[i - (numTiles - tiles.length)] ?? this.#emptyTile(call);
      inputs[`k${i}`] = tile.k;
      inputs[`v${i}`] = tile.v;
    }
    await this.#runner.run(attendModel(this.#shape(call), numTiles), inputs, this.#outputs(call, result));
    return this.#weight.take(count).every((weight) => weight <= LARGEST_WEIGHT && weight >= LEAST_WEIGHT);
  }

  /** One tile as a partial result of its own. */
  async #attendExactly(call: Call, tile: number, result: Partial): Promise<void> {
    const shape = this.#shape(call, tile);
    const inputs: Tensors = { q: call.query, k0: call.tiles[tile]!.k, v0: call.tiles[tile]!.v };
    if (shape.isMasked) inputs["mask"] = this.#mask(call);
    await this.#runner.run(exactModel(shape), inputs, this.#outputs(call, result));
  }

  #shape({ isMasked, isBatched, tiles }: Call, tile = tiles.length - 1) {
    return { headDim: this.#headDim, isMasked: isMasked && tile === tiles.length - 1, isBatched };
  }

  /** Room for the result of a call. */
  #result({ numHeads, rows }: Call): Partial {
    const out = this.#newOut.take(numHeads * rows * this.#headDim);
    return {
      out: { data: out, width: this.#headDim, first: 0, step: rows },
      lse: { data: this.#newLse.take(numHeads * rows), width: 1, first: 0, step: rows },
    };
  }

  #outputs(call: Call, result: Partial): Tensors {
    const rows = (runs: RowRuns, buffer: Buffer32) =>
      this.#tensor(call, denseRuns(runs, call.numHeads, call.rows, buffer));
    return {
      newOut: rows(result.out, this.#newOut),
      newLse: rows(result.lse, this.#newLse),
      weight: this.#tensor(call, this.#weight.take(call.numHeads * call.rows)),
    };
  }

  #tensor({ rows, numHeads, isBatched }: Pick<Call, "rows" | "numHeads" | "isBatched">, data: Float32Array): Tensor {
    const width = data.length / (numHeads * rows);
    return this.#runner.tensor(data, isBatched ? [numHeads, rows, width] : [rows, width]);
  }

  #emptyTile({ numHeads, isBatched }: Pick<Call, "numHeads" | "isBatched">): KeyTensors {
    const empty = (width: number) =>
      this.#runner.tensor(new Float32Array(0), isBatched ? [numHeads, 0, width] : [0, width]);
    return { k: empty(this.#headDim + 1), v: empty(this.#headDim) };
  }

  #mask({ rows, tiles }: Call): Tensor {
    const numKeys = tiles.at(-1)!.v.dims.at(-2)!;
    return this.#runner.tensor(this.#masks.mask(rows, numKeys), [rows, numKeys]);
  }

  #callOfZeros(shape: CallShape): Call {
    const { rows, numHeads, numKeys } = shape;
    const target: Partial = {
      out: { data: new Float32Array(numHeads * rows * this.#headDim), width: this.#headDim, first: 0, step: rows },
      lse: { data: new Float32Array(numHeads * rows), width: 1, first: 0, step: rows },
    };
    const zeros = (numRows: number, width: number) =>
      this.#tensor({ ...shape, rows: numRows }, new Float32Array(numHeads * numRows * width));
    const tiles = numKeys.map((keys) => ({ k: zeros(keys, this.#headDim + 1), v: zeros(keys, this.#headDim) }));
    return { ...shape, query: zeros(rows, this.#headDim), tiles, target };
  }
}

/** Whether the rows of all heads lie without gaps. */
function isDense({ target, numHeads, rows }: Call): boolean {
  return numHeads === 1 || target.out.step === rows;
}

function copyPartial(result: Partial, { target, numHeads, rows }: Call): void {
  if (result === target) return;
  copyRuns(result.out, target.out, numHeads, rows);
  copyRuns(result.lse, target.lse, numHeads, rows);
}
