import { closeSync, openSync, realpathSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname, extname } from "node:path";
import { assert, UsageError } from "../../plan/errors.ts";
import { littleEndianBytes } from "./elements.ts";
import { countElements } from "./layout.ts";
import { npyHead } from "./npy.ts";
import { safetensorsHead } from "./safetensors.ts";

/** Elements that are written at once: one call of the file system takes less than 2 GiB. */
const PIECE_ELEMENTS = 2 ** 24;

/** What comes before the elements, by the file's extension. */
const heads: Readonly<Record<string, (shape: readonly number[]) => Uint8Array>> = {
  ".npy": npyHead,
  ".safetensors": (shape) => safetensorsHead([["out", shape]]),
};

/**
 * Stops early where a tensor could not be written later: before a long run, not after it. Throws a UsageError for another
 * extension than .npy and .safetensors, and for a folder that does not exist.
 */
export function requireTensorOutput(path: string): void {
  if (!Object.hasOwn(heads, extname(path).toLowerCase())) {
    const message = `expected a name that ends in ${Object.keys(heads).join(" or ")}, got ${JSON.stringify(extname(path))}`;
    throw new UsageError("usage", message, { path, hint: "Give the output one of these extensions." });
  }
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError("not-found", "the folder of this output does not exist", { path, hint: "Create it first." });
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError("usage", "expected a file to write, this is a folder", { path });
}

/**
 * Writes a tensor in fp32, as .npy or as the tensor `out` of a .safetensors file, by the extension. The file appears whole
 * or not at all: where the disk is full, nothing is left behind. Devices and pipes are written to as they are.
 * Throws a UsageError where it cannot be written.
 */
export function writeTensorFile(path: string, shape: readonly number[], data: Float32Array): void {
  requireTensorOutput(path);
  assert(countElements(shape, "shape") === data.length, `${data.length} elements of shape ${shape}`);
  const head = heads[extname(path).toLowerCase()]!(shape);
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    const target = stats === undefined ? path : realpathSync(path);
    if (stats === undefined || stats.isFile()) replaceFile(target, head, data);
    else writeAll(target, head, data);
  } catch (error) {
    throw unwritable(path, error as NodeJS.ErrnoException);
  }
}

function replaceFile(path: string, head: Uint8Array, data: Float32Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeAll(temporary, head, data);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeAll(path: string, head: Uint8Array, data: Float32Array): void {
  const file = openSync(path, "w");
  try {
    writeBytes(file, head);
    for (let at = 0; at < data.length; at += PIECE_ELEMENTS)
      writeBytes(file, littleEndianBytes(data.subarray(at, at + PIECE_ELEMENTS)));
  } finally {
    closeSync(file);
  }
}

/** One call may write only a part, as it does on a disk that is nearly full. */
function writeBytes(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at);
}

/** Errors of the file system only. */
function unwritable(path: string, error: NodeJS.ErrnoException): unknown {
  if (error.code === undefined || error.syscall === undefined) return error;
  const hint = error.code === "ENOSPC" ? { hint: "Free some space, or write to another disk." } : {};
  return new UsageError("usage", `cannot be written: ${error.code}`, { path, ...hint });
}
