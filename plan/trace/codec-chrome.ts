import { UsageError } from "../errors.ts";
import { codesOf, describeJson, readInteger, readList, readName, readNumber, readRow } from "../packed/json-row.ts";
import { estimateRows, joinChunks, jsonRows, parseJsonObject } from "../packed/json-text.ts";
import { Kind, OP_KINDS, type Schedule } from "../schedule/schedule.ts";
import { transferBytes } from "../schedule/volume.ts";
import { headerOf, readHeader, type Spans, validateSpans } from "./header.ts";
import type { Trace } from "./trace.ts";

const FORMAT = "toroid-trace";
const VERSION = 1;
const MAX_U32 = 2 ** 32 - 1;
const MAX_THREAD = 2 ** 16 * 255;

/**
 * A trace as Chrome trace events, which Perfetto opens, in chunks of text: a process for each machine, a thread for each
 * rank and stream, a complete event for each span. Times are in µs as the format wants; `args` have the exact ones.
 * With the schedule the transfers' names and `args` also say where to and how many bytes.
 */
export function encodeChromeTrace(trace: Trace, schedule?: Schedule): Generator<string> {
  return joinChunks(piecesOf(trace, schedule));
}

/** About how many bytes `encodeChromeTrace` makes, but for what the schedule adds. */
export function chromeSizeEstimate(trace: Trace): number {
  return 4096 + estimateRows(trace.op.length, (span) => spanEvent(trace, span, undefined));
}

/**
 * Reads what `encodeChromeTrace` wrote, exactly; events of others and keys that a viewer added are left out.
 * Errors: `limit`, `parse`, `version`, `format` with the place.
 */
export function decodeChromeTrace(bytes: Uint8Array): Trace {
  const json = parseJsonObject(bytes, "trace");
  const header = readMetadata(json["metadata"]);
  const events = readList(json["traceEvents"], "traceEvents");
  const spans = readSpans(events, header.streams);
  validateSpans(spans, header.streams);
  return { version: VERSION, ...header, ...spans };
}

function* piecesOf(trace: Trace, schedule: Schedule | undefined): Generator<string> {
  const names = nameEvents(trace);
  const numNames = names.length;
  yield `{"displayTimeUnit":"ns",\n"metadata":${metadataText(trace)},\n"traceEvents":[`;
  yield* jsonRows(numNames + trace.op.length, (i) =>
    i < numNames ? names[i]! : spanEvent(trace, i - numNames, schedule),
  );
  yield "\n]}\n";
}

function metadataText(trace: Trace): string {
  return JSON.stringify({ format: FORMAT, version: trace.version, ...headerOf(trace) });
}

/** Thread ids are `rank·streams + stream + 1`, process ids `machine + 1`: viewers give id 0 a meaning of its own. */
function threadOf(trace: Trace, span: number): number {
  return trace.rank[span]! * trace.streams.length + trace.stream[span]! + 1;
}

function processOf(trace: Trace, rank: number): number {
  return Math.floor(rank / trace.ranksPerMachine) + 1;
}

/** Names and order of the machines, ranks and streams that have spans. */
function nameEvents(trace: Trace): string[] {
  const threads = new Set<number>();
  for (let span = 0; span < trace.op.length; span++) threads.add(threadOf(trace, span));
  const sorted = [...threads].sort((a, b) => a - b);
  const processes = new Set(sorted.map((tid) => processOf(trace, rankOfThread(trace.streams.length, tid))));
  return [
    ...[...processes].flatMap((pid) => processEvents(pid)),
    ...sorted.flatMap((tid) => threadEvents(trace, tid)),
  ].map((event) => JSON.stringify(event));
}

function rankOfThread(numStreams: number, tid: number): number {
  return Math.floor((tid - 1) / numStreams);
}

function processEvents(pid: number): object[] {
  return [
    { ph: "M", name: "process_name", pid, args: { name: `machine ${pid - 1}` } },
    { ph: "M", name: "process_sort_index", pid, args: { sort_index: pid } },
  ];
}

function threadEvents(trace: Trace, tid: number): object[] {
  const rank = rankOfThread(trace.streams.length, tid);
  const name = `rank ${rank} ${trace.streams[(tid - 1) % trace.streams.length]}`;
  const pid = processOf(trace, rank);
  return [
    { ph: "M", name: "thread_name", pid, tid, args: { name } },
    { ph: "M", name: "thread_sort_index", pid, tid, args: { sort_index: tid } },
  ];
}

function spanEvent(trace: Trace, span: number, schedule: Schedule | undefined): string {
  const op = trace.op[span]!;
  const kind = OP_KINDS[trace.kind[span]!]!;
  const start = trace.startNs[span]!;
  const end = trace.endNs[span]!;
  const pid = processOf(trace, trace.rank[span]!);
  const { suffix, bytes } = describeTransfer(schedule, op);
  return (
    `{"ph":"X","name":"${kind}${suffix}","cat":"${kind}","pid":${pid},"tid":${threadOf(trace, span)}` +
    `,"ts":${start / 1000},"dur":${(end - start) / 1000}` +
    `,"args":{"op":${op},"kind":"${kind}","startNs":${exact(start)},"endNs":${exact(end)}${bytes}}}`
  );
}

/** The shortest text that reads as the same double; `String` drops the sign of −0. */
function exact(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function describeTransfer(schedule: Schedule | undefined, op: number): { suffix: string; bytes: string } {
  const kind = schedule?.ops.kind[op];
  const isTransfer = kind === Kind.put || kind === Kind.get || kind === Kind.send;
  if (schedule === undefined || !isTransfer) return { suffix: "", bytes: "" };
  const suffix = ` ${kind === Kind.get ? "from" : "to"} rank ${schedule.ops.peer[op]}`;
  return { suffix, bytes: `,"bytes":${transferBytes(schedule, op)}` };
}

function readMetadata(json: unknown) {
  const { value } = readRow(json, "metadata");
  const { format, version, ...rest } = value;
  if (format !== FORMAT) {
    throw new UsageError("format", `expected a trace with "format": "${FORMAT}"`, { path: "metadata.format" });
  }
  if (version === VERSION) return readHeader(rest, "metadata");
  throw new UsageError("version", `expected a trace of version ${VERSION}, got ${describeJson(version)}`, {
    path: "metadata.version",
  });
}

function readSpans(events: readonly unknown[], streams: readonly string[]): Spans {
  const kinds = codesOf(OP_KINDS);
  const numSpans = events.reduce<number>((count, event) => count + (isSpan(event) ? 1 : 0), 0);
  const spans = createSpans(numSpans);
  let span = 0;
  events.forEach((event, i) => {
    if (isSpan(event)) readSpan(spans, span++, event, `traceEvents[${i}]`, streams.length, kinds);
  });
  return spans;
}

function isSpan(event: unknown): boolean {
  return typeof event === "object" && event !== null && (event as { ph?: unknown }).ph === "X";
}

function createSpans(length: number): Spans {
  return {
    op: new Uint32Array(length),
    kind: new Uint8Array(length),
    rank: new Uint16Array(length),
    stream: new Uint8Array(length),
    startNs: new Float64Array(length),
    endNs: new Float64Array(length),
  };
}

function readSpan(
  spans: Spans,
  span: number,
  event: unknown,
  path: string,
  numStreams: number,
  kinds: ReadonlyMap<string, number>,
): void {
  const row = readRow(event, path);
  const args = readRow(row.value["args"], `${path}.args`);
  const tid = readInteger(row, "tid", MAX_THREAD);
  const rank = rankOfThread(numStreams, tid);
  if (tid === 0 || rank >= 2 ** 16) {
    throw new UsageError("format", `expected a thread of a rank, got ${tid}`, { path: `${path}.tid` });
  }
  spans.op[span] = readInteger(args, "op", MAX_U32);
  spans.kind[span] = readName(args, "kind", kinds);
  spans.rank[span] = rank;
  spans.stream[span] = (tid - 1) % numStreams;
  spans.startNs[span] = readNumber(args, "startNs");
  spans.endNs[span] = readNumber(args, "endNs");
}
