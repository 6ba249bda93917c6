import { UsageError } from "../../../plan/errors.ts";
import type { ForeignTrace } from "../../engine/protocol.ts";
import { durationNs, parseClock, TimeUnit } from "./clock.ts";
import { refuseEmpty, SpanColumns } from "./span-columns.ts";

const TOOL = "Nsight Systems";

/** The header stands after a few lines in which `nsys` says what it does. */
const MAX_PREAMBLE_LINES = 50;
const HEAD_BYTES = 2 ** 16;

type Row = Readonly<Record<string, unknown>>;

/**
 * Reports of `nsys stats` with a row a span, `cuda_gpu_trace`, `cuda_api_trace`, `nvtx_pushpop_trace`, as CSV or JSON.
 * Null for other files. Errors: `parse`, `format` with the line or row.
 */
export function readNsightStats(bytes: Uint8Array): ForeignTrace | null {
  const head = new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES));
  if (!/"?Start ?\((ns|us|μs|µs|ms|s)\)"?/.test(head)) return null;
  if (/^\s*\[/.test(head)) return fromRows(parseList(bytes), "row");
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  const header = lines.slice(0, MAX_PREAMBLE_LINES).findIndex((line) => splitCsv(line).some((cell) => isStart(cell)));
  return header < 0 ? null : fromRows(csvRows(lines, header), "line");
}

function parseList(bytes: Uint8Array): Iterable<readonly [number, Row]> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "unknown reason";
    throw new UsageError("parse", `not a JSON report: ${reason}`, {
      hint: "Write the report again with `nsys stats`.",
    });
  }
  const rows = Array.isArray(json) ? json : [];
  return rows.flatMap((row, i) => (typeof row === "object" && row !== null ? [[i + 1, row as Row] as const] : []));
}

function* csvRows(lines: readonly string[], header: number): Generator<readonly [number, Row]> {
  const keys = splitCsv(lines[header]!);
  for (let i = header + 1; i < lines.length; i++) {
    const cells = splitCsv(lines[i]!);
    // Reports that follow each other in one file have an empty line and a heading between them.
    if (cells.length < keys.length) continue;
    yield [i + 1, Object.fromEntries(keys.map((key, column) => [key, cells[column]]))];
  }
}

/** Cells of a line; names with commas stand in quotes, a quote in them is doubled. */
export function splitCsv(line: string): string[] {
  const cells: string[] = [];
  const cell = /\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(,|$)/y;
  for (let isOpen = true; isOpen; ) {
    const match = cell.exec(line);
    if (match === null) return cells;
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2]!.trim());
    isOpen = match[3] === ",";
  }
  return cells;
}

function fromRows(rows: Iterable<readonly [number, Row]>, place: "row" | "line"): ForeignTrace | null {
  const columns = new SpanColumns();
  const lanes = new Map<string, number>();
  for (const [number, row] of rows) {
    const times = timesOf(row);
    if (times === null) {
      const missing = `expected a start and a duration in every ${place}`;
      throw new UsageError("format", missing, { path: `${place} ${number}` });
    }
    const lane = laneOf(row);
    const key = `${lane.group}\n${lane.name}`;
    let index = lanes.get(key);
    if (index === undefined) {
      index = columns.addLane(lane);
      lanes.set(key, index);
    }
    columns.add(index, columns.nameOf(text(row["Name"]) || "unnamed"), times.start, times.durationNs);
  }
  refuseEmpty(columns, TOOL, "Ask `nsys stats` for a trace: `--report cuda_gpu_trace`.");
  return columns.finish(`${TOOL} report`);
}

const units: Readonly<Record<string, number>> = {
  ns: TimeUnit.ns,
  us: TimeUnit.us,
  μs: TimeUnit.us,
  µs: TimeUnit.us,
  ms: TimeUnit.ms,
  s: TimeUnit.s,
};

function timesOf(row: Row) {
  const [start, duration] = [timeOf(row, "Start"), timeOf(row, "Duration")];
  if (start === null || duration === null) return null;
  const ns = durationNs(duration);
  return ns < 0 ? null : { start, durationNs: ns };
}

/** A time, in the unit that its column's name says. */
function timeOf(row: Row, name: string) {
  for (const [key, unit] of Object.entries(units)) {
    const value = row[`${name} (${key})`] ?? row[`${name}(${key})`];
    if (value !== undefined) return parseClock(text(value).replaceAll(",", ""), unit);
  }
  return null;
}

function isStart(cell: string): boolean {
  return /^Start ?\((ns|us|μs|µs|ms|s)\)$/.test(cell);
}

function laneOf(row: Row) {
  const device = text(row["Device"]);
  const stream = text(row["Strm"]);
  if (stream !== "" || device !== "") {
    return { group: device === "" ? "GPU" : device, name: `stream ${stream === "" ? "0" : stream}`, isDevice: true };
  }
  const [pid, tid] = [text(row["PID"] ?? row["Pid"]), text(row["TID"] ?? row["Tid"])];
  if (pid === "" && tid === "") return { group: "GPU", name: "all streams", isDevice: true };
  return { group: `process ${pid}`, name: `thread ${tid}`, isDevice: false };
}

function text(value: unknown): string {
  return typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : "";
}
