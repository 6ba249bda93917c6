import { UsageError } from "../../plan/errors.ts";
import { findDuplicateKey, nestsDeeper } from "../../plan/formats/json-places.ts";
import { describeJson, type JsonRow, readIntegers, readList, readRow } from "../../plan/packed/json-row.ts";
import { parseJsonObject } from "../../plan/packed/json-text.ts";
import { decodeUtf8 } from "../../plan/packed/utf8.ts";
import { bytesOfElement, type ElementKind, littleEndianBytes } from "./elements.ts";
import { countElements, decodeTensor, describeShape, joinBytes, type Tensor, type TensorLayout } from "./layout.ts";

/**
 * The safetensors format (its README, "Format"): 8 bytes for the length of the header (little-endian), a JSON object of
 * dtype, shape and data_offsets by name, then the tensors' bytes, little-endian, in C order, without gap or overlap.
 */
const LENGTH_BYTES = 8;

/** Some 100,000 tensors. The reference implementation reads up to 100 MB, all of which one has to trust when parsing. */
const MAX_HEADER_BYTES = 2 ** 24;

const kinds: Readonly<Record<string, ElementKind>> = { F16: "fp16", BF16: "bf16", F32: "fp32", F64: "fp64" };

/** One tensor of a file, of any type; its bytes are `[start, end)` of the file. */
interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** All tensors of a file, in the order of their bytes. */
export type SafetensorsHeader = readonly StoredTensor[];

function fail(code: "format" | "limit" | "not-found", path: string, message: string, hint?: string): never {
  throw new UsageError(code, message, hint === undefined ? { path } : { path, hint });
}

/** Whether a file that begins with these bytes may be a safetensors file: `{` after the length of the header. */
export function mayBeSafetensors(head: Uint8Array): boolean {
  return head[LENGTH_BYTES] === 0x7b;
}

/** Bytes in front of the tensors' own, of a file of `fileBytes`, from its first 8. Errors: `format`, `limit`. */
export function safetensorsHeadBytes(head: Uint8Array, fileBytes: number): number {
  if (head.length < LENGTH_BYTES || fileBytes < LENGTH_BYTES)
    fail("format", "byte 0", `expected ${LENGTH_BYTES} bytes for the length of the header, got ${head.length}`);
  const length = Number(new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getBigUint64(0, true));
  if (length > fileBytes - LENGTH_BYTES)
    fail("format", "byte 0", `expected a header within the file's ${fileBytes} bytes, got a length of ${length}`);
  if (length > MAX_HEADER_BYTES)
    fail("limit", "byte 0", `expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}`);
  return LENGTH_BYTES + length;
}

/** Parses a header: the first `safetensorsHeadBytes` bytes of a file of `fileBytes`. Errors: `format`, `parse`. */
export function parseSafetensorsHeader(head: Uint8Array, fileBytes: number): SafetensorsHeader {
  const bytes = head.subarray(LENGTH_BYTES);
  if (bytes[0] !== 0x7b) fail("format", `byte ${LENGTH_BYTES}`, "expected the header to begin with {");
  const text = decodeUtf8(bytes, "header");
  if (nestsDeeper(text, 3)) fail("format", "header", "expected lists in objects in one object, got deeper nesting");
  const json = parseJsonObject(bytes, "header");
  const duplicate = findDuplicateKey(text);
  if (duplicate !== null) {
    const key = describeJson(duplicate.path.at(-1));
    fail("format", `header: character ${duplicate.offset}`, `expected each key once, got ${key} again`);
  }
  const tensors = Object.entries(json)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => readStored(name, value, head.length));
  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  requireAdjoining(tensors, head.length, fileBytes);
  return tensors;
}

function readStored(name: string, value: unknown, base: number): StoredTensor {
  const row = readRow(value, `header: ${describeJson(name)}`);
  const dtype = row.value["dtype"];
  if (typeof dtype !== "string") fail("format", `${row.path}.dtype`, `expected a type, got ${describeJson(dtype)}`);
  const offsets = integersAt(row, "data_offsets");
  const [start, end] = offsets;
  if (offsets.length !== 2 || start! > end!)
    fail("format", `${row.path}.data_offsets`, `expected a start and an end, got ${describeShape(offsets)}`);
  return { name, dtype, shape: integersAt(row, "shape"), start: base + start!, end: base + end! };
}

function integersAt(row: JsonRow, key: string): readonly number[] {
  readList(row.value[key], `${row.path}.${key}`);
  return readIntegers(row, key, Number.MAX_SAFE_INTEGER);
}

/** Tensors fill the file from the header to its end: no byte belongs to two of them, and none to nobody. */
function requireAdjoining(tensors: SafetensorsHeader, base: number, fileBytes: number): void {
  let at = base;
  for (const { name, start, end } of tensors) {
    const problem = start < at ? "an overlap" : "a gap";
    if (start !== at)
      fail(
        "format",
        `header: ${describeJson(name)}.data_offsets`,
        `expected a start of ${at - base}, got ${start - base}: ${problem}`,
      );
    at = end;
  }
  if (at !== fileBytes) fail("format", `byte ${Math.min(at, fileBytes)}`, `expected ${at} bytes, got ${fileBytes}`);
}

/** Where the tensor of that name lies. Errors: `not-found` with the names that there are; `format` for other types. */
export function layoutOfTensor(header: SafetensorsHeader, name: string): TensorLayout {
  const found = header.find((tensor) => tensor.name === name);
  const path = `header: ${describeJson(name)}`;
  if (found === undefined) fail("not-found", path, `expected one of the file's tensors: ${listNames(header)}`);
  const { dtype, shape, start, end } = found;
  const kind = Object.hasOwn(kinds, dtype) ? kinds[dtype]! : badType(`${path}.dtype`, dtype);
  const layout = { shape, type: { kind, littleEndian: true }, offset: start, numElements: countElements(shape, path) };
  const bytes = layout.numElements * bytesOfElement(layout.type);
  if (end - start === bytes) return layout;
  return fail(
    "format",
    `${path}.data_offsets`,
    `expected ${bytes} bytes for ${describeShape(shape)} of ${dtype}, got ${end - start}`,
  );
}

function badType(path: string, dtype: string): never {
  const types = Object.keys(kinds).join(", ");
  return fail(
    "format",
    path,
    `expected one of ${types}, got ${describeJson(dtype)}`,
    "Save it again with tensor.float().",
  );
}

/** The first names of a file's tensors, for a message. */
function listNames(header: SafetensorsHeader): string {
  const names = header.slice(0, 8).map(({ name }) => describeJson(name));
  return names.length === 0 ? "it has none" : `${names.join(", ")}${header.length > 8 ? ", …" : ""}`;
}

/** Reads one tensor of a safetensors file; F64 is rounded to fp32. Throws what the functions above throw. */
export function readSafetensors(bytes: Uint8Array, name: string): Tensor {
  const head = bytes.subarray(0, safetensorsHeadBytes(bytes, bytes.length));
  return decodeTensor(bytes, layoutOfTensor(parseSafetensorsHeader(head, bytes.length), name));
}

/** All of a safetensors file of F32 tensors but their elements, which follow in this order. Padded to 8 bytes. */
export function safetensorsHead(tensors: readonly (readonly [name: string, shape: readonly number[]])[]): Uint8Array {
  let at = 0;
  const rows = tensors.map(([name, shape]) => {
    const start = at;
    at += 4 * countElements(shape, name);
    return [name, { dtype: "F32", shape, data_offsets: [start, at] }] as const;
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(rows)));
  const header = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  header.set(json);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joinBytes([length, header]);
}

/** Writes a safetensors file of F32 tensors. */
export function writeSafetensors(tensors: Readonly<Record<string, Tensor>>): Uint8Array {
  const entries = Object.entries(tensors);
  const head = safetensorsHead(entries.map(([name, { shape }]) => [name, shape]));
  return joinBytes([head, ...entries.map(([, { data }]) => littleEndianBytes(data))]);
}
