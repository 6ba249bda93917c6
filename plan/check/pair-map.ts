/** A map from one number (below 2^53) to a pair of int32: open addressing in typed arrays, grown at half load. */
export interface PairMap {
  /** First and second of each entry; a new entry has −1 in both. Replaced when the map grows: read them after `find`. */
  values: Int32Array;
  ats: Int32Array;
  /** Index of the key's entry, which is made if it is not there; good until the next `find`. */
  find(key: number): number;
  /** The key's first value, −1 where it is not there. */
  get(key: number): number;
  set(entry: number, value: number, at: number): void;
}

/** Knuth's multiplicative hashing: 2^32 / φ. */
const MULTIPLIER = 2654435769;
const EMPTY = -1;

export function createPairMap(): PairMap {
  let capacity = 1024;
  let keys = new Float64Array(capacity).fill(EMPTY);
  let size = 0;

  function place(key: number): number {
    const mixed = Math.imul((key % 4294967296) ^ Math.imul(Math.floor(key / 4294967296), 40503), MULTIPLIER);
    let entry = (mixed ^ (mixed >>> 15)) & (capacity - 1);
    while (keys[entry] !== key && keys[entry] !== EMPTY) entry = (entry + 1) & (capacity - 1);
    return entry;
  }

  function grow(): void {
    const { values, ats } = map;
    const oldKeys = keys;
    capacity *= 2;
    keys = new Float64Array(capacity).fill(EMPTY);
    map.values = new Int32Array(capacity).fill(-1);
    map.ats = new Int32Array(capacity).fill(-1);
    for (let i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] === EMPTY) continue;
      const entry = place(oldKeys[i]!);
      keys[entry] = oldKeys[i]!;
      map.values[entry] = values[i]!;
      map.ats[entry] = ats[i]!;
    }
  }

  const map: PairMap = {
    values: new Int32Array(capacity).fill(-1),
    ats: new Int32Array(capacity).fill(-1),
    find(key) {
      let entry = place(key);
      if (keys[entry] === key) return entry;
      if (2 * ++size > capacity) {
        grow();
        entry = place(key);
      }
      keys[entry] = key;
      return entry;
    },
    get(key) {
      const entry = place(key);
      return keys[entry] === key ? map.values[entry]! : -1;
    },
    set(entry, value, at) {
      map.values[entry] = value;
      map.ats[entry] = at;
    },
  };
  return map;
}
