import { createModel, type Dimension, type ModelBuilder, type NamedModel } from "./onnx-model.ts";

/** What the models of a call depend on; all other sizes are free. */
export interface AttendShape {
  /** D. */
  readonly headDim: number;
  /** The last tile's scores get the bias `mask` added. */
  readonly isMasked: boolean;
  /** All tensors but the mask have a leading dimension of heads. */
  readonly isBatched: boolean;
}

/**
 * The model of one call: adds tiles of keys to the partial results of `rows` queries. Inputs: `q` `[rows, D]`; for each
 * tile i `k<i>` `[keys, D + 1]`, whose last column is √D, and `v<i>` `[keys, D]`, both of any number of keys, 0 as well;
 * `mask` `[rows, keys]` where it is masked; `out` `[rows, D]`; `most` and `start` `[rows, 1]`. Outputs: `newOut`
 * `[rows, D]`, `newLse` and `weight` `[rows, 1]`.
 *
 * This is online softmax (Milakov and Gimelshein, arXiv 1805.02867) with a maximum that need not be one: exponentials
 * are of `score − most`, where `most` is the LSE so far, whose partial result thus has the weight `start` = 1; or, where
 * that is the identity, any number near the scores, and `start` is 0. No scores have to be looked at before. If they turn
 * out much larger or smaller than `most`, the sum of weights says so, and the call counts for nothing.
 *
 * Scores come out as `q·k/√D − most` from one matrix product of `[q, −most]` with `[k, √D]`, which saves a pass over them.
 */
export function attendModel(shape: AttendShape, numTiles: number): NamedModel {
  const name = modelName(`attend-${numTiles}`, shape);
  return { name, build: () => buildAttend(name, shape, numTiles) };
}

/** The largest score of one tile's first keys: inputs `q` and `k0` and output `most` as above. */
export function probeModel(shape: AttendShape): NamedModel {
  const name = modelName("probe", { ...shape, isMasked: false });
  return { name, build: () => buildProbe(name, shape) };
}

/** One tile as a partial result of its own, with the largest score as `most`: it never overflows. As above without `out`, `most` and `start`. */
export function exactModel(shape: AttendShape): NamedModel {
  const name = modelName("exact", shape);
  return { name, build: () => buildExact(name, shape) };
}

/** Keys that a probe looks at: few, because a large sum of weights does no harm. */
const PROBE_KEYS = 16;

function modelName(kind: string, { headDim, isMasked, isBatched }: AttendShape): string {
  return `${kind}-of-${headDim}${isMasked ? "-masked" : ""}${isBatched ? "-batched" : ""}`;
}

function buildAttend(name: string, shape: AttendShape, numTiles: number): Uint8Array {
  const model = createModel(name);
  const parts = partsOf(model, shape);
  const { rowAxis } = parts;
  const q = parts.input("q", "rows", shape.headDim);
  const tiles = Array.from({ length: numTiles }, (_, i) => parts.tile(i));
  const mask = shape.isMasked ? model.input("mask", ["rows", `keys${numTiles - 1}`]) : null;
  const most = parts.input("most", "rows", 1);
  const query = model.node("Concat", [q, model.node("Neg", [most])], { axis: rowAxis });
  let weight = parts.input("start", "rows", 1);
  let out = parts.input("out", "rows", shape.headDim);
  const inOrder: string[] = [];
  tiles.forEach(({ k, v }, i) => {
    const scores = parts.scores(query, k);
    const p = model.node("Exp", [mask !== null && i === numTiles - 1 ? model.node("Add", [scores, mask]) : scores]);
    const sum = parts.rowSum(p);
    weight = model.node("Add", [weight, sum]);
    out = parts.addProduct(p, v, out);
    inOrder.push(sum, out);
  });
  parts.result(out, weight, most);
  // A tile after the other, so that scores are still in the cache when they are used, and one buffer does for all.
  for (const value of inOrder.reverse()) model.anchor(value);
  return model.finish();
}

function buildProbe(name: string, shape: AttendShape): Uint8Array {
  const model = createModel(name);
  const parts = partsOf(model, shape);
  const { rowAxis } = parts;
  const q = parts.input("q", "rows", shape.headDim);
  const k = parts.input("k0", "keys0", shape.headDim + 1);
  const axes = model.integers([rowAxis - 1, rowAxis]);
  const first = model.node("Slice", [k, model.integers([0, 0]), model.integers([PROBE_KEYS, -1]), axes]);
  const most = model.node("ReduceMax", [parts.scores(q, first)], { axes: [rowAxis] });
  model.output("most", most, [...parts.batch, "rows", 1]);
  return model.finish();
}

function buildExact(name: string, shape: AttendShape): Uint8Array {
  const model = createModel(name);
  const parts = partsOf(model, shape);
  const { rowAxis } = parts;
  const q = parts.input("q", "rows", shape.headDim);
  const { k, v } = parts.tile(0);
  const keys = model.node("Slice", [k, model.integers([0]), model.integers([-1]), model.integers([rowAxis])]);
  let scores = parts.scores(q, keys);
  if (shape.isMasked) scores = model.node("Add", [scores, model.input("mask", ["rows", "keys0"])]);
  const most = model.node("ReduceMax", [scores], { axes: [rowAxis] });
  const p = model.node("Exp", [model.node("Sub", [scores, most])]);
  parts.result(model.node("MatMul", [p, v]), parts.rowSum(p), most);
  return model.finish();
}

/** What the models have in common. */
function partsOf(model: ModelBuilder, { headDim, isBatched }: AttendShape) {
  const batch: readonly Dimension[] = isBatched ? ["heads"] : [];
  const rowAxis = isBatched ? 2 : 1;
  const input = (name: string, ...size: Dimension[]) => model.input(name, [...batch, ...size]);
  return {
    batch,
    rowAxis,
    input,
    tile: (i: number) => ({ k: input(`k${i}`, `keys${i}`, headDim + 1), v: input(`v${i}`, `keys${i}`, headDim) }),
    /** `a·bᵀ/√D`. */
    scores: (a: string, b: string) =>
      model.node("com.microsoft.FusedMatMul", [a, b], { transB: 1, alpha: { float: 1 / Math.sqrt(headDim) } }),
    rowSum: (x: string) => model.node("ReduceSum", [x, model.integers([rowAxis])]),
    /** `p·v + out`; Gemm adds in place but has no leading dimensions. */
    addProduct: (p: string, v: string, out: string) =>
      isBatched ? model.node("Add", [model.node("MatMul", [p, v]), out]) : model.node("Gemm", [p, v, out]),
    result(out: string, weight: string, most: string) {
      const lse = model.node("Add", [most, model.node("Log", [weight])]);
      model.output("newOut", model.node("Div", [out, weight]), [...batch, "rows", headDim]);
      model.output("newLse", lse, [...batch, "rows", 1]);
      model.output("weight", weight, [...batch, "rows", 1]);
    },
  };
}
