import { UsageError } from "../../plan/errors.ts";
import { importTopology } from "../../plan/formats/importers.ts";
import { isPackedSchedule, scheduleHash } from "../../plan/schedule/codec-packed.ts";
import { readSchedule } from "../../plan/schedule/read-schedule.ts";
import { isPackedTrace } from "../../plan/trace/codec-packed.ts";
import { readTrace } from "../../plan/trace/read-trace.ts";
import { readForeignTrace } from "../measured/formats/index.ts";
import type { OpenedFile } from "./protocol.ts";

/** How much of a file is looked at to tell what it is. */
const HEAD_BYTES = 4096;

/** Tells what a dropped file is and reads it. Throws a UsageError that says what would be right. */
export async function openFile(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<OpenedFile> {
  if (bytes.length === 0) throw new UsageError("format", "the file is empty", { path: name });
  if (isPackedTrace(bytes)) return { is: "trace", trace: readTrace(bytes) };
  if (isPackedSchedule(bytes)) return describeSchedule(bytes);
  const head = new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES));
  if (/"toroid-trace"/.test(head)) return { is: "trace", trace: readTrace(bytes) };
  if (/"toroid-schedule"/.test(head)) return describeSchedule(bytes);
  const foreign = await readForeignTrace(name, bytes);
  if (foreign !== null) return { is: "foreign", lanes: foreign };
  const topology = importTopology(bytes, { fileName: name });
  return { is: "topology", text: new TextDecoder().decode(bytes), topology };
}

function describeSchedule(bytes: Uint8Array): OpenedFile {
  const schedule = readSchedule(bytes);
  const { method, transport, ranks, ops } = schedule;
  return {
    is: "schedule",
    hash: scheduleHash(schedule),
    summary: `${method}, ${transport}, ${ranks} ranks, ${ops.kind.length} ops`,
  };
}
