import { UsageError } from "../plan/errors.ts";
import { MAX_JSON_BYTES } from "../plan/packed/json-text.ts";
import type { Schedule } from "../plan/schedule/schedule.ts";
import { chromeSizeEstimate, encodeChromeTrace } from "../plan/trace/codec-chrome.ts";
import { encodeTrace } from "../plan/trace/codec-packed.ts";
import { readTrace } from "../plan/trace/read-trace.ts";
import type { Trace } from "../plan/trace/trace.ts";
import { inFile, readInput, writeWhole } from "./files.ts";
import { createNodeHasher } from "./node-hasher.ts";
import { isJsonName } from "./schedule-files.ts";
import { formatBytes } from "./units.ts";

/** Reads a trace, packed or Chrome JSON, from a file or (`-`) standard input. */
export async function readTraceFile(path: string): Promise<Trace> {
  const bytes = await readInput(path);
  return inFile(path, () => readTrace(bytes, createNodeHasher));
}

/** Writes a trace: as Chrome JSON where the name ends in `.json`, else packed. */
export function writeTraceFile(path: string, trace: Trace, schedule: Schedule): void {
  if (!isJsonName(path)) return writeWhole(path, encodeTrace(trace, createNodeHasher));
  const bytes = chromeSizeEstimate(trace);
  if (bytes <= MAX_JSON_BYTES) return writeWhole(path, encodeChromeTrace(trace, schedule));
  const message = `as JSON this trace takes about ${formatBytes(bytes)}, at most ${formatBytes(MAX_JSON_BYTES)} are written`;
  throw new UsageError("limit", message, { path, hint: "Give a name without .json: the packed form is small and exact." });
}
