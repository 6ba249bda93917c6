import { isAlias, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { findDevice } from "../topology/devices.ts";
import type { AttendFigures, Device, HostFigures, Topology, TopologyLink, TopologyNode } from "../topology/topology.ts";
import { validateGraph, validateTopology } from "../topology/validate.ts";
import type { Importer } from "./importer.ts";
import { findDuplicateKey, type JsonPath, lineAt, lineOfPath, nestsDeeper } from "./json-places.ts";

/** Deeper than any topology: devices, their tables, their rows. */
const maxDepth = 32;
/** The YAML parser takes about a second for a megabyte, and squared time for some hostile ones. */
const maxYaml = 2 ** 20;

const nodeSchema: z.ZodType<TopologyNode> = z
  .object({
    id: z.string(),
    kind: z.enum(["gpu", "cpu", "switch", "pcie", "nic", "net"]),
    machine: z.number().nullable().default(null),
    device: z.string().optional(),
    oneSidedEfficiency: z.number().positive().max(1).optional(),
  })
  .transform(({ device, oneSidedEfficiency, ...node }) => ({
    ...node,
    ...(device === undefined ? {} : { device }),
    ...(oneSidedEfficiency === undefined ? {} : { oneSidedEfficiency }),
  }));

const linkSchema: z.ZodType<TopologyLink> = z.object({
  from: z.string(),
  to: z.string(),
  bytesPerSecond: z.number(),
  latencyNs: z.number(),
  duplex: z.enum(["full", "simplex"]).default("full"),
});

const rate = z.number().positive();
const rates = z
  .object({ bf16: rate.optional(), fp16: rate.optional(), fp32: rate.optional() })
  .transform((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));

const time = z.number().nonnegative();

const attendSchema: z.ZodType<AttendFigures> = z.object({
  headDim: z.number().int().positive(),
  callNs: time,
  queryNs: time,
  keyNs: time,
  pairNs: z.number().positive(),
  firstPairNs: time,
  maskedPairNs: time,
});

const hostSchema: z.ZodType<HostFigures> = z.object({
  cores: z.number().positive().max(65_536),
  sharedBy: z.enum(["topology", "machine"]),
  copyBytesPerSecond: rate,
  allCopiesBytesPerSecond: rate,
  copyRunNs: time,
  networkBytesPerSecond: rate.exactOptional(),
  opNs: time,
  wakeNs: time,
  mergeBytesPerSecond: rate,
  finalizeBytesPerSecond: rate,
  matmulFlops: rate,
  attend: z
    .array(attendSchema)
    .min(1)
    .max(1000)
    .refine((rows) => rows.every(({ headDim }, i) => i === 0 || rows[i - 1]!.headDim < headDim), {
      message: "expected head sizes that ascend",
    }),
});

const deviceFields = z.object({
  peakFlops: rates,
  matmulFlops: rates,
  attentionFlops: z
    .array(z.object({ dtype: z.enum(["bf16", "fp16", "fp32"]), headDim: z.number().int().positive(), flops: rate }))
    .max(1000),
  memoryBytes: rate,
  memoryBytesPerSecond: rate,
  multiprocessors: z.number().int().positive(),
  copyEngines: z.number().int().nonnegative(),
  launchNs: z.number().nonnegative(),
  host: hostSchema.optional(),
  source: z.string(),
});

const deviceSchema: z.ZodType<Device> = deviceFields.transform(({ host, source, ...device }) => ({
  ...device,
  ...(host === undefined ? {} : { host }),
  source,
}));

/** Elements are checked one by one, so that a file with a million wrong ones fails at the first. */
interface Shell {
  readonly version: 1;
  readonly name: string;
  readonly nodes: readonly unknown[];
  readonly links: readonly unknown[];
  readonly devices: Readonly<Record<string, unknown>>;
  readonly assumed: readonly string[];
}

const shellSchema: z.ZodType<Shell> = z.object({
  version: z.literal(1),
  name: z.string().default("topology"),
  nodes: z.array(z.unknown()),
  links: z.array(z.unknown()),
  devices: z.record(z.string(), z.unknown()).default({}),
  assumed: z.array(z.string()).default([]),
});

/** This project's topology file as JSON. */
export const jsonImporter: Importer = {
  name: "topology JSON",
  // A prompt may begin with a bracket too: `[root@host ~]# …`.
  sniff: (text) => /^\s*(?:\{|\[\s*[[{"\]])/.test(text),
  import: importJson,
};

/** This project's topology file as YAML. */
export const yamlImporter: Importer = {
  name: "topology YAML",
  sniff: (text, { fileName }) => /\.ya?ml$/i.test(fileName ?? "") || /^(?:version|nodes|links)[ \t]*:/m.test(text),
  import: importYaml,
};

/** The topology as a file of the same format, one node and one link a line. */
export function exportTopologyJson(topology: Topology): string {
  const { version, name, nodes, links, devices, assumed } = topology;
  const list = (items: readonly unknown[]) =>
    items.length === 0 ? "[]" : `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`;
  const table = Object.entries(devices).map(([key, device]) => `    ${JSON.stringify(key)}: ${JSON.stringify(device)}`);
  return `{
  "version": ${version},
  "name": ${JSON.stringify(name)},
  "nodes": ${list(nodes)},
  "links": ${list(links)},
  "devices": ${table.length === 0 ? "{}" : `{\n${table.join(",\n")}\n  }`},
  "assumed": ${list(assumed)}
}
`;
}

/**
 * A topology from a value such as `JSON.parse` gives. Devices that ranks name and the file does not describe come from
 * the built-in table. The graph is checked (`validateGraph`), ranks and reachability are not: `flows` needs no ranks.
 * Throws a UsageError with the path in the value.
 */
export function readTopologyValue(value: unknown): Topology {
  const shell = readShell(value);
  const nodes = shell.nodes.map((node, index) => check(nodeSchema, node, ["nodes", index]));
  const links = shell.links.map((link, index) => check(linkSchema, link, ["links", index]));
  const described = Object.entries(shell.devices).map(
    ([name, device]) => [name, check(deviceSchema, device, ["devices", name])] as const,
  );
  const topology: Topology = {
    version: 1,
    name: shell.name,
    nodes,
    links,
    devices: Object.fromEntries(addKnownDevices(new Map(described), nodes)),
    assumed: shell.assumed,
  };
  validateGraph(topology);
  return topology;
}

function readShell(value: unknown): Shell {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError("format", `expected a topology (an object with nodes and links), got ${describe(value)}`);
  }
  const version = (value as { version?: unknown }).version;
  if (version !== 1) {
    throw new UsageError("version", `expected version 1 of the topology format, got ${describe(version)}`, {
      path: "version",
      hint: "Write version: 1; files of later versions need a later toroid.",
    });
  }
  return check(shellSchema, value, []);
}

function addKnownDevices(devices: Map<string, Device>, nodes: readonly TopologyNode[]): Map<string, Device> {
  for (const [index, { device }] of nodes.entries()) {
    if (device !== undefined && !devices.has(device))
      devices.set(device, findDevice(device, `nodes[${index}].device`).device);
  }
  return devices;
}

function check<T>(schema: z.ZodType<T>, value: unknown, at: JsonPath): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const path = [...at, ...(issue.path as (string | number)[])];
  throw new UsageError("topology", issueText(issue.message, path, valueAt(value, issue.path)), {
    path: pathText(path),
  });
}

/** Zod's `Too small: expected number to be >0` in this project's words. */
function issueText(message: string, path: JsonPath, found: unknown): string {
  if (found === undefined) return `expected ${path.at(-1) ?? "a value"}, found none`;
  const text = message.replace(/^[^:]*: (?=expected)/, "").replace(/, received .*$/s, "");
  return `${text.startsWith("expected") ? text : `expected another value: ${text}`}, got ${describe(found)}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value;
  for (const key of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Record<PropertyKey, unknown>)[key];
  }
  return inner;
}

function pathText(path: JsonPath): string {
  return path.map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`)).join("");
}

function describe(value: unknown): string {
  if (value === undefined) return "none";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return JSON.stringify(value)?.slice(0, 60) ?? String(value);
}

function importJson(text: string): Topology {
  requireShallow(text);
  const value = parseJson(text);
  const duplicate = findDuplicateKey(text);
  if (duplicate !== null) throw twice(pathText(duplicate.path), lineAt(text, duplicate.offset));
  return withLines(
    () => readAll(value),
    (path) => lineOfPath(text, path),
  );
}

function readAll(value: unknown): Topology {
  const topology = readTopologyValue(value);
  validateTopology(topology);
  return topology;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const offset = /position (\d+)/.exec(message)?.[1];
    const line = offset === undefined ? lineAt(text, text.length) : lineAt(text, Number(offset));
    const reason = message.slice(0, 160).replace(/\s+/g, " ");
    throw new UsageError("parse", `expected JSON: ${reason}`, { path: `line ${line}` });
  }
}

function importYaml(text: string): Topology {
  requireShallow(text);
  if (text.length > maxYaml) {
    throw new UsageError("limit", `expected at most ${maxYaml} characters of YAML, got ${text.length}`, {
      hint: "Write a topology of that size as JSON.",
    });
  }
  const { value, lineOf } = parseYaml(text);
  return withLines(() => readAll(value), lineOf);
}

function parseYaml(text: string): { value: unknown; lineOf: (path: JsonPath) => number | null } {
  const lineCounter = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter, logLevel: "error", prettyErrors: false });
    const error = document.errors[0];
    if (error !== undefined) {
      if (isOverflow(error)) throw tooDeep();
      const { line } = lineCounter.linePos(error.pos[0]);
      throw new UsageError("parse", `expected YAML: ${error.message.split("\n")[0]}`, { path: `line ${line}` });
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { value, lineOf };

    function lineOf(path: JsonPath): number | null {
      for (let length = path.length; length >= 0; length--) {
        const node = document.getIn(path.slice(0, length), true);
        if (isNode(node) && !isAlias(node) && node.range) return lineCounter.linePos(node.range[0]).line;
        if (isScalar(node)) return null;
      }
      return null;
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (isOverflow(error)) throw tooDeep();
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError("parse", `expected YAML: ${reason.split("\n")[0]!.slice(0, 160)}`);
  }
}

/** The YAML parser recurses: what is nested by indentation can overflow its stack, which it reports in either way. */
function isOverflow(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && error.message.includes("call stack"));
}

function requireShallow(text: string): void {
  if (nestsDeeper(text, maxDepth)) throw tooDeep();
}

function tooDeep(): UsageError {
  return new UsageError("limit", `expected lists and objects nested at most ${maxDepth} deep, got more`);
}

function twice(path: string, line: number): UsageError {
  return new UsageError("parse", `expected each key once, got ${path} again`, { path: `line ${line}` });
}

/** Runs `read`; an error that it throws with a path gets the line as well. */
function withLines(read: () => Topology, lineOf: (path: JsonPath) => number | null): Topology {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError) || error.path === null) throw error;
    const line = lineOf(parsePath(error.path));
    if (line === null) throw error;
    const details = { path: `line ${line}: ${error.path}`, ...(error.hint === null ? {} : { hint: error.hint }) };
    throw new UsageError(error.code, error.message, details);
  }
}

/** `nodes[3].kind` as keys. Keys with dots or brackets come apart, which costs no more than the exact line. */
function parsePath(path: string): JsonPath {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? key! : Number(index),
  );
}
