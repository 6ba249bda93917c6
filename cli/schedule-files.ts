import { encodeScheduleJson, jsonSizeEstimate } from "../plan/schedule/codec-json.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import { readSchedule } from "../plan/schedule/read-schedule.ts";
import type { Schedule } from "../plan/schedule/schedule.ts";
import { type Contents, inFile, readInput, writeWhole } from "./files.ts";
import { isJsonName, requireJsonSize } from "./json-limit.ts";
import { createNodeHasher } from "../runtime/node-hasher.ts";

/** Reads a schedule, packed or JSON, from a file or (`-`) standard input. */
export async function readScheduleFile(path: string): Promise<Schedule> {
  const bytes = await readInput(path);
  return inFile(path, () => readSchedule(bytes, createNodeHasher));
}

/** Writes a schedule: as JSON where the name ends in `.json`, else packed. */
export function writeScheduleFile(path: string, schedule: Schedule): void {
  writeWhole(path, contentsOf(path, schedule));
}

/** Stops where the schedule is too large for the form that the name asks for. */
export function requireScheduleSize(path: string, schedule: Schedule): void {
  if (isJsonName(path)) requireJsonSize(path, "schedule", jsonSizeEstimate(schedule));
}

function contentsOf(path: string, schedule: Schedule): Contents {
  requireScheduleSize(path, schedule);
  const encode = isJsonName(path) ? encodeScheduleJson : encodeSchedule;
  return encode(schedule, createNodeHasher);
}
