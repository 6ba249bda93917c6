import { createModel, type NamedModel } from "./onnx-model.ts";

/** `x` `[a, b, D]` to `y` `[b, a, D]`: token by token to head by head, and back. */
export const SWAP: NamedModel = {
  name: "swap",
  build() {
    const model = createModel("swap");
    const swapped = model.node("Transpose", [model.input("x", ["a", "b", "d"])], { perm: [1, 0, 2] });
    model.output("y", swapped, ["b", "a", "d"]);
    return model.finish();
  },
};

/** Keys `x` `[tokens, heads, D]` to `y` `[heads, tokens, D + 1]`, whose last column is `ones` `[heads, tokens, 1]`. */
export const KEYS: NamedModel = {
  name: "keys",
  build() {
    const model = createModel("keys");
    const swapped = model.node("Transpose", [model.input("x", ["tokens", "heads", "d"])], { perm: [1, 0, 2] });
    const ones = model.input("ones", ["heads", "tokens", 1]);
    model.output("y", model.node("Concat", [swapped, ones], { axis: 2 }), ["heads", "tokens", "d1"]);
    return model.finish();
  },
};

/** Queries `x` `[tokens, heads, D]` to `y` `[heads, tokens, D]`, times the scale of the scores, `1/√D`. */
export function queriesModel(headDim: number): NamedModel {
  const name = `queries-${headDim}`;
  return {
    name,
    build() {
      const model = createModel(name);
      const swapped = model.node("Transpose", [model.input("x", ["tokens", "heads", headDim])], { perm: [1, 0, 2] });
      const scale = model.floats([1 / Math.sqrt(headDim)]);
      model.output("y", model.node("Mul", [swapped, scale]), ["heads", "tokens", headDim]);
      return model.finish();
    },
  };
}
