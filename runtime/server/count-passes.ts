import type { RunProgress } from "../job.ts";

/** Passes done and to do. */
export interface Passes {
  readonly done: number;
  readonly total: number;
}

/**
 * Counts passes from what a run tells of itself: each begins with no op ended, so a fraction that falls back is a pass that
 * has ended. Short ones go by unseen and warm-up may take several: `done` is what was seen of `timed` passes and one to
 * warm up, and all of them once the run has gone on to its next phase.
 */
export function countPasses(timed: number): (progress: RunProgress) => Passes {
  const total = timed + 1;
  let done = 0;
  let last = 0;
  return ({ phase, fraction }) => {
    if (phase === "running") {
      if (fraction < last) done = Math.min(done + 1, total - 1);
      last = fraction;
    } else if (phase !== "starting") done = total;
    return { done, total };
  };
}
