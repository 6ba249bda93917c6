import { UsageError } from "../errors.ts";

/** An object in a JSON array, and where it stands (`ops[17]`). */
export interface JsonRow {
  readonly value: Readonly<Record<string, unknown>>;
  readonly path: string;
}

function fail(path: string, expected: string, actual: unknown): never {
  throw new UsageError("format", `expected ${expected}, got ${describeJson(actual)}`, { path });
}

/** A JSON value in a message: short, however large or deep it is. */
export function describeJson(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : String(value);
}

/** `value` as a list; error `format`. */
export function readList(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? value : fail(path, "a list", value);
}

/** `value` as an object; with `keys`, one that has no others. Error `format`. */
export function readRow(value: unknown, path: string, keys?: ReadonlySet<string>): JsonRow {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(path, "an object", value);
  if (keys !== undefined) {
    for (const key of Object.keys(value)) {
      if (!keys.has(key)) throw new UsageError("format", `unknown key ${describeJson(key)}`, { path });
    }
  }
  return { value: value as Record<string, unknown>, path };
}

/** The integer in `[0, max]` at `key`, or `fallback` where there is none; error `format`. */
export function readInteger({ value, path }: JsonRow, key: string, max: number, fallback?: number): number {
  const number = value[key] ?? fallback;
  if (Number.isInteger(number) && (number as number) >= 0 && (number as number) <= max) return number as number;
  return fail(`${path}.${key}`, `an integer from 0 to ${max}`, value[key]);
}

/** The finite number at `key`; error `format`. */
export function readNumber({ value, path }: JsonRow, key: string): number {
  const number = value[key];
  return typeof number === "number" && Number.isFinite(number) ? number : fail(`${path}.${key}`, "a number", number);
}

/** Code of the name at `key`; error `format`. */
export function readName({ value, path }: JsonRow, key: string, codes: ReadonlyMap<string, number>): number {
  const code = codes.get(value[key] as string);
  return code ?? fail(`${path}.${key}`, `one of ${[...codes.keys()].slice(0, 16).join(", ")}`, value[key]);
}

/** The half-open range `[start, end)` at `key`, as start and length; error `format`. */
export function readRange(row: JsonRow, key: string, max: number): readonly [number, number] {
  const list = readIntegers(row, key, max);
  const [start, end] = list;
  if (list.length === 2 && start! <= end!) return [start!, end! - start!];
  return fail(`${row.path}.${key}`, "a start and an end", row.value[key]);
}

/** The integers in `[0, max]` at `key`, none where there is no list; error `format`. */
export function readIntegers({ value, path }: JsonRow, key: string, max: number): readonly number[] {
  const list = value[key] === undefined ? [] : readList(value[key], `${path}.${key}`);
  for (let i = 0; i < list.length; i++) {
    const number = list[i];
    if (!Number.isInteger(number) || (number as number) < 0 || (number as number) > max) {
      fail(`${path}.${key}[${i}]`, `an integer from 0 to ${max}`, number);
    }
  }
  return list as readonly number[];
}

/** Code of each name: its index. */
export function codesOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, code) => [name, code]));
}
