import type { Tensor } from "onnxruntime-node";
import type { Partial } from "./accumulators.ts";
import { type AttendShape, attendModel, exactModel, probeModel } from "./attend-model.ts";
import { Buffer32 } from "./buffers.ts";
import { CausalMasks } from "./causal-masks.ts";
import { clearPartials, mergePartials, zeroIdentity } from "./merge.ts";
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
  /** `[heads, rows, D + 1]` without gaps; the last column is the call's to write. */
  readonly query: Float32Array;
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
  readonly #zeros = new Buffer32();
  readonly #denseOut = new Buffer32();
  readonly #denseWeight = new Buffer32();
  readonly #newOut = new Buffer32();
  readonly #newWeight = new Buffer32();
  readonly #newMost = new Buffer32();
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
    for (const buffer of [this.#denseWeight, this.#newMost, this.#newWeight]) buffer.take(count);
    const call = this.#callOfZeros(shape);
    const last = shape.numKeys.length - 1;
    if (!this.#runner.has(attendModel(this.#shape(call), call.numTiles)))
      await this.#attend(call, this.#result(call), true);
    if (!this.#runner.has(probeModel(this.#shape(call)))) await this.#probe(call);
    for (const tile of [0, last])
      if (!this.#runner.has(exactModel(this.#shape(call, tile)))) await this.#attendExactly(call, tile);
  }

  async attend(call: Call): Promise<void> {
    const { target, numHeads, rows } = call;
    const numIdentity = countIdentity(call);
    const isIdentity = numIdentity === numHeads * rows;
    if (isIdentity && this.#isFarFromZero) await this.#probe(call);
    if (!isIdentity && numIdentity > 0) zeroIdentity(target, numHeads, rows);
    // Where there is nothing to preserve, the result is written where it belongs.
    const result = isIdentity && isDense(call) ? target : this.#result(call);
    if (await this.#attend(call, result, isIdentity)) {
      if (result === target) return;
      copyRuns(result.out, target.out, numHeads, rows);
      copyRuns(result.weight, target.weight, numHeads, rows);
      return;
    }
    this.numRepeated++;
    if (numIdentity > 0) this.#isFarFromZero = true;
    if (isIdentity) clearPartials(target, numHeads, rows);
    for (let tile = 0; tile < call.tiles.length; tile++)
      mergePartials(await this.#attendExactly(call, tile), target, numHeads, rows);
  }

  /** Sets `most` of the target by the first keys of all. */
  async #probe(call: Call): Promise<void> {
    const result = this.#result(call);
    await this.#runner.run(
      probeModel(this.#shape(call)),
      { q: this.#query(call, false), k0: call.tiles[0]!.k },
      { newMost: this.#output(call, result.most) },
    );
    copyRuns(result.most, call.target.most, call.numHeads, call.rows);
  }

  /** All tiles at once. False if scores were too far from what was expected, and `result` is void. */
  async #attend(call: Call, result: Partial, isIdentity: boolean): Promise<boolean> {
    const { tiles, numTiles, target } = call;
    const inputs: Tensors = {
      q: this.#query(call, true),
      out: isIdentity ? this.#zerosFor(call, this.#headDim) : this.#input(call, target.out, this.#denseOut),
      weight: isIdentity ? this.#zerosFor(call, 1) : this.#input(call, target.weight, this.#denseWeight),
    };
    if (call.isMasked) inputs["mask"] = this.#mask(call);
    // Tiles that are missing are empty; before the others, because the last one is masked.
    for (let i = 0; i < numTiles; i++) {
      const tile = tiles[i - (numTiles - tiles.length)] ?? this.#emptyTile(call);
      inputs[`k${i}`] = tile.k;
      inputs[`v${i}`] = tile.v;
    }
    await this.#runner.run(attendModel(this.#shape(call), numTiles), inputs, {
      newOut: this.#output(call, result.out),
      newWeight: this.#output(call, result.weight),
    });
    return isTrusted(result.weight, call);
  }

  /** One tile as a partial result of its own, until the next call. */
  async #attendExactly(call: Call, tile: number): Promise<Partial> {
    const shape = this.#shape(call, tile);
    const result = this.#result(call);
    const inputs: Tensors = { q: this.#query(call, false), k0: call.tiles[tile]!.k, v0: call.tiles[tile]!.v };
    if (shape.isMasked) inputs["mask"] = this.#mask(call);
    await this.#runner.run(exactModel(shape), inputs, {
      newOut: this.#output(call, result.out),
      newWeight: this.#output(call, result.weight),
      newMost: this.#output(call, result.most),
    });
    return result;
  }

  #shape({ isMasked, isBatched, tiles }: Call, tile = tiles.length - 1): AttendShape {
    return { headDim: this.#headDim, isMasked: isMasked && tile === tiles.length - 1, isBatched };
  }

  /** The queries with −most in their last column, or with 0. */
  #query({ query, target, numHeads, rows, isBatched }: Call, isRelative: boolean): Tensor {
    const width = this.#headDim + 1;
    const { data, first, step } = target.most;
    for (let head = 0, to = width - 1; head < numHeads; head++)
      for (let i = 0, at = first + head * step; i < rows; i++, at++, to += width)
        query[to] = isRelative ? -data[at]! : 0;
    return this.#runner.tensor(query, isBatched ? [numHeads, rows, width] : [rows, width]);
  }

  /** Room for the result of a call. */
  #result({ numHeads, rows }: Call): Partial {
    const count = numHeads * rows;
    const dense = (buffer: Buffer32, width: number): RowRuns => ({
      data: buffer.take(count * width),
      width,
      first: 0,
      step: rows,
    });
    return {
      out: dense(this.#newOut, this.#headDim),
      most: dense(this.#newMost, 1),
      weight: dense(this.#newWeight, 1),
    };
  }

  /** Rows of all heads of a call; they are copied to `buffer` if they have gaps. */
  #input(call: Call, runs: RowRuns, buffer: Buffer32): Tensor {
    return this.#tensor(call, denseRuns(runs, call.numHeads, call.rows, buffer), runs.width);
  }

  /** Rows of all heads of a call, which have no gaps. */
  #output(call: Call, { data, width, first }: RowRuns): Tensor {
    return this.#tensor(call, data.subarray(first * width, (first + call.numHeads * call.rows) * width), width);
  }

  #zerosFor(call: Call, width: number): Tensor {
    return this.#tensor(call, this.#zeros.take(call.numHeads * call.rows * width), width);
  }

  #tensor({ numHeads, rows, isBatched }: Call, data: Float32Array, width: number): Tensor {
    return this.#runner.tensor(data, isBatched ? [numHeads, rows, width] : [rows, width]);
  }

  #emptyTile({ numHeads, isBatched }: Call): KeyTensors {
    const empty = (width: number) =>
      this.#runner.tensor(new Float32Array(0), isBatched ? [numHeads, 0, width] : [0, width]);
    return { k: empty(this.#headDim + 1), v: empty(this.#headDim) };
  }

  #mask({ rows, tiles }: Call): Tensor {
    const numKeys = tiles.at(-1)!.v.dims.at(-2)!;
    return this.#runner.tensor(this.#masks.mask(rows, numKeys), [rows, numKeys]);
  }

  /** A call whose queries, keys and values are all 0. */
  #callOfZeros(shape: CallShape): Call {
    const { rows, numHeads, isBatched, numKeys } = shape;
    const width = this.#headDim;
    const zeros = (keys: number, columns: number) =>
      this.#runner.tensor(
        new Float32Array(numHeads * keys * columns),
        isBatched ? [numHeads, keys, columns] : [keys, columns],
      );
    const runs = (columns: number): RowRuns => ({
      data: new Float32Array(numHeads * rows * columns),
      width: columns,
      first: 0,
      step: rows,
    });
    return {
      ...shape,
      query: new Float32Array(numHeads * rows * (width + 1)),
      tiles: numKeys.map((keys) => ({ k: zeros(keys, width + 1), v: zeros(keys, width) })),
      target: { out: runs(width), most: runs(1), weight: runs(1) },
    };
  }
}

/** Rows whose accumulator is the identity. */
function countIdentity({ target, numHeads, rows }: Call): number {
  const { data, first, step } = target.weight;
  let count = 0;
  for (let head = 0; head < numHeads; head++)
    for (let i = 0, at = first + head * step; i < rows; i++, at++) if (data[at] === 0) count++;
  return count;
}

/** Whether no weight is so large or small that digits may be lost; NaN is not. */
function isTrusted({ data, first }: RowRuns, { numHeads, rows }: Call): boolean {
  for (let row = first; row < first + numHeads * rows; row++)
    if (!(data[row]! <= LARGEST_WEIGHT && data[row]! >= LEAST_WEIGHT)) return false;
  return true;
}

/** Whether the rows of all heads lie without gaps. */
function isDense({ target, numHeads, rows }: Call): boolean {
  return numHeads === 1 || target.out.step === rows;
}
