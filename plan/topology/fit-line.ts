import { median } from "../statistics.ts";

/** A measured time for a size. */
export interface Sample {
  readonly bytes: number;
  readonly ns: number;
}

/** What a straight line through sizes and times says: `ns = latency + bytes · nsPerByte` at either end of the sizes. */
export interface LineFit {
  /** Null where times hardly grow with sizes yet. */
  readonly nsPerByte: number | null;
  /** Standard error of `nsPerByte` over it. */
  readonly relativeError: number;
  /** `nsPerByte` as each sample of the large end gives it alone. */
  readonly rates: readonly number[];
  /** Time of the smallest sizes without what their bytes take; null where no size is small enough to tell. */
  readonly latencyNs: number | null;
  /** The same as each sample of the small end gives it alone. */
  readonly latencies: readonly number[];
}

/** Sizes count as large from the first one that reaches this share of the best rate. */
const largeShare = 0.8;
/** Sizes count as small where their bytes take at most this share of the time. */
const smallShare = 0.05;
/** Residuals beyond this many standard deviations count for nothing (Tukey's biweight, 95 % efficient). */
const biweight = 4.685;
/** The least standard deviation that is believed: clocks and printed digits are no better. */
const leastDeviation = 0.002;
/** Times tell a rate where they grow by at least this power of the size at the large end. */
const leastGrowth = 0.5;
/** Powers of two that this growth is sought among, the largest ones. */
const leadingPowers = 5;
/** A single size tells a rate from here on. */
const surelyLarge = 16 * 2 ** 20;
/** Least number of sizes, and of times that the largest is the smallest, to tell latency and rate apart. */
const leastSizes = 3;
const leastRange = 4;

/**
 * Fits the rate on the large sizes and the latency on the small ones, since protocols differ between them and the sizes
 * in the middle follow neither. Weights are relative, and outliers have none. Samples need positive sizes and times;
 * returns null for none.
 */
export function fitLine(samples: readonly Sample[]): LineFit | null {
  if (samples.length === 0) return null;
  if (!tellsRate(samples)) {
    const latencies = samples.map(({ ns }) => ns);
    return { nsPerByte: null, relativeError: 0, rates: [], latencyNs: median(latencies), latencies };
  }
  const large = largeSamples(samples);
  const first = slopeThrough(large, 0);
  const latencies = smallLatencies(samples, first);
  const latencyNs = latencies.length === 0 ? null : median(latencies);
  const { offset, slope, deviation } = fitLarge(large, latencyNs ?? 0);
  return {
    nsPerByte: slope,
    relativeError: Math.max(deviation, leastDeviation) / Math.sqrt(large.length),
    rates: large.map(({ bytes, ns }) => Math.max(ns - offset, ns / 2) / bytes),
    latencyNs,
    latencies,
  };
}

/** Whether times grow with the largest sizes: by the median of all pairs of them, so that one outlier does not count. */
function tellsRate(samples: readonly Sample[]): boolean {
  const sizes = byPowerOfTwo(samples).slice(0, leadingPowers);
  const growths = sizes.flatMap((large, at) =>
    sizes.slice(at + 1).map((small) => Math.log(large.ns / small.ns) / Math.log(large.bytes / small.bytes)),
  );
  return growths.length === 0 ? sizes[0]!.bytes >= surelyLarge : median(growths) >= leastGrowth;
}

/** The median sample of each power of two that sizes are nearest to, the largest first. */
function byPowerOfTwo(samples: readonly Sample[]): readonly Sample[] {
  const powers = new Map<number, Sample[]>();
  for (const sample of samples) {
    const power = Math.round(Math.log2(sample.bytes));
    const near = powers.get(power) ?? [];
    near.push(sample);
    powers.set(power, near);
  }
  const medians = Array.from(powers.values(), (near) => ({
    bytes: median(near.map(({ bytes }) => bytes)),
    ns: median(near.map(({ ns }) => ns)),
  }));
  return medians.sort((x, y) => y.bytes - x.bytes);
}

function largeSamples(samples: readonly Sample[]): readonly Sample[] {
  const rates = samples.map(({ bytes, ns }) => bytes / ns).sort((a, b) => b - a);
  const best = median(rates.slice(0, 3));
  const reached = samples.filter(({ bytes, ns }) => bytes / ns >= largeShare * best);
  const least = reached.reduce((a, { bytes }) => Math.min(a, bytes), Number.POSITIVE_INFINITY);
  return samples.filter(({ bytes }) => bytes >= least);
}

function smallLatencies(samples: readonly Sample[], nsPerByte: number): readonly number[] {
  return samples
    .map(({ bytes, ns }) => ({ ns, rest: ns - bytes * nsPerByte }))
    .filter(({ ns, rest }) => rest >= (1 - smallShare) * ns)
    .map(({ rest }) => rest);
}

interface Line {
  readonly offset: number;
  readonly slope: number;
  /** Standard deviation of the relative residuals. */
  readonly deviation: number;
}

/** The line through the large samples; its offset is fixed where their sizes are too few or too close to tell. */
function fitLarge(large: readonly Sample[], latencyNs: number): Line {
  let line: Line = { offset: 0, slope: slopeThrough(large, 0), deviation: 0 };
  if (!isWide(large)) {
    const offset = large.reduce((least, { ns }) => Math.min(least, ns / 2), latencyNs);
    line = { offset, slope: slopeThrough(large, offset), deviation: 0 };
    return { ...line, deviation: deviationOf(large, line) };
  }
  for (let turn = 0; turn < 8; turn++) {
    const weights = weightsOf(large, line);
    line = leastSquares(large, weights);
    line = { ...line, deviation: deviationOf(large, line) };
  }
  return line;
}

function isWide(samples: readonly Sample[]): boolean {
  const sizes = new Set(samples.map(({ bytes }) => bytes));
  const most = samples.reduce((a, { bytes }) => Math.max(a, bytes), 0);
  const least = samples.reduce((a, { bytes }) => Math.min(a, bytes), most);
  return sizes.size >= leastSizes && most >= leastRange * least;
}

/** Median of what each sample alone gives. */
function slopeThrough(samples: readonly Sample[], offset: number): number {
  return median(samples.map(({ bytes, ns }) => (ns - offset) / bytes));
}

function residualsOf(samples: readonly Sample[], { offset, slope }: Line): readonly number[] {
  return samples.map(({ bytes, ns }) => (offset + slope * bytes) / ns - 1);
}

/** From the median of absolute residuals, so that outliers do not widen it. */
function deviationOf(samples: readonly Sample[], line: Line): number {
  return 1.4826 * median(residualsOf(samples, line).map(Math.abs));
}

function weightsOf(samples: readonly Sample[], line: Line): readonly number[] {
  const deviation = Math.max(deviationOf(samples, line), leastDeviation);
  return residualsOf(samples, line).map((residual, index) => {
    const far = residual / (biweight * deviation);
    return Math.abs(far) >= 1 ? 0 : (1 - far * far) ** 2 / samples[index]!.ns ** 2;
  });
}

/** Weighted least squares with an offset of at least 0. */
function leastSquares(samples: readonly Sample[], weights: readonly number[]): Line {
  let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0];
  const scale = samples.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  for (const [index, { bytes, ns }] of samples.entries()) {
    const [weight, x] = [weights[index]!, bytes / scale];
    w += weight;
    wx += weight * x;
    wy += weight * ns;
    wxx += weight * x * x;
    wxy += weight * x * ns;
  }
  const slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  const offset = (wy - slope * wx) / w;
  const isSane = offset >= 0 && slope > 0;
  return { offset: isSane ? offset : 0, slope: (isSane ? slope : wxy / wxx) / scale, deviation: 0 };
}

/** The value below which a share of the values lies, interpolated between neighbors; NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below === undefined || above === undefined ? Number.NaN : below + (above - below) * (at - Math.floor(at));
}
