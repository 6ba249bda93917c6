import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { allToAll, clusterAllToAll, largestDifference, randomScenario } from "../bench/flow-scenarios.ts";
import { findSimGrid } from "../bench/peers/simgrid/peer.ts";
import { simulateFlows } from "../plan/flow/simulate-flows.ts";
import { campaign, seed } from "./support/campaign.ts";

const simGrid = findSimGrid(fileURLToPath(new URL("..", import.meta.url)));

describe("flows against SimGrid's max-min", () => {
  test("random scenarios agree within 1e-9", (context) => {
    if (typeof simGrid === "string") return context.skip(simGrid);
    for (let i = 0; i < campaign(600); i++) {
      const { capacities, flows } = randomScenario(seed + i);
      const difference = largestDifference(
        simulateFlows(capacities, flows).finishNs,
        simGrid.run(capacities, flows).finishNs,
      );
      expect(difference, `scenario of seed ${seed + i}`).toBeLessThanOrEqual(1e-9);
    }
  });

  test.for([
    ["16-rank all-to-all", allToAll(16, seed)] as const,
    ["all-to-all of two machines", clusterAllToAll(2, seed)] as const,
  ])("%s agrees within 1e-9", ([, { capacities, flows }], context) => {
    if (typeof simGrid === "string") return context.skip(simGrid);
    const { finishNs } = simGrid.run(capacities, flows);
    expect(largestDifference(simulateFlows(capacities, flows).finishNs, finishNs)).toBeLessThanOrEqual(1e-9);
  });
});
