import { expect, test } from "vitest";
import { noAttendWork } from "../plan/schedule/attend-calls.ts";
import { attendFiguresAt, attendWorkNs } from "./attend-time.ts";
import { createAttendCounter } from "../plan/schedule/attend-counter.ts";
import { handSchedule } from "./hand-made.test-support.ts";

const row = (headDim: number, pairNs: number) => ({
  headDim,
  callNs: 100,
  queryNs: 4,
  keyNs: 8,
  pairNs,
  firstPairNs: 0.5,
  maskedPairNs: 0.25,
});

test("figures between two head sizes are interpolated, beyond them what grows with the size is scaled", () => {
  const table = [row(64, 1), row(128, 2)];
  expect(attendFiguresAt(table, 64)).toBe(table[0]);
  expect(attendFiguresAt(table, 80)).toEqual({ ...row(80, 1.25) });
  expect(attendFiguresAt(table, 16)).toEqual({ ...row(64, 0.25), headDim: 16, queryNs: 1, keyNs: 2 });
  expect(attendFiguresAt(table, 256)).toEqual({ ...row(128, 4), headDim: 256, queryNs: 8, keyNs: 16 });
});

test("an attend is counted by calls, queries, keys and pairs", () => {
  const tiles = [
    { tensor: "Q" as const, tokens: 300 },
    { tensor: "KV" as const, tokens: 600 },
    { tensor: "KV" as const, tokens: 100 },
  ];
  const schedule = handSchedule({
    ranks: 1,
    ops: [{ kind: "attend", rank: 0, from: tiles, to: [{ tensor: "O", tokens: 300 }] }],
  });
  // One tile of queries; keys in tiles of 384, 216 and 100, which one call goes through.
  const work = createAttendCounter(schedule)(0);
  const pairs = 300 * 700;
  const firstPairs = 300 * 384;
  expect(work).toEqual({ ...noAttendWork(), calls: 1, queries: 300, keys: 700, pairs, firstPairs });
  expect(attendWorkNs(work, row(64, 1))).toBe(100 + 1200 + 5600 + pairs + firstPairs / 2);
});
