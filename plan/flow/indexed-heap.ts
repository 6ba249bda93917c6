import { growFloats, growInts } from "./grow.ts";

const ABSENT = -1;

/**
 * A binary heap of the ids 0..n−1, each at most once, ordered by (key, id); keys can be changed in place.
 * Allocates only when `reserve` grows it. Keys are doubles but never NaN, which is not checked.
 */
export class IndexedHeap {
  #keys: Float64Array;
  #ids: Int32Array;
  #places: Int32Array;
  #size = 0;

  constructor(numIds: number) {
    this.#keys = new Float64Array(numIds);
    this.#ids = new Int32Array(numIds);
    this.#places = new Int32Array(numIds).fill(ABSENT);
  }

  /** Makes room for ids below `numIds`. */
  reserve(numIds: number): void {
    if (numIds <= this.#ids.length) return;
    this.#keys = growFloats(this.#keys, numIds);
    this.#ids = growInts(this.#ids, numIds);
    this.#places = growInts(this.#places, numIds, ABSENT);
  }

  get size(): number {
    return this.#size;
  }

  /** The least key, or Infinity on an empty heap. */
  minKey(): number {
    return this.#size === 0 ? Infinity : this.#keys[this.#ids[0]!]!;
  }

  /** Inserts `id`, or changes its key. */
  set(id: number, key: number): void {
    const place = this.#places[id]!;
    if (place === ABSENT) {
      this.#keys[id] = key;
      this.#rise(this.#size++, id, key);
      return;
    }
    const before = this.#keys[id]!;
    this.#keys[id] = key;
    if (key < before) this.#rise(place, id, key);
    else if (key > before) this.#sink(place, id, key);
  }

  /** Takes out and returns the id with the least (key, id); only on a heap that is not empty. */
  pop(): number {
    const id = this.#ids[0]!;
    this.#places[id] = ABSENT;
    const last = this.#ids[--this.#size]!;
    if (this.#size > 0) this.#sink(0, last, this.#keys[last]!);
    return id;
  }

  #rise(from: number, id: number, key: number): void {
    const ids = this.#ids;
    const keys = this.#keys;
    const places = this.#places;
    let hole = from;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = ids[parent]!;
      const aboveKey = keys[above]!;
      if (aboveKey < key || (aboveKey === key && above < id)) break;
      ids[hole] = above;
      places[above] = hole;
      hole = parent;
    }
    ids[hole] = id;
    places[id] = hole;
  }

  #sink(from: number, id: number, key: number): void {
    const ids = this.#ids;
    const keys = this.#keys;
    const places = this.#places;
    const size = this.#size;
    let hole = from;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      let below = ids[child]!;
      let belowKey = keys[below]!;
      if (child + 1 < size) {
        const other = ids[child + 1]!;
        const otherKey = keys[other]!;
        if (otherKey < belowKey || (otherKey === belowKey && other < below)) {
          child++;
          below = other;
          belowKey = otherKey;
        }
      }
      if (belowKey > key || (belowKey === key && below > id)) break;
      ids[hole] = below;
      places[below] = hole;
      hole = child;
    }
    ids[hole] = id;
    places[id] = hole;
  }
}
