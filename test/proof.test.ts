import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkSchedule } from "../plan/check/index.ts";
import { planSchedule } from "../plan/methods/index.ts";
import { campaign, seed } from "./support/campaign.ts";
import { plans } from "./support/plans.ts";

describe("the checker", () => {
  test("has no finding on any plan", () => {
    fc.assert(
      fc.property(plans, (request) => {
        expect(checkSchedule(planSchedule(request))).toEqual([]);
      }),
      { numRuns: campaign(5000), seed },
    );
  });
});
