import { createModel, type Dimension, type ModelBuilder, type NamedModel } from "./onnx-model.ts";

/**
 * How a call finds the `m` that it subtracts from the scores of a row, so that their exponentials can be summed:
 * - `next`: the row's LSE so far. The accumulator then counts as weight 1, and no maximum is needed.
 * - `probe`: the largest score of the first `PROBE_KEYS` keys; of an accumulator that is the identity.
 * - `exact`: the largest score; of one tile, as a partial result of its own. It never overflows.
 *
 * The first two give a weight above `LARGEST_WEIGHT`, or none, where scores are much larger than `m`; then the call
 * counts for nothing and its tiles are done one by one in the exact form.
 */
export type AttendForm = "next" | "probe" | "exact";

export interface AttendModel {
  readonly form: AttendForm;
  readonly numTiles: number;
  /** The last tile's scores get the bias `mask` added. */
  readonly isMasked: boolean;
  /** All tensors have a leading dimension of heads. */
  readonly isBatched: boolean;
}

/** Keys that a probe looks at: few, because a large sum of weights does no harm. */
const PROBE_KEYS = 16;

/** Above this sum of weights (e^46) products with values might overflow: |v| < 1e18 is safe. */
export const LARGEST_WEIGHT = 1e20;

/**
 * The model of one call: `rows` queries with tiles of keys, D = head size. Sizes are free. Inputs: `q`
 * `[rows, D]`, scaled; for each tile i `k<i>` `[keys, D + 1]`, whose last column is 1, and `v<i>` `[keys, D]`; for the
 * form next `out` `[rows, D]` and `lse` `[rows, 1]`; `mask` `[rows, keys]` where it is masked. Outputs: `newOut`,
 * `newLse` and the sum of weights `weight` `[rows, 1]`.
 *
 * Scores come out as `q·k − m` from one matrix product of `[q, −m]` with `[k, 1]`, which saves a pass over them; this is
 * online softmax (Milakov and Gimelshein, arXiv 1805.02867) with a maximum that need not be one.
 */
export function attendModel(shape: AttendModel): NamedModel {
  const { form, numTiles, isMasked, isBatched } = shape;
  const name = `attend-${form}-${numTiles}${isMasked ? "-masked" : ""}${isBatched ? "-batched" : ""}`;
  return { name, build: () => build(name, shape) };
}

function build(name: string, { form, numTiles, isMasked, isBatched }: AttendModel): Uint8Array {
  const model = createModel(name);
  const batch: readonly Dimension[] = isBatched ? ["heads"] : [];
  const input = (name: string, ...size: Dimension[]) => model.input(name, [...batch, ...size]);
  const rowAxis = isBatched ? 2 : 1;

  const q = input("q", "rows", "d");
  const tiles = Array.from({ length: numTiles }, (_, i) => ({
    k: input(`k${i}`, `keys${i}`, "d1"),
    v: input(`v${i}`, `keys${i}`, "d"),
  }));
  const mask = isMasked ? model.input("mask", ["rows", `keys${numTiles - 1}`]) : null;
  let out = form === "next" ? input("out", "rows", "d") : null;
  let most = form === "next" ? input("lse", "rows", 1) : null;
  const rowSum = (x: string) => model.node("ReduceSum", [x, model.integers([rowAxis])]);

  if (form === "probe") most = probe(model, q, tiles[0]!.k, rowAxis);
  const query = most === null ? q : model.node("Concat", [q, model.node("Neg", [most])], { axis: rowAxis });
  const weights: string[] = form === "next" ? [model.floats([1])] : [];
  tiles.forEach(({ k, v }, i) => {
    const keys = most === null ? withoutOnes(model, k, rowAxis) : k;
    let scores = transposedProduct(model, query, keys);
    if (mask !== null && i === numTiles - 1) scores = model.node("Add", [scores, mask]);
    if (form === "exact") {
      most = model.node("ReduceMax", [scores], { axes: [rowAxis] });
      scores = model.node("Sub", [scores, most]);
    }
    const p = model.node("Exp", [scores]);
    weights.push(rowSum(p));
    out = addProduct(model, p, v, out, isBatched);
  });
  const weight = weights.length === 1 ? weights[0]! : model.node("Sum", weights);
  const newLse = model.node("Add", [most!, model.node("Log", [weight])]);
  model.output("newOut", model.node("Div", [out!, weight]), [...batch, "rows", "d"]);
  model.output("newLse", newLse, [...batch, "rows", 1]);
  model.output("weight", weight, [...batch, "rows", 1]);
  return model.finish();
}

/** The largest score of the first keys. */
function probe(model: ModelBuilder, q: string, k: string, rowAxis: number): string {
  const first = model.node("Slice", [
    k,
    model.integers([0, 0]),
    model.integers([PROBE_KEYS, -1]),
    model.integers([rowAxis - 1, rowAxis]),
  ]);
  return model.node("ReduceMax", [transposedProduct(model, q, first)], { axes: [rowAxis] });
}

function withoutOnes(model: ModelBuilder, k: string, rowAxis: number): string {
  return model.node("Slice", [k, model.integers([0]), model.integers([-1]), model.integers([rowAxis])]);
}

function transposedProduct(model: ModelBuilder, a: string, b: string): string {
  return model.node("com.microsoft.FusedMatMul", [a, b], { transB: 1 });
}

/** `p·v + out`; Gemm adds in place but has no leading dimensions. */
function addProduct(model: ModelBuilder, p: string, v: string, out: string | null, isBatched: boolean): string {
  if (out === null) return model.node("MatMul", [p, v]);
  if (!isBatched) return model.node("Gemm", [p, v, out]);
  return model.node("Add", [model.node("MatMul", [p, v]), out]);
}
