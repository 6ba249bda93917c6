import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule, scheduleHash } from "../plan/schedule/codec-packed.ts";
import { Kind, type Method, type Schedule, type Transport } from "../plan/schedule/schedule.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { encodeTrace } from "../plan/trace/codec-packed.ts";
import { type Comparison, compareTraces } from "../plan/trace/compare.ts";
import type { Cause } from "../plan/trace/explain-difference.ts";
import { type Durations, durationsOf, retime } from "../plan/trace/retime.test-support.ts";
import type { Trace } from "../plan/trace/trace.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { predictedTrace, simulate } from "../sim/index.ts";
import { temporaryFolder, toroid } from "./support/cli.ts";

const topology = presetTopology("p4de.24xlarge:2");
const workload = makeWorkload({ tokens: 32768, heads: 24, headDim: 128 });
const meshes = {
  ulysses: { ulyssesInter: 2, ringInter: 1, ulyssesIntra: 4, ringIntra: 1 },
  ring: { ulyssesInter: 1, ringInter: 2, ulyssesIntra: 1, ringIntra: 4 },
  usp: { ulyssesInter: 1, ringInter: 2, ulyssesIntra: 4, ringIntra: 1 },
  tas: { ulyssesInter: 2, ringInter: 1, ulyssesIntra: 1, ringIntra: 4 },
  torus: { ulyssesInter: 2, ringInter: 1, ulyssesIntra: 4, ringIntra: 1 },
} as const;

function planOf(method: Method, transport: Transport): Schedule {
  const placement = [0, 1, 2, 3, 8, 9, 10, 11];
  return planSchedule({ workload, method, transport, mesh: meshes[method], tiles: 2, placement });
}

function predict(schedule: Schedule): Trace {
  return predictedTrace(schedule, simulate(schedule, topology), scheduleHash(schedule), topology.name);
}

/** A measured trace in which work and gaps of the predicted one are changed. */
function perturb(
  schedule: Schedule,
  predicted: Trace,
  change: (durations: Durations, isKind: (op: number, kind: keyof typeof Kind) => boolean) => Partial<Durations>,
): Trace {
  const durations = durationsOf(schedule, predicted);
  const isKind = (op: number, kind: keyof typeof Kind) => schedule.ops.kind[op] === Kind[kind];
  return retime(schedule, { ...durations, ...change(durations, isKind) });
}

const slowAttends: Parameters<typeof perturb>[2] = ({ workNs }, isKind) => ({
  workNs: (op) => (isKind(op, "attend") ? 1.1 : 1) * workNs(op),
});
const lateWaits: Parameters<typeof perturb>[2] = ({ workNs }, isKind) => ({
  workNs: (op) => workNs(op) + (isKind(op, "wait") ? 50_000 : 0),
});
const slowLaunches: Parameters<typeof perturb>[2] = ({ gapNs }, isKind) => ({
  gapNs: (op) => gapNs(op) + (isKind(op, "attend") ? 200_000 : 0),
});

function mainCause({ explanation }: Comparison): Cause | undefined {
  const ranked = explanation.causes
    .filter(({ cause }) => cause !== "slack")
    .toSorted((a, b) => Math.abs(b.differenceNs) - Math.abs(a.differenceNs));
  return ranked[0]?.cause;
}

function expectSums({ explanation, predictedNs, measuredNs }: Comparison): void {
  const sum = (key: "predictedNs" | "measuredNs" | "differenceNs") =>
    explanation.causes.reduce((total, share) => total + share[key], 0);
  expect(sum("predictedNs") / predictedNs).toBeCloseTo(1, 11);
  expect(sum("measuredNs") / measuredNs).toBeCloseTo(1, 11);
  expect((sum("differenceNs") - (measuredNs - predictedNs)) / measuredNs).toBeCloseTo(0, 11);
}

describe.each(["ulysses", "ring", "usp", "tas", "torus"] as const)("simulated %s", (method) => {
  describe.each(["one-sided", "two-sided"] as const)("%s", (transport) => {
    const schedule = planOf(method, transport);
    const predicted = predict(schedule);

    test("nothing differs from itself", () => {
      for (const given of [{}, { schedule }]) {
        const comparison = compareTraces(predicted, predicted, given);
        expectSums(comparison);
        expect(comparison.explanation.causes.every(({ differenceNs }) => differenceNs === 0)).toBe(true);
        expect(comparison.explanation.causes.find(({ cause }) => cause === "slack")?.measuredNs ?? 0).toBe(0);
      }
    });

    const waits = schedule.ops.kind.includes(Kind.wait) ? ([["waits", lateWaits]] as const) : [];
    test.each([["attend", slowAttends], ["gaps", slowLaunches], ...waits] as const)(
      "%s: the cause is named, with the schedule and without",
      (cause, change) => {
        const measured = perturb(schedule, predicted, change);
        for (const given of [{ schedule }, {}]) {
          const comparison = compareTraces(predicted, measured, given);
          expectSums(comparison);
          expect(mainCause(comparison)).toBe(cause);
          expect(comparison.measuredNs).toBeGreaterThan(comparison.predictedNs);
        }
      },
    );
  });
});

describe("toroid compare", () => {
  const folder = temporaryFolder();
  const schedule = planOf("torus", "one-sided");

  async function run(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await toroid(["compare", ...args], { cwd: folder });
    expect([exitCode, stderr]).toEqual([0, ""]);
    return stdout;
  }

  beforeAll(() => {
    const predicted = predict(schedule);
    const measured = perturb(schedule, predicted, slowAttends);
    const write = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes);
    write("plan.toroid", encodeSchedule(schedule));
    write("other.toroid", encodeSchedule(planOf("ring", "one-sided")));
    write("predicted.trace", encodeTrace(predicted));
    write("measured.trace", encodeTrace(measured));
    write("emulated.trace", encodeTrace({ ...measured, emulated: true, notes: ["threads", "links are emulated"] }));
  });

  test("a sentence, tables and the cause", async () => {
    const text = await run("predicted.trace", "measured.trace", "--schedule", "plan.toroid");
    expect(text).toMatch(
      /^measured [\d.]+ ms, predicted [\d.]+ ms \(-[\d.]+ %\): on the measured chain attend takes [\d.]+ [µm]s longer/,
    );
    expect(text).toMatch(
      /^attend +[\d.]+ ms +[\d.]+ ms +\+[\d.]+ [µm]s +attend \d+, rank \d compute, \+[\d.]+ [µm]s$/m,
    );
    expect(text).toMatch(/^makespan +[\d.]+ ms +[\d.]+ ms +\+[\d.]+ [µm]s$/m);
    expect(text).toMatch(/^compute +mean of 8 /m);
    expect(text).toMatch(/^ *\d+ +attend +\d +compute .* wait \d+, rank \d \w+$/m);
    expect(text).toContain("their order from the schedule");
    expect(text).not.toContain("note ");
    expect(text).not.toContain("\u001b");
  });

  test("says where traces are emulated, not what their place says, or guessed from times", async () => {
    const emulated = await run("predicted.trace", "emulated.trace");
    expect(emulated).toMatch(/^measured +emulated; threads; links are emulated$/m);
    expect(emulated).toContain("an emulated trace is no measurement");
    expect(emulated).toContain("times alone: --schedule FILE is exact");
    const same = await run("predicted.trace", "predicted.trace");
    expect(same).toContain("both traces are predicted");
    expect(same).toContain("nothing on the chain differs");
    const swapped = await run("measured.trace", "predicted.trace");
    expect(swapped).toContain("the first trace is measured and the second predicted");
    expect(swapped).toMatch(/on the predicted chain attend takes [\d.]+ [µm]s less/);
  });

  test("one JSON document", async () => {
    const text = await run("predicted.trace", "measured.trace", "--schedule", "plan.toroid", "--json");
    const comparison: Comparison = JSON.parse(text);
    expectSums(comparison);
    expect(comparison).toMatchObject({
      predicted: { source: "predicted", emulated: false, passes: 1 },
      measured: { source: "measured", emulated: false, notes: ["timed by hand"], passes: 1 },
      makespanError: expect.any(Number),
      explanation: { chainOf: "measured", order: "schedule", numOps: expect.any(Number) },
      perKind: expect.any(Array),
      unmatchedOps: 0,
    });
    expect(comparison.perStream[0]).toMatchObject({ stream: "compute", numRanks: 8 });
    expect(comparison.perRankStream.length).toBeGreaterThanOrEqual(16);
    expect(comparison.worstOps[0]).toMatchObject({ kind: expect.any(String), stream: expect.any(String) });
  });

  test.each([
    [["predicted.trace", "measured.trace", "--schedule", "other.toroid"], /hash/],
    [["predicted.trace", "measured.trace", "--schedule", "none.toroid"], /none\.toroid/],
    [["predicted.trace", "measured.trace", "--schedule", "measured.trace"], /measured\.trace/],
    [["-", "-"], /standard input/],
  ])("refuses %s", async (args, message) => {
    const { exitCode, stderr } = await toroid(["compare", ...args], { cwd: folder });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });
});
