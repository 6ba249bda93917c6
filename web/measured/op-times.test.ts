import fc from "fast-check";
import { expect, test } from "vitest";
import type { Trace } from "../../plan/trace/trace.ts";
import { matchOpTimes, residualNs } from "./op-times.ts";
import { makeSpans } from "./spans.test-support.ts";

const ids = fc
  .uniqueArray(fc.integer({ min: 0, max: 12 }), { maxLength: 10 })
  .map((list) => list.sort((a, b) => a - b));
const pass = ids.chain((list) =>
  fc.tuple(...list.map((op) => fc.tuple(fc.constant(op), fc.nat(1000), fc.nat(1000)))).map((rows) => rows),
);

test("means over passes of ops that both traces have, as a search through all spans finds them", () => {
  fc.assert(
    fc.property(fc.array(pass, { minLength: 1, maxLength: 3 }), pass, (passes, other) => {
      const place = (rows: typeof other, originNs: number) =>
        rows.map(([op, startNs, lengthNs]) => ({
          op,
          startNs: originNs + startNs,
          endNs: originNs + startNs + lengthNs,
        }));
      const measured = makeSpans(passes.flatMap((rows, i) => place(rows, 10_000 * i)));
      const predicted = makeSpans(place(other, 0));
      const times = matchOpTimes(predicted, measured);
      const mean = (trace: Trace, op: number) => {
        const lengths = [...trace.op].flatMap((id, row) =>
          id === op ? [trace.endNs[row]! - trace.startNs[row]!] : [],
        );
        return lengths.length === 0 ? null : lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
      };
      const expected = Array.from({ length: 13 }, (_, op) => op).filter(
        (op) => mean(predicted, op) !== null && mean(measured, op) !== null,
      );
      expect([...times.op].sort((a, b) => a - b)).toEqual(expected);
      for (const [row, op] of times.op.entries()) {
        expect(times.predictedNs[row]).toBeCloseTo(mean(predicted, op)!, 9);
        expect(times.measuredNs[row]).toBeCloseTo(mean(measured, op)!, 9);
        expect(residualNs(times, row)).toBe(times.predictedNs[row]! - times.measuredNs[row]!);
        if (row > 0) expect(times.startNs[row]!).toBeGreaterThanOrEqual(times.startNs[row - 1]!);
      }
    }),
  );
});
