import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunRecord } from "../../plan/http/run-api.ts";
import { encodeBase64 } from "./base64.ts";
import { connectServer } from "./client.ts";
import { describeHardware, describeRecord, followedRun, formatMoment, numBefore, withRecord } from "./run-words.ts";
import { obstacleOf, readRepeats } from "./order.ts";

function record(changes: Partial<RunRecord>): RunRecord {
  return {
    id: "a",
    title: "torus",
    state: "queued",
    createdAt: 0,
    startedAt: null,
    endedAt: null,
    progress: null,
    scheduleHash: "0",
    ranks: 2,
    emulated: false,
    result: null,
    error: null,
    ...changes,
  };
}

test("bytes become the base64 that Node makes of them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100_000 }), (bytes) => {
      expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    }),
    { numRuns: 30 },
  );
});

describe("the list", () => {
  const records = [
    record({ id: "c", createdAt: 3 }),
    record({ id: "b", createdAt: 2 }),
    record({ id: "a", createdAt: 1, state: "done" }),
  ];

  test("has each run once, newest first", () => {
    const ids = withRecord(records, record({ id: "b", createdAt: 2, state: "running" })).map(({ id }) => id);
    expect(ids).toEqual(["c", "b", "a"]);
  });

  test("follows the run that runs, else the oldest that waits", () => {
    expect(followedRun(records)).toBe("b");
    expect(followedRun([record({ id: "z", createdAt: 9, state: "running" }), ...records])).toBe("z");
    expect(followedRun([records[2]!])).toBeNull();
    expect(numBefore(records, records[0]!)).toBe(1);
    expect(numBefore(records, records[2]!)).toBe(0);
  });
});

test("what a run has come to is said in a line", () => {
  const say = (changes: Partial<RunRecord>, before = 0) => describeRecord(record(changes), before);
  expect(say({}, 2)).toBe("2 before it");
  expect(say({ state: "running", progress: { done: 1, total: 5 } })).toBe("pass 2 of 5");
  expect(say({ state: "running", progress: { done: 5, total: 5 } })).toBe("checking the output");
  expect(say({ state: "failed", error: { code: "run", message: "rank 1 ended", hint: null } })).toBe("rank 1 ended");
  expect(say({ state: "cancelled", startedAt: 1000, endedAt: 3500 })).toBe("after 2.5 s");
  const result = { makespanNs: 5, relativeError: 4e-7, spread: 0.1, makespans: [4, 5, 6], hardware: null };
  expect(say({ state: "done", result })).toBe("median of 3, spread 10.0 %, output differs from float64 by 4.0e-7");
  expect(describeHardware({ cpu: "EPYC", cores: 1 })).toBe("EPYC, 1 core");
  expect(describeHardware("something else")).toBe("");
  const noon = Date.UTC(2026, 0, 5, 12);
  expect(formatMoment(noon, noon, "en-US")).not.toContain("2026");
  expect(formatMoment(noon, noon + 9e8, "en-US")).toContain("2026");
});

test("only what can be run may be ordered", () => {
  expect(["5", " 7 ", "0", "1001", "2.5", "1e2", "", "-3"].map(readRepeats)).toEqual([
    5,
    7,
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
  const schedule = { bytes: new Uint8Array(), title: "ring", ranks: 20, canRun: true, why: "" };
  expect(obstacleOf(schedule, 16)).toContain("20 ranks");
  expect(obstacleOf(schedule, 32)).toBe("");
  expect(obstacleOf({ ...schedule, canRun: false, why: "bf16" }, 32)).toBe("bf16");
  expect(obstacleOf(null, 32)).not.toBe("");
});

test("a static site has no server, and none is asked for", async () => {
  expect(await connectServer({ href: "https://example.org/toroid/", search: "" })).toBeNull();
});
