const FAN_OUT = 32;
const SHIFT = 5;

/**
 * Keys of the ids 0..n−1, and the least of them: a tree in which each node holds the least of 32 below. Changing a key only
 * marks its node; `min` brings the marked nodes up to date, once each. So changing many keys between two questions costs
 * little more than writing them, where a heap would move each to its place. Keys are doubles but never NaN.
 */
export class MinTree {
  /** `levels[0]` holds the keys, each further level the least of 32 of the one before; the last has at most 32. */
  #levels: Float64Array[] = [];
  #isMarked: Uint8Array[] = [];
  #marked: Int32Array[] = [];
  #numMarked: Int32Array = new Int32Array(0);

  constructor(numIds: number) {
    this.#build(numIds, new Float64Array(0));
  }

  /** Makes room for ids below `numIds`. */
  reserve(numIds: number): void {
    const keys = this.#levels[0]!;
    if (numIds > keys.length) this.#build(numIds, keys);
  }

  /** Gives `id` a key; Infinity takes it out. */
  set(id: number, key: number): void {
    this.#levels[0]![id] = key;
    const node = id >> SHIFT;
    if (this.#isMarked[0]![node] !== 0) return;
    this.#isMarked[0]![node] = 1;
    this.#marked[0]![this.#numMarked[0]!++] = node;
  }

  /** The least key; Infinity if there is none. */
  min(): number {
    const top = this.#levels.length - 1;
    for (let level = 0; level < top; level++) this.#update(level);
    return leastOf(this.#levels[top]!, 0, this.#levels[top]!.length);
  }

  /** Writes the ids whose key is at most `limit` to `ids`, ascending; returns how many. Right after `min`. */
  atMost(limit: number, ids: Int32Array): number {
    const top = this.#levels.length - 1;
    return this.#descend(top, 0, limit, ids, 0);
  }

  #descend(level: number, node: number, limit: number, ids: Int32Array, count: number): number {
    const keys = this.#levels[level]!;
    const begin = node * FAN_OUT;
    const end = Math.min(begin + FAN_OUT, keys.length);
    let found = count;
    for (let i = begin; i < end; i++) {
      if (!(keys[i]! <= limit)) continue;
      if (level === 0) ids[found++] = i;
      else found = this.#descend(level - 1, i, limit, ids, found);
    }
    return found;
  }

  /** Brings the nodes above `level` up to date, and marks theirs where they changed. */
  #update(level: number): void {
    const keys = this.#levels[level]!;
    const above = this.#levels[level + 1]!;
    const marked = this.#marked[level]!;
    const isMarked = this.#isMarked[level]!;
    const hasNext = level + 2 < this.#levels.length;
    for (let i = 0, n = this.#numMarked[level]!; i < n; i++) {
      const node = marked[i]!;
      isMarked[node] = 0;
      const begin = node * FAN_OUT;
      above[node] = leastOf(keys, begin, begin + FAN_OUT);
      if (!hasNext) continue;
      const next = node >> SHIFT;
      const isNextMarked = this.#isMarked[level + 1]!;
      if (isNextMarked[next] !== 0) continue;
      isNextMarked[next] = 1;
      this.#marked[level + 1]![this.#numMarked[level + 1]!++] = next;
    }
    this.#numMarked[level] = 0;
  }

  #build(numIds: number, keys: Float64Array): void {
    const sizes = [roundUp(numIds)];
    while (sizes.at(-1)! > FAN_OUT) sizes.push(roundUp(sizes.at(-1)! / FAN_OUT));
    this.#levels = sizes.map((size) => new Float64Array(size).fill(Infinity));
    this.#isMarked = sizes.map((size) => new Uint8Array(size / FAN_OUT));
    this.#marked = sizes.map((size) => new Int32Array(size / FAN_OUT));
    this.#numMarked = new Int32Array(sizes.length);
    for (const [id, key] of keys.entries()) this.set(id, key);
  }
}

function leastOf(keys: Float64Array, begin: number, end: number): number {
  let least = Infinity;
  for (let i = begin; i < end; i++) {
    const key = keys[i]!;
    if (key < least) least = key;
  }
  return least;
}

function roundUp(count: number): number {
  return Math.max(1, Math.ceil(count / FAN_OUT)) * FAN_OUT;
}
