import type { TimelineLayout } from "../model-types.ts";
import type { TimelineSource } from "../timeline-source.ts";

/** The span of a lane whose middle is nearest to `ns`, −1 where the lane is empty. O(spans). */
export function nearestOnLane(source: TimelineSource, lane: number, ns: number): number {
  let nearest = -1;
  let distance = Number.POSITIVE_INFINITY;
  for (let row = 0; row < source.numSpans; row++) {
    if (source.lane[row] !== lane) continue;
    const away = Math.abs((source.startNs[row]! + source.endNs[row]!) / 2 - ns);
    if (away < distance) [nearest, distance] = [row, away];
  }
  return nearest;
}

/** The nearest span on the next lane with spans below (1) or above (−1) in the layout, −1 where there is none. */
export function stepLane(
  source: TimelineSource,
  layout: TimelineLayout,
  span: number,
  step: 1 | -1,
  ns: number,
): number {
  const lanes = layout.rows.filter((row) => row.kind === "lane").map((row) => row.lane);
  const from = span >= 0 ? lanes.indexOf(source.lane[span]!) : step > 0 ? -1 : lanes.length;
  for (let at = from + step; at >= 0 && at < lanes.length; at += step) {
    const found = nearestOnLane(source, lanes[at]!, ns);
    if (found >= 0) return found;
  }
  return -1;
}

/** Lanes whose rows (or folded heads, for all lanes of the group) touch `fromY … toY` of the sheet. */
export function lanesBetween(
  source: TimelineSource,
  layout: TimelineLayout,
  fromY: number,
  toY: number,
): ReadonlySet<number> {
  const lanes = new Set<number>();
  for (const row of layout.rows) {
    if (row.y + row.height <= fromY || row.y >= toY) continue;
    if (row.kind === "lane") lanes.add(row.lane);
    else if (row.isFolded) {
      for (const [index, lane] of source.lanes.entries()) if (lane.group === row.group) lanes.add(index);
    }
  }
  return lanes;
}

/** The match after (1) or before (−1) `span` in a list that ascends, around its ends; −1 for an empty list. */
export function nextMatch(matches: Uint32Array, span: number, step: 1 | -1): number {
  if (matches.length === 0) return -1;
  if (step > 0) return matches.find((row) => row > span) ?? matches[0]!;
  return matches.findLast((row) => row < span) ?? matches[matches.length - 1]!;
}
