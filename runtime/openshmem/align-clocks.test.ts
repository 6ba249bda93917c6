import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seed } from "../../test/support/campaign.ts";
import { type ClockSample, fitClock, toOurClock } from "./align-clocks.ts";

/** Exchanges whose two ways take random times, with a clock that is `offsetNs` off at 0 and drifts. */
const delays = fc.array(fc.tuple(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 1e6 })), {
  minLength: 1,
  maxLength: 40,
});

function exchange(fromNs: number, ways: [number, number][], offsetNs: number, drift: number): ClockSample[] {
  let nowNs = fromNs;
  return ways.map(([there, back]) => {
    const sentNs = nowNs;
    const readNs = sentNs + there;
    nowNs = readNs + back;
    return { sentNs, receivedNs: nowNs, thereNs: readNs + offsetNs + drift * readNs };
  });
}

describe("clocks", () => {
  test("are known within the error that the fit gives, from the first exchange to the last", () => {
    fc.assert(
      fc.property(
        delays,
        delays,
        fc.integer({ min: -1e12, max: 1e12 }),
        fc.double({ min: -1e-4, max: 1e-4, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (first, last, offsetNs, drift, share) => {
          const before = exchange(0, first, offsetNs, drift);
          const after = exchange(1e10, last, offsetNs, drift);
          const fit = fitClock(before, after);
          const firstNs = before.at(-1)!.receivedNs;
          const nowNs = firstNs + share * (after[0]!.sentNs - firstNs);
          const thereNs = nowNs + offsetNs + drift * nowNs;
          // A microsecond for what the clock drifts while it is read, and for rounding of 1e12 ns.
          expect(Math.abs(toOurClock(fit, thereNs) - nowNs)).toBeLessThanOrEqual(fit.errorNs * (1 + 1e-3) + 1000);
        },
      ),
      { numRuns: 1000, seed },
    );
  });

  test("that do not drift need one exchange", () => {
    const samples = [{ sentNs: 100, receivedNs: 140, thereNs: 1120 }];
    const fit = fitClock(samples, samples);
    expect(fit).toEqual({ offsetNs: 1000, drift: 0, atNs: 120, errorNs: 20 });
    expect(toOurClock(fit, 1500)).toBe(500);
  });
});
