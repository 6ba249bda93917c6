import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeChromeTrace } from "../trace/codec-chrome.ts";
import { encodeTrace } from "../trace/codec-packed.ts";
import { makeTrace } from "../trace/fixture.test-support.ts";
import { readTrace } from "../trace/read-trace.ts";
import { encodeScheduleJson } from "./codec-json.ts";
import { encodeSchedule, scheduleHash } from "./codec-packed.ts";
import { dumpSchedule } from "./dump.ts";
import { makeRingOfTwo } from "./fixture.test-support.ts";
import { readSchedule } from "./read-schedule.ts";

function golden(name: string): Uint8Array {
  const file = readFileSync(new URL(`../../traces/golden/${name}`, import.meta.url));
  return new Uint8Array(file);
}

function utf8(chunks: Iterable<string>): Uint8Array {
  return new TextEncoder().encode([...chunks].join(""));
}

/**
 * These files freeze the forms: schedules and traces that were written once are read for good. They and the hash may
 * change only together with a new version number in the packed form, and with old versions refused by name; the dump,
 * which nothing reads, may change when it gets easier to read.
 */
describe("golden files", () => {
  const schedule = makeRingOfTwo();
  const trace = makeTrace(schedule, 2);

  test("the hash of the schedule", () => {
    expect(scheduleHash(schedule)).toBe("a492c89558de250b7496fc95dc9f3cb69ab629e1eaa57b7eb8bea00bd4e33f33");
  });

  test("the packed schedule", () => {
    expect(encodeSchedule(schedule)).toEqual(golden("ring-of-two.toroid"));
    expect(readSchedule(golden("ring-of-two.toroid"))).toEqual(schedule);
  });

  test("the JSON schedule", () => {
    expect(utf8(encodeScheduleJson(schedule))).toEqual(golden("ring-of-two.json"));
    expect(readSchedule(golden("ring-of-two.json"))).toEqual(schedule);
  });

  test("the dump of the schedule", () => {
    expect([...dumpSchedule(schedule)].join("")).toBe(new TextDecoder().decode(golden("ring-of-two.dump.txt")));
  });

  test("the packed trace", () => {
    expect(encodeTrace(trace)).toEqual(golden("ring-of-two.trace.toroid"));
    expect(readTrace(golden("ring-of-two.trace.toroid"))).toEqual(trace);
  });

  test("the Chrome trace", () => {
    expect(utf8(encodeChromeTrace(trace, schedule))).toEqual(golden("ring-of-two.trace.json"));
    expect(readTrace(golden("ring-of-two.trace.json"))).toEqual(trace);
  });
});
