import { expect, test } from "vitest";
import { AccumulatorUse } from "../plan/schedule/accumulator-use.ts";
import { type HandOp, handSchedule } from "./hand-made.test-support.ts";

test("attends and merges put accumulators into use, finalizes and merges from them take them out, row by row", () => {
  const all = [{ tensor: "O" as const, tokens: 10 }];
  const few = [{ tensor: "O" as const, tokens: 4 }];
  const attend: HandOp = { kind: "attend", rank: 0, from: [...all, { tensor: "KV", tokens: 1 }], to: all };
  const schedule = handSchedule({
    ranks: 2,
    ops: [attend, { kind: "finalize", rank: 0, from: few, to: few }, { kind: "merge", rank: 0, from: all, to: few }],
  });
  const use = new AccumulatorUse(schedule);
  const [whole, part] = [schedule.ops.to[0]!, schedule.ops.to[1]!];
  const used = (rank: number) => [use.isInUse(rank, whole), use.isInUse(rank, part)];
  expect(used(0)).toEqual([false, false]);
  use.follow(0);
  expect([used(0), used(1)]).toEqual([
    [true, true],
    [false, false],
  ]);
  use.follow(1);
  expect(used(0)).toEqual([true, false]);
  use.follow(2);
  expect(used(0)).toEqual([true, true]);
});
