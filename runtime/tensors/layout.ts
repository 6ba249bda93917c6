import { UsageError } from "../../plan/errors.ts";
import { bytesOfElement, decodeElements, type ElementType } from "./elements.ts";

/** A tensor in fp32, its last dimension contiguous. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Where a tensor lies in a file: whole elements in C order, from byte `offset` on. */
export interface TensorLayout {
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly offset: number;
  readonly numElements: number;
}

/** Dimensions that NumPy allows; no format of ours needs more. */
export const MAX_DIMENSIONS = 64;

/**
 * Number of elements of a shape; 1 for the empty shape. Throws a UsageError where a dimension is no integer from 0 to
 * 2^53 − 1, where there are too many of them, or where their product cannot be counted exactly.
 */
export function countElements(shape: readonly number[], path: string): number {
  const isBad = (size: number): boolean => !Number.isSafeInteger(size) || size < 0;
  if (shape.length > MAX_DIMENSIONS) throw badShape(`at most ${MAX_DIMENSIONS} dimensions, got ${shape.length}`, path);
  const bad = shape.findIndex(isBad);
  if (bad >= 0) throw badShape(`dimensions from 0 to 2^53 − 1, got ${shape[bad]}`, path);
  if (shape.includes(0)) return 0;
  const count = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count)) throw badShape(`fewer than 2^53 elements, got ${describeShape(shape)}`, path);
  return count;
}

function badShape(expectation: string, path: string): UsageError {
  return new UsageError("format", `expected ${expectation}`, { path });
}

/** A shape in a message: `[1, 64, 8, 128]`. */
export function describeShape(shape: readonly number[]): string {
  return `[${shape.slice(0, MAX_DIMENSIONS).join(", ")}]`;
}

/** The tensor at `layout` in the bytes of a whole file. The layout must lie within them, as parsed layouts do. */
export function decodeTensor(bytes: Uint8Array, { shape, type, offset, numElements }: TensorLayout): Tensor {
  const data = new Float32Array(numElements);
  decodeElements(type, bytes.subarray(offset, offset + numElements * bytesOfElement(type)), data, 0);
  return { shape, data };
}

/** Runs of bytes, one after the other. */
export function joinBytes(runs: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    joined.set(run, at);
    at += run.length;
  }
  return joined;
}
