/**
 * `auto` from the request to the answer: every method, mesh, transport, 1, 2, 4 and 8 sub-tiles, and Torus' paths.
 * Prints seconds, how the space was gone through, and how far the answer can be from its best.
 *
 * Usage: npm run bench -- search
 */
import { METHODS } from "../plan/schedule/schedule.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { search } from "../sim/search/index.ts";

const CASES = [
  ["dgx-h100:4", { model: "flux.1-dev", image: "3072x3072" }],
  ["p4de.24xlarge:4", { model: "flux.1-dev", image: "3072x3072" }],
  ["p5.48xlarge:4", { model: "wan2.1-14b", video: "1280x720x81" }],
  ["8xl40s:4", { model: "wan2.1-14b", video: "1280x720x81" }],
  ["dgx-h100:16", { model: "flux.1-dev", image: "4096x4096" }],
  ["p4de.24xlarge:16", { model: "flux.1-dev", image: "4096x4096" }],
  ["8xl40s:16", { model: "wan2.1-14b", video: "1280x720x81" }],
] as const;

for (const [name, options] of CASES) {
  const topology = presetTopology(name);
  const numRanks = topology.nodes.filter(({ kind }) => kind === "gpu").length;
  const started = performance.now();
  const { search: summary, candidates } = search({
    topology,
    placement: Array.from({ length: numRanks }, (_, rank) => rank),
    workload: makeWorkload(options),
    groups: 1,
    methods: METHODS,
    transports: ["one-sided", "two-sided"],
    tiles: [1, 2, 4, 8],
    published: false,
    maxSimulatedOps: 2e6,
    exhaustive: false,
  });
  const seconds = (performance.now() - started) / 1000;
  const best = candidates[0]!;
  console.log(
    `${name.padEnd(18)} ${options.model.padEnd(11)} ${seconds.toFixed(2).padStart(6)} s  ${summary!.simulated} of ${summary!.space} simulated, gap ${(100 * summary!.gap).toFixed(1)} %  best: ${best.method} ${best.transport} ${Object.values(best.mesh).join(",")} ${best.tiles} sub-tiles`,
  );
}
