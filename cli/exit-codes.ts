/** What the process ends with. */
export const exitCodes = {
  done: 0,
  /** Bad input or usage. */
  badInput: 2,
  /** No feasible plan. */
  infeasible: 3,
  /** The checker has findings. */
  findings: 4,
  /** A run did not come to its end. */
  runFailed: 5,
  /** A bug of ours (sysexits' EX_SOFTWARE). */
  bug: 70,
} as const;
