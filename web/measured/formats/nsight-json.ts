import { UsageError } from "../../../plan/errors.ts";
import type { ForeignTrace } from "../../engine/protocol.ts";
import { betweenNs, type ClockTime, parseClock, TimeUnit } from "./clock.ts";
import { refuseEmpty, SpanColumns } from "./span-columns.ts";

const TOOL = "Nsight Systems";
const NEWLINE = 0x0a;

/** How much of a file is looked at to tell what it is; the first line of a large report holds all its strings. */
const MAX_FIRST_LINE = 2 ** 28;

type Json = Readonly<Record<string, unknown>>;

/**
 * What `nsys export --type json` writes: an object a line, the first with all strings, then `CudaEvent`s, CUDA calls
 * (`TraceProcessEvent`) and `NvtxEvent`s. Null for other files. Errors: `parse` with the line.
 */
export function readNsightLines(bytes: Uint8Array): ForeignTrace | null {
  const lines = linesOf(bytes);
  const first = lines.next();
  if (first.done === true) return null;
  const head = parseObject(first.value);
  if (head === null || !isNsight(head)) return null;
  const reader = new LineReader(Array.isArray(head["data"]) ? head["data"] : []);
  if (!("data" in head)) reader.take(head, 1);
  let number = 1;
  for (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    const event = parseObject(line);
    if (event === null) {
      throw new UsageError("parse", "expected a JSON object", {
        path: `line ${number}`,
        hint: "Export the report again: the file seems to be cut off or damaged.",
      });
    }
    reader.take(event, number);
  }
  refuseEmpty(reader.columns, TOOL, "Profile with `nsys profile --trace cuda,nvtx` and export the report again.");
  return reader.columns.finish(TOOL);
}

function isNsight(head: Json): boolean {
  const strings = head["data"];
  if (Array.isArray(strings)) return strings.every((text) => typeof text === "string");
  return ["CudaEvent", "NvtxEvent", "TraceProcessEvent"].some((key) => isObject(head[key]));
}

function* linesOf(bytes: Uint8Array): Generator<string> {
  const decoder = new TextDecoder();
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, from);
    const to = found < 0 ? bytes.length : found;
    if (to - from > MAX_FIRST_LINE) return;
    yield decoder.decode(bytes.subarray(from, to));
    from = to + 1;
  }
}

class LineReader {
  readonly columns = new SpanColumns();
  readonly #strings: readonly unknown[];
  readonly #lanes = new Map<string, number>();

  constructor(strings: readonly unknown[]) {
    this.#strings = strings;
  }

  take(event: Json, line: number): void {
    const { CudaEvent: cuda, NvtxEvent: nvtx, TraceProcessEvent: call } = event;
    if (isObject(cuda)) this.#takeCuda(cuda, line);
    else if (isObject(nvtx)) this.#takeNvtx(nvtx, line);
    else if (isObject(call)) this.#takeCall(call, line);
    else this.columns.numSkipped++;
  }

  #takeCuda(event: Json, line: number): void {
    const name = this.#cudaName(event);
    if (name === null) {
      this.columns.numSkipped++;
      return;
    }
    const { pid } = splitId(event["globalPid"]);
    const device = `GPU ${text(event["deviceId"], "0")}`;
    const lane = this.#lane(
      pid === 0 ? device : `${device}, process ${pid}`,
      `stream ${text(event["streamId"], "0")}`,
      true,
    );
    this.#add(lane, name, event["startNs"], event["endNs"], line);
  }

  /** Null for what is no work of a stream: waits of the host, events that are recorded. */
  #cudaName({ kernel, memcpy, memset }: Json): string | null {
    if (isObject(kernel)) return this.#string(kernel["demangledName"] ?? kernel["shortName"]) ?? "kernel";
    if (isObject(memcpy)) return `Memcpy ${copyKinds[Number(memcpy["copyKind"])] ?? "of another kind"}`;
    return isObject(memset) ? "Memset" : null;
  }

  #takeNvtx(event: Json, line: number): void {
    if (event["EndTimestamp"] === undefined || event["NsTime"] === false) {
      this.columns.numSkipped++;
      return;
    }
    const { pid, tid } = splitId(event["GlobalTid"]);
    const lane = this.#lane(`process ${pid}`, `thread ${tid} NVTX`, false);
    const name = event["Text"] ?? this.#string(event["TextId"]) ?? "NVTX range";
    this.#add(lane, String(name), event["Timestamp"], event["EndTimestamp"], line);
  }

  #takeCall(event: Json, line: number): void {
    const { pid, tid } = splitId(event["globalTid"]);
    const lane = this.#lane(`process ${pid}`, `thread ${tid}`, false);
    this.#add(lane, this.#string(event["name"]) ?? "CUDA call", event["startNs"], event["endNs"], line);
  }

  #add(lane: number, name: string, from: unknown, to: unknown, line: number): void {
    const start = clockOf(from ?? 0, line);
    const durationNs = betweenNs(start, clockOf(to, line));
    if (durationNs < 0) this.columns.numSkipped++;
    else this.columns.add(lane, this.columns.nameOf(name), start, durationNs);
  }

  /** Indices of strings stand in quotes. */
  #string(index: unknown): string | null {
    const found = index === undefined ? undefined : this.#strings[Number(index)];
    return typeof found === "string" ? found : null;
  }

  #lane(group: string, name: string, isDevice: boolean): number {
    const key = `${group}\n${name}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = this.columns.addLane({ group, name, isDevice });
      this.#lanes.set(key, lane);
    }
    return lane;
  }
}

/** Of `CUpti_ActivityMemcpyKind`. */
const copyKinds = ["", "HtoD", "DtoH", "HtoA", "AtoH", "AtoA", "AtoD", "DtoA", "DtoD", "HtoH", "PtoP"];

function clockOf(value: unknown, line: number): ClockTime {
  const time = typeof value === "string" || typeof value === "number" ? parseClock(String(value), TimeUnit.ns) : null;
  if (time !== null) return time;
  throw new UsageError("format", `expected a time in ns, got ${JSON.stringify(value) ?? "none"}`, {
    path: `line ${line}`,
  });
}

/** Nsight packs process and thread into the low 48 bits of one number, which may be more than a double holds. */
function splitId(value: unknown): { pid: number; tid: number } {
  if (!/^\d{1,20}$/.test(String(value))) return { pid: 0, tid: 0 };
  const id = BigInt(String(value));
  return { pid: Number((id >> 24n) & 0xffffffn), tid: Number(id & 0xffffffn) };
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : otherwise;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(line: string): Json | null {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
