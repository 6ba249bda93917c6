import { z } from "zod";
import { UsageError } from "../errors.ts";
import { integerSchema, lineSchema, listSchema, nameSchema, parseShape } from "../packed/shape.ts";
import { OP_KINDS } from "../schedule/schedule.ts";
import type { Trace } from "./trace.ts";

/** All of a trace but its columns; the version is written apart from it. */
export type TraceHeader = Pick<Trace, "source" | "emulated" | "scheduleHash" | "notes" | "streams" | "ranksPerMachine">;

/** The columns of a trace. */
export type Spans = Pick<Trace, "op" | "kind" | "rank" | "stream" | "startNs" | "endNs">;

const header: z.ZodType<TraceHeader> = z.strictObject({
  source: z.enum(["predicted", "measured"]),
  emulated: z.boolean(),
  scheduleHash: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits"),
  notes: listSchema(lineSchema, 1000),
  streams: listSchema(nameSchema, 255),
  ranksPerMachine: integerSchema(1, 2 ** 16 - 1),
});

/** Reads a header from JSON; the result's keys stand in the order of the type. Error `format` names the place. */
export function readHeader(json: unknown, prefix = ""): TraceHeader {
  return parseShape(header, json, prefix);
}

/** The header of a trace, keys in the order of the type. */
export function headerOf(trace: Trace): TraceHeader {
  const { source, emulated, scheduleHash, notes, streams, ranksPerMachine } = trace;
  return { source, emulated, scheduleHash, notes, streams, ranksPerMachine };
}

function fail(span: number, name: string, message: string): never {
  throw new UsageError("format", message, { path: `spans[${span}].${name}` });
}

/** Times are within some thirty years, so that sums and differences of them are finite. */
const MAX_TIME_NS = 1e18;

/** Makes sure that codes name something and that times are finite and do not run backward. Error `format`. */
export function validateSpans({ kind, stream, startNs, endNs }: Spans, streams: readonly string[]): void {
  for (let i = 0; i < kind.length; i++) {
    if (kind[i]! >= OP_KINDS.length) fail(i, "kind", `expected less than ${OP_KINDS.length}, got ${kind[i]}`);
    if (stream[i]! >= streams.length) fail(i, "stream", `expected less than ${streams.length}, got ${stream[i]}`);
    if (!isTime(startNs[i]!)) fail(i, "startNs", `expected a time of at most ${MAX_TIME_NS} ns, got ${startNs[i]}`);
    if (!isTime(endNs[i]!)) fail(i, "endNs", `expected a time of at most ${MAX_TIME_NS} ns, got ${endNs[i]}`);
    if (endNs[i]! < startNs[i]!) fail(i, "endNs", `it ends at ${endNs[i]}, before its start at ${startNs[i]}`);
  }
}

/** False for NaN too. */
function isTime(ns: number): boolean {
  return Math.abs(ns) <= MAX_TIME_NS;
}
