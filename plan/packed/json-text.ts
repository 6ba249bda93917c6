import { UsageError } from "../errors.ts";
import { decodeUtf8 } from "./utf8.ts";

/** JSON files above this are neither written nor read: they would not fit a JavaScript string with room to work. */
export const MAX_JSON_BYTES = 2 ** 28;

/** Parses a JSON file that holds one object. Errors: `limit` for its size, `format` or `parse` for its text. */
export function parseJsonObject(bytes: Uint8Array, noun: string): Record<string, unknown> {
  if (bytes.length > MAX_JSON_BYTES) {
    throw new UsageError("limit", `expected a JSON ${noun} of at most ${MAX_JSON_BYTES} bytes, got ${bytes.length}`, {
      hint: `Write the ${noun} in its packed form: any file name that does not end in .json.`,
    });
  }
  const json = parse(decodeUtf8(bytes, noun), noun);
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new UsageError("format", `expected a JSON object that holds a ${noun}`, { path: noun });
}

function parse(text: string, noun: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "unknown reason";
    throw new UsageError("parse", `not a JSON ${noun}: ${reason}`, { path: noun });
  }
}

/** Whether a file's first character says that it is JSON. */
export function looksLikeJson(bytes: Uint8Array): boolean {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]!;
    const isSpace = byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
    if (!isSpace) return byte === 0x7b || byte === 0x5b;
  }
  return false;
}

const CHUNK_CHARACTERS = 2 ** 16;

/** Joins short pieces of text into longer ones that are worth a write each. */
export function* joinChunks(pieces: Iterable<string>): Generator<string> {
  let joined: string[] = [];
  let size = 0;
  for (const piece of pieces) {
    joined.push(piece);
    size += piece.length;
    if (size < CHUNK_CHARACTERS) continue;
    yield joined.join("");
    joined = [];
    size = 0;
  }
  if (size > 0) yield joined.join("");
}

/** The rows of a JSON array, one a line. */
export function* jsonRows(numRows: number, row: (index: number) => string): Generator<string> {
  for (let i = 0; i < numRows; i++) yield `${i === 0 ? "" : ","}\n${row(i)}`;
}

const SAMPLE_ROWS = 1000;

/** Characters that `jsonRows` makes, from the mean of evenly spaced rows. */
export function estimateRows(numRows: number, row: (index: number) => string): number {
  const numSamples = Math.min(numRows, SAMPLE_ROWS);
  let size = 0;
  for (let i = 0; i < numSamples; i++) size += row(Math.floor(((i + 0.5) * numRows) / numSamples)).length + 2;
  return numSamples === 0 ? 0 : Math.ceil((size / numSamples) * numRows);
}
