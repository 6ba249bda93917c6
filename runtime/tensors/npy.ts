import { UsageError } from "../../plan/errors.ts";
import { bytesOfElement, type ElementType, littleEndianBytes } from "./elements.ts";
import { countElements, decodeTensor, describeShape, joinBytes, type Tensor, type TensorLayout } from "./layout.ts";
import { parseNpyDictionary } from "./npy-dictionary.ts";

/**
 * NumPy's .npy format, versions 1 to 3 (`numpy.lib.format`): magic, version, header length, a header that is the text of
 * a Python dictionary, then the elements. Only floats are read, and only in C order: to transpose a file of gigabytes
 * would take a second copy of it, and NumPy makes one in a line.
 */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** NumPy itself refuses longer headers unless told otherwise; that of a float array has some hundred bytes. */
const MAX_HEADER_BYTES = 10_000;

/** As many bytes of a file as its header can take. */
export const NPY_HEAD_BYTES = 12 + MAX_HEADER_BYTES;

const kinds = { f2: "fp16", f4: "fp32", f8: "fp64" } as const;

function fail(code: "format" | "version" | "limit", path: string, message: string, hint?: string): never {
  throw new UsageError(code, message, hint === undefined ? { path } : { path, hint });
}

/** Whether a file that begins with these bytes is an .npy file. */
export function isNpy(head: Uint8Array): boolean {
  return MAGIC.every((byte, i) => head[i] === byte);
}

/**
 * Parses the header of a file of `fileBytes` bytes, of which `head` holds at least the first `NPY_HEAD_BYTES`.
 * Errors: `format`, `version` or `limit`, with the place in the file; also where header and size disagree.
 */
export function parseNpyHeader(head: Uint8Array, fileBytes: number): TensorLayout {
  if (!isNpy(head)) fail("format", "byte 0", "expected the magic of an .npy file (\\x93NUMPY)");
  const { start, length } = placeOfHeader(head);
  if (head.length < start + length)
    fail("format", "byte 8", `expected a header of ${length} bytes, got ${Math.max(0, head.length - start)}: cut off`);
  const { descr, fortranOrder, shape } = parseNpyDictionary(
    new TextDecoder("latin1").decode(head.subarray(start, start + length)),
  );
  const type = parseDescription(descr);
  if (fortranOrder)
    fail(
      "format",
      "header: fortran_order",
      "expected C order (False), got Fortran order (True)",
      saveAgain("np.ascontiguousarray(array)"),
    );
  const layout = { shape, type, offset: start + length, numElements: countElements(shape, "header: shape") };
  requireSize(layout, fileBytes);
  return layout;
}

function placeOfHeader(head: Uint8Array): { start: number; length: number } {
  const [major, minor] = [head[6], head[7]];
  if (major === undefined || minor === undefined || major < 1 || major > 3 || minor !== 0)
    fail("version", "byte 6", `expected .npy version 1.0, 2.0 or 3.0, got ${major ?? "nothing"}.${minor ?? "nothing"}`);
  const start = major === 1 ? 10 : 12;
  if (head.length < start) fail("format", "byte 8", "expected the length of the header, got the end of the file");
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES)
    fail("limit", "byte 8", `expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}`);
  return { start, length };
}

function parseDescription(descr: string): ElementType {
  const kind = kinds[descr.slice(1) as keyof typeof kinds];
  if (Object.hasOwn(kinds, descr.slice(1)) && "<>".includes(descr[0]!)) return { kind, littleEndian: descr[0] === "<" };
  return fail(
    "format",
    "header: descr",
    `expected '<f4', '<f8' or '<f2' (or '>' for big-endian), got ${JSON.stringify(descr.slice(0, 40))}`,
    saveAgain("array.astype(np.float32)"),
  );
}

function saveAgain(array: string): string {
  return `Save it again with np.save(file, ${array}).`;
}

/** Bytes after the elements would be read as nothing by anybody: more likely the header is wrong. */
function requireSize({ shape, type, offset, numElements }: TensorLayout, fileBytes: number): void {
  const expected = offset + numElements * bytesOfElement(type);
  if (expected === fileBytes) return;
  const reason = `a header of ${offset} and ${describeShape(shape)} elements of ${bytesOfElement(type)}`;
  fail("format", `byte ${Math.min(expected, fileBytes)}`, `expected ${expected} bytes (${reason}), got ${fileBytes}`);
}

/** Reads an .npy file; fp64 is rounded to fp32. Throws what `parseNpyHeader` throws. */
export function readNpy(bytes: Uint8Array): Tensor {
  return decodeTensor(bytes, parseNpyHeader(bytes, bytes.length));
}

/** All of an fp32 .npy file but its elements (little-endian): version 1, padded to a multiple of 64 bytes. */
export function npyHead(shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = `${text.padEnd(length - 1)}\n`;
  return joinBytes([Uint8Array.of(...MAGIC, 1, 0, length & 255, length >> 8), new TextEncoder().encode(header)]);
}

/** Writes an .npy file of fp32. */
export function writeNpy({ shape, data }: Tensor): Uint8Array {
  return joinBytes([npyHead(shape), littleEndianBytes(data)]);
}
