import { describe, expect, test } from "vitest";
import { UsageError } from "../errors.ts";
import { findDevice } from "../topology/devices.ts";
import { listPresets, presetTopology } from "../topology/presets.ts";
import type { Topology } from "../topology/topology.ts";
import { importTopology } from "./importers.ts";
import { exportTopologyJson, readTopologyValue } from "./topology-file.ts";

function read(text: string): Topology {
  return importTopology(new TextEncoder().encode(text));
}

function errorOf(text: string): UsageError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("expected a UsageError");
}

const pair = `{
  "version": 1,
  "name": "pair",
  "nodes": [
    {"id": "a", "kind": "gpu", "machine": 0, "device": "A100"},
    {"id": "b", "kind": "gpu", "machine": 0, "device": "A100"}
  ],
  "links": [
    {"from": "a", "to": "b", "bytesPerSecond": 1e9, "latencyNs": 500, "duplex": "full"}
  ]
}`;

const pairYaml = `# two GPUs
version: 1
name: pair
nodes:
  - {id: a, kind: gpu, machine: 0, device: A100}
  - id: b
    kind: gpu
    machine: 0
    device: A100
links:
  - from: a
    to: b
    bytesPerSecond: 1e9
    latencyNs: 500
    duplex: full
`;

test("every preset survives export and import, twice", () => {
  for (const { name } of listPresets()) {
    const topology = presetTopology(`${name}:2`);
    const text = exportTopologyJson(topology);
    expect(read(text)).toEqual(topology);
    expect(exportTopologyJson(read(text))).toBe(text);
  }
});

test("JSON and YAML say the same, and devices come from the built-in table", () => {
  expect(read(pairYaml)).toEqual(read(pair));
  expect(read(pair).devices["A100"]).toEqual(findDevice("A100").device);
});

describe("host figures", () => {
  const text = exportTopologyJson(presetTopology("threads"));

  test("are read as they were written", () => {
    expect(read(text).devices["cpu"]!.host).toEqual(presetTopology("threads").devices["cpu"]!.host);
  });

  test.each([
    ["a missing figure", text.replace('"opNs":5000,', ""), "devices.cpu.host.opNs", "expected opNs, found none"],
    ["no cores", text.replace('"cores":2', '"cores":0'), "devices.cpu.host.cores", "expected number to be >0, got 0"],
    [
      "an unknown way of sharing",
      text.replace('"sharedBy":"topology"', '"sharedBy":"all"'),
      "devices.cpu.host.sharedBy",
      'expected one of "topology"|"machine", got "all"',
    ],
    [
      "a time below zero",
      text.replace('"callNs":30000', '"callNs":-1'),
      "devices.cpu.host.attend[0].callNs",
      "expected number to be >=0, got -1",
    ],
    [
      "head sizes in disorder",
      text.replaceAll('"headDim":32,"callNs"', '"headDim":96,"callNs"'),
      "devices.cpu.host.attend",
      "expected head sizes that ascend, got a list",
    ],
  ])("%s is refused with its place", (_, broken, path, message) => {
    const error = errorOf(broken);
    expect(error.path).toMatch(new RegExp(`^line \\d+: ${path.replace(/[.[\]]/g, "\\$&")}$`));
    expect(error.message).toBe(message);
  });
});

test("ranks without a device, machine and duplex left out: enough for flows", () => {
  const topology = readTopologyValue({
    version: 1,
    nodes: [
      { id: "a", kind: "gpu" },
      { id: "b", kind: "switch" },
    ],
    links: [{ from: "a", to: "b", bytesPerSecond: 1, latencyNs: 0 }],
  });
  expect(topology.nodes[0]).toEqual({ id: "a", kind: "gpu", machine: null });
  expect(topology.links[0]!.duplex).toBe("full");
  expect(topology.devices).toEqual({});
});

describe("errors name the line and the place", () => {
  test.each([
    ["an unknown version", pair.replace("1,", "2,"), "version", "line 2: version"],
    ["no version", pair.replace('"version": 1,', ""), "version", /version/],
    [
      "an unknown kind",
      pair.replace('"gpu", "machine": 0, "device": "A100"},', '"tpu", "machine": 0},'),
      "topology",
      "line 5: nodes[0].kind",
    ],
    ["a missing figure", pair.replace('"latencyNs": 500, ', ""), "topology", "line 9: links[0].latencyNs"],
    ["a text for a number", pair.replace("500", '"500"'), "topology", "line 9: links[0].latencyNs"],
    ["a huge number", pair.replace("1e9", "1e999"), "topology", "line 9: links[0].bytesPerSecond"],
    ["a link to nowhere", pair.replace('"to": "b"', '"to": "c"'), "topology", "line 9: links[0].to"],
    ["a duplicate id", pair.replace('"id": "b"', '"id": "a"'), "topology", "line 6: nodes[1].id"],
    ["a duplicate key", pair.replace('"name": "pair",', '"name": "pair",\n"name": "p",'), "parse", "line 4"],
    ["an unknown device", pair.replaceAll("A100", "A1000"), "not-found", "line 5: nodes[0].device"],
    ["cut JSON", pair.slice(0, -20), "parse", /line \d+/],
    ["NaN", pair.replace("500", "NaN"), "parse", /line/],
    ["no links", pair.replace('"links"', '"lines"'), "topology", /links/],
  ])("JSON: %s", (_, text, code, path) => {
    const error = errorOf(text);
    expect(error.code).toBe(code);
    if (typeof path === "string") expect(error.path).toBe(path);
    else expect(error.path).toMatch(path);
  });

  test.each([
    ["an unknown version", pairYaml.replace("version: 1", "version: 2"), "version", "line 2: version"],
    ["an unknown kind", pairYaml.replace("    kind: gpu", "    kind: tpu"), "topology", "line 7: nodes[1].kind"],
    ["not a number", pairYaml.replace("500", ".nan"), "topology", "line 14: links[0].latencyNs"],
    ["infinite", pairYaml.replace("1e9", ".inf"), "topology", "line 13: links[0].bytesPerSecond"],
    ["a duplicate key", pairYaml.replace("name: pair", "name: pair\nname: p"), "parse", "line 4"],
    ["a bad indent", pairYaml.replace("    kind: gpu", "   kind: gpu"), "parse", /line [67]/],
    ["two documents", `${pairYaml}---\n${pairYaml}`, "parse", /line/],
  ])("YAML: %s", (_, text, code, path) => {
    const error = errorOf(text);
    expect(error.code).toBe(code);
    if (typeof path === "string") expect(error.path).toBe(path);
    else expect(error.path).toMatch(path);
  });

  test("messages say what was expected and what was there", () => {
    expect(errorOf(pair.replace("500", '"500"')).message).toBe('expected number, got "500"');
    expect(errorOf(pair.replace('"full"', '"half"')).message).toBe('expected one of "full"|"simplex", got "half"');
    expect(errorOf(pair.replace('"latencyNs": 500, ', "")).message).toBe("expected latencyNs, found none");
  });

  test("a device with missing figures names them", () => {
    const { matmulFlops: _, ...partial } = findDevice("A100").device;
    const text = pair.replace(/\n\}$/, `,\n  "devices": {"A100": ${JSON.stringify(partial)}}\n}`);
    const error = errorOf(text);
    expect(error.path).toBe("line 11: devices.A100.matmulFlops");
    expect(error.message).toMatch(/expected matmulFlops, found none/);
  });

  test("ranks that cannot reach each other", () => {
    const text = pair.replace('"duplex": "full"', '"duplex": "simplex"');
    expect(errorOf(text)).toMatchObject({ code: "route", message: expect.stringContaining("from b to a") });
  });

  test("a million wrong nodes fail at the first", () => {
    const text = `{"version": 1, "nodes": [${"1,".repeat(1e6)}1], "links": []}`;
    const start = performance.now();
    expect(errorOf(text)).toMatchObject({ path: "line 1: nodes[0]", message: "expected object, got 1" });
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

test("keys that objects inherit are no devices", () => {
  expect(errorOf(pair.replaceAll("A100", "constructor")).code).toBe("not-found");
  expect(errorOf(pair.replaceAll("A100", "__proto__")).code).toBe("not-found");
});
