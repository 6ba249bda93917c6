import { describe, expect, test } from "vitest";
import { UsageError } from "../errors.ts";
import type { Topology, TopologyLink, TopologyNode } from "./topology.ts";
import { validateGraph, validateTopology } from "./validate.ts";

const nodes: readonly TopologyNode[] = [
  { id: "a", kind: "gpu", machine: 0 },
  { id: "b", kind: "gpu", machine: 0 },
  { id: "s", kind: "switch", machine: 0 },
];
const links: readonly TopologyLink[] = [
  { from: "a", to: "s", bytesPerSecond: 1e9, latencyNs: 1, duplex: "full" },
  { from: "b", to: "s", bytesPerSecond: 1e9, latencyNs: 1, duplex: "full" },
];

function withParts(parts: { nodes?: readonly object[]; links?: readonly object[] }): Topology {
  return { version: 1, name: "test", nodes, links, devices: {}, assumed: [], ...parts } as Topology;
}

function withLink(change: Partial<TopologyLink>): Topology {
  return withParts({ links: [links[0]!, { ...links[1]!, ...change }] });
}

function withNode(change: Partial<TopologyNode>): Topology {
  return withParts({ nodes: [nodes[0]!, { ...nodes[1]!, ...change }, nodes[2]!] });
}

function errorOf(run: () => void): UsageError {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("expected a UsageError");
}

describe("validateTopology", () => {
  test("accepts a sound topology", () => {
    expect(() => validateTopology(withParts({}))).not.toThrow();
  });

  test.each([
    ["no nodes", withParts({ nodes: [], links: [] }), "nodes"],
    ["duplicate ids", withNode({ id: "a" }), "nodes[1].id"],
    ["an empty id", withNode({ id: "" }), "nodes[1].id"],
    ["a link to nowhere", withLink({ to: "x" }), "links[1].to"],
    ["a link from nowhere", withLink({ from: "x" }), "links[1].from"],
    ["a self link", withLink({ to: "b" }), "links[1]"],
    ["zero bandwidth", withLink({ bytesPerSecond: 0 }), "links[1].bytesPerSecond"],
    ["negative bandwidth", withLink({ bytesPerSecond: -1 }), "links[1].bytesPerSecond"],
    ["bandwidth NaN", withLink({ bytesPerSecond: Number.NaN }), "links[1].bytesPerSecond"],
    ["infinite bandwidth", withLink({ bytesPerSecond: Number.POSITIVE_INFINITY }), "links[1].bytesPerSecond"],
    ["absurd bandwidth", withLink({ bytesPerSecond: 1e16 }), "links[1].bytesPerSecond"],
    ["negative latency", withLink({ latencyNs: -1 }), "links[1].latencyNs"],
    ["latency NaN", withLink({ latencyNs: Number.NaN }), "links[1].latencyNs"],
    ["absurd latency", withLink({ latencyNs: 1e13 }), "links[1].latencyNs"],
    ["no ranks", withParts({ nodes: [nodes[2]!], links: [] }), "nodes"],
    ["a rank without machine", withNode({ machine: null }), "nodes[1].machine"],
    ["a negative machine", withNode({ machine: -1 }), "nodes[1].machine"],
    ["half a machine", withNode({ machine: 0.5 }), "nodes[1].machine"],
    ["machines with a gap", withNode({ machine: 2 }), "nodes[1].machine"],
  ])("refuses %s", (_, topology, path) => {
    const error = errorOf(() => validateTopology(topology));
    expect(error.code).toBe("topology");
    expect(error.path).toBe(path);
    expect(error.message).toMatch(/^expected /);
  });

  test("refuses ranks without a path, also where only one direction lacks", () => {
    for (const topology of [withParts({ links: [links[0]!] }), withLink({ duplex: "simplex" })]) {
      const error = errorOf(() => validateTopology(topology));
      expect(error.code).toBe("route");
      expect(error.message).toMatch(/from a to b/);
    }
  });

  test("accepts ranks that reach each other directly, and refuses a chain of ranks", () => {
    const three = nodes.slice(0, 2).concat({ id: "c", kind: "gpu", machine: 0 });
    const link = (from: string, to: string) => ({ ...links[0]!, from, to });
    const mesh = [link("a", "b"), link("b", "c"), link("a", "c")];
    expect(() => validateTopology(withParts({ nodes: three, links: mesh }))).not.toThrow();
    const error = errorOf(() => validateTopology(withParts({ nodes: three, links: mesh.slice(0, 2) })));
    expect(error.message).toMatch(/from a to c/);
  });
});

test("a graph for flows needs neither ranks nor connections", () => {
  expect(() => validateGraph(withParts({ nodes: [nodes[2]!], links: [] }))).not.toThrow();
  expect(() => validateGraph(withParts({ links: [] }))).not.toThrow();
});
