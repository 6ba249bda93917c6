import type { Schedule } from "../plan/schedule/schedule.ts";
import { chromeSizeEstimate, encodeChromeTrace } from "../plan/trace/codec-chrome.ts";
import { encodeTrace } from "../plan/trace/codec-packed.ts";
import { readTrace } from "../plan/trace/read-trace.ts";
import type { Trace } from "../plan/trace/trace.ts";
import { type Contents, inFile, readInput, writeWhole } from "./files.ts";
import { isJsonName, requireJsonSize } from "./json-limit.ts";
import { createNodeHasher } from "../runtime/node-hasher.ts";

/** Reads a trace, packed or Chrome JSON, from a file or (`-`) standard input. */
export async function readTraceFile(path: string): Promise<Trace> {
  const bytes = await readInput(path);
  return inFile(path, () => readTrace(bytes, createNodeHasher));
}

/** Writes the trace of a schedule: as Chrome JSON where the name ends in `.json`, else packed. */
export function writeTraceFile(path: string, trace: Trace, schedule: Schedule): void {
  writeWhole(path, contentsOf(path, trace, schedule));
}

function contentsOf(path: string, trace: Trace, schedule: Schedule): Contents {
  if (!isJsonName(path)) return encodeTrace(trace, createNodeHasher);
  requireJsonSize(path, "trace", chromeSizeEstimate(trace));
  return encodeChromeTrace(trace, schedule);
}
