import fc from "fast-check";
import { expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { fitLine, percentile } from "./fit-line.ts";

const sizes = Array.from({ length: 28 }, (_, index) => 8 * 2 ** index);

/** Times of a line with relative noise between −1 and 1 times `level`. */
function samplesOf(latencyNs: number, nsPerByte: number, noise: readonly number[], level: number) {
  return sizes.map((bytes, at) => ({ bytes, ns: (latencyNs + bytes * nsPerByte) * (1 + level * noise[at]!) }));
}

const noises = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 28, maxLength: 28 });
const latencies = fc.double({ min: 2_000, max: 100_000, noNaN: true });
const rates = fc.double({ min: Math.log(1e-3), max: Math.log(1), noNaN: true }).map(Math.exp);

test("finds latency and rate of a noisy line within the noise", () => {
  const property = fc.property(latencies, rates, noises, (latencyNs, nsPerByte, noise) => {
    const fit = fitLine(samplesOf(latencyNs, nsPerByte, noise, 0.03))!;
    expect(Math.abs(fit.nsPerByte! / nsPerByte - 1)).toBeLessThan(0.04);
    expect(Math.abs(fit.latencyNs! / latencyNs - 1)).toBeLessThan(0.04);
    expect(percentile(fit.rates, 0)).toBeLessThan(1.1 * nsPerByte);
  });
  fc.assert(property, { seed, numRuns: campaign(2_000) });
});

test("a single outlier among large sizes changes nothing", () => {
  const noise = sizes.map((_, at) => Math.sin(at));
  const place = fc.integer({ min: 20, max: 27 });
  const property = fc.property(place, fc.double({ min: 1.5, max: 20, noNaN: true }), (at, factor) => {
    const samples = samplesOf(10_000, 0.01, noise, 0.005).map((sample, index) =>
      index === at ? { ...sample, ns: sample.ns * factor } : sample,
    );
    expect(Math.abs(fitLine(samples)!.nsPerByte! / 0.01 - 1)).toBeLessThan(0.01);
  });
  fc.assert(property, { seed, numRuns: campaign(1_000) });
});

test("large sizes alone tell no latency, small ones no rate", () => {
  const samples = samplesOf(
    10_000,
    0.01,
    sizes.map(() => 0),
    0,
  );
  expect(fitLine(samples.slice(-3))).toMatchObject({ latencyNs: null });
  expect(fitLine(samples.slice(-1))!.nsPerByte).toBeCloseTo(0.01, 3);
  const small = fitLine(samples.slice(0, 8))!;
  expect(small.nsPerByte).toBeNull();
  expect(small.latencyNs).toBeCloseTo(10_000, -2);
  expect(fitLine(samples.slice(0, 1))!.nsPerByte).toBeNull();
  expect(fitLine([])).toBeNull();
});

test("percentiles lie between their neighbors", () => {
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
  expect(percentile([0, 10], 0.1)).toBeCloseTo(1);
  expect(percentile([], 0.5)).toBeNaN();
});
