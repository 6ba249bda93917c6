import type { Tensor } from "onnxruntime-node";
import type { Partial } from "./accumulators.ts";
import { type AttendForm, attendModel, LARGEST_WEIGHT } from "./attend-model.ts";
import { Buffer32 } from "./buffers.ts";
import { CausalMasks } from "./causal-masks.ts";
import { mergePartials } from "./merge.ts";
import { copyRuns, denseRuns } from "./row-runs.ts";
import type { Runner, Tensors } from "./runner.ts";

/** One call for one group of heads: `[heads, rows]` queries with tiles of keys, and the partial results to update. */
export interface Call {
  readonly rows: number;
  readonly numHeads: number;
  /** Tensors have a leading dimension of heads; otherwise `numHeads` is 1. */
  readonly isBatched: boolean;
  /** `[rows, D]`, scaled. */
  readonly query: Tensor;
  /** `[keys, D + 1]` and `[keys, D]`. */
  readonly tiles: readonly { readonly k: Tensor; readonly v: Tensor }[];
  /** The last tile is on the diagonal: row i sees its keys 0…i. Every row sees all keys of the others. */
  readonly isMasked: boolean;
  readonly target: Partial;
}

/** What the models of a call depend on. */
export interface CallShape extends Pick<Call, "rows" | "numHeads" | "isBatched" | "isMasked"> {
  /** Of each tile. */
  readonly numKeys: readonly number[];
}

/** Does calls: chooses the form of attend-model.ts and repeats in the exact one where another did not do. */
export class CallRunner {
  readonly #headDim: number;
  readonly #runner: Runner;
  readonly #masks = new CausalMasks();
  readonly #denseOut = new Buffer32();
  readonly #denseLse = new Buffer32();
  readonly #newOut = new Buffer32();
  readonly #newLse = new Buffer32();
  readonly #weight = new Buffer32();
  /** Calls that were repeated in the exact form. */
  numRepeated = 0;

  constructor(headDim: number, runner: Runner) {
    this.#headDim = headDim;
    this.#runner = runner;
  }

  /** Compiles the models of calls of this shape, runs new ones once and sets memory aside. */
  async prepare(shape: CallShape): Promise<void> {
    const { rows, numHeads, numKeys, isMasked } = shape;
    for (const buffer of [this.#denseOut, this.#newOut]) buffer.take(rows * numHeads * this.#headDim);
    for (const buffer of [this.#denseLse, this.#newLse, this.#weight]) buffer.take(rows * numHeads);
    const isKnown = (form: AttendForm, isMasked: boolean, numTiles: number) =>
      this.#runner.has(attendModel({ form, numTiles, isMasked, isBatched: shape.isBatched }));
    const last = numKeys.length - 1;
    const first = isMasked && last === 0 ? [] : (["probe"] as const);
    for (const form of ["next", ...first] as const)
      if (!isKnown(form, isMasked, numKeys.length)) await this.#run(this.#dummy(shape), form, 0, numKeys.length);
    if (!isKnown("exact", isMasked, 1)) await this.#run(this.#dummy(shape), "exact", last, last + 1);
    if (last > 0 && !isKnown("exact", false, 1)) await this.#run(this.#dummy(shape), "exact", 0, 1);
  }

  /** A call of zeros. */
  #dummy(shape: CallShape): Call {
    const { rows, numHeads, numKeys } = shape;
    const partial: Call["target"] = {
      out: { data: new Float32Array(numHeads * rows * this.#headDim), width: this.#headDim, first: 0, step: rows },
      lse: { data: new Float32Array(numHeads * rows), width: 1, first: 0, step: rows },
    };
    const zeros = (numRows: number, width: number) =>
      this.#tensor({ ...shape, rows: numRows }, new Float32Array(numHeads * numRows * width));
    const tiles = numKeys.map((keys) => ({ k: zeros(keys, this.#headDim + 1), v: zeros(keys, this.#headDim) }));
    return { ...shape, query: zeros(rows, this.#headDim), tiles, target: partial };
  }

  async attend(call: Call): Promise<void> {
    const numIdentity = countIdentity(call);
    const isIdentity = numIdentity === call.numHeads * call.rows;
    const form = chooseForm(call, isIdentity, numIdentity > 0);
    if (form !== "exact") {
      const partial = await this.#run(call, form, 0, call.tiles.length);
      if (this.#isExact(call)) return copyPartial(partial, call);
      this.numRepeated++;
    }
    await this.#attendExactly(call, isIdentity);
  }

  /** Tile by tile, each with its own maximum, merged in the safe form. */
  async #attendExactly(call: Call, isIdentity: boolean): Promise<void> {
    for (let tile = 0; tile < call.tiles.length; tile++) {
      const partial = await this.#run(call, "exact", tile, tile + 1);
      if (isIdentity && tile === 0) copyPartial(partial, call);
      else mergePartials(partial, call.target, call.numHeads, call.rows);
    }
  }

  /** Runs tiles `[start, end)` of a call; the result is in buffers of this object. */
  async #run(call: Call, form: AttendForm, start: number, end: number): Promise<Partial> {
    const { rows, numHeads, isBatched, tiles, target } = call;
    const isMasked = call.isMasked && end === tiles.length;
    const inputs: Tensors = { q: call.query };
    for (let i = start; i < end; i++) {
      inputs[`k${i - start}`] = tiles[i]!.k;
      inputs[`v${i - start}`] = tiles[i]!.v;
    }
    if (isMasked) inputs["mask"] = this.#mask(call);
    if (form === "next") {
      inputs["out"] = this.#tensor(call, denseRuns(target.out, numHeads, rows, this.#denseOut));
      inputs["lse"] = this.#tensor(call, denseRuns(target.lse, numHeads, rows, this.#denseLse));
    }
    const count = numHeads * rows;
    const newOut = this.#newOut.take(count * this.#headDim);
    const newLse = this.#newLse.take(count);
    await this.#runner.run(attendModel({ form, numTiles: end - start, isMasked, isBatched }), inputs, {
      newOut: this.#tensor(call, newOut),
      newLse: this.#tensor(call, newLse),
      weight: this.#tensor(call, this.#weight.take(count)),
    });
    return {
      out: { data: newOut, width: this.#headDim, first: 0, step: rows },
      lse: { data: newLse, width: 1, first: 0, step: rows },
    };
  }

  #tensor({ rows, numHeads, isBatched }: Pick<Call, "rows" | "numHeads" | "isBatched">, data: Float32Array): Tensor {
    const width = data.length / (numHeads * rows);
    return this.#runner.tensor(data, isBatched ? [numHeads, rows, width] : [rows, width]);
  }

  #mask({ rows, tiles }: Call): Tensor {
    const numKeys = tiles.at(-1)!.v.dims.at(-2)!;
    return this.#runner.tensor(this.#masks.mask(rows, numKeys), [rows, numKeys]);
  }

  /** Whether the weights of the last run can be trusted. */
  #isExact({ rows, numHeads }: Call): boolean {
    const weight = this.#weight.take(rows * numHeads);
    for (let i = 0; i < weight.length; i++) if (!(weight[i]! <= LARGEST_WEIGHT)) return false;
    return true;
  }
}

/** Rows whose accumulator is the identity. */
function countIdentity({ target, numHeads, rows }: Call): number {
  const { data, first, step } = target.lse;
  let count = 0;
  for (let head = 0; head < numHeads; head++)
    for (let i = 0, at = first + head * step; i < rows; i++, at++) if (data[at] === -Infinity) count++;
  return count;
}

/** Where some rows are the identity and others are not, or the first keys are masked, only the exact form is right. */
function chooseForm({ tiles, isMasked }: Call, isIdentity: boolean, hasIdentity: boolean): AttendForm {
  if (!hasIdentity) return "next";
  return isIdentity && !(isMasked && tiles.length === 1) ? "probe" : "exact";
}

function copyPartial({ out, lse }: Partial, { target, numHeads, rows }: Call): void {
  copyRuns(out, target.out, numHeads, rows);
  copyRuns(lse, target.lse, numHeads, rows);
}
