import type { PreparedTimeline } from "../model-types.ts";
import type { TimelineSource } from "../timeline-source.ts";
import { makeTracks } from "./tracks.ts";

/** Sub-rows of a lane that are told apart; spans beyond share the last one. */
const MAX_SUB_ROWS = 65_535;

/** Sorts spans by lane and start and gives those that overlap rows of their own. O(n log n); O(n) where lanes are in order. */
export function prepareTimeline(source: TimelineSource): PreparedTimeline {
  const { numSpans, startNs, endNs } = source;
  const { order, laneFirst } = sortByLane(source);
  const subRows = new Uint16Array(source.lanes.length).fill(1);
  const subRow = new Uint16Array(numSpans);
  for (let lane = 0; lane < source.lanes.length; lane++) {
    subRows[lane] = assignSubRows(source, order, laneFirst[lane]!, laneFirst[lane + 1]!, subRow);
  }
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < numSpans; row++) {
    if (startNs[row]! < first) first = startNs[row]!;
    if (endNs[row]! > last) last = endNs[row]!;
  }
  return {
    source,
    startNs: numSpans === 0 ? 0 : first,
    endNs: numSpans === 0 ? 1 : Math.max(last, first),
    subRows,
    subRow,
    tracks: makeTracks(source, order, laneFirst, subRow, subRows),
  };
}

/** Rows by lane, then start, then row; and where each lane begins. */
function sortByLane({ numSpans, lane, lanes, startNs }: TimelineSource): {
  readonly order: Uint32Array;
  readonly laneFirst: Uint32Array;
} {
  const laneFirst = new Uint32Array(lanes.length + 1);
  for (let row = 0; row < numSpans; row++) laneFirst[lane[row]! + 1]!++;
  for (let index = 0; index < lanes.length; index++) laneFirst[index + 1]! += laneFirst[index]!;
  const order = new Uint32Array(numSpans);
  const next = laneFirst.slice();
  for (let row = 0; row < numSpans; row++) order[next[lane[row]!]!++] = row;
  for (let index = 0; index < lanes.length; index++) {
    const part = order.subarray(laneFirst[index]!, laneFirst[index + 1]!);
    let isSorted = true;
    for (let at = 1; at < part.length && isSorted; at++) isSorted = startNs[part[at - 1]!]! <= startNs[part[at]!]!;
    if (!isSorted) part.sort((a, b) => startNs[a]! - startNs[b]! || a - b);
  }
  return { order, laneFirst };
}

/**
 * The first free row for each span in order of start: as few rows as spans overlap at most (interval partitioning). Busy
 * rows wait in a heap by when they end, free ones in a heap by their number. Returns the number of rows.
 */
function assignSubRows(
  { startNs, endNs }: TimelineSource,
  order: Uint32Array,
  from: number,
  to: number,
  subRow: Uint16Array,
): number {
  let freeAtNs = Number.NEGATIVE_INFINITY;
  let at = from;
  // Most lanes are streams, whose spans follow each other.
  for (; at < to && startNs[order[at]!]! >= freeAtNs; at++) freeAtNs = endNs[order[at]!]!;
  if (at === to) return 1;
  const busy = new Heap();
  const free = new Heap();
  let numRows = 0;
  for (at = from; at < to; at++) {
    const row = order[at]!;
    while (busy.size > 0 && busy.leastKey <= startNs[row]!) {
      const released = busy.pop();
      free.push(released, released);
    }
    const index = free.size > 0 ? free.pop() : Math.min(numRows++, MAX_SUB_ROWS - 1);
    subRow[row] = index;
    busy.push(endNs[row]!, index);
  }
  return Math.min(numRows, MAX_SUB_ROWS);
}

/** A binary heap of values, the least key first. */
class Heap {
  readonly #keys: number[] = [];
  readonly #values: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get leastKey(): number {
    return this.#keys[0]!;
  }

  push(key: number, value: number): void {
    let at = this.#keys.length;
    for (let parent = (at - 1) >> 1; at > 0 && this.#keys[parent]! > key; parent = (at - 1) >> 1) {
      this.#keys[at] = this.#keys[parent]!;
      this.#values[at] = this.#values[parent]!;
      at = parent;
    }
    this.#keys[at] = key;
    this.#values[at] = value;
  }

  pop(): number {
    const value = this.#values[0]!;
    const key = this.#keys.pop()!;
    const moved = this.#values.pop()!;
    const size = this.#keys.length;
    if (size === 0) return value;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#keys[child + 1]! < this.#keys[child]!) child++;
      if (this.#keys[child]! >= key) break;
      this.#keys[at] = this.#keys[child]!;
      this.#values[at] = this.#values[child]!;
      at = child;
    }
    this.#keys[at] = key;
    this.#values[at] = moved;
    return value;
  }
}
