import { UsageError } from "../../plan/errors.ts";
import { bytesOfElement, type ElementType, littleEndianBytes } from "./elements.ts";
import { countElements, decodeTensor, describeShape, joinBytes, type Tensor, type TensorLayout } from "./layout.ts";

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
  const { descr, fortranOrder, shape } = parseDictionary(
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

interface Dictionary {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

const string = /\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)")\s*/y;
const boolean = /\s*(True|False)\s*/y;
/** A tuple of integers as Python prints it; Python 2 adds an `L` to long ones. */
const tuple = /\s*\(((?:\s*\d{1,16}L?\s*,)*(?:\s*\d{1,16}L?)?\s*)\)\s*/y;

/** Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`: these three keys, each once, in any order. */
function parseDictionary(text: string): Dictionary {
  const found = new Map<string, string>();
  let at = take(/\s*\{\s*/y, text, 0, "{").end;
  while (text[at] !== "}") {
    const key = take(string, text, at, "a key in quotes");
    const colon = take(/:\s*/y, text, key.end, ":");
    const [pattern, expected] = formOfValue(key.value, at, found);
    const value = take(pattern, text, colon.end, expected);
    found.set(key.value, value.value);
    at = take(/,\s*|(?=\})/y, text, value.end, ", or }").end;
  }
  take(/\}\s*$/y, text, at, "} and nothing after it");
  return dictionaryOf(found);
}

function formOfValue(key: string, at: number, found: ReadonlyMap<string, string>): [RegExp, string] {
  if (found.has(key)) fail("format", `header: character ${at}`, `expected each key once, got ${key} again`);
  if (key === "descr") return [string, "a type such as '<f4' (arrays of records are not read)"];
  if (key === "fortran_order") return [boolean, "True or False"];
  if (key === "shape") return [tuple, "a tuple of integers, such as (1, 64, 8, 128)"];
  return fail("format", `header: character ${at}`, `expected descr, fortran_order or shape, got ${quote(key)}`);
}

function dictionaryOf(found: ReadonlyMap<string, string>): Dictionary {
  const get = (key: string): string =>
    found.get(key) ?? fail("format", "header", `expected the keys descr, fortran_order and shape, got no ${key}`);
  const shape = get("shape");
  if (/\d/.test(shape) && !shape.includes(","))
    fail("format", "header: shape", `expected a tuple, such as (${shape.trim()},), got (${shape.trim()})`);
  const sizes = shape.match(/\d+/g) ?? [];
  return { descr: get("descr"), fortranOrder: get("fortran_order") === "True", shape: sizes.map(Number) };
}

/** Matches a sticky pattern at a place of the header: its first group that took part, and where it ends. */
function take(pattern: RegExp, text: string, at: number, expected: string): { value: string; end: number } {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (match !== null) return { value: match[1] ?? match[2] ?? "", end: pattern.lastIndex };
  const actual = at < text.length ? quote(text.slice(at, at + 24).trim()) : "the end";
  return fail("format", `header: character ${at}`, `expected ${expected}, got ${actual}`);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

function parseDescription(descr: string): ElementType {
  const kind = kinds[descr.slice(1) as keyof typeof kinds];
  if (Object.hasOwn(kinds, descr.slice(1)) && "<>".includes(descr[0]!)) return { kind, littleEndian: descr[0] === "<" };
  return fail(
    "format",
    "header: descr",
    `expected '<f4', '<f8' or '<f2' (or '>' for big-endian), got ${quote(descr)}`,
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
