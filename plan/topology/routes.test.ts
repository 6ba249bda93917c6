import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { compileNetwork, type Network } from "./network.ts";
import { createRoutes } from "./routes.ts";
import type { Topology, TopologyLink, TopologyNode } from "./topology.ts";

/** The oracle: all simple paths on which no rank forwards, compared by the four criteria in words. */
function slowPath(network: Network, source: number, target: number): number[] | null {
  let best: number[] | null = null;
  const visit = (node: number, path: number[], visited: Set<number>) => {
    if (node === target) {
      if (best === null || isBetter(network, path, best)) best = [...path];
      return;
    }
    if (node !== source && network.forwards[node] === 0) return;
    for (let link = 0; link < network.numLinks; link++) {
      const next = network.linkTo[link]!;
      if (network.linkFrom[link] !== node || visited.has(next)) continue;
      visit(next, [...path, link], new Set([...visited, next]));
    }
  };
  visit(source, [], new Set([source]));
  return best;
}

function isBetter(network: Network, path: number[], other: number[]): boolean {
  if (path.length !== other.length) return path.length < other.length;
  const width = (links: number[]) => Math.min(...links.map((link) => network.capacity[link]!));
  if (width(path) !== width(other)) return width(path) > width(other);
  const latency = (links: number[]) =>
    links.reduce((sum, link) => sum + Math.round(network.latencyNs[link]! * 1000), 0);
  if (latency(path) !== latency(other)) return latency(path) < latency(other);
  const at = path.findIndex((link, index) => link !== other[index]);
  return at >= 0 && path[at]! < other[at]!;
}

/** Few distinct figures, so that every tie-break is reached; 0.1 + 0.2 and 0.3 must tie. */
const links = (numNodes: number) =>
  fc.array(
    fc.record({
      from: fc.nat(numNodes - 1),
      to: fc.nat(numNodes - 1),
      bytesPerSecond: fc.constantFrom(1e9, 2e9, 3e9),
      latencyNs: fc.constantFrom(0, 0.1, 0.2, 0.3, 5),
      duplex: fc.constantFrom<"full" | "simplex">("full", "simplex"),
    }),
    { maxLength: 16 },
  );

const graphs = fc.integer({ min: 2, max: 8 }).chain((numNodes) =>
  fc.record({
    kinds: fc.array(fc.constantFrom<TopologyNode["kind"]>("gpu", "switch", "switch", "net"), {
      minLength: numNodes,
      maxLength: numNodes,
    }),
    links: links(numNodes),
  }),
);

function graph(kinds: readonly TopologyNode["kind"][], linkList: readonly TopologyLink[]): Network {
  const nodes = kinds.map((kind, index) => ({ id: `n${index}`, kind, machine: 0 }));
  const topology: Topology = { version: 1, name: "test", nodes, links: linkList, devices: {}, assumed: [] };
  return compileNetwork(topology);
}

function link(from: number, to: number, bytesPerSecond = 1e9, latencyNs = 1): TopologyLink {
  return { from: `n${from}`, to: `n${to}`, bytesPerSecond, latencyNs, duplex: "simplex" };
}

describe("routes", () => {
  test("equal the best of all simple paths on random graphs", () => {
    const property = fc.property(graphs, ({ kinds, links }) => {
      const named = links
        .filter(({ from, to }) => from !== to)
        .map((one) => ({ ...one, from: `n${one.from}`, to: `n${one.to}` }));
      const network = graph(kinds, named);
      const routes = createRoutes(network);
      for (let source = 0; source < kinds.length; source++) {
        for (let target = 0; target < kinds.length; target++) {
          const expected = slowPath(network, source, target);
          if (expected === null) expect(() => routes.path(source, target)).toThrow(UsageError);
          else expect([...routes.path(source, target)]).toEqual(expected);
        }
      }
    });
    fc.assert(property, { seed, numRuns: campaign(20_000) });
  });

  test("take the best bottleneck of whole paths before latency", () => {
    // 0 → {1, 2} → 3 → 4: the last link is narrow, so the quick first half wins although it is narrow as well.
    const network = graph(
      ["gpu", "switch", "switch", "switch", "gpu"],
      [link(0, 1, 9e9, 9), link(0, 2, 1e9, 1), link(1, 3, 9e9, 9), link(2, 3, 1e9, 1), link(3, 4, 1e9, 1)],
    );
    expect([...createRoutes(network).path(0, 4)]).toEqual([1, 3, 4]);
  });

  test("never pass through a rank", () => {
    const network = graph(["gpu", "gpu", "gpu"], [link(0, 1), link(1, 2)]);
    expect(() => createRoutes(network).path(0, 2)).toThrow(/path from n0 to n2/);
  });

  test("add latencies from the source and give the same path again", () => {
    const network = graph(["gpu", "switch", "gpu"], [link(0, 1, 1e9, 0.1), link(1, 2, 1e9, 0.2)]);
    const routes = createRoutes(network);
    expect(routes.latencyNs(0, 2)).toBe(0.1 + 0.2);
    expect([...routes.path(0, 2)]).toEqual([0, 1]);
    expect(routes.path(1, 1)).toHaveLength(0);
  });
});
