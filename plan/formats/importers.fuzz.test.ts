import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { presetTopology } from "../topology/presets.ts";
import { validateTopology } from "../topology/validate.ts";
import { importTopology } from "./importers.ts";
import { exportTopologyJson } from "./topology-file.ts";

const encoder = new TextEncoder();
const dump = readFileSync(new URL("../../traces/topologies/8xa100-nvidia-smi-topo.txt", import.meta.url));
const pairs = encoder.encode(
  "\tGPU0\tGPU1\tmlx5_0\tCPU Affinity\nGPU0\t X \tNV4\tPIX\t0-7\nGPU1\tNV4\t X \tSYS\t8-15\nmlx5_0\tPIX\tSYS\t X \t\n",
);
const json = encoder.encode(exportTopologyJson(presetTopology("4xrtx4090:2")));
const yaml = encoder.encode(`version: 1
name: pair
nodes:
  - {id: a, kind: gpu, machine: 0, device: A100}
  - &b {id: b, kind: cpu, machine: 0}
links:
  - {from: a, to: b, bytesPerSecond: 1e9, latencyNs: 500, duplex: full}
`);

/** Pieces that parsers trip over. */
const pieces = [
  ..."\t|\n|\r\n|X| X |GPU0|GPU1|NV12|NV0|NV999|PIXSYS|SOC|NIC0|CPU Affinity|0-7|N/A|\u001b[4m|[4m|# |[0m".split("|"),
  ...'{|}|[|]|[[[[|"|:|,|- |&a |*a|null|-1|1e999|NaN|.nan|~|!!js|<<: *b|\'|\\|\\u0000|__proto__|"version": 2,'.split(
    "|",
  ),
  "\u0000",
  "\ufeff",
  "\u2028",
  "é",
];

/** A change at a place between 0 and 1 of the input. */
const mutations = fc.record({
  kind: fc.constantFrom("insert", "delete", "copy", "truncate", "byte", "swap"),
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 40 }),
  piece: fc.constantFrom(...pieces),
  byte: fc.integer({ min: 0, max: 255 }),
});
type Mutation = typeof mutations extends fc.Arbitrary<infer T> ? T : never;

function mutate(bytes: Uint8Array, { kind, place, length, piece, byte }: Mutation): Uint8Array {
  const at = Math.floor(place * bytes.length);
  const [head, middle, tail] = [bytes.slice(0, at), bytes.slice(at, at + length), bytes.slice(at + length)];
  switch (kind) {
    case "insert":
      return join(head, encoder.encode(piece), bytes.slice(at));
    case "delete":
      return join(head, tail);
    case "copy":
      return join(head, middle, middle, tail);
    case "truncate":
      return place < 0.1 ? bytes : head;
    case "byte":
      return join(head, Uint8Array.of(byte), bytes.slice(at + 1));
    default:
      return join(head, tail.slice(0, length), middle, tail.slice(length));
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Either a topology that is valid, or a UsageError with a message of the usual form. */
function survives(bytes: Uint8Array): void {
  try {
    validateTopology(importTopology(bytes));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    expect(error.message).toMatch(/^expected /);
  }
}

describe("mutated inputs", () => {
  test.each([
    ["nvidia-smi topo -m", [dump, pairs]],
    ["topology JSON", [json]],
    ["topology YAML", [yaml]],
  ] as const)("%s: a topology or a UsageError", (_, seeds) => {
    const property = fc.property(
      fc.constantFrom(...seeds),
      fc.array(mutations, { minLength: 1, maxLength: 6 }),
      (start, changes) => survives(changes.reduce<Uint8Array>(mutate, start)),
    );
    fc.assert(property, { seed, numRuns: campaign(10_000) });
  });

  test("random bytes: a UsageError", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(() => importTopology(bytes)).toThrow(UsageError);
    });
    fc.assert(property, { seed, numRuns: campaign(10_000) });
  });
});
