import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { NamedModel } from "./onnx-model.ts";
import { loadOnnxruntime, type Onnxruntime } from "./load-onnxruntime.ts";
import { sessionOf } from "./sessions.ts";

export type Tensors = Record<string, Tensor>;

/** Runs models; one that was not prepared is compiled when it is first run. */
export class Runner {
  readonly #sessions = new Map<string, InferenceSession>();
  #onnxruntime: Onnxruntime | null = null;

  /** Loads the library; before anything else. */
  async load(): Promise<void> {
    this.#onnxruntime = await loadOnnxruntime();
  }

  /** A tensor over memory as it is, which may not be shared. */
  tensor(data: Float32Array, dimensions: readonly number[]): Tensor {
    return new this.#onnxruntime!.Tensor("float32", data, dimensions);
  }

  has({ name }: NamedModel): boolean {
    return this.#sessions.has(name);
  }

  async prepare(model: NamedModel): Promise<void> {
    if (!this.#sessions.has(model.name)) this.#sessions.set(model.name, await sessionOf(model));
  }

  /** Computes the outputs in the memory of the tensors given for them. */
  async run(model: NamedModel, inputs: Tensors, outputs: Tensors): Promise<void> {
    let session = this.#sessions.get(model.name);
    if (session === undefined) {
      await this.prepare(model);
      session = this.#sessions.get(model.name)!;
    }
    await session.run(inputs, outputs);
  }
}
