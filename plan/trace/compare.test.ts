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
      { op: 4, kind: "put", rank: 0, predictedNs: 50, measuredNs: 100, error: -0.5 },
      { op: 15, kind: "barrier", rank: 1, predictedNs: 50, measuredNs: 25, error: 1 },
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
    expect(compareTraces(empty, empty)).toEqual({ makespanError: 0, perKind: [], worstOps: [], unmatchedOps: 0 });
  });

  test("refuses traces of different schedules, and op ids that no schedule has", () => {
    const other = { ...predicted, scheduleHash: "0".repeat(64) };
    expect(() => compareTraces(predicted, other)).toThrow(expect.objectContaining({ code: "hash" }));
    const huge = { ...predicted, op: predicted.op.with(0, 2 ** 32 - 1) };
    expect(() => compareTraces(huge, predicted)).toThrow(expect.objectContaining({ code: "limit" }));
  });
});
