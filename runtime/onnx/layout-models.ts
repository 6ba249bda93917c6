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

/**
 * Keys `k` and values `v` `[tokens, heads, D]` to `keys` `[heads, tokens, D + 1]`, whose last column is `last`
 * `[heads, tokens, 1]`, and `values` `[heads, tokens, D]`.
 */
export const KEYS_AND_VALUES: NamedModel = {
  name: "keys-and-values",
  build() {
    const model = createModel("keys-and-values");
    const swap = (name: string) =>
      model.node("Transpose", [model.input(name, ["tokens", "heads", "d"])], { perm: [1, 0, 2] });
    const last = model.input("last", ["heads", "tokens", 1]);
    model.output("keys", model.node("Concat", [swap("k"), last], { axis: 2 }), ["heads", "tokens", "d1"]);
    model.output("values", swap("v"), ["heads", "tokens", "d"]);
    return model.finish();
  },
};

/** The same for the keys of one head, `[tokens, D]` and `[tokens, 1]` to `[tokens, D + 1]`; its values are as they should be. */
export const KEYS: NamedModel = {
  name: "keys",
  build() {
    const model = createModel("keys");
    const [k, last] = [model.input("k", ["tokens", "d"]), model.input("last", ["tokens", 1])];
    model.output("keys", model.node("Concat", [k, last], { axis: 1 }), ["tokens", "d1"]);
    return model.finish();
  },
};
