import { assert } from "../../plan/errors.ts";

/** Which numbers: those of one tensor of one group of ranks, from element `first` on (0 where it is left out). */
export interface RandomPart {
  /** An integer from 0 to 2^53 − 1. */
  readonly seed: number;
  readonly tensor: "q" | "k" | "v";
  readonly group: number;
  readonly first?: number;
}

/** Elements that share a key; within a block a counter and the key make the number. */
const BLOCK = 2 ** 16;
const CELL_BITS = 10;
const CELLS = 2 ** CELL_BITS;
const FRACTION_BITS = 32 - CELL_BITS;
const FRACTION_MASK = 2 ** FRACTION_BITS - 1;
/** 2^32 divided by the golden ratio, made odd; as a signed word. */
const WEYL = 0x9e3779b9 | 0;
const SQRT_TWO_PI = 2.5066282746310002;

/**
 * Fills `target` with normal numbers (mean 0, variance 1, none beyond ±4): elements `[first, first + length)` of a tensor
 * that any part can be made of without the others. The same on every platform: integers, and IEEE arithmetic in an order
 * that is fixed. A number is the inverse of the normal distribution function, linear between 1024 quantiles, of 32 bits
 * from murmur3's finalizer over a Weyl sequence (as in SplitMix, Steele et al. 2014). Not for cryptography.
 */
export function fillRandom(target: Float32Array, { seed, tensor, group, first = 0 }: RandomPart): void {
  assert(Number.isSafeInteger(seed) && seed >= 0, `seed ${seed}`);
  assert(Number.isSafeInteger(first + target.length) && first >= 0, `element ${first} of a tensor`);
  const stream = [seed, Math.floor(seed / 2 ** 32), tensor.charCodeAt(0), group];
  for (let at = 0; at < target.length; ) {
    const block = Math.floor((first + at) / BLOCK);
    const end = Math.min(target.length, (block + 1) * BLOCK - first);
    const key = [...stream, block, Math.floor(block / 2 ** 32)].reduce(
      (hash, word) => (mix(hash ^ word) + WEYL) | 0,
      WEYL,
    );
    fillBlock(target, at, end, key, first + at - block * BLOCK);
    at = end;
  }
}

/** The finalizer of MurmurHash3 (32 bits; Appleby, public domain). */
function mix(word: number): number {
  let hash = word ^ (word >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function fillBlock(target: Float32Array, start: number, end: number, key: number, counter: number): void {
  const { base, slope } = quantiles;
  let state = (key + Math.imul(counter, WEYL)) | 0;
  for (let at = start; at < end; at++) {
    const bits = mix(state);
    const cell = bits >>> FRACTION_BITS;
    target[at] = base[cell]! + slope[cell]! * (bits & FRACTION_MASK);
    state = (state + WEYL) | 0;
  }
}

const quantiles = tabulate();

/** The inverse of the distribution function at the cells' borders, as value and slope, scaled to a variance of 1. */
function tabulate(): { base: Float64Array; slope: Float64Array } {
  const borders = Float64Array.from({ length: CELLS + 1 }, (_, i) => quantile(i / CELLS));
  // Linear within cells of equal weight: E[x²] of a cell from a to b is (a² + ab + b²)/3.
  let variance = 0;
  for (let i = 0; i < CELLS; i++) {
    const [a, b] = [borders[i]!, borders[i + 1]!];
    variance += (a * a + a * b + b * b) / (3 * CELLS);
  }
  const scale = 1 / Math.sqrt(variance);
  const base = borders.slice(0, CELLS).map((border) => scale * border);
  const slope = base.map((_, i) => (scale * (borders[i + 1]! - borders[i]!)) / 2 ** FRACTION_BITS);
  return { base, slope };
}

/** Where the distribution function reaches `share`, to some 1e-12, or ±4 at the ends; by bisection. */
function quantile(share: number): number {
  let [low, high] = [-4, 4];
  if (share <= 0 || share >= 1) return share <= 0 ? low : high;
  for (let i = 0; i < 44; i++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Φ(x) = ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …), with e^(x²/2) by its series: `Math.exp` may differ between engines in the
 * last bit.
 */
function normalShare(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 3; n < 120; n += 2) sum += term *= (x * x) / n;
  let [power, exponential] = [1, 1];
  for (let n = 1; n < 80; n++) exponential += power *= (x * x) / 2 / n;
  return 0.5 + sum / (exponential * SQRT_TWO_PI);
}
