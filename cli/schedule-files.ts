import { UsageError } from "../plan/errors.ts";
import { MAX_JSON_BYTES } from "../plan/packed/json-text.ts";
import { encodeScheduleJson, jsonSizeEstimate } from "../plan/schedule/codec-json.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import { readSchedule } from "../plan/schedule/read-schedule.ts";
import type { Schedule } from "../plan/schedule/schedule.ts";
import { type Contents, inFile, readInput, writeWhole } from "./files.ts";
import { createNodeHasher } from "./node-hasher.ts";
import { formatBytes } from "./units.ts";

/** Reads a schedule, packed or JSON, from a file or (`-`) standard input. */
export async function readScheduleFile(path: string): Promise<Schedule> {
  const bytes = await readInput(path);
  return inFile(path, () => readSchedule(bytes, createNodeHasher));
}

/** Writes a schedule: as JSON where the name ends in `.json`, else packed. */
export function writeScheduleFile(path: string, schedule: Schedule): void {
  writeWhole(path, isJsonName(path) ? jsonOf(path, schedule) : encodeSchedule(schedule, createNodeHasher));
}

export function isJsonName(path: string): boolean {
  return path.toLowerCase().endsWith(".json");
}

function jsonOf(path: string, schedule: Schedule): Contents {
  const bytes = jsonSizeEstimate(schedule);
  if (bytes <= MAX_JSON_BYTES) return encodeScheduleJson(schedule, createNodeHasher);
  const message = `as JSON this schedule takes about ${formatBytes(bytes)}, at most ${formatBytes(MAX_JSON_BYTES)} are written`;
  throw new UsageError("limit", message, { path, hint: "Give a name without .json: the packed form is small and exact." });
}
