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
 * The model of one call: adds tiles of keys to the partial results of `rows` queries. Inputs: `q` `[rows, D + 1]`, whose
 * last column is −m; for each tile i `k<i>` `[keys, D + 1]`, whose last column is √D, and `v<i>` `[keys, D]`, both of any
 * number of keys, 0 as well; `mask` `[rows, keys]` where it is masked; `out` `[rows, D]` and `weight` `[rows, 1]`.
 * Outputs: `newOut` and `newWeight`.
 *
 * This is online softmax (Milakov and Gimelshein, arXiv 1805.02867) with a maximum that need not be one: exponentials are
 * of `score − m` with the same m of a row in all calls, any number near its scores. So none have to be looked at before,
 * and nothing is rescaled. If scores turn out far from m, the sum of weights says so, and the call counts for nothing.
 *
 * Scores come out as `q·k/√D − m` from one matrix product, which saves a pass over them.
 */
export function attendModel(shape: AttendShape, numTiles: number): NamedModel {
  const name = modelName(`attend-${numTiles}`, shape);
  return { name, build: () => buildAttend(name, shape, numTiles) };
}

/** An m for each row: `newMost`, the largest score of the first keys. Inputs `q`, with m = 0, and `k0` as above. */
export function probeModel(shape: AttendShape): NamedModel {
  const name = modelName("probe", { ...shape, isMasked: false });
  return { name, build: () => buildProbe(name, shape) };
}

/**
 * One tile as a partial result of its own, with the largest score as m: it never overflows. Inputs `q`, with m = 0, `k0`,
 * `v0` and `mask` as above; outputs `newOut`, `newWeight` and m as `newMost`.
 */
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
  const q = parts.query();
  const tiles = Array.from({ length: numTiles }, (_, i) => parts.tile(i));
  const mask = shape.isMasked ? model.input("mask", ["rows", `keys${numTiles - 1}`]) : null;
  let weight = parts.input("weight", "rows", 1);
  let out = parts.input("out", "rows", shape.headDim);
  const inOrder: string[] = [];
  tiles.forEach(({ k, v }, i) => {
    const scores = parts.scores(q, k);
    const p = model.node("Exp", [mask !== null && i === numTiles - 1 ? model.node("Add", [scores, mask]) : scores]);
    weight = model.node("Add", [weight, parts.rowSum(p)]);
    out = parts.addProduct(p, v, out);
    inOrder.push(weight, out);
  });
  parts.output("newOut", out, shape.headDim);
  parts.output("newWeight", weight, 1);
  // A tile after the other, so that scores are still in the cache when they are used, and one buffer does for all.
  for (const value of inOrder.reverse()) model.anchor(value);
  return model.finish();
}

function buildProbe(name: string, shape: AttendShape): Uint8Array {
  const model = createModel(name);
  const parts = partsOf(model, shape);
  const { rowAxis } = parts;
  const [q, k] = [parts.query(), parts.input("k0", "keys0", shape.headDim + 1)];
  const bounds = [[0], [PROBE_KEYS], [rowAxis - 1]].map((values) => model.integers(values));
  const first = model.node("Slice", [k, ...bounds]);
  parts.output("newMost", model.node("ReduceMax", [parts.scores(q, first)], { axes: [rowAxis] }), 1);
  return model.finish();
}

function buildExact(name: string, shape: AttendShape): Uint8Array {
  const model = createModel(name);
  const parts = partsOf(model, shape);
  const q = parts.query();
  const { k, v } = parts.tile(0);
  let scores = parts.scores(q, k);
  if (shape.isMasked) scores = model.node("Add", [scores, model.input("mask", ["rows", "keys0"])]);
  const most = model.node("ReduceMax", [scores], { axes: [parts.rowAxis] });
  const p = model.node("Exp", [model.node("Sub", [scores, most])]);
  parts.output("newOut", model.node("MatMul", [p, v]), shape.headDim);
  parts.output("newWeight", parts.rowSum(p), 1);
  parts.output("newMost", most, 1);
  return model.finish();
}

/** What the models have in common. */
function partsOf(model: ModelBuilder, { headDim, isBatched }: AttendShape) {
  const batch: readonly Dimension[] = isBatched ? ["heads"] : [];
  const rowAxis = isBatched ? 2 : 1;
  const input = (name: string, ...size: Dimension[]) => model.input(name, [...batch, ...size]);
  return {
    rowAxis,
    input,
    query: () => input("q", "rows", headDim + 1),
    tile: (i: number) => ({ k: input(`k${i}`, `keys${i}`, headDim + 1), v: input(`v${i}`, `keys${i}`, headDim) }),
    /** `a·bᵀ/√D`. */
    scores: (a: string, b: string) =>
      model.node("com.microsoft.FusedMatMul", [a, b], { transB: 1, alpha: { float: 1 / Math.sqrt(headDim) } }),
    rowSum: (x: string) => model.node("ReduceSum", [x, model.integers([rowAxis])]),
    /** `p·v + out`; Gemm adds in place but has no leading dimensions. */
    addProduct: (p: string, v: string, out: string) =>
      isBatched ? model.node("Add", [model.node("MatMul", [p, v]), out]) : model.node("Gemm", [p, v, out]),
    output: (name: string, value: string, width: number) => model.output(name, value, [...batch, "rows", width]),
  };
}
