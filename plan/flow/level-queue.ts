import { growInts } from "./grow.ts";

const NONE = -1;
/** Sixteen octaves of 2048 buckets each: 32³, so that three levels of 32-bit words say which are filled. */
const NUM_BUCKETS = 32768;
/** Keeps 11 bits of a double's mantissa, counted in the upper half of the double. */
const DROPPED_BITS = 9;

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
/** Index of the upper half of a double: 1 on little-endian machines. */
const UPPER = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/**
 * A set of ids that gives them back in roughly ascending order of a key ≥ 0: keys that differ by less than 2⁻¹¹ of their size,
 * that are below 2⁻¹⁶ of the largest key or above it, may come in any (but always the same) order. For work lists whose order
 * matters for speed, not for the result: it takes a few steps where a heap takes a walk.
 */
export class LevelQueue {
  size = 0;
  readonly #heads = new Int32Array(NUM_BUCKETS).fill(NONE);
  readonly #filled = new Int32Array(1024);
  readonly #filledWords = new Int32Array(32);
  #filledGroups = 0;
  #next: Int32Array;
  /** Negative while the id is not in; hot loops read it. */
  buckets: Int32Array;

  /** Of the bucket numbers that the bits of a key give, the first that is kept apart. */
  readonly #base: number;

  constructor(numIds: number, largestKey: number) {
    this.#base = bitsOf(largestKey) - (NUM_BUCKETS - 1);
    this.#next = new Int32Array(numIds);
    this.buckets = new Int32Array(numIds).fill(NONE);
  }

  /** Makes room for ids below `numIds`. */
  reserve(numIds: number): void {
    if (numIds <= this.buckets.length) return;
    this.#next = growInts(this.#next, numIds);
    this.buckets = growInts(this.buckets, numIds, NONE);
  }

  /** Makes `has` true for an id that nobody may add. */
  exclude(id: number): void {
    this.buckets[id] = 0;
  }

  has(id: number): boolean {
    return this.buckets[id]! >= 0;
  }

  /** Adds an id that is not in. */
  add(id: number, key: number): void {
    const bucket = Math.max(0, Math.min(bitsOf(key) - this.#base, NUM_BUCKETS - 1));
    this.buckets[id] = bucket;
    this.#next[id] = this.#heads[bucket]!;
    this.#heads[bucket] = id;
    this.size++;
    const word = bucket >> 5;
    const group = word >> 5;
    this.#filled[word]! |= 1 << (bucket & 31);
    this.#filledWords[group]! |= 1 << (word & 31);
    this.#filledGroups |= 1 << group;
  }

  /** Takes out an id of about the least key; only from a queue that is not empty. */
  pop(): number {
    const group = lowestBit(this.#filledGroups);
    const word = (group << 5) | lowestBit(this.#filledWords[group]!);
    const bucket = (word << 5) | lowestBit(this.#filled[word]!);
    const id = this.#heads[bucket]!;
    const next = this.#next[id]!;
    this.#heads[bucket] = next;
    this.buckets[id] = NONE;
    this.size--;
    if (next === NONE) this.#clearBits(bucket);
    return id;
  }

  #clearBits(bucket: number): void {
    const word = bucket >> 5;
    const group = word >> 5;
    if ((this.#filled[word]! &= ~(1 << (bucket & 31))) !== 0) return;
    if ((this.#filledWords[group]! &= ~(1 << (word & 31))) !== 0) return;
    this.#filledGroups &= ~(1 << group);
  }
}

/** Exponent and first bits of the mantissa: in the order of the keys. */
function bitsOf(key: number): number {
  double[0] = key;
  return halves[UPPER]! >>> DROPPED_BITS;
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
