import type { Trace } from "../../plan/trace/trace.ts";

export interface Span {
  readonly op: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly kind?: number;
  readonly rank?: number;
  readonly stream?: number;
}

/** A trace of given spans; ids that do not rise begin the next pass. */
export function makeSpans(spans: readonly Span[], scheduleHash = "a".repeat(64)): Trace {
  return {
    version: 1,
    source: "measured",
    emulated: false,
    scheduleHash,
    notes: [],
    streams: ["compute", "copy"],
    ranksPerMachine: 2,
    op: Uint32Array.from(spans, ({ op }) => op),
    kind: Uint8Array.from(spans, ({ kind = 1 }) => kind),
    rank: Uint16Array.from(spans, ({ rank = 0 }) => rank),
    stream: Uint8Array.from(spans, ({ stream = 0 }) => stream),
    startNs: Float64Array.from(spans, ({ startNs }) => startNs),
    endNs: Float64Array.from(spans, ({ endNs }) => endNs),
  };
}
