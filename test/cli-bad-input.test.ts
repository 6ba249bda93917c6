import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, type ExpectStatic, expect, test } from "vitest";
import { temporaryFolder, toroid, writeFiles } from "./support/cli.ts";

/** A case: arguments, the exit code and error code that they must give, and what the message or hint must say. */
type Case = readonly [args: string, exitCode: 2 | 3, code: string, says?: RegExp];

const folder = temporaryFolder();

const cluster = "--topology p4de.24xlarge:4";
const shape = "--tokens 4096 --heads 24 --head-dim 128";
const plan = `plan ${cluster} ${shape} -o out.toroid`;

interface Node {
  id: string;
  kind: string;
  machine: number | null;
  device?: string;
}

interface Link {
  from: string;
  to: string;
  bytesPerSecond: number;
  latencyNs: number;
  duplex: string;
}

const gpu = (id: string): Node => ({ id, kind: "gpu", machine: 0, device: "A100" });
const link: Link = { from: "a", to: "b", bytesPerSecond: 1e9, latencyNs: 100, duplex: "full" };

/** A topology file of two GPUs and a link, with some of it replaced. */
function topology(change: { version?: number; nodes?: readonly Node[]; links?: readonly Link[] }): string {
  return JSON.stringify({ version: 1, name: "two", nodes: [gpu("a"), gpu("b")], links: [link], ...change });
}

function flows(change: object): string {
  const flow = { id: 0, src: "m0/gpu0", dst: "m1/gpu0", bytes: 1, startNs: 0, ...change };
  return JSON.stringify({ topology: "p4de.24xlarge:2", flows: [flow] });
}

const binary = Uint8Array.from({ length: 4096 }, (_, at) => (at * 7919) % 256);
const deep = "[".repeat(200_000);

/** Files in the shape of a topology and what is wrong with them. */
const topologyFiles: Readonly<Record<string, string | Uint8Array>> = {
  "empty.json": "",
  "truncated.json": topology({}).slice(0, -20),
  "deep.json": deep,
  "deep-inside.json": `{"version":1,"nodes":${deep}`,
  "deep.yaml": `nodes: ${deep}`,
  "indented.yaml": Array.from({ length: 3000 }, (_, depth) => `${" ".repeat(depth)}nodes:`).join("\n"),
  "binary.json": binary,
  "null.json": "null",
  "version.json": topology({ version: 2 }),
  "no-nodes.json": topology({ nodes: [] }),
  "duplicate.json": topology({ nodes: [gpu("a"), gpu("a"), gpu("b")] }),
  "nowhere.json": topology({ links: [link, { ...link, to: "c" }] }),
  "self.json": topology({ links: [link, { ...link, to: "a" }] }),
  "disconnected.json": topology({ links: [] }),
  "one-way.json": topology({ links: [{ ...link, duplex: "simplex" }] }),
  "zero.json": topology({ links: [{ ...link, bytesPerSecond: 0 }] }),
  "negative.json": topology({ links: [{ ...link, bytesPerSecond: -1 }] }),
  "absurd.json": topology({ links: [{ ...link, bytesPerSecond: 1e30 }] }),
  "latency.json": topology({ links: [{ ...link, latencyNs: -5 }] }),
  "nan.json": topology({}).replace("1000000000", "NaN"),
  "nan.yaml": "version: 1\nnodes: [{id: a, kind: gpu, machine: .nan, device: A100}]\nlinks: []\n",
  "infinite.json": topology({}).replace("1000000000", "1e999"),
  "machine.json": topology({ nodes: [gpu("a"), { ...gpu("b"), machine: 7 }] }),
  "device.json": topology({ nodes: [gpu("a"), { ...gpu("b"), device: "B9000" }] }),
  "kind.json": topology({ nodes: [gpu("a"), { ...gpu("b"), kind: "toaster" }] }),
  "controls.json": topology({ nodes: [gpu("a"), gpu("b")], links: [{ ...link, to: "\u001b[31m\nerror[x]: y" }] }),
  "p2p.txt": "\tGPU0\tGPU1\nGPU0\tX\tOK\nGPU1\tOK\tX\n",
};

const topologyCases: readonly Case[] = [
  ["empty.json", 2, "parse", /empty/],
  ["truncated.json", 2, "parse", /line 1/],
  ["deep.json", 2, "limit", /deep/],
  ["deep-inside.json", 2, "limit", /deep/],
  ["deep.yaml", 2, "limit", /deep/],
  ["indented.yaml", 2, "limit|parse|topology|version", /indented\.yaml/],
  ["binary.json", 2, "parse", /binary/],
  ["null.json", 2, "format|topology"],
  ["version.json", 2, "version", /version 1.*got 2/],
  ["no-nodes.json", 2, "topology", /nodes/],
  ["duplicate.json", 2, "topology", /nodes\[1\]\.id.*"a"/],
  ["nowhere.json", 2, "topology", /links\[1\]\.to.*"c"/],
  ["self.json", 2, "topology", /links\[1\]/],
  ["disconnected.json", 2, "route", /path.*from a to b/],
  ["one-way.json", 2, "route", /from b to a/],
  ["zero.json", 2, "topology", /links\[0\]\.bytesPerSecond/],
  ["negative.json", 2, "topology", /links\[0\]\.bytesPerSecond/],
  ["absurd.json", 2, "topology", /links\[0\]\.bytesPerSecond/],
  ["latency.json", 2, "topology", /links\[0\]\.latencyNs/],
  ["nan.json", 2, "parse", /NaN/],
  ["nan.yaml", 2, "topology", /machine/],
  ["infinite.json", 2, "topology", /links\[0\]\.bytesPerSecond/],
  ["machine.json", 2, "topology", /machine/],
  ["device.json", 2, "not-found", /B9000/],
  ["kind.json", 2, "topology", /kind/],
  ["controls.json", 2, "topology", /links\[0\]\.to/],
  ["p2p.txt", 2, "format", /p2p/],
  ["missing.json", 2, "not-found", /no such file/],
  [".", 2, "usage", /folder/],
];

const presetCases: readonly Case[] = [
  ["p4d", 2, "not-found", /p4d\.24xlarge/],
  ["cluster", 2, "not-found", /topology list/],
  ["p4de.24xlarge:0", 2, "usage", /1 to 4096/],
  ["p4de.24xlarge:-1", 2, "usage"],
  ["p4de.24xlarge:1.5", 2, "usage"],
  ["p4de.24xlarge:nan", 2, "usage"],
  ["p4de.24xlarge:99999999999", 2, "usage"],
  ["gb200-nvl72:4096", 2, "limit", /ranks/],
  ["p4de.24xlarge:2:2", 2, "usage|not-found"],
  ["p4de.24xlarge --device B9000", 2, "not-found", /--device/],
  ["p4de.24xlarge --nvlink 0", 2, "usage", /--nvlink/],
  ["p4de.24xlarge --nvlink NaN", 2, "usage", /--nvlink.*NaN/],
  ["p4de.24xlarge:2 --inter -400", 2, "usage", /--inter/],
  ["p4de.24xlarge:2 --nic 1e300", 2, "usage|topology"],
  ["p4de.24xlarge:2 --nic 100 --inter 400", 2, "usage", /--nic and --inter/],
];

const workloadCases: readonly Case[] = [
  ["", 2, "workload", /size/],
  ["--image 1024x1024", 2, "workload", /model/],
  ["--model flux.9 --image 1024x1024", 2, "not-found", /flux\.1-dev/],
  ["--model flux.1-dev --image 0x0", 2, "workload", /--image/],
  ["--model flux.1-dev --image -1x1024", 2, "workload", /--image/],
  ["--model flux.1-dev --image NaNx1024", 2, "workload", /--image/],
  ["--model flux.1-dev --image 99999999x99999999", 2, "workload", /--image/],
  ["--model wan2.1-14b --video 1280x720", 2, "workload", /--video/],
  ["--model flux.1-dev --image 1024x1024 --tokens 5", 2, "workload", /exclude/],
  ["--tokens 4096", 2, "workload", /--heads/],
  ["--tokens 0 --heads 24 --head-dim 128", 2, "workload", /--tokens/],
  ["--tokens -5 --heads 24 --head-dim 128", 2, "workload", /--tokens.*-5/],
  ["--tokens 1.5 --heads 24 --head-dim 128", 2, "workload", /--tokens/],
  ["--tokens NaN --heads 24 --head-dim 128", 2, "usage", /--tokens.*NaN/],
  ["--tokens 1e300 --heads 24 --head-dim 128", 2, "workload", /--tokens/],
  ["--tokens 4096 --heads 0 --head-dim 128", 2, "workload", /--heads/],
  ["--tokens 4096 --heads 24 --head-dim 1e9", 2, "workload", /--head-dim/],
  ["--tokens 4096 --heads 24 --head-dim 128 --kv-heads 5", 2, "workload", /--kv-heads/],
  ["--tokens 4096 --heads 24 --head-dim 128 --batch 0", 2, "workload", /--batch/],
  ["--tokens 2147483647 --heads 4096 --head-dim 1024", 2, "workload", /bytes/],
  ["--tokens 4096 --heads 24 --head-dim 128 --dtype fp8", 2, "workload", /bf16.*fp8/],
  ["--tokens 4096 --heads 24 --head-dim 128 --mask half", 2, "workload", /--mask/],
  ["--tokens 4096 --heads 24 --head-dim 128 --scope step", 2, "workload", /--scope/],
];

const methodCases: readonly Case[] = [
  ["--method best", 2, "usage", /--method.*ulysses/],
  ["--transport rdma", 2, "usage", /--transport/],
  ["--tiles 0", 2, "usage", /--tiles/],
  ["--tiles 100000", 2, "usage", /--tiles.*1 to 64/],
  ["--mesh 1,2", 2, "usage", /--mesh/],
  ["--mesh a,b,c,d", 2, "usage", /--mesh/],
  ["--mesh 2,2,2,4 --ulysses 4", 2, "usage", /exclude/],
  ["--method usp --mesh 3,1,1,1", 3, "infeasible"],
  ["--method usp --mesh 0,4,8,1", 3, "infeasible"],
  ["--method usp --ulysses 3", 3, "infeasible", /32/],
  ["--method torus --path QQ", 3, "infeasible", /path/],
  ["--method torus --path hello", 2, "usage", /letters/],
  ["--method torus --path 99Q1K", 3, "infeasible", /arrivals/],
  ["--method usp --path paper", 2, "usage", /torus/],
  ["--method torus --published --tiles 4", 2, "usage", /exclude/],
  ["--method torus --published --path KQ", 2, "usage", /exclude/],
  ["--search-ops 0", 2, "usage", /--search-ops/],
  ["--search-ops NaN", 2, "usage", /--search-ops/],
  ["--max-heap 0", 2, "usage", /--max-heap/],
  ["--max-heap many", 2, "usage", /--max-heap.*GiB/],
  ["--max-heap 1KiB", 3, "infeasible", /heap/],
  ["--ranks 0", 2, "usage", /--ranks/],
  ["--ranks 30", 2, "usage", /28 or 32/],
  ["--ranks 64", 2, "usage", /32 ranks/],
  ["--order 0,0", 2, "usage", /--order/],
  ["--order 0,99", 2, "usage", /--order/],
  ["--order 0,x", 2, "usage", /--order/],
  ["--tensor-parallel 5", 3, "infeasible", /groups/],
  ["--tensor-parallel 16", 3, "infeasible", /--tensor-parallel/],
  ["--data-parallel 3", 3, "infeasible", /groups/],
  ["--heads 23 --method ulysses", 3, "infeasible", /23 heads/],
  ["--heads 24 --method ulysses --ulysses 5", 3, "infeasible"],
];

const scheduleCases: readonly Case[] = [
  ["check empty.json", 2, "format", /empty/],
  ["check truncated.toroid", 2, "format|hash", /truncated\.toroid/],
  ["check flipped.toroid", 2, "hash", /flipped\.toroid/],
  ["check version.toroid", 2, "version", /version/],
  ["check version-2.json", 2, "version", /version/],
  ["check hash.json", 2, "hash", /hash/],
  ["check binary.json", 2, "format"],
  ["check deep.json", 2, "format|limit|parse"],
  ["check truncated-schedule.json", 2, "parse", /truncated-schedule\.json/],
  ["check small.trace", 2, "format"],
  ["check nowhere.json", 2, "format"],
  ["check missing.toroid", 2, "not-found"],
  ["simulate good.toroid", 2, "usage", /--topology/],
  ["simulate --trace out.trace", 2, "usage", /schedule file/],
  ["simulate good.toroid --topology p4de.24xlarge:1 --trace out.trace", 2, "topology", /rank/],
  ["simulate flipped.toroid --topology p4de.24xlarge:2 --trace out.trace", 2, "hash"],
  ["simulate good.toroid --topology p4de.24xlarge:2 --trace nowhere/out.trace", 2, "not-found", /folder/],
  ["compare small.trace empty.json", 2, "format", /empty/],
  ["compare small.trace good.toroid", 2, "format"],
  ["compare small.trace other.trace", 2, "hash", /one schedule/],
  ["compare small.trace missing.trace", 2, "not-found"],
];

const flowFiles: Readonly<Record<string, string>> = {
  "flows-list.json": "[]",
  "flows-none.json": `{"topology":"p4de.24xlarge:2"}`,
  "flows-preset.json": `{"topology":"p4d","flows":[]}`,
  "flows-topology.json": `{"topology":${topologyFiles["nowhere.json"]},"flows":[]}`,
  "flows-node.json": flows({ dst: "m9/gpu0" }),
  "flows-path.json": `{"topology":${topologyFiles["disconnected.json"]},"flows":[{"id":0,"src":"a","dst":"b","bytes":1}]}`,
  "flows-negative.json": flows({ bytes: -1 }),
  "flows-absurd.json": flows({ bytes: 1e300 }),
  "flows-nan.json": flows({}).replace('"bytes":1', '"bytes":NaN'),
  "flows-start.json": flows({ startNs: -1 }),
  "flows-twice.json": `{"topology":"p4de.24xlarge:2","flows":[${Array(2).fill('{"id":1,"src":"net","dst":"net","bytes":1}').join()}]}`,
};

const flowCases: readonly Case[] = [
  ["flows empty.json", 2, "parse|format"],
  ["flows binary.json", 2, "parse|format"],
  ["flows deep.json", 2, "parse|format|limit"],
  ["flows flows-list.json", 2, "format"],
  ["flows flows-none.json", 2, "format", /flows/],
  ["flows flows-preset.json", 2, "not-found", /p4d/],
  ["flows flows-topology.json", 2, "topology", /topology\.links\[1\]\.to/],
  ["flows flows-node.json", 2, "not-found", /flows\[0\]\.dst.*m9/],
  ["flows flows-path.json", 2, "route", /flows\[0\].*a to b/],
  ["flows flows-negative.json", 2, "format", /flows\[0\]\.bytes/],
  ["flows flows-absurd.json", 2, "format", /flows\[0\]\.bytes/],
  ["flows flows-nan.json", 2, "parse"],
  ["flows flows-start.json", 2, "format", /flows\[0\]\.startNs/],
  ["flows flows-twice.json", 2, "format", /flows\[1\]\.id/],
];

const usageCases: readonly Case[] = [
  ["", 2, "usage", /command/],
  ["fly", 2, "usage", /fly/],
  ["topology", 2, "usage"],
  ["topology fly", 2, "usage"],
  ["plan --topolgy x", 2, "usage", /--topology/],
  [`plan ${shape}`, 2, "usage", /--topology/],
  ["check", 2, "usage", /file/],
  ["check a b", 2, "usage", /too many/],
  ["compare a", 2, "usage", /measured/],
  [`${plan.replace("out.toroid", "nowhere/out.toroid")}`, 2, "not-found", /folder/],
  [`${plan.replace("out.toroid", ".")}`, 2, "usage", /folder/],
  ["topology import p4de.24xlarge -o nowhere/out.json", 2, "not-found", /folder/],
];

async function succeed(args: string): Promise<void> {
  const { exitCode, stderr } = await toroid(args.split(" "), { cwd: folder });
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
}

function change(name: string, edit: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  return edit(Uint8Array.from(readFileSync(join(folder, name))));
}

beforeAll(async () => {
  const small = `--topology p4de.24xlarge:2 ${shape} --ranks 4 --method torus --published`;
  await succeed(`plan ${small} -o good.toroid`);
  await succeed(`plan ${small} -o good.json`);
  await succeed("simulate good.toroid --topology p4de.24xlarge:2 --trace small.trace");
  await succeed(`simulate ${small} --batch 2 --trace other.trace`);
  const text = readFileSync(join(folder, "good.json"), "utf8");
  writeFiles(folder, {
    ...topologyFiles,
    ...flowFiles,
    "truncated.toroid": change("good.toroid", (bytes) => bytes.slice(0, bytes.length / 2)),
    "flipped.toroid": change("good.toroid", (bytes) => bytes.with(bytes.length - 100, bytes.at(-100)! ^ 1)),
    "version.toroid": change("good.toroid", (bytes) => bytes.with(8, 2)),
    "version-2.json": text.replace('"version": 1', '"version": 2'),
    "hash.json": text.replace(/"hash": "../, '"hash": "00'),
    "truncated-schedule.json": text.slice(0, text.length / 2),
  });
});

/** The error stands on standard error and, as JSON, on standard output; and no file appeared. */
async function expectError(args: string, [, exitCode, code, says]: Case, expect: ExpectStatic): Promise<void> {
  const before = listing();
  const words = `${args} --json`.split(" ").filter((word) => word !== "");
  const result = await toroid(words, { cwd: folder });
  expect.soft(result.stderr).toMatch(new RegExp(`^error\\[(?:${code})\\]: .`, "m"));
  expect.soft(result.stderr.match(/^error\[/gm)).toHaveLength(1);
  expect.soft(result.stderr).not.toMatch(/^ +at /m);
  expect.soft(result.stderr).not.toContain("\u001b");
  expect.soft(result.exitCode).toBe(exitCode);
  const { error } = JSON.parse(result.stdout);
  expect.soft(Object.keys(error)).toEqual(["code", "message", "path", "hint"]);
  expect.soft(error.code).toMatch(new RegExp(`^(?:${code})$`));
  expect.soft(`${error.path}: ${error.message} ${error.hint}`).toMatch(says ?? /./);
  expect.soft(listing()).toEqual(before);
}

function listing(): readonly string[] {
  return readdirSync(folder).sort();
}

/** Several at a time: a run is mostly the start of a process. */
function cases(prefix: string, list: readonly Case[]): void {
  test.concurrent.for(list)("%s", async (one, { expect }) => expectError(`${prefix} ${one[0]}`.trim(), one, expect));
}

describe("topology files", () => cases("topology import -o out.json", topologyCases));
describe("presets and corrections", () => cases("topology show", presetCases));
describe("workloads", () => cases(`plan ${cluster} -o out.toroid`, workloadCases));
describe("methods and ranks", () => cases(plan, methodCases));
describe("schedules and traces", () => cases("", scheduleCases));
describe("flows", () => cases("", flowCases));
describe("usage", () => cases("", usageCases));
