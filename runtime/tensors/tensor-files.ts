import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { UsageError } from "../../plan/errors.ts";
import type { Workload } from "../../plan/workload/workload.ts";
import { bytesOfElement, decodeElements, isNative } from "./elements.ts";
import { describeShape, type Tensor, type TensorLayout } from "./layout.ts";
import { isNpy, NPY_HEAD_BYTES, parseNpyHeader } from "./npy.ts";
import { requireFinite } from "./require-finite.ts";
import {
  layoutOfTensor,
  mayBeSafetensors,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  safetensorsHeadBytes,
} from "./safetensors.ts";

export type InputTensor = "q" | "k" | "v";

/** Bytes that are read at once: far below the 2 GiB that one call of the file system can do, and a whole of elements. */
const PIECE_BYTES = 2 ** 24;

/** Where a tensor is to be read from: a file, and for one that holds several, its name. */
interface Source {
  readonly path: string;
  readonly name: string | null;
}

/** Shape of a tensor of a workload, `[B, L, H, D]`. */
export function shapeOfTensor(workload: Workload, tensor: InputTensor | "out"): readonly number[] {
  const { batch, tokens, heads, kvHeads, headDim } = workload;
  return [batch, tokens, tensor === "k" || tensor === "v" ? kvHeads : heads, headDim];
}

/**
 * Reads one tensor of `shape` (`[B, L, H, D]`; in the file also `[L, H, D]` where B is 1) from an .npy or a safetensors
 * file, told by its contents. `file` may be `path:name` for a tensor of a safetensors file; without a name that is the
 * one called `tensor`, or the only one. fp64 is rounded to fp32. `allocate` makes the memory (of `numElements`, shared if
 * one likes), and only once shape and file size are known to fit. Read in pieces, so files may be as large as memory.
 * Throws a UsageError with the file and the place in it, also for numbers that are not finite in fp32.
 */
export function readTensorFile(
  file: string,
  tensor: InputTensor,
  shape: readonly number[],
  allocate: (numElements: number) => Float32Array = (numElements) => new Float32Array(numElements),
): Tensor {
  const source = inFile(file, () => parseSource(file));
  return inFile(source.path, () => {
    const descriptor = openSync(source.path, "r");
    try {
      const layout = findLayout(descriptor, source.name, tensor);
      requireShape(layout.shape, shape);
      const data = allocateFor(layout, allocate);
      readElements(descriptor, layout, data);
      requireFinite(data, layout.shape);
      return { shape, data };
    } finally {
      closeSync(descriptor);
    }
  });
}

/** A whole argument that is a file is one, whatever colons it has; otherwise the last colon parts path and name. */
function parseSource(file: string): Source {
  const colon = file.lastIndexOf(":");
  const isWhole = colon < 0 || statSync(file, { throwIfNoEntry: false }) !== undefined;
  const source = isWhole ? { path: file, name: null } : { path: file.slice(0, colon), name: file.slice(colon + 1) };
  const stats = statSync(source.path, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new UsageError("not-found", "no such file", { hint: "Check the name and the current folder." });
  }
  // Before it is opened: a named pipe without a writer would never open.
  if (!stats.isFile()) throw new UsageError("usage", "expected a regular file, of a known size");
  return source;
}

function findLayout(descriptor: number, name: string | null, tensor: InputTensor): TensorLayout {
  const fileBytes = fstatSync(descriptor).size;
  const head = readHead(descriptor, NPY_HEAD_BYTES, fileBytes);
  if (isNpy(head)) {
    if (name === null) return parseNpyHeader(head, fileBytes);
    throw new UsageError("usage", `expected no tensor's name for an .npy file, got ${JSON.stringify(name)}`, {
      hint: `Leave out ":${name.slice(0, 40)}".`,
    });
  }
  if (!mayBeSafetensors(head)) throw notTensors(head);
  const header = parseSafetensorsHeader(
    readHead(descriptor, safetensorsHeadBytes(head, fileBytes), fileBytes),
    fileBytes,
  );
  return layoutOfTensor(header, name ?? usualName(header, tensor));
}

function usualName(header: SafetensorsHeader, tensor: InputTensor): string {
  const isNamed = header.some(({ name }) => name === tensor);
  return isNamed || header.length !== 1 ? tensor : header[0]!.name;
}

function notTensors(head: Uint8Array): UsageError {
  const isZip = head[0] === 0x50 && head[1] === 0x4b;
  const actual = head.length === 0 ? "an empty file" : isZip ? "a zip file (.npz, .pt)" : "something else";
  return new UsageError("format", `expected an .npy or a safetensors file, got ${actual}`, {
    path: "byte 0",
    hint: "Write it with np.save(file, array.astype(np.float32)) or safetensors' save_file.",
  });
}

function requireShape(actual: readonly number[], expected: readonly number[]): void {
  const whole = actual.length === expected.length - 1 ? [1, ...actual] : actual;
  if (whole.length === expected.length && whole.every((size, i) => size === expected[i])) return;
  const also = expected[0] === 1 ? ` or ${describeShape(expected.slice(1))}` : "";
  const message = `expected shape ${describeShape(expected)}${also} ([B, L, H, D]), got ${describeShape(actual)}`;
  throw new UsageError("workload", message, {
    hint: "Change --batch, --tokens, --heads, --kv-heads and --head-dim, or transpose the tensor before it is saved.",
  });
}

function allocateFor({ numElements }: TensorLayout, allocate: (numElements: number) => Float32Array): Float32Array {
  try {
    return allocate(numElements);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError("limit", `there is no memory for ${4 * numElements} bytes`, {
      hint: "Take a smaller workload.",
    });
  }
}

/** The first `length` bytes of a file, or all of it. */
function readHead(descriptor: number, length: number, fileBytes: number): Uint8Array {
  const head = new Uint8Array(Math.min(length, fileBytes));
  readFully(descriptor, head, 0);
  return head;
}

function readElements(descriptor: number, { type, offset, numElements }: TensorLayout, data: Float32Array): void {
  const size = bytesOfElement(type);
  const isDirect = isNative(type);
  const elementsAtOnce = PIECE_BYTES / size;
  const buffer = new Uint8Array(isDirect ? 0 : Math.min(PIECE_BYTES, numElements * size));
  for (let at = 0; at < numElements; at += elementsAtOnce) {
    const count = Math.min(elementsAtOnce, numElements - at);
    const piece = isDirect
      ? new Uint8Array(data.buffer, data.byteOffset + at * size, count * size)
      : buffer.subarray(0, count * size);
    readFully(descriptor, piece, offset + at * size);
    if (!isDirect) decodeElements(type, piece, data, at);
  }
}

function readFully(descriptor: number, target: Uint8Array, position: number): void {
  for (let at = 0; at < target.length; ) {
    const count = readSync(descriptor, target, at, target.length - at, position + at);
    if (count === 0)
      throw new UsageError("format", "the file became shorter while it was read", { path: `byte ${position + at}` });
    at += count;
  }
}

/** Adds the file to the place that an error names, and makes UsageErrors of the file system's errors. */
function inFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof UsageError) {
      const place = error.path === null ? path : `${path}: ${error.path}`;
      throw new UsageError(error.code, error.message, {
        path: place,
        ...(error.hint === null ? {} : { hint: error.hint }),
      });
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    throw new UsageError("usage", `cannot be read: ${code}`, { path });
  }
}
