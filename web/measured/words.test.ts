import { expect, test } from "vitest";
import { compareTraces } from "../../plan/trace/compare.ts";
import type { CauseShare, Explanation } from "../../plan/trace/explain-difference.ts";
import { matchOpTimes } from "./op-times.ts";
import { makeSpans } from "./spans.test-support.ts";
import {
  describeOrder,
  describePasses,
  describeRow,
  differenceText,
  errorText,
  explainInWords,
  remarksOn,
  verdictOn,
} from "./words.ts";

const share = (cause: CauseShare["cause"], differenceNs: number): CauseShare => ({
  cause,
  predictedNs: 0,
  measuredNs: differenceNs,
  differenceNs,
  mostAt: null,
});

const explanation = (causes: readonly CauseShare[]): Explanation => ({
  chainOf: "measured",
  order: "times",
  numOps: 12.4,
  causes,
});

test("the sentence names the largest causes first, and leaves out what is small", () => {
  const causes = [share("attend", 412_000), share("transfers", -1e6), share("gaps", 5_000), share("slack", -3_000)];
  expect(explainInWords({ explanation: explanation(causes) })).toBe(
    "On the critical chain of the measured trace transfers take 1 ms less and attend takes 412 µs longer; in the prediction its ops had 3 µs to spare.",
  );
  expect(explainInWords({ explanation: explanation([share("waits", 10)]) })).toBe(
    "On the critical chain of the measured trace waits take 10 ns longer.",
  );
  expect(explainInWords({ explanation: explanation([]) })).toBe("Nothing on the critical chain differs.");
  expect(describeOrder(explanation([]))).toBe(
    "Critical chain of the measured trace, the longer one: 12 ops, their order guessed from the times alone.",
  );
});

test("remarks say what must be known to read the figures", () => {
  const measured = { ...makeSpans([{ op: 0, startNs: 0, endNs: 5 }]), emulated: true };
  const both = compareTraces(measured, measured);
  expect(remarksOn(both)).toEqual([
    "The first trace is measured, the second measured.",
    "An emulated trace is no measurement of the hardware that it stands in for.",
  ]);
  const predicted = makeSpans([
    { op: 0, startNs: 0, endNs: 5 },
    { op: 1, startNs: 0, endNs: 5 },
  ]);
  expect(remarksOn(compareTraces({ ...predicted, source: "predicted" }, { ...measured, emulated: false }))).toEqual([
    "1 op is in one of the traces only.",
  ]);
  expect(describePasses({ passes: 5 })).toBe("mean of 5 passes");
  expect(describePasses({ passes: 1 })).toBe("");
});

test("an op by name and times", () => {
  const trace = (endNs: number) => makeSpans([{ op: 7, startNs: 0, endNs, rank: 3, stream: 1 }]);
  expect(describeRow(matchOpTimes(trace(1500), trace(1000)), 0)).toBe(
    "attend 7, rank 3 copy: predicted 1.5 µs, measured 1 µs (+50.0 %)",
  );
  expect(describeRow(matchOpTimes(trace(1500), trace(0)), 0)).toContain("measured 0 ns (–)");
});

test("figures with signs", () => {
  expect([errorText(null), errorText(0.1), differenceText(1500), differenceText(-20), differenceText(1e-6)]).toEqual([
    "–",
    "+10.0 %",
    "+1.5 µs",
    "-20 ns",
    "0 ns",
  ]);
  expect([verdictOn(null), verdictOn(0), verdictOn(0.1), verdictOn(-0.1)]).toEqual([
    "nothing was measured",
    "predicted as measured",
    "predicted too slow",
    "predicted too fast",
  ]);
});
