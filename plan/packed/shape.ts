import { z } from "zod";
import { UsageError } from "../errors.ts";

/** Printable ASCII without spaces: names that appear in dumps, tables and file paths. */
export const nameSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/, "expected 1 to 64 printable characters without spaces");

/** One line of text for people. */
export const lineSchema = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}]{1,1000}$/u, "expected one line of at most 1000 characters");

/** An integer in `[min, max]`. */
export function integerSchema(min: number, max: number): z.ZodType<number> {
  return z.number().int().min(min).max(max);
}

/** A list of at most `max` elements; a longer one is refused before its elements are looked at. */
export function listSchema<T>(element: z.ZodType<T>, max: number): z.ZodType<readonly T[]> {
  return z.array(z.unknown()).max(max).pipe(z.array(element));
}

/** `value` as the schema says; error `format` with the place of the first difference, below `prefix`. */
export function parseShape<T>(schema: z.ZodType<T>, value: unknown, prefix = ""): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const found = shortText(valueAt(value, issue.path));
  throw new UsageError("format", `${issue.message.slice(0, 400)}, found ${found}`, {
    path: placeOf(issue.path, prefix),
  });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/** A value as the message shows it: scalars as they are, but short; of the rest only the kind. */
function shortText(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return JSON.stringify(typeof value === "string" ? value.slice(0, 60) : value);
}

function placeOf(path: readonly PropertyKey[], prefix: string): string {
  const place = path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`),
    prefix,
  );
  return place === "" ? "header" : place;
}
