import { bytesToHex } from "@noble/hashes/utils.js";
import { assert, UsageError } from "../errors.ts";
import { type CreateHasher, createPortableHasher, type Hasher } from "./hasher.ts";
import { decodeUtf8 } from "./utf8.ts";

/**
 * The packed form: one run of bytes, little-endian.
 *
 * | bytes | what |
 * |---|---|
 * | 8 | magic, ASCII |
 * | 4 | version, u32 |
 * | 4 | length of the header, u32 |
 * | … | header: `{"header":…,"columns":[[name,type,length],…]}`, UTF-8 JSON without spaces, keys in their type's order |
 * | … | columns in the order of the table, each from a multiple of 8 bytes on; gaps are zero |
 * | 32 | SHA-256 of all bytes before it |
 *
 * Data has exactly one packed form, so that its hash names it: decoding refuses every other way to write the same.
 */
export interface PackedForm<S extends SectionTypes> {
  /** Eight ASCII characters. */
  readonly magic: string;
  readonly version: number;
  /** What it holds, for messages. */
  readonly noun: string;
  /** The columns by section; the order of keys is that in the bytes. */
  readonly sections: S;
}

const columnTypes = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f64: Float64Array } as const;
interface ColumnOfType {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}
type ColumnType = keyof ColumnOfType;
type Column = ColumnOfType[ColumnType];

type ColumnTypes = Readonly<Record<string, ColumnType>>;
export type SectionTypes = Readonly<Record<string, ColumnTypes>>;
type Columns<T extends ColumnTypes> = { readonly [K in keyof T]: ColumnOfType[T[K]] };

/** The typed arrays of a form, by section and name. */
export type Sections<S extends SectionTypes> = { readonly [K in keyof S]: Columns<S[K]> };

export interface Packed<H, S extends SectionTypes> {
  readonly header: H;
  /** Views of the bytes that were decoded where these lie at a multiple of 8, copies otherwise. */
  readonly sections: Sections<S>;
}

interface NamedColumn {
  readonly section: string;
  readonly name: string;
  readonly type: ColumnType;
}

interface HeaderText {
  readonly text: string;
  /** Offset of the first byte after it. */
  readonly end: number;
}

const ALIGNMENT = 8;
const PRELUDE_BYTES = 16;
const HASH_BYTES = 32;
const MAX_HEADER_BYTES = 2 ** 24;
const GAP = new Uint8Array(ALIGNMENT);

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Whether `bytes` begin with the form's magic. */
export function hasMagic(form: { readonly magic: string }, bytes: Uint8Array): boolean {
  return bytes.length >= form.magic.length && magicOf(form, bytes) === form.magic;
}

/** The packed form of a header, plain data that is written as it is, and its columns. */
export function encodePacked<S extends SectionTypes>(
  form: PackedForm<S>,
  contents: Packed<object, S>,
  createHasher: CreateHasher = createPortableHasher,
): Uint8Array<ArrayBuffer> {
  const pieces = [...piecesOf(form, contents)];
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(length + HASH_BYTES);
  const hasher = createHasher();
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    hasher.update(piece);
    offset += piece.length;
  }
  bytes.set(hasher.digest(), offset);
  return bytes;
}

/** SHA-256 of what `encodePacked` would make, hex, without making it. */
export function hashPacked<S extends SectionTypes>(
  form: PackedForm<S>,
  contents: Packed<object, S>,
  createHasher: CreateHasher = createPortableHasher,
): string {
  const hasher = createHasher();
  for (const piece of piecesOf(form, contents)) hasher.update(piece);
  return bytesToHex(hasher.digest());
}

/**
 * Reads a packed form. `readHeader` turns the header's JSON into plain data with keys in the order in which it is
 * encoded; what it throws passes through.
 * Errors: `version` for another version, `hash` for changed bytes, `format` for everything else.
 */
export function decodePacked<H extends object, S extends SectionTypes>(
  form: PackedForm<S>,
  bytes: Uint8Array,
  readHeader: (json: unknown) => H,
  createHasher: CreateHasher = createPortableHasher,
): Packed<H, S> {
  assert(isLittleEndian, "packed forms need a little-endian machine");
  const text = readHeaderText(form, bytes);
  const { json, lengths } = readHeaderJson(form, text);
  const offsets = layOut(form, text.end, lengths);
  checkLength(form, bytes.length, offsets[lengths.length]! + HASH_BYTES);
  checkHash(form, bytes, createHasher());
  checkGaps(form, bytes, text.end, offsets, lengths);
  const header = readHeader(json);
  checkCanonical(form, headerText(form, header, lengths), text);
  return { header, sections: viewSections(form, bytes, offsets, lengths) };
}

function listColumns<S extends SectionTypes>(form: PackedForm<S>): NamedColumn[] {
  return Object.entries(form.sections).flatMap(([section, columns]) =>
    Object.entries(columns).map(([name, type]) => ({ section, name, type })),
  );
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function headerText<S extends SectionTypes>(form: PackedForm<S>, header: object, lengths: readonly number[]): string {
  const columns = listColumns(form).map(({ section, name, type }, i) => [`${section}.${name}`, type, lengths[i]!]);
  return JSON.stringify({ header, columns });
}

/** All bytes before the hash, in pieces: views of the columns, no copies. */
function* piecesOf<S extends SectionTypes>(
  form: PackedForm<S>,
  { header, sections }: Packed<object, S>,
): Generator<Uint8Array> {
  assert(isLittleEndian, "packed forms need a little-endian machine");
  const columns = listColumns(form).map((column) => columnOf(sections, column));
  const text = headerText(
    form,
    header,
    columns.map((column) => column.length),
  );
  yield* withGap(prelude(form, new TextEncoder().encode(text)));
  for (const column of columns) yield* withGap(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
}

function* withGap(bytes: Uint8Array): Generator<Uint8Array> {
  yield bytes;
  const gap = padded(bytes.length) - bytes.length;
  if (gap > 0) yield GAP.subarray(0, gap);
}

function columnOf<S extends SectionTypes>(sections: Sections<S>, { section, name, type }: NamedColumn): Column {
  const column = (sections as Record<string, Record<string, Column>>)[section]?.[name];
  assert(column instanceof columnTypes[type], `column ${section}.${name} is not ${type}`);
  return column;
}

function prelude<S extends SectionTypes>(form: PackedForm<S>, header: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PRELUDE_BYTES + header.length);
  bytes.set(new TextEncoder().encode(form.magic));
  const view = new DataView(bytes.buffer);
  view.setUint32(8, form.version, true);
  view.setUint32(12, header.length, true);
  bytes.set(header, PRELUDE_BYTES);
  return bytes;
}

function fail(form: { readonly noun: string }, path: string, message: string): never {
  throw new UsageError("format", `not a packed ${form.noun}: ${message}`, {
    path,
    hint: `Make the ${form.noun} again, or copy the file again if it was cut off.`,
  });
}

function magicOf(form: { readonly magic: string }, bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, form.magic.length));
}

function readHeaderText<S extends SectionTypes>(form: PackedForm<S>, bytes: Uint8Array): HeaderText {
  if (!hasMagic(form, bytes)) {
    const start = JSON.stringify(magicOf(form, bytes));
    fail(form, "magic", bytes.length === 0 ? "it is empty" : `expected ${JSON.stringify(form.magic)}, got ${start}`);
  }
  if (bytes.length < PRELUDE_BYTES) fail(form, "header", `it ends after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, PRELUDE_BYTES);
  checkVersion(form, view.getUint32(8, true));
  const length = view.getUint32(12, true);
  const end = PRELUDE_BYTES + length;
  if (length > MAX_HEADER_BYTES) fail(form, "header", `a header of ${length} bytes is over ${MAX_HEADER_BYTES}`);
  if (end > bytes.length) fail(form, "header", `expected a header of ${length} bytes, it ends after ${bytes.length}`);
  return { text: decodeUtf8(bytes.subarray(PRELUDE_BYTES, end), "header"), end };
}

function checkVersion<S extends SectionTypes>(form: PackedForm<S>, version: number): void {
  if (version === form.version) return;
  throw new UsageError("version", `expected a ${form.noun} of version ${form.version}, got version ${version}`, {
    path: "version",
    hint: `Make the ${form.noun} again with this version of the program.`,
  });
}

/** The header's own JSON, still unknown, and the length that it gives for each column. */
function readHeaderJson<S extends SectionTypes>(
  form: PackedForm<S>,
  { text }: HeaderText,
): { json: unknown; lengths: number[] } {
  const json = parseJson(form, text);
  const table = Array.isArray(json["columns"]) ? (json["columns"] as unknown[]) : [];
  const columns = listColumns(form);
  if (table.length !== columns.length) {
    fail(form, "columns", `expected a table of ${columns.length} columns, got ${table.length}`);
  }
  return { json: json["header"], lengths: columns.map((column, i) => readLength(form, table[i], column)) };
}

function parseJson<S extends SectionTypes>(form: PackedForm<S>, text: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    fail(form, "header", "the header is not JSON");
  }
  if (typeof json !== "object" || json === null) fail(form, "header", "the header is not an object");
  return json as Record<string, unknown>;
}

function readLength<S extends SectionTypes>(
  form: PackedForm<S>,
  row: unknown,
  { section, name, type }: NamedColumn,
): number {
  const path = `${section}.${name}`;
  const [rowName, rowType, length]: unknown[] = Array.isArray(row) ? row : [];
  if (rowName !== path || rowType !== type) fail(form, path, `expected a column ${path} of ${type}`);
  if (typeof length !== "number" || !Number.isInteger(length) || length < 0) fail(form, path, "its length is no count");
  return length;
}

/** The length too: a byte order mark is not in the decoded text. */
function checkCanonical(form: { readonly noun: string }, expected: string, { text, end }: HeaderText): void {
  if (text === expected && new TextEncoder().encode(expected).length === end - PRELUDE_BYTES) return;
  fail(form, "header", "the header is not written the one way it has");
}

/** Byte offsets of the columns, and after them of the hash. */
function layOut<S extends SectionTypes>(form: PackedForm<S>, headerEnd: number, lengths: readonly number[]): number[] {
  const offsets = [padded(headerEnd)];
  listColumns(form).forEach(({ type }, i) => {
    offsets.push(offsets[i]! + padded(lengths[i]! * columnTypes[type].BYTES_PER_ELEMENT));
  });
  return offsets;
}

/** Before any column is looked at: together they are exactly as long as the bytes. */
function checkLength<S extends SectionTypes>(form: PackedForm<S>, actual: number, expected: number): void {
  if (actual < expected) fail(form, "columns", `expected ${expected} bytes, it ends after ${actual}`);
  if (actual > expected) fail(form, "hash", `expected ${expected} bytes, got ${actual - expected} more`);
}

function checkHash<S extends SectionTypes>(form: PackedForm<S>, bytes: Uint8Array, hasher: Hasher): void {
  const end = bytes.length - HASH_BYTES;
  hasher.update(bytes.subarray(0, end));
  const actual = bytesToHex(hasher.digest());
  const expected = bytesToHex(bytes.subarray(end));
  if (actual === expected) return;
  throw new UsageError("hash", `expected a ${form.noun} with hash ${expected}, got ${actual}`, {
    path: "hash",
    hint: `Make the ${form.noun} again: its bytes were changed.`,
  });
}

function checkGaps<S extends SectionTypes>(
  form: PackedForm<S>,
  bytes: Uint8Array,
  headerEnd: number,
  offsets: readonly number[],
  lengths: readonly number[],
): void {
  checkGap(form, bytes, headerEnd, offsets[0]!);
  listColumns(form).forEach(({ type }, i) => {
    checkGap(form, bytes, offsets[i]! + lengths[i]! * columnTypes[type].BYTES_PER_ELEMENT, offsets[i + 1]!);
  });
}

function checkGap(form: { readonly noun: string }, bytes: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) fail(form, "columns", `byte ${i} is not zero`);
}

function viewSections<S extends SectionTypes>(
  form: PackedForm<S>,
  bytes: Uint8Array,
  offsets: readonly number[],
  lengths: readonly number[],
): Sections<S> {
  const sections: Record<string, Record<string, Column>> = {};
  listColumns(form).forEach(({ section, name, type }, i) => {
    (sections[section] ??= {})[name] = viewColumn(bytes, type, offsets[i]!, lengths[i]!);
  });
  return sections as Sections<S>;
}

function viewColumn(bytes: Uint8Array, type: ColumnType, offset: number, length: number): Column {
  const ColumnArray = columnTypes[type] as new (buffer: ArrayBufferLike, offset: number, length: number) => Column;
  const start = bytes.byteOffset + offset;
  if (start % ALIGNMENT === 0) return new ColumnArray(bytes.buffer, start, length);
  const copy = new Uint8Array(length * columnTypes[type].BYTES_PER_ELEMENT);
  copy.set(bytes.subarray(offset, offset + copy.length));
  return new ColumnArray(copy.buffer, 0, length);
}
