import { COLOR_CLASSES, type ColorClass, type TimelineSource } from "../timeline-source.ts";

/** Positions of one block of the busy sums. */
export const BLOCK = 32;

/** A color class with `SpanFlag`s: what decides how a span looks. */
export interface Paint {
  readonly color: ColorClass;
  readonly flags: number;
}

/**
 * Sub-rows of lanes as *tracks*: the spans of a track do not overlap and stand in order of time, so both their starts and
 * their ends ascend and a binary search finds any time. Columns by position: tracks stand one after the other.
 */
export interface Tracks {
  /** Lane → its first track; one entry more than lanes. */
  readonly ofLane: Uint32Array;
  /** Track → its first position; one entry more than tracks. */
  readonly first: Uint32Array;
  /** Position → row of the source. */
  readonly span: Uint32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** Index into `paints`. */
  readonly paint: Uint8Array;
  readonly paints: readonly Paint[];
  /** Track → its first block. */
  readonly firstBlock: Uint32Array;
  /** Busy time by paint of the track's positions before a block, ns: `block · paints + paint`. */
  readonly busyNs: Float64Array;
}

/** Tracks of a source whose spans were given sub-rows; `order` has its rows by lane and start. */
export function makeTracks(
  source: TimelineSource,
  order: Uint32Array,
  laneFirst: Uint32Array,
  subRow: Uint16Array,
  subRows: Uint16Array,
): Tracks {
  const numLanes = source.lanes.length;
  const ofLane = new Uint32Array(numLanes + 1);
  for (let lane = 0; lane < numLanes; lane++) ofLane[lane + 1] = ofLane[lane]! + subRows[lane]!;
  const numTracks = ofLane[numLanes]!;
  const first = new Uint32Array(numTracks + 1);
  for (let row = 0; row < source.numSpans; row++) first[ofLane[source.lane[row]!]! + subRow[row]! + 1]!++;
  for (let track = 0; track < numTracks; track++) first[track + 1]! += first[track]!;
  const span = placeSpans(order, laneFirst, subRow, ofLane, first);
  const startNs = new Float64Array(span.length);
  const endNs = new Float64Array(span.length);
  for (let at = 0; at < span.length; at++) {
    startNs[at] = source.startNs[span[at]!]!;
    endNs[at] = source.endNs[span[at]!]!;
  }
  const { paint, paints } = paintSpans(source, span);
  return {
    ofLane,
    first,
    span,
    startNs,
    endNs,
    paint,
    paints,
    ...sumBlocks(first, startNs, endNs, paint, paints.length),
  };
}

function placeSpans(
  order: Uint32Array,
  laneFirst: Uint32Array,
  subRow: Uint16Array,
  ofLane: Uint32Array,
  first: Uint32Array,
): Uint32Array {
  const span = new Uint32Array(order.length);
  const next = first.slice();
  for (let lane = 0; lane + 1 < laneFirst.length; lane++) {
    for (let at = laneFirst[lane]!; at < laneFirst[lane + 1]!; at++) {
      span[next[ofLane[lane]! + subRow[order[at]!]!]!++] = order[at]!;
    }
  }
  return span;
}

function paintSpans(source: TimelineSource, span: Uint32Array): Pick<Tracks, "paint" | "paints"> {
  const classOfKind = Uint8Array.from(source.kinds, ({ color }) => COLOR_CLASSES.indexOf(color));
  const indexOf = new Int16Array(256).fill(-1);
  const paints: Paint[] = [];
  const paint = new Uint8Array(span.length);
  for (let at = 0; at < span.length; at++) {
    const row = span[at]!;
    const flags = source.flags[row]! & 15;
    const code = classOfKind[source.kind[row]!]! * 16 + flags;
    if (indexOf[code]! < 0) {
      indexOf[code] = paints.length;
      paints.push({ color: COLOR_CLASSES[code >> 4]!, flags });
    }
    paint[at] = indexOf[code]!;
  }
  return { paint, paints };
}

function sumBlocks(
  first: Uint32Array,
  startNs: Float64Array,
  endNs: Float64Array,
  paint: Uint8Array,
  numPaints: number,
): Pick<Tracks, "firstBlock" | "busyNs"> {
  const numTracks = first.length - 1;
  const firstBlock = new Uint32Array(numTracks + 1);
  for (let track = 0; track < numTracks; track++) {
    firstBlock[track + 1] = firstBlock[track]! + Math.floor((first[track + 1]! - first[track]!) / BLOCK) + 1;
  }
  const busyNs = new Float64Array(firstBlock[numTracks]! * numPaints);
  const sums = new Float64Array(numPaints);
  for (let track = 0; track < numTracks; track++) {
    sums.fill(0);
    for (let at = first[track]!; at <= first[track + 1]!; at++) {
      const index = at - first[track]!;
      if (index % BLOCK === 0) busyNs.set(sums, (firstBlock[track]! + index / BLOCK) * numPaints);
      if (at < first[track + 1]!) sums[paint[at]!]! += endNs[at]! - startNs[at]!;
    }
  }
  return { firstBlock, busyNs };
}

/** First position in `[from, end)` whose start is at `ns` or later; `end` where there is none. Gallops: near ones are cheap. */
export function seekStart(startNs: Float64Array, from: number, end: number, ns: number): number {
  let step = 1;
  let low = from;
  while (low + step < end && startNs[low + step]! < ns) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, end);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startNs[middle]! < ns) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First position in `[from, end)` whose end is after `ns`, or is `ns` where it has no length. */
export function seekEnd(tracks: Tracks, from: number, end: number, ns: number): number {
  const { startNs, endNs } = tracks;
  let low = from;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endNs[middle]! > ns || (endNs[middle]! === ns && startNs[middle]! === ns)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Adds to `sums` the busy time by paint of positions `[from, to)` of a track. At most 2·`BLOCK` positions are looked at. */
export function addBusy(tracks: Tracks, track: number, from: number, to: number, sums: Float64Array): void {
  const { first, firstBlock, startNs, endNs, paint, paints, busyNs } = tracks;
  const origin = first[track]!;
  const lowBlock = Math.ceil((from - origin) / BLOCK);
  const highBlock = Math.floor((to - origin) / BLOCK);
  if (highBlock <= lowBlock) {
    for (let at = from; at < to; at++) sums[paint[at]!]! += endNs[at]! - startNs[at]!;
    return;
  }
  const lowAt = origin + lowBlock * BLOCK;
  const highAt = origin + highBlock * BLOCK;
  for (let at = from; at < lowAt; at++) sums[paint[at]!]! += endNs[at]! - startNs[at]!;
  for (let at = highAt; at < to; at++) sums[paint[at]!]! += endNs[at]! - startNs[at]!;
  const low = (firstBlock[track]! + lowBlock) * paints.length;
  const high = (firstBlock[track]! + highBlock) * paints.length;
  for (let index = 0; index < paints.length; index++) sums[index]! += busyNs[high + index]! - busyNs[low + index]!;
}
