import fc from "fast-check";
import type { SpanKind, TimelineSource } from "../timeline-source.ts";

const kinds: readonly SpanKind[] = [
  { name: "attend", color: "compute" },
  { name: "put", color: "transfer" },
  { name: "wait", color: "wait" },
];

export interface PlainSpan {
  readonly lane: number;
  readonly startNs: number;
  readonly lengthNs: number;
  readonly kind: number;
  readonly flags: number;
}

/** A source of some spans: four lanes in two groups. */
export function sourceOf(spans: readonly PlainSpan[]): TimelineSource {
  return {
    key: "test",
    lanes: [0, 1, 2, 3].map((lane) => ({ id: `rank ${lane} compute`, name: `rank ${lane}`, group: lane >> 1 })),
    groups: ["machine 0", "machine 1"],
    numSpans: spans.length,
    lane: Uint32Array.from(spans, ({ lane }) => lane),
    startNs: Float64Array.from(spans, ({ startNs }) => startNs),
    endNs: Float64Array.from(spans, ({ startNs, lengthNs }) => startNs + lengthNs),
    kind: Uint8Array.from(spans, ({ kind }) => kind),
    kinds,
    flags: Uint8Array.from(spans, ({ flags }) => flags),
    op: Uint32Array.from(spans, (_, row) => 100 + row),
    arrows: { from: new Uint32Array(), to: new Uint32Array() },
    describe: () => [],
    label: (row) => `${kinds[spans[row]!.kind]!.name} <${row}>`,
    finding: () => "",
  };
}

/** Spans of whole ns that overlap now and then; many of no length or very short. */
export const spansArbitrary: fc.Arbitrary<PlainSpan[]> = fc.array(
  fc.record({
    lane: fc.integer({ min: 0, max: 3 }),
    startNs: fc.integer({ min: 0, max: 2000 }),
    lengthNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 900 })),
    kind: fc.integer({ min: 0, max: 2 }),
    flags: fc.constantFrom(0, 0, 1, 2),
  }),
  { maxLength: 120 },
);
