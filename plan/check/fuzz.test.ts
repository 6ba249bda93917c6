import fc from "fast-check";
import { expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { plans } from "../../test/support/plans.ts";
import { planSchedule } from "../methods/index.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { validateSchedule } from "../schedule/validate-schedule.ts";
import { checkSchedule } from "./check-schedule.ts";
import { ringSchedule } from "./ring.test-support.ts";

const originals = [
  ringSchedule("one-sided"),
  ringSchedule("two-sided"),
  ...fc
    .sample(plans, { numRuns: 60, seed })
    .map(planSchedule)
    .filter(({ ops }) => ops.kind.length < 1000),
];

/** One element of a column, and what it becomes. */
const changes = fc.array(
  fc.record({
    section: fc.constantFrom("ops" as const, "operands" as const, "signals" as const),
    column: fc.nat(20),
    index: fc.nat(),
    value: fc.oneof(fc.nat(3), fc.nat(2 ** 32 - 1), fc.nat(400)),
    isStep: fc.boolean(),
  }),
  { minLength: 1, maxLength: 5 },
);

function changed(schedule: Schedule, list: typeof changes extends fc.Arbitrary<infer T> ? T : never): Schedule {
  const copy = structuredClone(schedule) as Schedule;
  for (const { section, column, index, value, isStep } of list) {
    const columns = Object.values(copy[section]) as Uint32Array[];
    const target = columns[column % columns.length]!;
    if (target.length > 0)
      target[index % target.length] = isStep ? target[index % target.length]! + (value % 5) - 2 : value;
  }
  return copy;
}

function isValid(schedule: Schedule): boolean {
  try {
    validateSchedule(schedule);
    return true;
  } catch {
    return false;
  }
}

test("the check throws on no schedule whose references are in range", () => {
  let numValid = 0;
  fc.assert(
    fc.property(fc.nat(), changes, (which, list) => {
      const schedule = changed(originals[which % originals.length]!, list);
      if (!isValid(schedule)) return;
      numValid++;
      for (const { message } of checkSchedule(schedule)) expect(message).not.toMatch(/undefined|NaN/);
    }),
    { numRuns: campaign(20_000), seed },
  );
  expect(numValid).toBeGreaterThan(campaign(20_000) / 10);
});
