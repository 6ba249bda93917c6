import type { PreparedTimeline } from "../model-types.ts";

/** Which positions match a search: how many before each. */
export type MatchCounts = Uint32Array;

const counted = new WeakMap<Uint32Array, { readonly prepared: PreparedTimeline; readonly counts: MatchCounts }>();

/** Worked out once for a search; null where nothing is searched. */
export function matchCounts(prepared: PreparedTimeline, matches: Uint32Array | null): MatchCounts | null {
  if (matches === null) return null;
  const known = counted.get(matches);
  if (known?.prepared === prepared) return known.counts;
  const isMatch = new Uint8Array(prepared.source.numSpans);
  for (const row of matches) isMatch[row] = 1;
  const { span } = prepared.tracks;
  const counts = new Uint32Array(span.length + 1);
  for (let at = 0; at < span.length; at++) counts[at + 1] = counts[at]! + isMatch[span[at]!]!;
  counted.set(matches, { prepared, counts });
  return counts;
}
