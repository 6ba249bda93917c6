import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maxMinRates } from "../../plan/flow/slow-twin.ts";
import { compileNetwork } from "../../plan/topology/network.ts";
import { createRoutes } from "../../plan/topology/routes.ts";
import { threadsMachine } from "../../plan/topology/threads-preset.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { validateTopology } from "../../plan/topology/validate.ts";
import { seed } from "../../test/support/campaign.ts";
import { findHostLinks, type HostLinks, joinHosts } from "./host-links.ts";

const GIGABIT = 1e9 / 8;

type Pair = readonly [from: number, to: number];

/** What transfers from host to host reach at once. */
function ratesOf(topology: Topology, pairs: readonly Pair[]): number[] {
  const network = compileNetwork(topology);
  const routes = createRoutes(network);
  const firstRank = (host: number) => network.rankNodes[network.rankMachines.indexOf(host)]!;
  const flows = pairs.map(([from, to]) => ({ path: routes.path(firstRank(from), firstRank(to)).slice() }));
  return Array.from(maxMinRates(network.capacity, flows));
}

/** What `measurePairs` would measure, each figure off by a few percent. */
function measured(links: HostLinks, noise: readonly number[]) {
  const topology = joinHosts(threadsMachine(), links, 100_000);
  const count = links.ports.length;
  let at = 0;
  const off = (rate: number) => rate * (1 + noise[at++ % noise.length]!);
  const hosts = Array.from({ length: count }, (_, host) => host);
  const alone = hosts.flatMap((from) =>
    hosts
      .filter((to) => to !== from)
      .map((to) => ({ from, to, bytesPerSecond: off(ratesOf(topology, [[from, to]])[0]!) })),
  );
  const atOnce = hosts.flatMap((a) =>
    hosts.slice(a + 1).flatMap((b) => {
      const others = hosts.filter((host) => host !== a && host !== b);
      return [others.slice(0, 2), others.slice(-2)].flatMap(([c, d]) => {
        if (c === undefined || d === undefined) return [];
        const [first, second] = ratesOf(topology, [
          [a, c],
          [b, d],
        ]);
        const pair = (from: number, to: number, rate: number) => ({ from, to, bytesPerSecond: off(rate) });
        return [{ transfers: [pair(a, c, first!), pair(b, d, second!)] as const }];
      });
    }),
  );
  return { topology, alone, atOnce };
}

const noise = fc.array(fc.double({ min: -0.03, max: 0.03, noNaN: true }), { minLength: 7, maxLength: 7 });

/** Leaves of two hosts or more, whose uplinks two transfers fill. */
const clusters = fc
  .record({
    sizes: fc.array(fc.integer({ min: 2, max: 3 }), { minLength: 2, maxLength: 3 }),
    uplink: fc.double({ min: 0.2, max: 1.4, noNaN: true }),
  })
  .map(({ sizes, uplink }): HostLinks => {
    const leafOf = sizes.flatMap((size, leaf) => Array.from({ length: size }, () => leaf));
    return {
      ports: leafOf.map(() => GIGABIT),
      leafOf,
      uplinks: sizes.map(() => uplink * GIGABIT),
    };
  });

describe("links between hosts", () => {
  test("of a single switch have each host's rate, a slower one too", () => {
    const slow = fc.record({
      count: fc.integer({ min: 2, max: 6 }),
      degraded: fc.nat({ max: 5 }),
      share: fc.double({ min: 0.1, max: 1, noNaN: true }),
    });
    const property = fc.property(slow, noise, ({ count, degraded, share }, errors) => {
      const ports = Array.from({ length: count }, (_, host) => (host === degraded ? share : 1) * GIGABIT);
      const { topology, alone, atOnce } = measured({ ports, leafOf: ports.map(() => 0), uplinks: [] }, errors);
      const found = findHostLinks(count, alone, atOnce);
      expect(found.uplinks).toEqual([]);
      const again = joinHosts(threadsMachine(), found, 0);
      for (const { from, to } of alone) {
        const [expected, actual] = [topology, again].map((of) => ratesOf(of, [[from, to]])[0]!);
        expect(Math.abs(actual! / expected! - 1)).toBeLessThan(0.04);
      }
    });
    fc.assert(property, { numRuns: 100, seed });
  });

  test("of leaves are found with their uplinks, which transfers share", () => {
    const property = fc.property(clusters, noise, (links, errors) => {
      const { alone, atOnce } = measured(links, errors);
      const found = findHostLinks(links.ports.length, alone, atOnce);
      expect(found.leafOf).toEqual(links.leafOf);
      for (const [leaf, rate] of links.uplinks.entries())
        expect(Math.abs(found.uplinks[leaf]! / rate - 1)).toBeLessThan(0.04);
    });
    fc.assert(property, { numRuns: 100, seed });
  });

  test("make a valid topology, whose paths have the latency that was measured", () => {
    fc.assert(
      fc.property(clusters, (links) => {
        const topology = joinHosts(threadsMachine(), links, 120_000);
        validateTopology(topology);
        const network = compileNetwork(topology);
        const routes = createRoutes(network);
        const [first, last] = [network.rankNodes[0]!, network.rankNodes.at(-1)!];
        expect(routes.latencyNs(first, last)).toBeCloseTo(120_000, 3);
      }),
      { numRuns: 20, seed },
    );
  });
});
