import { TILE_QUERIES } from "../../plan/schedule/attend-calls.ts";

/** Added to the score of a key that a query does not see: its weight is then 0 next to any other. */
const UNSEEN = -1e30;

/** Biases of tiles on the diagonal, `[queries, keys]`: query i sees keys 0…i. One for each number of keys. */
export class CausalMasks {
  readonly #masks = new Map<number, Float32Array>();

  /** The first `numQueries` (at most `TILE_QUERIES`) rows of the mask with `numKeys` columns. */
  mask(numQueries: number, numKeys: number): Float32Array {
    let mask = this.#masks.get(numKeys);
    if (mask === undefined) {
      mask = new Float32Array(TILE_QUERIES * numKeys);
      for (let query = 0; query < TILE_QUERIES; query++)
        mask.fill(UNSEEN, query * numKeys + Math.min(numKeys, query + 1), (query + 1) * numKeys);
      this.#masks.set(numKeys, mask);
    }
    return mask.subarray(0, numQueries * numKeys);
  }
}
