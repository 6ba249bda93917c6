import type { Tensor } from "onnxruntime-node";
import { Buffer32 } from "./buffers.ts";
import { createModel, type NamedModel } from "./onnx-model.ts";
import type { Runner } from "./runner.ts";

/** Rows of one product, and the size of the square matrix that they are multiplied with: 0.5 GFLOP, 4 MiB of weights. */
const ROWS = 256;
const SIZE = 1024;
const FLOPS_PER_ROW = 2 * SIZE * SIZE;

const PRODUCT: NamedModel = {
  name: "product",
  build() {
    const model = createModel("product");
    const product = model.node("MatMul", [model.input("x", ["rows", SIZE]), model.input("weights", [SIZE, SIZE])]);
    model.output("y", product, ["rows", SIZE]);
    return model.finish();
  },
};

/**
 * Stands in for the other work of a layer (projections, feed-forward): matrix products of as many FLOPs, rounded up to
 * a row (2.1 MFLOP). They are real work of the usual kind, of other shapes than the layer's and on data that means
 * nothing; the bytes of `ComputeWork` are not moved.
 */
export class MatrixWork {
  readonly #runner: Runner;
  readonly #x = new Buffer32();
  readonly #weights = new Buffer32();
  readonly #y = new Buffer32();

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  async prepare(): Promise<void> {
    await this.#runner.prepare(PRODUCT);
    this.#x.take(ROWS * SIZE).fill(1);
    this.#weights.take(SIZE * SIZE).fill(1 / SIZE);
    this.#y.take(ROWS * SIZE);
    await this.#multiply(ROWS);
  }

  /** A part is one product. */
  async *compute(flops: number): AsyncGenerator<void> {
    for (let rows = Math.ceil(flops / FLOPS_PER_ROW); rows > 0; rows -= ROWS) {
      await this.#multiply(Math.min(rows, ROWS));
      yield;
    }
  }

  async #multiply(rows: number): Promise<void> {
    const tensor = (buffer: Buffer32, numRows: number): Tensor =>
      this.#runner.tensor(buffer.take(numRows * SIZE), [numRows, SIZE]);
    const inputs = { x: tensor(this.#x, rows), weights: tensor(this.#weights, SIZE) };
    await this.#runner.run(PRODUCT, inputs, { y: tensor(this.#y, rows) });
  }
}
