/** No op. */
export const NONE = -1;

/** The barriers in compressed rows: ops of the k-th barrier are `ops[start[k]]` to `ops[start[k + 1] − 1]`, by id. */
export interface Barriers {
  readonly start: Int32Array;
  readonly ops: Int32Array;
}

/** Writes of each signal in compressed rows: those of signal s are `ops[start[s]]` to `ops[start[s + 1] − 1]`, by id. */
export interface Writes {
  readonly start: Int32Array;
  readonly ops: Int32Array;
}

/** Who an op comes after, beside its `deps`: columns by op. */
export interface Links {
  /** The op before it on its stream, or `NONE`. */
  readonly previous: Int32Array;
  /** The op after it on its stream, or `NONE`. Two-sided only; empty otherwise. */
  readonly following: Int32Array;
  /** First op of its group, itself where it has none. Two-sided only; empty otherwise. */
  readonly groupFirst: Int32Array;
  /**
   * For a wait the write that first makes its word ≥ its value, for a send its receive and the other way round, for a
   * barrier how many barriers of its rank stand before it; `NONE` for what has no partner.
   */
  readonly partner: Int32Array;
  /** For a write of a signal the first wait that it is the partner of, for a wait the next one of the same write. */
  readonly nextWait: Int32Array;
  readonly barriers: Barriers;
  readonly writes: Writes;
}
