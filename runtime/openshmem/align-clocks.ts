/** One exchange with another clock: asked at `sentNs` and answered at `receivedNs` of ours, `thereNs` of the other. */
export interface ClockSample {
  readonly sentNs: number;
  readonly receivedNs: number;
  readonly thereNs: number;
}

/** What the other clock shows when ours shows t: `t + offsetNs + drift · (t − atNs)`, within `errorNs`. */
export interface ClockFit {
  readonly offsetNs: number;
  readonly drift: number;
  readonly atNs: number;
  readonly errorNs: number;
}

/** The clock that is ours. */
export const OWN_CLOCK: ClockFit = { offsetNs: 0, drift: 0, atNs: 0, errorNs: 0 };

/**
 * Fits a clock to exchanges before and after a run. Of each the quickest counts: the other clock was read somewhere
 * between its two ends, so that its middle is wrong by half its length at most (Cristian, Distributed Computing 3, 1989).
 * Between the two the error is at most the larger one.
 */
export function fitClock(before: readonly ClockSample[], after: readonly ClockSample[]): ClockFit {
  const [first, last] = [quickest(before), quickest(after)];
  const spanNs = last.atNs - first.atNs;
  return {
    offsetNs: first.offsetNs,
    drift: spanNs > 0 ? (last.offsetNs - first.offsetNs) / spanNs : 0,
    atNs: first.atNs,
    errorNs: Math.max(first.errorNs, last.errorNs),
  };
}

/** What our clock shows when the other one shows `thereNs`. */
export function toOurClock({ offsetNs, drift, atNs }: ClockFit, thereNs: number): number {
  return atNs + (thereNs - offsetNs - atNs) / (1 + drift);
}

function quickest(samples: readonly ClockSample[]): { offsetNs: number; atNs: number; errorNs: number } {
  const best = samples.reduce((least, sample) => (lengthOf(sample) < lengthOf(least) ? sample : least));
  const atNs = (best.sentNs + best.receivedNs) / 2;
  return { offsetNs: best.thereNs - atNs, atNs, errorNs: lengthOf(best) / 2 };
}

function lengthOf({ sentNs, receivedNs }: ClockSample): number {
  return receivedNs - sentNs;
}
