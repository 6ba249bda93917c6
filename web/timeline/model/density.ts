import type { TimeWindow } from "../../state/explorer-state.ts";
import { COLOR_CLASSES } from "../timeline-source.ts";
import type { PreparedTimeline } from "../model-types.ts";
import { type Cover, coverTrack } from "./cover.ts";

/** Share of a group's lanes that are busy in each column, by color class: `column · classes + class`. */
export function groupDensity(
  { source, tracks }: PreparedTimeline,
  group: number,
  window: TimeWindow,
  widthPx: number,
  cover: Cover,
): Float32Array {
  const classes = COLOR_CLASSES.length;
  const shares = new Float32Array(widthPx * classes);
  const classOfPaint = tracks.paints.map(({ color }) => COLOR_CLASSES.indexOf(color));
  let numLanes = 0;
  source.lanes.forEach((lane, index) => {
    if (lane.group !== group) return;
    numLanes++;
    for (let track = tracks.ofLane[index]!; track < tracks.ofLane[index + 1]!; track++) {
      coverTrack(tracks, track, window, widthPx, cover);
      for (let item = 0; item < cover.count; item++) {
        const color = classOfPaint[cover.paint[item]!]!;
        const share = cover.share[item]!;
        for (let x = cover.left[item]!; x < cover.right[item]!; x++) shares[x * classes + color]! += share;
      }
    }
  });
  for (let x = 0; x < widthPx; x++) {
    let total = 0;
    for (let color = 0; color < classes; color++) total += shares[x * classes + color]!;
    // Overlapping spans of one lane may fill it more than once.
    const scale = 1 / Math.max(total, numLanes, 1);
    for (let color = 0; color < classes; color++) shares[x * classes + color]! *= scale;
  }
  return shares;
}

/** Of each of `numBins` equal parts of the time to `endNs`, the share of lanes busy with each kind: `bin · kinds + kind`. */
export function busyShares(
  { source, startNs, endNs: lastNs }: PreparedTimeline,
  numBins: number,
  endNs = lastNs,
): Float32Array {
  const { kinds, kind, numSpans, lanes } = source;
  const shares = new Float32Array(numBins * kinds.length);
  const binNs = Math.max(endNs - startNs, Number.MIN_VALUE) / numBins;
  const perNs = 1 / (binNs * Math.max(lanes.length, 1));
  for (let row = 0; row < numSpans; row++) {
    const from = source.startNs[row]! - startNs;
    const to = source.endNs[row]! - startNs;
    const last = Math.min(Math.floor(to / binNs), numBins - 1);
    for (let bin = Math.floor(from / binNs); bin <= last; bin++) {
      const ns = Math.min(to, (bin + 1) * binNs) - Math.max(from, bin * binNs);
      if (ns > 0) shares[bin * kinds.length + kind[row]!]! += ns * perNs;
    }
  }
  for (let bin = 0; bin < numBins; bin++) {
    let total = 0;
    for (let index = 0; index < kinds.length; index++) total += shares[bin * kinds.length + index]!;
    if (total > 1) for (let index = 0; index < kinds.length; index++) shares[bin * kinds.length + index]! /= total;
  }
  return shares;
}
