import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { encodeScheduleJson, jsonSizeEstimate } from "../schedule/codec-json.ts";
import { encodeSchedule, scheduleHash } from "../schedule/codec-packed.ts";
import { dumpSchedule } from "../schedule/dump.ts";
import { makeRingOfTwo } from "../schedule/fixture.test-support.ts";
import { readSchedule } from "../schedule/read-schedule.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { validateSchedule } from "../schedule/validate-schedule.ts";
import { encodeChromeTrace } from "../trace/codec-chrome.ts";
import { encodeTrace } from "../trace/codec-packed.ts";
import { compareTraces } from "../trace/compare.ts";
import { makeTrace } from "../trace/fixture.test-support.ts";
import { readTrace } from "../trace/read-trace.ts";
import type { Trace } from "../trace/trace.ts";

type Mutation = (bytes: Uint8Array) => Uint8Array;

function utf8(chunks: Iterable<string>): Uint8Array {
  return new TextEncoder().encode([...chunks].join(""));
}

/** A place from 0 up to 1; `fc.double` would nearly always be next to 0. */
const anywhere = fc.nat(2 ** 30 - 1).map((place) => place / 2 ** 30);

/** One change at a random place: a byte, a bit, a run that is cut out, doubled, or replaced. */
const byteMutation: fc.Arbitrary<Mutation> = fc
  .record({
    what: fc.constantFrom("set", "flip", "cut", "double", "truncate", "replace"),
    at: anywhere,
    length: fc.integer({ min: 1, max: 64 }),
    value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
  })
  .map(({ what, at, length, value }) => (bytes) => {
    const start = Math.floor(at * bytes.length);
    const end = Math.min(bytes.length, start + length);
    const copy = bytes.slice();
    if (what === "truncate") return copy.subarray(0, start);
    if (what === "cut") return Uint8Array.of(...bytes.subarray(0, start), ...bytes.subarray(end));
    if (what === "double") return Uint8Array.of(...bytes.subarray(0, end), ...bytes.subarray(start));
    if (what === "replace") return copy.fill(value, start, end);
    copy[start] = what === "set" ? value : copy[start]! ^ (1 << (value & 7));
    return copy;
  });

/** Puts the right hash at the end, so that what lies behind the comparison of hashes is reached. */
const rehash: Mutation = (bytes) => {
  if (bytes.length < 32) return bytes;
  bytes.set(createHash("sha256").update(bytes.subarray(0, -32)).digest(), bytes.length - 32);
  return bytes;
};

const packedMutation = fc
  .tuple(fc.array(byteMutation, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([mutations, withHash]) => (withHash ? [...mutations, rehash] : mutations));

const oddValues = [
  "null",
  "true",
  "[]",
  "{}",
  '""',
  "-1",
  "-0",
  "0.5",
  "1e999",
  "-1e999",
  "1e300",
  "NaN",
  "4294967296",
  "65536",
  "256",
  "9007199254740993",
  '"__proto__"',
  '{"__proto__":{"x":1}}',
  "[[]]",
  `${"[".repeat(5000)}${"]".repeat(5000)}`,
  "[0,0]",
  "[-1,1e99]",
  '"\\ud800"',
  '"\\u0000"',
]; // prettier-ignore

/** Keys and strings, numbers, flat lists, flat objects. */
const tokenPatterns = [/"[^"]*"/g, /-?[\d.]+/g, /\[[^[\]]*\]/g, /\{[^{}]*\}/g];

/** One key or value of a JSON text becomes something odd. */
const textMutation: fc.Arbitrary<Mutation> = fc
  .record({
    pattern: fc.constantFrom(...tokenPatterns),
    at: anywhere,
    odd: fc.constantFrom(...oddValues),
  })
  .map(({ pattern, at, odd }) => (bytes) => {
    const text = new TextDecoder().decode(bytes);
    const tokens = [...text.matchAll(pattern)];
    const token = tokens[Math.floor(at * tokens.length)];
    if (token === undefined) return bytes;
    const end = token.index + token[0].length;
    return new TextEncoder().encode(text.slice(0, token.index) + odd + text.slice(end));
  });

const jsonMutation = fc.array(fc.oneof({ weight: 2, arbitrary: textMutation }, byteMutation), {
  minLength: 1,
  maxLength: 3,
});

/** Reads each mutant: it is a UsageError with a message, or a value on which `use` works. */
function survive<T>(
  input: Uint8Array,
  mutations: fc.Arbitrary<Mutation[]>,
  read: (bytes: Uint8Array) => T,
  use: (value: T, bytes: Uint8Array) => void,
): void {
  fc.assert(
    fc.property(mutations, (list) => {
      const bytes = list.reduce((current, mutate) => mutate(current), input);
      let value: T;
      try {
        value = read(bytes);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        expect(error.message.length).toBeGreaterThan(0);
        expect(error.message.length).toBeLessThan(1000);
        return;
      }
      use(value, bytes);
    }),
    { seed, numRuns: campaign(10_000) },
  );
}

describe("mutated files end in a UsageError or in data that is sound", () => {
  const schedule = makeRingOfTwo();
  const trace = makeTrace(schedule, 2);

  function useSchedule(read: Schedule): void {
    validateSchedule(read);
    expect(scheduleHash(readSchedule(encodeSchedule(read)))).toBe(scheduleHash(read));
    expect(scheduleHash(readSchedule(utf8(encodeScheduleJson(read))))).toBe(scheduleHash(read));
    expect([...dumpSchedule(read)].length + jsonSizeEstimate(read)).toBeGreaterThan(0);
  }

  function useTrace(read: Trace): void {
    expect(readTrace(encodeTrace(read))).toEqual(read);
    expect(readTrace(utf8(encodeChromeTrace(read)))).toEqual(read);
    try {
      compareTraces(read, trace);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }

  test("packed schedules, each in its only form", () => {
    survive(encodeSchedule(schedule), packedMutation, readSchedule, (read, bytes) => {
      useSchedule(read);
      expect(encodeSchedule(read)).toEqual(bytes);
    });
  });

  test("JSON schedules, whatever their hash says", () => {
    // With the hash that the error names, most of what is well formed is read.
    const readWithHash = (bytes: Uint8Array) => {
      try {
        return readSchedule(bytes);
      } catch (error) {
        const hash =
          error instanceof UsageError ? /set hash to "([0-9a-f]{64})"/.exec(error.hint ?? "")?.[1] : undefined;
        if (hash === undefined) throw error;
        const text = new TextDecoder().decode(bytes).replace(/"hash": "[0-9a-f]*"/, `"hash": "${hash}"`);
        return readSchedule(new TextEncoder().encode(text));
      }
    };
    survive(utf8(encodeScheduleJson(schedule)), jsonMutation, readWithHash, useSchedule);
  });

  test("packed traces, each in its only form", () => {
    survive(encodeTrace(trace), packedMutation, readTrace, (read, bytes) => {
      useTrace(read);
      expect(encodeTrace(read)).toEqual(bytes);
    });
  });

  test("Chrome traces", () => survive(utf8(encodeChromeTrace(trace)), jsonMutation, readTrace, useTrace));

  test("bytes that were never a file", () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom("TOROID-S", "TOROID-T", "{", "["), fc.uint8Array({ maxLength: 200 }))
        .map(([start, rest]) => Uint8Array.of(...new TextEncoder().encode(start), ...rest)),
    );
    fc.assert(
      fc.property(noise, (bytes) => {
        expect(() => readSchedule(bytes)).toThrow(UsageError);
        expect(() => readTrace(bytes)).toThrow(UsageError);
      }),
      { seed, numRuns: campaign(10_000) },
    );
  });
});
