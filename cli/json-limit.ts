import { UsageError } from "../plan/errors.ts";
import { MAX_JSON_BYTES } from "../plan/packed/json-text.ts";
import { formatBytes } from "../plan/units.ts";

/** Files are written as JSON where their name ends so, else packed. */
export function isJsonName(path: string): boolean {
  return path.toLowerCase().endsWith(".json");
}

/** JSON is for people and small schedules: throws a UsageError (`limit`) where it would get larger than is read again. */
export function requireJsonSize(path: string, noun: string, bytes: number): void {
  if (bytes <= MAX_JSON_BYTES) return;
  const message = `as JSON this ${noun} takes about ${formatBytes(bytes)}, at most ${formatBytes(MAX_JSON_BYTES)} are written`;
  throw new UsageError("limit", message, {
    path,
    hint: "Give a name without .json: the packed form is small and exact.",
  });
}
