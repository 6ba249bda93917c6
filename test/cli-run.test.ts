import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readNpy, writeNpy } from "../runtime/tensors/npy.ts";
import { readSafetensors, writeSafetensors } from "../runtime/tensors/safetensors.ts";
import { builtToroid, temporaryFolder, writeFiles } from "./support/cli.ts";
import { attention, randomTensors, relativeError } from "./support/interpret.ts";
import { smallWorkload } from "./support/plans.ts";

const folder = temporaryFolder();
const workload = smallWorkload({ tokens: 50, heads: 4, headDim: 8 });
const shape = [1, 50, 4, 8];
const tensors = randomTensors(workload, 3);
const inputs = { q: tensors.q, k: tensors.k, v: tensors.v };
const rounded = Object.fromEntries(
  Object.entries(inputs).map(([name, data]) => [name, { shape, data: Float32Array.from(data) }]),
);
const plan = [
  "--tokens",
  "50",
  "--heads",
  "4",
  "--head-dim",
  "8",
  "--ranks",
  "2",
  "--method",
  "ulysses",
  "--tiles",
  "1",
];
const between = ["--backend", "openshmem", "--hosts"];
const plain = [...plan, "--kernel", "plain", "--repeat", "2"];

writeFiles(folder, {
  "q.npy": writeNpy(rounded["q"]!),
  "k.npy": writeNpy(rounded["k"]!),
  "v.npy": writeNpy(rounded["v"]!),
  "short.npy": writeNpy({ shape: [1, 49, 4, 8], data: new Float32Array(49 * 32) }),
  "qkv.safetensors": writeSafetensors(rounded),
});

async function run(...args: string[]) {
  const { exitCode, stdout, stderr } = await builtToroid(args, { cwd: folder });
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
  return { stdout, stderr };
}

describe("toroid run", () => {
  test("prints the document that scripts rely on", async () => {
    const { stdout } = await run("run", ...plain, "--json");
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({
      backend: "threads",
      ranks: 2,
      rowsChecked: 200,
      repeats: 2,
      emulated: false,
      repeatable: true,
      hardware: { cpu: expect.any(String), cores: expect.any(Number) },
    });
    expect(document.makespanNs).toBeGreaterThan(0);
    expect(document.spread).toBeGreaterThanOrEqual(0);
    expect(document.relativeError).toBeLessThan(1e-6);
  });

  test("reads .npy, writes .npy", async () => {
    await run("run", ...plain, "--q", "q.npy", "--k", "k.npy", "--v", "v.npy", "--out", "out.npy");
    const out = readNpy(readFileSync(join(folder, "out.npy")));
    expect(out.shape).toEqual(shape);
    expect(relativeError(Float64Array.from(out.data), attention(workload, tensors))).toBeLessThan(1e-6);
  });

  test("reads safetensors, writes safetensors, computes with onnxruntime", async () => {
    const files = ["--q", "qkv.safetensors", "--k", "qkv.safetensors:k", "--v", "qkv.safetensors"];
    await run("run", ...plan, "--repeat", "1", ...files, "--out", "out.safetensors");
    const out = readSafetensors(readFileSync(join(folder, "out.safetensors")), "out");
    expect(relativeError(Float64Array.from(out.data), attention(workload, tensors))).toBeLessThan(1e-5);
  });

  test("its trace is compared with the prediction of the same schedule", async () => {
    await run("plan", ...plan, "--topology", "threads", "--dtype", "fp32", "-o", "plan.toroid");
    await run("simulate", "plan.toroid", "--topology", "threads", "--trace", "predicted.trace");
    await run("run", "plan.toroid", "--kernel", "plain", "--repeat", "1", "--trace", "measured.json");
    const { stdout } = await run("compare", "predicted.trace", "measured.json", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ makespanError: expect.any(Number), perKind: expect.any(Array) });
  });

  test("marks what is emulated, and takes as long as the links need", async () => {
    const topology = ["--topology", "threads:2", "--inter", "0.001"];
    const { stdout } = await run("run", ...plain, ...topology, "--emulate", "--trace", "slow.json", "--json");
    const document = JSON.parse(stdout);
    expect(document.emulated).toBe(true);
    // 50·4·8 elements of 4 bytes; a quarter of Q, K, V and of O crosses between two machines, at 125 kB/s.
    const bytes = 4 * 0.25 * 50 * 4 * 8 * 4;
    expect(document.makespanNs).toBeGreaterThan((bytes / 125_000) * 1e9);
    expect(readFileSync(join(folder, "slow.json"), "utf8")).toContain('"emulated":true');
  });

  test.each([
    ["only one input file", ["--q", "q.npy"], "--k and --v", /expected files for all of Q, K and V/],
    ["an input of another shape", ["--q", "short.npy", "--k", "k.npy", "--v", "v.npy"], "short.npy", /50/],
    ["an unknown backend", ["--backend", "gpu"], "--backend", /expected threads or openshmem, got "gpu"/],
    ["an unknown launcher", ["--launcher", "ssh"], "--launcher", /expected oshrun or srun, got "ssh"/],
    ["hosts for threads", ["--hosts", "h0:2"], "--hosts", /expected --backend openshmem beside hosts/],
    ["hosts that are none", [...between, "h0:x"], "--hosts", /expected a host and its number of ranks, got "h0:x"/],
    ["too few hosts", [...between, "h0:1,h1:1", "--ranks", "4"], "--hosts", /hosts for 4 ranks, got room for 2/],
    ["an unknown kernel", ["--kernel", "fast"], "--kernel", /expected onnx or plain/],
    ["another type", ["--dtype", "bf16"], "--dtype", /expected fp32/],
    ["no time at all", ["--timeout", "0"], "--timeout", /expected seconds above 0/],
    ["no repeat", ["--repeat", "0"], "--repeat", /./],
    ["a trace in a folder that is not there", ["--trace", "no/where.json"], "no/where.json", /./],
    ["an output of unknown form", ["--out", "out.txt"], "out.txt", /\.npy or \.safetensors/],
    [
      "links that are too fast to be emulated",
      ["--topology", "threads:2", "--inter", "400", "--emulate"],
      "--emulate",
      /half of what a thread copies here/,
    ],
  ])("refuses %s", async (_, args, path, message) => {
    const { exitCode, stderr } = await builtToroid(["run", ...plan, ...args], { cwd: folder });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error\[/m);
    expect(stderr).toContain(path);
    expect(exitCode).toBe(2);
  });

  test("refuses a schedule in bf16 and an emulation without topology", async () => {
    await run("plan", ...plan, "--topology", "dgx-h100", "-o", "bf16.toroid");
    const other = await builtToroid(["run", "bf16.toroid"], { cwd: folder });
    expect(other).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/expected fp32.*\nhint: .*--dtype fp32/),
    });
    await run("plan", ...plan, "--topology", "threads", "--dtype", "fp32", "-o", "fp32.toroid");
    const emulated = await builtToroid(["run", "fp32.toroid", "--emulate"], { cwd: folder });
    expect(emulated).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--topology") });
  });

  test("fails with exit code 5 where the trace has no room", async (context) => {
    if (!existsSync("/dev/full")) context.skip("/dev/full is a device of Linux");
    const { exitCode, stderr } = await builtToroid(["run", ...plain, "--trace", "/dev/full"], { cwd: folder });
    expect(stderr).toMatch(/error\[run\]: .*\/dev\/full.*ENOSPC/);
    expect(exitCode).toBe(5);
  });

  test("stops on Ctrl-C with exit code 5 and leaves no file", async () => {
    const before = readdirSync(folder);
    const long = ["--tokens", "6000", "--heads", "4", "--head-dim", "64", "--ranks", "2", "--method", "ring"];
    const { exitCode, stderr } = await builtToroid(
      ["run", ...long, "--tiles", "1", "--kernel", "plain", "--trace", "stopped.json", "--out", "stopped.npy"],
      { cwd: folder, interruptAfterMs: 2500 },
    );
    expect(stderr).toContain("error[run]: the run was stopped");
    expect(exitCode).toBe(5);
    expect(readdirSync(folder)).toEqual(before);
  });
});
