import fc from "fast-check";
import { expect, test } from "vitest";
import { betweenNs, durationNs, parseClock, TimeUnit } from "./clock.ts";

test("a time since 1970 in µs keeps its nanoseconds", () => {
  const start = parseClock("1743521598000000.463", TimeUnit.us)!;
  const end = parseClock("1743521598000001.001", TimeUnit.us)!;
  expect(start).toEqual({ us: 1743521598000000, ns: 463 });
  expect(betweenNs(start, end)).toBe(538);
});

test.each([
  ["0", TimeUnit.ns, 0],
  ["-0.5", TimeUnit.us, -500],
  ["+7", TimeUnit.ns, 7],
  [" 1.5e3 ", TimeUnit.us, 1_500_000],
  ["2.5E-1", TimeUnit.us, 250],
  ["3.000001", TimeUnit.ms, 3_000_001],
  ["12", TimeUnit.s, 12e9],
  ["0.4635", TimeUnit.us, 463.5],
])("%s in units of 10^%d ns", (text, unit, ns) => {
  expect(durationNs(parseClock(text, unit)!)).toBe(ns);
});

test.each(["", "-", ".", "abc", "1 2", "1e", "1e+", "0x10", "NaN", "1".repeat(400), "1e999"])(
  "%j is no time",
  (text) => {
    expect(parseClock(text, TimeUnit.us)).toBeNull();
  },
);

test("as whole numbers of nanoseconds say, in every unit", () => {
  const digits = { ns: 0n, us: 3n, ms: 6n, s: 9n };
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }),
      fc.constantFrom("ns" as const, "us" as const, "ms" as const, "s" as const),
      (ns, unit) => {
        const scale = 10n ** digits[unit];
        const size = ns < 0n ? -ns : ns;
        const fraction = String(size % scale).padStart(Number(digits[unit]), "0");
        const text = `${ns < 0n ? "-" : ""}${size / scale}${unit === "ns" ? "" : `.${fraction}`}`;
        const time = parseClock(text, TimeUnit[unit])!;
        expect(1000n * BigInt(time.us) + BigInt(time.ns)).toBe(ns);
      },
    ),
  );
});
