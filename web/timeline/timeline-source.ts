/**
 * What a timeline draws, whatever it comes from: a predicted trace, a measured one, lanes of another tool. Columns, one row
 * a span, in any order; spans of one lane may overlap and are then laid out in sub-rows, never dropped.
 */
export interface TimelineSource {
  /** Changes with the content: the view keeps what it prepared of a source for as long as its key stays. */
  readonly key: string;
  readonly lanes: readonly Lane[];
  readonly groups: readonly string[];
  readonly numSpans: number;
  readonly lane: Uint32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** Index into `kinds`, which say name and color class. */
  readonly kind: Uint8Array;
  readonly kinds: readonly SpanKind[];
  /** `SpanFlag`s. */
  readonly flags: Uint8Array;
  /** Op id of a span, or its row where it has none. */
  readonly op: Uint32Array;
  readonly arrows: { readonly from: Uint32Array; readonly to: Uint32Array };
  /** A line for the tooltip and the side panel: fields and values of a span (row). */
  describe(span: number): readonly (readonly [field: string, value: string])[];
  /** Short text in a wide enough span. */
  label(span: number): string;
  /** Findings of the checker at a span, else empty. */
  finding(span: number): string;
}

export interface Lane {
  /** `rank 3 compute`; unique. */
  readonly id: string;
  readonly name: string;
  /** Index into `groups`: the machine; lanes of one group stand together. */
  readonly group: number;
}

export interface SpanKind {
  readonly name: string;
  readonly color: ColorClass;
}

/** Classes of the palette (web/theme/palette.ts). */
export const COLOR_CLASSES = ["compute", "merge", "copy", "transfer", "wait", "barrier", "other"] as const;
export type ColorClass = (typeof COLOR_CLASSES)[number];

export const SpanFlag = {
  /** On the critical path: lit. */
  critical: 1,
  /** Communication of a rank that computes nothing meanwhile: hatched. */
  exposed: 2,
  /** A finding of the checker: marked. */
  finding: 4,
  /** Faded. */
  dim: 8,
} as const;
