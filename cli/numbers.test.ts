import { expect, test } from "vitest";
import { bytesFlag, integerFlag, integersFlag, numberFlag } from "./numbers.ts";
import { formatBytes, formatNs, formatPercent } from "../plan/units.ts";

test.each([
  ["1073741824", 2 ** 30],
  ["1GiB", 2 ** 30],
  ["1.5 MiB", 1.5 * 2 ** 20],
  ["2kB", 2000],
  ["3G", 3e9],
  ["7B", 7],
  ["1e9", 1e9],
])("bytes %s", (text, bytes) => {
  expect(bytesFlag("--max-heap")(text)).toBe(bytes);
});

test.each(["", "0", "-1", "GiB", "1XB", "NaN", "1e99"])("no bytes: %j", (text) => {
  expect(() => bytesFlag("--max-heap")(text)).toThrow(/expected bytes/);
});

test.each(["", "NaN", "Infinity", "1e999", "0x10", "1_000", "ten", "1,5"])("no number: %j", (text) => {
  expect(() => numberFlag("--x")(text)).toThrow(/expected a number/);
});

test("whole numbers and lists of them", () => {
  expect(integerFlag("--x", 1)("2e3")).toBe(2000);
  expect(() => integerFlag("--x", 1)("0")).toThrow(/whole number from 1/);
  expect(() => integerFlag("--x", 1)("1.5")).toThrow(/whole number/);
  expect(integersFlag("--x")("0, 4,2")).toEqual([0, 4, 2]);
  expect(() => integersFlag("--x")("0,,1")).toThrow(/expected a number/);
});

test("figures are humanized", () => {
  expect([0, 999, 1023, 1024, 1536, 2 ** 40].map(formatBytes)).toEqual(
    ["0 B", "999 B", "1023 B", "1 KiB", "1.5 KiB", "1 TiB"], //
  );
  expect([0, 1e-9, 999.4, 999.6, 1234, 12_345, 123_456, 5e9].map(formatNs)).toEqual(
    ["0 ns", "0 ns", "999 ns", "1 µs", "1.23 µs", "12.3 µs", "123 µs", "5 s"], //
  );
  expect([formatPercent(0.5), formatPercent(0.0123, true), formatPercent(-0.5, true)]).toEqual(
    ["50.0 %", "+1.23 %", "-50.0 %"], //
  );
});
