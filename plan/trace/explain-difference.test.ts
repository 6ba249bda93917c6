import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { plans } from "../../test/support/plans.ts";
import { planSchedule } from "../methods/index.ts";
import { makeRingOfTwo } from "../schedule/fixture.test-support.ts";
import { Kind, OP_KINDS, type Schedule } from "../schedule/schedule.ts";
import { type Comparison, compareTraces } from "./compare.ts";
import { type Cause, CAUSES, type CauseShare } from "./explain-difference.ts";
import { type Durations, retime } from "./retime.test-support.ts";
import type { Trace } from "./trace.ts";

const schedules = plans.map((plan) => planSchedule(plan));

/** Some number below `below` that only depends on its arguments. */
function noise(salt: number, op: number, below: number): number {
  let bits = Math.imul(op + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d);
  return (((bits ^ (bits >>> 13)) >>> 0) / 2 ** 32) * below;
}

/** Durations of work that differ by op, from a salt; waits and barriers see at once what they await. */
function durations({ ops }: Schedule, salt: number): Durations {
  const isInstant = (op: number) => ops.kind[op] === Kind.wait || ops.kind[op] === Kind.barrier;
  return {
    workNs: (op) => (isInstant(op) ? 0 : 100 + noise(salt, op, 1000)),
    gapNs: (op) => noise(salt + 1, op, 20),
  };
}

/** Relative to the times of both traces: what rounding may add up to. */
const ROUNDING = 1e-11;

function expectSums(comparison: Comparison): void {
  const { predictedNs, measuredNs, explanation } = comparison;
  const sum = (key: "predictedNs" | "measuredNs" | "differenceNs") =>
    explanation.causes.reduce((total, share) => total + share[key], 0);
  const sizeNs = explanation.causes.reduce(
    (size, { predictedNs: a, measuredNs: b }) => size + Math.abs(a) + Math.abs(b),
    1,
  );
  expect(Math.abs(sum("predictedNs") - predictedNs)).toBeLessThan(ROUNDING * sizeNs);
  expect(Math.abs(sum("measuredNs") - measuredNs)).toBeLessThan(ROUNDING * sizeNs);
  expect(Math.abs(sum("differenceNs") - (measuredNs - predictedNs))).toBeLessThan(ROUNDING * sizeNs);
  expect(explanation.causes.map(({ cause }) => cause)).toEqual(
    CAUSES.filter((cause) => explanation.causes.some((share) => share.cause === cause)),
  );
}

function shareOf({ explanation }: Comparison, cause: Cause): CauseShare {
  const nothing = { cause, predictedNs: 0, measuredNs: 0, differenceNs: 0, mostAt: null };
  return explanation.causes.find((share) => share.cause === cause) ?? nothing;
}

/** Nothing but the named causes and slack differs. */
function expectOnly(comparison: Comparison, names: readonly Cause[]): void {
  for (const { cause, differenceNs } of comparison.explanation.causes) {
    if (cause !== "slack" && !names.includes(cause))
      expect([cause, Math.abs(differenceNs) < 1e-6]).toEqual([cause, true]);
  }
}

const options = { seed, numRuns: campaign(500) };

describe("explanation by the schedule", () => {
  test("adds up, follows one chain without slack, and is not below zero where time passes", () => {
    const property = fc.property(schedules, fc.nat(1000), fc.nat(1000), (schedule, a, b) => {
      const [predicted, measured] = [a, b].map((salt) => retime(schedule, durations(schedule, salt))) as [Trace, Trace];
      const comparison = compareTraces(predicted, measured, { schedule });
      expectSums(comparison);
      const { chainOf, order, causes } = comparison.explanation;
      expect(order).toBe("schedule");
      expect(chainOf).toBe(comparison.measuredNs >= comparison.predictedNs ? "measured" : "predicted");
      const key = `${chainOf}Ns` as const;
      expect(shareOf(comparison, "slack")[key]).toBe(0);
      for (const share of causes) expect(share[key]).toBeGreaterThanOrEqual(0);
      expect(shareOf(comparison, "slack")[chainOf === "measured" ? "predictedNs" : "measuredNs"]).toBeGreaterThan(
        -1e-6,
      );
    });
    fc.assert(property, options);
  });

  test.each([1.1, 3, 0.5])("attends %s times as long are the cause", (factor) => {
    const property = fc.property(schedules, fc.nat(1000), (schedule, salt) => {
      const { workNs, gapNs } = durations(schedule, salt);
      const isAttend = (op: number) => schedule.ops.kind[op] === Kind.attend;
      const changed = { gapNs, workNs: (op: number) => (isAttend(op) ? factor : 1) * workNs(op) };
      const comparison = compareTraces(retime(schedule, { workNs, gapNs }), retime(schedule, changed), { schedule });
      expectSums(comparison);
      expectOnly(comparison, ["attend"]);
      const { predictedNs, differenceNs, mostAt } = shareOf(comparison, "attend");
      expect(predictedNs).toBeGreaterThan(0);
      expect(Math.abs(differenceNs - (factor - 1) * predictedNs)).toBeLessThan(1e-6);
      expect(mostAt).toMatchObject({ kind: "attend", stream: "compute" });
    });
    fc.assert(property, options);
  });

  test("waits that see their signal late are the cause", () => {
    const lateNs = 50_000;
    const property = fc.property(schedules, fc.nat(1000), (schedule, salt) => {
      const { workNs, gapNs } = durations(schedule, salt);
      const isWait = (op: number) => schedule.ops.kind[op] === Kind.wait;
      const late = { gapNs, workNs: (op: number) => workNs(op) + (isWait(op) ? lateNs : 0) };
      const comparison = compareTraces(retime(schedule, { workNs, gapNs }), retime(schedule, late), { schedule });
      expectSums(comparison);
      expectOnly(comparison, ["waits"]);
      const numWaits = shareOf(comparison, "waits").differenceNs / lateNs;
      expect(Math.abs(numWaits - Math.round(numWaits))).toBeLessThan(1e-6);
      if (schedule.ops.kind.includes(Kind.wait)) expect(numWaits).toBeGreaterThan(0.5);
    });
    fc.assert(property, options);
  });

  test("slow launches and slow transfers are told apart", () => {
    const property = fc.property(schedules, fc.nat(1000), fc.boolean(), (schedule, salt, isLaunch) => {
      const { workNs, gapNs } = durations(schedule, salt);
      const isTransfer = (op: number) => /^(put|get|send|receive|notify)$/.test(OP_KINDS[schedule.ops.kind[op]!]!);
      const slow = isLaunch
        ? { workNs, gapNs: (op: number) => 7 * gapNs(op) }
        : { gapNs, workNs: (op: number) => (isTransfer(op) ? 20 : 1) * workNs(op) };
      const comparison = compareTraces(retime(schedule, { workNs, gapNs }), retime(schedule, slow), { schedule });
      expectSums(comparison);
      expectOnly(comparison, [isLaunch ? "gaps" : "transfers"]);
    });
    fc.assert(property, options);
  });
});

describe("explanation by times alone", () => {
  test("adds up for traces of plans", () => {
    const property = fc.property(schedules, fc.nat(1000), fc.nat(1000), (schedule, a, b) => {
      const [predicted, measured] = [a, b].map((salt) => retime(schedule, durations(schedule, salt))) as [Trace, Trace];
      const comparison = compareTraces(predicted, measured);
      expectSums(comparison);
      expect(comparison.explanation.order).toBe("times");
    });
    fc.assert(property, options);
  });

  test("finds the same chain as the schedule where ends are distinct", () => {
    const property = fc.property(schedules, fc.nat(1000), (schedule, salt) => {
      const work = durations(schedule, salt).workNs;
      const noGaps = { workNs: work, gapNs: () => 0 };
      const isAttend = (op: number) => schedule.ops.kind[op] === Kind.attend;
      const slow = { gapNs: () => 0, workNs: (op: number) => (isAttend(op) ? 2 : 1) * work(op) };
      const traces = [retime(schedule, noGaps), retime(schedule, slow)] as const;
      const guessed = compareTraces(...traces);
      const known = compareTraces(...traces, { schedule });
      for (const cause of CAUSES) {
        const { measuredNs } = shareOf(known, cause);
        expect([cause, Math.abs(shareOf(guessed, cause).measuredNs - measuredNs) < 1e-6]).toEqual([cause, true]);
      }
    });
    fc.assert(property, options);
  });
});

describe("explanation of any spans", () => {
  const span = fc.record({
    op: fc.nat(12),
    kind: fc.nat(OP_KINDS.length - 1),
    rank: fc.nat(2),
    stream: fc.nat(1),
    startNs: fc.nat(20),
    durationNs: fc.nat(10),
  });
  const anyTrace: fc.Arbitrary<Trace> = fc.array(span, { maxLength: 40 }).map((rows) => ({
    version: 1,
    source: "measured",
    emulated: false,
    scheduleHash: "0".repeat(64),
    notes: [],
    streams: ["compute", "inter"],
    ranksPerMachine: 2,
    op: Uint32Array.from(rows, ({ op }) => op),
    kind: Uint8Array.from(rows, ({ kind }) => kind),
    rank: Uint16Array.from(rows, ({ rank }) => rank),
    stream: Uint8Array.from(rows, ({ stream }) => stream),
    startNs: Float64Array.from(rows, ({ startNs }) => startNs),
    endNs: Float64Array.from(rows, ({ startNs, durationNs }) => startNs + durationNs),
  }));

  test("adds up, and ends", () => {
    const property = fc.property(anyTrace, anyTrace, (predicted, measured) => {
      expectSums(compareTraces(predicted, measured));
    });
    fc.assert(property, { seed, numRuns: campaign(20_000) });
  });

  test("takes means over passes, each with a chain of its own", () => {
    const schedule = makeRingOfTwo();
    const passes = [1, 2, 3].map((salt) => retime(schedule, durations(schedule, salt)));
    const join = <Column extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
      pick: (pass: Trace) => Column,
    ) =>
      passes.flatMap((pass, index) =>
        Array.from(pick(pass), (value) => value + (pick(pass) instanceof Float64Array ? 1e5 * index : 0)),
      );
    const joined: Trace = {
      ...passes[0]!,
      op: Uint32Array.from(join(({ op }) => op)),
      kind: Uint8Array.from(join(({ kind }) => kind)),
      rank: Uint16Array.from(join(({ rank }) => rank)),
      stream: Uint8Array.from(join(({ stream }) => stream)),
      startNs: Float64Array.from(join(({ startNs }) => startNs)),
      endNs: Float64Array.from(join(({ endNs }) => endNs)),
    };
    const predicted = retime(schedule, { workNs: () => 10, gapNs: () => 0 });
    const whole = compareTraces(predicted, joined, { schedule });
    expectSums(whole);
    const single = passes.map((pass) => compareTraces(predicted, pass, { schedule }));
    expect(whole.measured.passes).toBe(3);
    expect(whole.measuredNs).toBeCloseTo(single.reduce((sum, { measuredNs }) => sum + measuredNs, 0) / 3, 6);
    for (const cause of CAUSES) {
      const meanNs = single.reduce((sum, one) => sum + shareOf(one, cause).differenceNs, 0) / 3;
      expect(shareOf(whole, cause).differenceNs).toBeCloseTo(meanNs, 6);
    }
  });
});
