import type { TimeWindow } from "../../state/explorer-state.ts";
import { addBusy, seekEnd, seekStart, type Tracks } from "./tracks.ts";

/** What is seen of a track, from left to right: columns by item. Made once and filled anew for each track. */
export interface Cover {
  count: number;
  /** Pixels, whole: an item covers columns `[left, right)`. */
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly paint: Uint8Array;
  /** Share of the item's width that is busy: 1 for a span of its own, less for the many of one column. */
  readonly share: Float32Array;
  /** Position of the span; −1 for the many of one column, of which `paint` is the one that takes most time. */
  readonly at: Int32Array;
  /** Positions `[from, to)` that the item stands for. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

/** Room for one track on a canvas `widthPx` wide: no two items share a column. */
export function makeCover(widthPx: number): Cover {
  const room = widthPx + 1;
  return {
    count: 0,
    left: new Int32Array(room),
    right: new Int32Array(room),
    paint: new Uint8Array(room),
    share: new Float32Array(room),
    at: new Int32Array(room),
    from: new Uint32Array(room),
    to: new Uint32Array(room),
  };
}

let sums = new Float64Array(16);

/**
 * What is seen of a track in a window of `widthPx` columns. A span at least one column wide is an item of its own, from its
 * start's column to its end's, rounded. Narrower ones that follow each other are one item for all that start in one column:
 * nothing is dropped, and the work depends on the columns, not on the spans.
 */
export function coverTrack(tracks: Tracks, track: number, window: TimeWindow, widthPx: number, cover: Cover): void {
  const { startNs, endNs, paint, paints, first } = tracks;
  const end = first[track + 1]!;
  const originNs = window.startNs;
  const nsPerPx = (window.endNs - originNs) / widthPx;
  if (sums.length < paints.length) sums = new Float64Array(paints.length);
  cover.count = 0;
  let at = seekEnd(tracks, first[track]!, end, originNs);
  while (at < end && startNs[at]! < window.endNs) {
    const widthNs = endNs[at]! - startNs[at]!;
    if (widthNs >= nsPerPx) {
      const left = Math.max(Math.round((startNs[at]! - originNs) / nsPerPx), 0);
      const right = Math.min(Math.round((endNs[at]! - originNs) / nsPerPx), widthPx);
      if (right > left) add(cover, left, right, paint[at]!, 1, at, at, at + 1);
      at++;
      continue;
    }
    const column = Math.min(Math.max(Math.floor((startNs[at]! - originNs) / nsPerPx), 0), widthPx - 1);
    let to = Math.max(seekStart(startNs, at, end, originNs + (column + 1) * nsPerPx), at + 1);
    // Only the last of a column can be wide: it is an item of its own, next.
    if (to - at > 1 && endNs[to - 1]! - startNs[to - 1]! >= nsPerPx) to--;
    addMany(cover, tracks, track, at, to, column, nsPerPx);
    at = to;
  }
}

function addMany(
  cover: Cover,
  tracks: Tracks,
  track: number,
  from: number,
  to: number,
  column: number,
  nsPerPx: number,
): void {
  const { paint, paints, startNs, endNs } = tracks;
  if (to === from + 1) {
    const share = (endNs[from]! - startNs[from]!) / nsPerPx;
    add(cover, column, column + 1, paint[from]!, share, from, from, to);
    return;
  }
  const count = paints.length;
  for (let index = 0; index < count; index++) sums[index] = 0;
  addBusy(tracks, track, from, to, sums);
  let most = paint[from]!;
  let total = 0;
  for (let index = 0; index < count; index++) {
    total += sums[index]!;
    if (sums[index]! > sums[most]!) most = index;
  }
  add(cover, column, column + 1, most, Math.min(total / nsPerPx, 1), -1, from, to);
}

/** Items share no column: the wider of two gives way by one; of two one column wide, the busier stands for both. */
function add(
  cover: Cover,
  itemLeft: number,
  right: number,
  paint: number,
  share: number,
  at: number,
  from: number,
  to: number,
): void {
  let left = itemLeft;
  let index = cover.count;
  let firstAt = from;
  const last = index - 1;
  if (last >= 0 && cover.right[last]! > left) {
    if (cover.right[last]! - cover.left[last]! > 1) cover.right[last] = left;
    else if (right - left > 1) left = cover.right[last]!;
    else {
      cover.to[last] = to;
      if (share <= cover.share[last]!) return;
      index = last;
      firstAt = cover.from[last]!;
    }
  }
  cover.count = index + 1;
  cover.left[index] = left;
  cover.right[index] = right;
  cover.paint[index] = paint;
  cover.share[index] = share;
  cover.at[index] = at;
  cover.from[index] = firstAt;
  cover.to[index] = to;
}
