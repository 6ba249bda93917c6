import { createModel, type ModelBuilder, type NamedModel } from "./onnx-model.ts";

/** `x` `[heads, tokens, D]` over `weight` `[heads, tokens, 1]`, to `y` `[tokens, heads, D]`. */
export const NORMALIZE: NamedModel = {
  name: "normalize",
  build() {
    const model = createModel("normalize");
    const x = model.input("x", ["heads", "tokens", "d"]);
    const normalized = model.node("Div", [x, model.input("weight", ["heads", "tokens", 1])]);
    model.output("y", model.node("Transpose", [normalized], { perm: [1, 0, 2] }), ["tokens", "heads", "d"]);
    return model.finish();
  },
};

/** `x` `[tokens, heads, D]` to `y` `[heads, tokens, D + 1]`, whose last column is `last` `[heads, tokens, 1]`. */
export const WIDEN: NamedModel = {
  name: "widen",
  build() {
    const model = createModel("widen");
    const x = swap(model, "x");
    const widened = model.node("Concat", [x, model.input("last", ["heads", "tokens", 1])], { axis: 2 });
    model.output("y", widened, ["heads", "tokens", "d1"]);
    return model.finish();
  },
};

/** The same with one head, which needs no transposition: `[tokens, D]` and `[tokens, 1]` to `[tokens, D + 1]`. */
export const WIDEN_ONE: NamedModel = {
  name: "widen-one",
  build() {
    const model = createModel("widen-one");
    const [x, last] = [model.input("x", ["tokens", "d"]), model.input("last", ["tokens", 1])];
    model.output("y", model.node("Concat", [x, last], { axis: 1 }), ["tokens", "d1"]);
    return model.finish();
  },
};

/** Keys as `WIDEN` does them, and values `v` `[tokens, heads, D]` to `values` `[heads, tokens, D]`. */
export const KEYS_AND_VALUES: NamedModel = {
  name: "keys-and-values",
  build() {
    const model = createModel("keys-and-values");
    const x = swap(model, "x");
    const widened = model.node("Concat", [x, model.input("last", ["heads", "tokens", 1])], { axis: 2 });
    model.output("y", widened, ["heads", "tokens", "d1"]);
    model.output("values", swap(model, "v"), ["heads", "tokens", "d"]);
    return model.finish();
  },
};

/** An input `[tokens, heads, D]`, head by head. */
function swap(model: ModelBuilder, name: string): string {
  return model.node("Transpose", [model.input(name, ["tokens", "heads", "d"])], { perm: [1, 0, 2] });
}
