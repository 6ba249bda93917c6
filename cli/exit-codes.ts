/** What the process ends with; 5 (a run failed) belongs to `run`. */
export const exitCodes = {
  done: 0,
  /** Bad input or usage. */
  badInput: 2,
  /** No feasible plan. */
  infeasible: 3,
  /** The checker has findings. */
  findings: 4,
  /** A bug of ours (sysexits' EX_SOFTWARE). */
  bug: 70,
} as const;
