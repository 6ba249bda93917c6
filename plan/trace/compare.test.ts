import { describe, expect, test } from "vitest";
import { makeRingOfTwo } from "../schedule/fixture.test-support.ts";
import { compareTraces } from "./compare.ts";
import { makeTrace } from "./fixture.test-support.ts";
import { makespanNs, type Trace } from "./trace.ts";

const predicted = makeTrace(makeRingOfTwo());

/** The trace with each span's duration changed. */
function withDurations(trace: Trace, duration: (op: number, ns: number) => number): Trace {
  const endNs = trace.endNs.map((end, span) => {
    const start = trace.startNs[span]!;
    return start + duration(trace.op[span]!, end - start);
  });
  return { ...trace, source: "measured", endNs };
}

describe("compareTraces", () => {
  test("finds no difference between equal traces", () => {
    const { makespanError, perKind, worstOps, unmatchedOps } = compareTraces(predicted, predicted);
    expect(makespanError).toBe(0);
    expect(perKind.map(({ kind, error }) => [kind, error])).toEqual(
      ["barrier", "attend", "finalize", "put", "wait", "compute"].map((kind) => [kind, 0]),
    );
    expect(worstOps.map(({ op }) => op)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(unmatchedOps).toBe(0);
  });

  test("gives signed errors, in sums for kinds and for the worst ops", () => {
    const measured = withDurations(predicted, (op, ns) => (op === 4 ? 2 * ns : op === 15 ? ns / 2 : ns));
    const { makespanError, perKind, worstOps } = compareTraces(predicted, measured, { numWorst: 2 });
    expect(makespanError).toBe(25 / 1525);
    expect(perKind.find(({ kind }) => kind === "put")).toEqual({
      kind: "put",
      predictedNs: 100,
      measuredNs: 150,
      error: -50 / 150,
    });
    expect(worstOps).toEqual([
      {
        ...{ op: 4, kind: "put", rank: 0, stream: "intra", predictedNs: 50, measuredNs: 100, error: -0.5 },
        awaited: { op: 2, kind: "compute", rank: 0, stream: "compute" },
      },
      {
        ...{ op: 15, kind: "barrier", rank: 1, stream: "compute", predictedNs: 50, measuredNs: 25, error: 1 },
        awaited: { op: 13, kind: "finalize", rank: 1, stream: "compute" },
      },
    ]);
  });

  test("takes means over passes", () => {
    const measured = makeTrace(makeRingOfTwo(), 3);
    expect(makespanNs(measured)).toBeGreaterThan(3 * makespanNs(predicted));
    const { makespanError, perKind } = compareTraces(predicted, measured);
    expect(makespanError).toBe(0);
    expect(perKind.every(({ error }) => error === 0)).toBe(true);
  });

  test("counts the ops that only one of the two has", () => {
    const columns = ["op", "kind", "rank", "stream", "startNs", "endNs"] as const;
    const some = Object.fromEntries(columns.map((name) => [name, predicted[name].slice(2)]));
    const { unmatchedOps, perKind } = compareTraces(predicted, { ...predicted, ...some });
    expect(unmatchedOps).toBe(2);
    expect(perKind[0]).toMatchObject({ kind: "barrier", predictedNs: 100, measuredNs: 100 });
  });

  test("has no error for what was measured as nothing", () => {
    const measured = withDurations(predicted, (op, ns) => (op === 8 ? 0 : ns));
    expect(compareTraces(predicted, measured).worstOps[0]).toMatchObject({ op: 8, measuredNs: 0, error: null });
  });

  test("compares empty traces", () => {
    const none = { op: new Uint32Array(), startNs: new Float64Array(), endNs: new Float64Array() };
    const empty = { ...predicted, ...none };
    expect(compareTraces(empty, empty)).toEqual({
      predicted: { source: "predicted", emulated: false, notes: ["two ranks, by hand"], passes: 0 },
      measured: { source: "predicted", emulated: false, notes: ["two ranks, by hand"], passes: 0 },
      predictedNs: 0,
      measuredNs: 0,
      makespanError: 0,
      explanation: { chainOf: "measured", order: "times", numOps: 0, causes: [] },
      perKind: [],
      perStream: [],
      perRankStream: [],
      worstOps: [],
      unmatchedOps: 0,
    });
    expect(compareTraces(empty, predicted)).toMatchObject({ predictedNs: 0, measuredNs: 1550, unmatchedOps: 16 });
    expect(compareTraces(predicted, empty).explanation).toMatchObject({ chainOf: "predicted" });
  });

  test("refuses traces of different schedules, and op ids that no schedule has", () => {
    const other = { ...predicted, scheduleHash: "0".repeat(64) };
    expect(() => compareTraces(predicted, other)).toThrow(expect.objectContaining({ code: "hash" }));
    const huge = { ...predicted, op: predicted.op.with(0, 2 ** 32 - 1) };
    expect(() => compareTraces(huge, predicted)).toThrow(expect.objectContaining({ code: "limit" }));
  });

  test("refuses a schedule that is not that of the traces", () => {
    const schedule = { ...makeRingOfTwo(), repeats: 7 };
    const compare = () => compareTraces(predicted, predicted, { schedule });
    expect(compare).toThrow(expect.objectContaining({ code: "hash" }));
    const more = { ...predicted, op: predicted.op.with(15, 16) };
    const compareMore = () => compareTraces(predicted, more, { schedule: makeRingOfTwo() });
    expect(compareMore).toThrow(expect.objectContaining({ code: "format" }));
  });

  test("sums up streams by rank, and over ranks with the worst", () => {
    const measured = withDurations(predicted, (op, ns) => (op === 5 ? 90 : ns));
    const { perStream, perRankStream } = compareTraces(predicted, measured);
    expect(perRankStream.map(({ rank, stream }) => [rank, stream])).toEqual([
      [0, "compute"],
      [0, "intra"],
      [1, "compute"],
      [1, "intra"],
    ]);
    const [, intra] = perStream;
    expect(intra).toEqual({
      stream: "intra",
      numRanks: 2,
      predicted: { busyNs: 50, idleNs: 0, firstStartNs: 450, lastEndNs: 500 },
      measured: { busyNs: 70, idleNs: 0, firstStartNs: 450, lastEndNs: 520 },
      worst: {
        rank: 1,
        stream: "intra",
        predicted: { busyNs: 50, idleNs: 0, firstStartNs: 500, lastEndNs: 550 },
        measured: { busyNs: 90, idleNs: 0, firstStartNs: 500, lastEndNs: 590 },
      },
    });
    // Compute, two attends and finalize are busy; both barriers, the wait and the gaps are not.
    expect(perRankStream[0]?.predicted).toEqual({ busyNs: 200, idleNs: 1250, firstStartNs: 0, lastEndNs: 1450 });
  });
});
