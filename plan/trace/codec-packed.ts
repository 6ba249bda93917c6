import { UsageError } from "../errors.ts";
import { decodePacked, encodePacked, hasMagic, type PackedForm, type SectionTypes } from "../packed/container.ts";
import type { CreateHasher } from "../packed/hasher.ts";
import { headerOf, readHeader, type Spans, validateSpans } from "./header.ts";
import type { Trace } from "./trace.ts";

/** A change of anything here, or of the type in `trace.ts`, is a new version. */
const traceForm = {
  magic: "TOROID-T",
  version: 1,
  noun: "trace",
  sections: {
    spans: { op: "u32", kind: "u8", rank: "u16", stream: "u8", startNs: "f64", endNs: "f64" },
  },
} as const satisfies PackedForm<SectionTypes>;

/** Whether `bytes` begin as a packed trace does. */
export function isPackedTrace(bytes: Uint8Array): boolean {
  return hasMagic(traceForm, bytes);
}

/** The packed form of a trace; see `PackedForm` for the layout. */
export function encodeTrace(trace: Trace, createHasher?: CreateHasher): Uint8Array<ArrayBuffer> {
  return encodePacked(traceForm, { header: headerOf(trace), sections: { spans: trace } }, createHasher);
}

/**
 * Reads a packed trace; its columns are views of `bytes` where these lie at a multiple of 8.
 * Errors: `version`, `hash`, `format` with the place.
 */
export function decodeTrace(bytes: Uint8Array, createHasher?: CreateHasher): Trace {
  const { header, sections } = decodePacked(traceForm, bytes, readHeader, createHasher);
  checkLengths(sections.spans);
  validateSpans(sections.spans, header.streams);
  return { version: 1, ...header, ...sections.spans };
}

function checkLengths(spans: Spans): void {
  for (const [name, column] of Object.entries(spans)) {
    if (column.length === spans.op.length) continue;
    throw new UsageError("format", `expected ${spans.op.length} spans, got ${column.length}`, {
      path: `spans.${name}`,
    });
  }
}
