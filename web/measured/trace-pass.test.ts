import { expect, test } from "vitest";
import { makeSpans } from "./spans.test-support.ts";
import { listPasses, medianPass, shiftForeign, tracePass } from "./trace-pass.ts";

const trace = makeSpans([
  { op: 0, startNs: 100, endNs: 150 },
  { op: 1, startNs: 90, endNs: 190 },
  { op: 0, startNs: 300, endNs: 350 },
  { op: 1, startNs: 340, endNs: 600 },
  { op: 0, startNs: 1000, endNs: 1150 },
]);

test("passes and the one that stands for all", () => {
  const passes = listPasses(trace);
  expect(passes.map(({ makespanNs }) => makespanNs)).toEqual([100, 300, 150]);
  expect(medianPass(passes)).toBe(2);
  expect(medianPass(passes.slice(0, 2))).toBe(0);
  expect(medianPass([])).toBe(0);
});

test("a pass starts at 0 and keeps its spans", () => {
  const second = tracePass(trace, listPasses(trace)[1]!);
  expect([...second.op]).toEqual([0, 1]);
  expect([...second.startNs]).toEqual([0, 40]);
  expect([...second.endNs]).toEqual([50, 300]);
  expect(tracePass(trace, listPasses(trace)[0]!).startNs).toEqual(Float64Array.of(10, 0));
  expect([...trace.startNs]).toEqual([100, 90, 300, 340, 1000]);
});

test("no span, no pass", () => {
  expect(listPasses(makeSpans([]))).toEqual([]);
});

test("lanes of another tool move as a whole", () => {
  const foreign = {
    tool: "PyTorch profiler",
    laneNames: ["stream 7"],
    laneGroups: ["GPU 0"],
    names: ["gemm"],
    lane: Uint32Array.of(0),
    name: Uint32Array.of(0),
    startNs: Float64Array.of(0),
    endNs: Float64Array.of(5),
  };
  expect(shiftForeign(foreign, 0)).toBe(foreign);
  expect(shiftForeign(foreign, 3)).toMatchObject({ startNs: Float64Array.of(-3), endNs: Float64Array.of(2) });
});
