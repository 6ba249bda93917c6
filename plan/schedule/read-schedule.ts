import { UsageError } from "../errors.ts";
import type { CreateHasher } from "../packed/hasher.ts";
import { looksLikeJson } from "../packed/json-text.ts";
import { decodeScheduleJson } from "./codec-json.ts";
import { decodeSchedule, isPackedSchedule } from "./codec-packed.ts";
import type { Schedule } from "./schedule.ts";

/**
 * Reads a schedule file, packed or JSON, whichever its first bytes say. The columns of a packed one are views of `bytes`.
 * Errors: those of `decodeSchedule` and `decodeScheduleJson`; `format` for a file of neither kind.
 */
export function readSchedule(bytes: Uint8Array, createHasher?: CreateHasher): Schedule {
  if (isPackedSchedule(bytes)) return decodeSchedule(bytes, createHasher);
  if (looksLikeJson(bytes)) return decodeScheduleJson(bytes, createHasher);
  const what = bytes.length === 0 ? "an empty file" : "neither of the two";
  throw new UsageError("format", `expected a schedule, packed or JSON, got ${what}`, {
    hint: "Make one with `toroid plan … -o FILE`.",
  });
}
