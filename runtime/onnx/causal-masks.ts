/** Added to the score of a key that a query does not see: its weight is then 0 next to any other. */
const UNSEEN = -1e30;

/** Biases of tiles on the diagonal, `[queries, keys]`: query i sees keys 0…i. One for each number of keys. */
export class CausalMasks {
  readonly #masks = new Map<number, Float32Array>();

  mask(numQueries: number, numKeys: number): Float32Array {
    const length = numQueries * numKeys;
    let mask = this.#masks.get(numKeys);
    if (mask === undefined || mask.length < length) {
      mask = createMask(numQueries, numKeys);
      this.#masks.set(numKeys, mask);
    }
    return mask.subarray(0, length);
  }
}

function createMask(numQueries: number, numKeys: number): Float32Array {
  const mask = new Float32Array(numQueries * numKeys);
  for (let query = 0; query < numQueries; query++)
    mask.fill(UNSEEN, query * numKeys + Math.min(numKeys, query + 1), (query + 1) * numKeys);
  return mask;
}
