import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { plans } from "../../test/support/plans.ts";
import { planSchedule } from "../methods/index.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { checkSchedule } from "./check-schedule.ts";
import { freeze, thaw } from "./draft.test-support.ts";
import { createReference, isEquivalent, type Reference } from "./equivalence.test-support.ts";
import { type Choose, FAULTS, type Fault } from "./faults.test-support.ts";

const PLACES = campaign(1000);
/** Small enough for the slow twin, which compares all ops with all. */
const MAX_OPS = 700;

/** Proven plans of all methods, which the mutants are made from. */
const originals = fc
  .sample(plans, { numRuns: 400, seed })
  .map(planSchedule)
  .filter(({ ops, ranks }) => ops.kind.length <= MAX_OPS && ops.kind.length > 3 * ranks);
const references = new Map<Schedule, Reference>();

function referenceOf(schedule: Schedule): Reference {
  let reference = references.get(schedule);
  if (reference === undefined) {
    reference = createReference(thaw(schedule));
    references.set(schedule, reference);
  }
  return reference;
}

function chooser(start: number): Choose {
  let state = start >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

type Verdict = "found" | "equivalent" | "missed";

/** What becomes of one mutant of a random original; null where it has no place for the fault. */
function tryFault(fault: Fault, choose: Choose): { verdict: Verdict; what: string } | null {
  const original = originals[choose(originals.length)]!;
  const draft = thaw(original);
  if (!fault(draft, choose)) return null;
  const what = `${original.method} ${original.transport} ${JSON.stringify(original.mesh)}`;
  if (checkSchedule(freeze(draft), { maxFindings: 1 }).length > 0) return { verdict: "found", what };
  return { verdict: isEquivalent(referenceOf(original), draft) ? "equivalent" : "missed", what };
}

describe("a fault at a random place is found, or changes nothing", () => {
  const counts = { found: 0, equivalent: 0, missed: 0 };

  test("the originals have no findings", () => {
    expect(originals.length).toBeGreaterThan(100);
    expect(originals.flatMap((original) => checkSchedule(original))).toEqual([]);
  });

  test.each(Object.entries(FAULTS))("%s", (name, fault) => {
    const choose = chooser(seed + name.length);
    const missed: string[] = [];
    let places = 0;
    for (let tries = 0; places < PLACES && tries < 1000 * PLACES; tries++) {
      const result = tryFault(fault, choose);
      if (result === null) continue;
      places++;
      counts[result.verdict]++;
      if (result.verdict === "missed") missed.push(result.what);
    }
    expect(places).toBe(PLACES);
    expect(missed).toEqual([]);
  });

  test("few change nothing", () => {
    expect(counts.equivalent).toBeLessThan(0.05 * Math.max(1, counts.equivalent + counts.found));
  });
});
