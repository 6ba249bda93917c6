import { describe, expect, test } from "vitest";
import { UsageError } from "../errors.ts";
import { makeRingOfTwo } from "./fixture.test-support.ts";
import { Kind, type Schedule } from "./schedule.ts";
import { validateSchedule } from "./validate-schedule.ts";

/** A schedule whose columns and lists may be written to. */
type Mutable<T> = T extends ArrayBufferView ? T : T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

function errorAfter(change: (schedule: Mutable<Schedule>) => void): UsageError {
  const schedule = structuredClone(makeRingOfTwo()) as Mutable<Schedule>;
  change(schedule);
  try {
    validateSchedule(schedule as Schedule);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("validateSchedule", () => {
  test("accepts the hand-made schedule", () => {
    expect(() => validateSchedule(makeRingOfTwo())).not.toThrow();
  });

  const changes: [string, (schedule: Mutable<Schedule>) => void][] = [
    ["ops[3].kind", ({ ops }) => void (ops.kind[3] = 12)],
    ["ops[3].rank", ({ ops }) => void (ops.rank[3] = 2)],
    ["ops[3].stream", ({ ops }) => void (ops.stream[3] = 4)],
    ["ops[4].peer", ({ ops }) => void (ops.peer[4] = 2)],
    ["ops[3].peer", ({ ops }) => void (ops.peer[3] = 0)],
    ["ops[8].signal", ({ ops }) => void (ops.signal[8] = 2)],
    ["ops[0].signal", ({ ops }) => void (ops.signal[0] = 2)],
    ["ops[3].work", ({ ops }) => void (ops.work[3] = 1)],
    ["ops[0].work", ({ ops }) => void (ops.work[0] = 1)],
    ["ops[4].deps[0]", ({ ops }) => void (ops.deps[0] = 16)],
    ["ops[5].deps[0]", ({ ops }) => void (ops.deps[1] = 2)],
    ["ops[7].from[1]", ({ ops }) => void (ops.from[5] = 10)],
    ["ops[6].to[0]", ({ ops }) => void (ops.to[2] = 10)],
    ["ops.depsStart", ({ ops }) => void (ops.depsStart[0] = 1)],
    ["ops.depsStart", ({ ops }) => void (ops.depsStart[16] = 5)],
    ["ops[5].from", ({ ops }) => void (ops.fromStart[6] = 0)],
    ["ops.toStart", ({ ops }) => void (ops.toStart = ops.toStart.slice(1))],
    ["ops.work", ({ ops }) => void (ops.work = new Uint16Array(15))],
    ["ops.group", ({ ops }) => void (ops.group = new Uint32Array(17))],
    ["operands[9].slot", ({ operands }) => void (operands.slot[9] = 5)],
    ["operands[9].tensor", ({ operands }) => void (operands.tensor[9] = 3)],
    ["operands[9].numHeads", ({ operands }) => void (operands.numHeads[9] = 0)],
    ["operands[9].numHeads", ({ operands }) => void (operands.head[9] = 1)],
    ["operands[9].numTokens", ({ operands }) => void (operands.numTokens[9] = 0)],
    ["operands[9].numTokens", ({ operands }) => void (operands.token[9] = 5)],
    ["operands.row", ({ operands }) => void (operands.row = new Uint32Array(9))],
    ["signals[1].rank", ({ signals }) => void (signals.rank[1] = 2)],
    ["signals[1].word", ({ signals }) => void (signals.word[1] = 2)],
    ["signals[1].writerRank", ({ signals }) => void (signals.writerRank[1] = 2)],
    ["signals[1].writerStream", ({ signals }) => void (signals.writerStream[1] = 4)],
    ["groups", (schedule) => void (schedule.groups = 0)],
    ["ranks", (schedule) => void (schedule.groups = 2)],
    ["placement", (schedule) => void (schedule.placement = [0])],
    ["placement[1]", (schedule) => void (schedule.placement = [0, -1])],
    ["streams", (schedule) => void (schedule.streams = ["compute", "intra", "inter", "intra"])],
    ["streams[1]", (schedule) => void (schedule.streams = ["compute", "\u001b[2J", "inter", "credit"])],
    ["slots", (schedule) => void (schedule.slots[1]!.name = "Q")],
    ["slots[1].offset", (schedule) => void (schedule.slots[1]!.offset = 100)],
    ["slots[1].bytes", (schedule) => void (schedule.slots[1]!.bytes = 2 ** 51)],
    ["slots[1].rows", (schedule) => void (schedule.slots[1]!.rows = Number.NaN)],
    ["slots[1].role", (schedule) => void ((schedule.slots[1] as { role: string }).role = "other")],
    ["heapBytes", (schedule) => void (schedule.heapBytes = Number.POSITIVE_INFINITY)],
    ["workload.kvHeads", ({ workload }) => void Object.assign(workload, { heads: 3, kvHeads: 2 })],
    ["workload.headDim", ({ workload }) => void (workload.headDim = 0)],
    ["workload.before[0].weightBytes", ({ workload }) => void (workload.before[0]!.weightBytes = -1)],
    ["computes[0].flops", ({ computes }) => void (computes[0]!.flops = Number.NaN)],
    ["mesh.ringIntra", ({ mesh }) => void (mesh.ringIntra = 0)],
    ["path", (schedule) => void (schedule.path = "QX")],
    ["method", (schedule) => void ((schedule as { method: string }).method = "star")],
  ];

  test.each(changes)("refuses a wrong %s", (path, change) => {
    expect(errorAfter(change)).toMatchObject({ code: "format", path });
  });

  test("leaves to the checker what is well formed but wrong", () => {
    const schedule = structuredClone(makeRingOfTwo()) as Mutable<Schedule>;
    schedule.ops.deps[0] = 14; // stands later
    schedule.operands.row[3] = 1000; // outside its slot
    schedule.ops.kind[4] = Kind.get; // ends that do not fit
    schedule.slots[0]!.bytes = 1; // smaller than its shape
    schedule.signals.word[1] = 1;
    expect(() => validateSchedule(schedule as Schedule)).not.toThrow();
  });
});
