import { UsageError } from "../../plan/errors.ts";

/** What the header of an .npy file says, unchecked but for its form. */
interface NpyDictionary {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

function fail(path: string, message: string): never {
  throw new UsageError("format", message, { path });
}

const string = /\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)")\s*/y;
const boolean = /\s*(True|False)\s*/y;
/** A tuple of integers as Python prints it; Python 2 adds an `L` to long ones. */
const tuple = /\s*\(((?:\s*\d{1,16}L?\s*,)*(?:\s*\d{1,16}L?)?\s*)\)\s*/y;

/**
 * Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`: these three keys, each once, in any order, with
 * space anywhere between. Throws a UsageError (`format`) with the character at which something else stands.
 */
export function parseNpyDictionary(text: string): NpyDictionary {
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
  if (found.has(key)) fail(`header: character ${at}`, `expected each key once, got ${key} again`);
  if (key === "descr") return [string, "a type such as '<f4' (arrays of records are not read)"];
  if (key === "fortran_order") return [boolean, "True or False"];
  if (key === "shape") return [tuple, "a tuple of integers, such as (1, 64, 8, 128)"];
  return fail(`header: character ${at}`, `expected descr, fortran_order or shape, got ${quote(key)}`);
}

function dictionaryOf(found: ReadonlyMap<string, string>): NpyDictionary {
  const get = (key: string): string =>
    found.get(key) ?? fail("header", `expected the keys descr, fortran_order and shape, got no ${key}`);
  const shape = get("shape");
  if (/\d/.test(shape) && !shape.includes(","))
    fail("header: shape", `expected a tuple, such as (${shape.trim()},), got (${shape.trim()})`);
  const sizes = shape.match(/\d+/g) ?? [];
  return { descr: get("descr"), fortranOrder: get("fortran_order") === "True", shape: sizes.map(Number) };
}

/** Matches a sticky pattern at a place of the header: its first group that took part, and where it ends. */
function take(pattern: RegExp, text: string, at: number, expected: string): { value: string; end: number } {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (match !== null) return { value: match[1] ?? match[2] ?? "", end: pattern.lastIndex };
  const actual = at < text.length ? quote(text.slice(at, at + 24).trim()) : "the end";
  return fail(`header: character ${at}`, `expected ${expected}, got ${actual}`);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
