import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { builtToroid, temporaryFolder, toroid } from "./support/cli.ts";

const folder = temporaryFolder();
const cluster = ["--topology", "p4de.24xlarge:2"];
const shape = ["--tokens", "4100", "--heads", "24", "--head-dim", "128"];
const torus = ["--method", "torus", "--published"];

/** Runs in the folder, expects success and returns standard output. */
async function run(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await toroid(args, { cwd: folder });
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
  return stdout;
}

async function runJson(...args: string[]) {
  return JSON.parse(await run(...args, "--json"));
}

beforeAll(async () => {
  await run("plan", ...cluster, ...shape, ...torus, "-o", "torus.toroid");
  await run("simulate", "torus.toroid", ...cluster, "--trace", "torus.trace");
});

describe("topology", () => {
  test("list", async () => {
    const { presets } = await runJson("topology", "list");
    expect(presets.map(({ name }: { name: string }) => name)).toContain("p4de.24xlarge");
    expect(await run("topology", "list")).toContain("p4de.24xlarge");
  });

  test("show counts machines and ranks", async () => {
    const shown = await runJson("topology", "show", "p4de.24xlarge:4");
    expect(shown).toMatchObject({ name: "p4de.24xlarge:4", machines: 4, ranks: 32, assumed: [] });
    expect(shown.nodes[0]).toMatchObject({ kind: "gpu", machine: 0 });
    expect(shown.links[0]).toMatchObject({ duplex: "full" });
  });

  test("import writes a file that check, show and plan read", async () => {
    const dump = join(import.meta.dirname, "../traces/topologies/8xa100-nvidia-smi-topo.txt");
    const imported = await runJson(
      ...["topology", "import", `${dump}:2`, "--device", "A100", "--inter", "400", "-o", "c.json"],
    );
    expect(imported).toMatchObject({ machines: 2, ranks: 16 });
    expect(imported.assumed.join()).not.toContain("--inter");
    expect(await runJson("topology", "check", "c.json")).toEqual(await runJson("topology", "show", "c.json"));
    expect(await runJson("plan", "--topology", "c.json", ...shape, ...torus)).toMatchObject({ ranks: 16 });
  });

  test("--compute takes the devices of another file", async () => {
    await run("topology", "import", "dgx-h100", "-o", "h100.json");
    const shown = await runJson("topology", "show", "p4de.24xlarge", "--compute", "h100.json");
    expect(shown.nodes[0].device).toBe("H100-SXM");
  });
});

describe("plan", () => {
  test("says what CONTRACT.md promises", async () => {
    const planned = await runJson("plan", ...cluster, ...shape, "--search-ops", "20000");
    expect(planned).toMatchObject({
      method: expect.any(String),
      transport: expect.stringMatching(/^(one|two)-sided$/),
      mesh: {
        ulyssesInter: expect.any(Number),
        ulyssesIntra: expect.any(Number),
        ringInter: expect.any(Number),
        ringIntra: expect.any(Number),
      },
      tiles: expect.any(Number),
      path: expect.any(String),
      ranks: 16,
      ops: expect.any(Number),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      volume: {
        interMachineBytesPerMachine: expect.any(Number),
        intraMachineBytesPerRank: expect.any(Number),
      },
      peakHeapBytesPerRank: expect.any(Number),
      accumulatorBytesPerRank: expect.any(Number),
      search: {
        space: expect.any(Number),
        simulated: expect.any(Number),
        pruned: expect.any(Number),
        proven: expect.any(Boolean),
        gap: expect.any(Number),
      },
    });
    expect(planned.candidates[0]).toMatchObject({ method: planned.method, limitedBy: expect.any(String) });
  });

  test("without a search there is none in the document", async () => {
    const mesh = ["--mesh", "1,2,8,1", "--transport", "one-sided", "--tiles", "1"];
    const planned = await runJson("plan", ...cluster, ...shape, "--method", "usp", ...mesh);
    expect(planned).toMatchObject({ method: "usp", mesh: { ulyssesIntra: 8, ringInter: 2 }, path: "" });
    expect(planned).not.toHaveProperty("search");
    expect(planned).not.toHaveProperty("candidates");
  });

  test("writes JSON and packed files of one hash", async () => {
    const asJson = await runJson("plan", ...cluster, ...shape, ...torus, "-o", "torus.json");
    const packed = await runJson("plan", ...cluster, ...shape, ...torus, "-o", "again.bin");
    expect(packed.hash).toBe(asJson.hash);
    expect(JSON.parse(readFileSync(join(folder, "torus.json"), "utf8")).hash).toBe(asJson.hash);
    expect(readFileSync(join(folder, "again.bin"))).toEqual(readFileSync(join(folder, "torus.toroid")));
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("--dump prints every op", async () => {
    const { ops } = await runJson("plan", ...cluster, ...shape, ...torus);
    const dumped = await run("plan", ...cluster, ...shape, ...torus, "--dump");
    expect(dumped.match(/^ {2}#\d+ /gm)?.length).toBe(ops);
  });

  test("ranks, order and groups", async () => {
    expect(await runJson("plan", ...cluster, ...shape, ...torus, "--ranks", "8")).toMatchObject({ ranks: 8 });
    expect(await runJson("plan", ...cluster, ...shape, ...torus, "--order", "9,8,1,0")).toMatchObject({
      ranks: 4,
      mesh: { ulyssesInter: 2 },
    });
    const groups = await runJson(
      ...["plan", ...cluster, ...shape, ...torus, "--tensor-parallel", "2", "--data-parallel", "2"],
    );
    expect(groups).toMatchObject({ ranks: 16, mesh: { ulyssesInter: 1, ulyssesIntra: 4 } });
  });

  test("an output that is a device is written to, not replaced", async () => {
    await run("plan", ...cluster, ...shape, ...torus, "-o", "/dev/null");
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });
});

describe("check", () => {
  test("a planned schedule has no findings", async () => {
    expect(await runJson("check", "torus.toroid")).toEqual({ ok: true, findings: [] });
    expect(await run("check", "torus.toroid")).toContain("no findings");
  });

  test("findings give exit code 4", async () => {
    await run("plan", ...cluster, ...shape, ...torus, "-o", "broken.json");
    const file = join(folder, "broken.json");
    const schedule = JSON.parse(readFileSync(file, "utf8"));
    const put = schedule.ops.find(({ kind }: { kind: string }) => kind === "put");
    put.to = schedule.ops.find((op: { kind: string; to: unknown }) => op.kind === "put" && op.to !== put.to).to;
    const { stderr } = await toroid(["check", "-"], { input: JSON.stringify(schedule) });
    // The message says which hash the changed schedule has.
    schedule.hash = /expected the hash ([0-9a-f]{64})/.exec(stderr)?.[1];
    const { exitCode, stdout } = await toroid(["check", "-", "--json"], { input: JSON.stringify(schedule) });
    expect(exitCode).toBe(4);
    const { ok, findings } = JSON.parse(stdout);
    expect(ok).toBe(false);
    expect(findings[0]).toMatchObject({
      rule: expect.any(String),
      ranks: expect.any(Array),
      ops: expect.any(Array),
      message: expect.any(String),
    });
  });
});

describe("simulate", () => {
  test("a file and the flags of plan predict the same", async () => {
    const ofFile = await runJson("simulate", "torus.toroid", ...cluster);
    const ofFlags = await runJson("simulate", ...cluster, ...shape, ...torus);
    expect({ ...ofFile, wallMs: 0 }).toEqual({ ...ofFlags, wallMs: 0 });
    expect(ofFile).toMatchObject({
      lowerBoundNs: { compute: expect.any(Number), network: expect.any(Number) },
      events: expect.any(Number),
      wallMs: expect.any(Number),
    });
    expect(ofFile.criticalPath.length).toBeGreaterThan(3);
    expect(ofFile.ranks).toHaveLength(16);
    for (const { computeNs, exposedCommunicationNs, idleNs } of ofFile.ranks) {
      expect(computeNs + exposedCommunicationNs + idleNs).toBeCloseTo(ofFile.makespanNs, 3);
    }
  });

  test("people see a table and a timeline", async () => {
    const text = await run("simulate", "torus.toroid", ...cluster);
    expect(text).toMatch(/^rank 0 compute +│.*█.*│$/m);
    expect(text).toMatch(/^rank 15 inter +│.*█.*│$/m);
    expect(text).toContain("limited by");
    expect(text).not.toContain("\u001b");
  });

  test("traces are Chrome JSON or packed, and compare reads both", async () => {
    await run("simulate", "torus.toroid", ...cluster, "--trace", "trace.json");
    const trace = JSON.parse(readFileSync(join(folder, "trace.json"), "utf8"));
    expect(trace.traceEvents.length).toBeGreaterThan(100);
    const comparison = await runJson("compare", "trace.json", "torus.trace");
    expect(comparison).toMatchObject({ makespanError: 0, worstOps: expect.any(Array) });
    expect(comparison.perKind[0]).toMatchObject({ kind: "barrier", error: 0 });
    expect(await run("compare", "trace.json", "torus.trace")).toContain("makespan error: +0.00 %");
  });
});

describe("flows", () => {
  const flows = [
    { id: 7, src: "m0/gpu0", dst: "m1/gpu0", bytes: 12e9, startNs: 0 },
    { id: "same", src: "m0/gpu1", dst: "m0/gpu1", bytes: 1, startNs: 5 },
    { id: 8, src: "m0/gpu0", dst: "m1/gpu0", bytes: 12e9, startNs: 0 },
  ];

  test("share links, by a preset's name and by an object", async () => {
    const topology = await runJson("topology", "show", "p4de.24xlarge:2");
    const [byName, byObject] = await Promise.all(
      ["p4de.24xlarge:2", topology].map((of) =>
        toroid(["flows", "-", "--json"], { input: JSON.stringify({ topology: of, flows }) }),
      ),
    );
    const finished = JSON.parse(byName!.stdout);
    expect(finished).toMatchObject({ events: 6, wallMs: expect.any(Number) });
    expect(finished.flows.map(({ id }: { id: unknown }) => id)).toEqual([7, "same", 8]);
    expect(finished.flows[1].finishNs).toBe(5);
    expect(finished.flows[0].finishNs / 2e9).toBeCloseTo(1, 3);
    expect(JSON.parse(byObject!.stdout).flows).toEqual(finished.flows);
  });

  test("people see a table", async () => {
    const { stdout } = await toroid(["flows", "-"], { input: JSON.stringify({ topology: "p4de.24xlarge:2", flows }) });
    expect(stdout).toContain("3 flows, the last finishes at 2 s");
  });
});

describe("help and completion", () => {
  test.each(["", "topology", "plan", "check", "simulate", "flows", "compare", "demo"])("%s --help", async (command) => {
    const text = await run(...(command === "" ? [] : [command]), "--help");
    expect(text).toContain(`Usage: toroid${command === "" ? "" : ` ${command}`}`);
    if (command !== "demo") expect(text).toContain("Examples:");
  });

  test("completes presets, models, files and flags", async () => {
    expect(await run("complete", "--", "plan", "--model", "flux")).toContain("flux.1-dev");
    expect(await run("complete", "--", "topology", "show", "p4")).toContain("p4de.24xlarge");
    expect(await run("complete", "--", "check", "torus.t")).toContain("torus.toroid");
    expect(await run("complete", "--", "plan", "--tensor")).toContain("--tensor-parallel");
    for (const shell of ["bash", "zsh", "fish"]) expect(await run("complete", shell)).toContain("toroid");
  });
});

test("demo needs nothing, says who wins, why and where the trace is, and runs the method here", {
  timeout: 600_000,
}, async () => {
  const { exitCode, stdout: text } = await builtToroid(["demo", "-o", "demo"], { cwd: folder });
  expect(exitCode).toBe(0);
  expect(text).toMatch(/^measured, emulated links .*\npredicted /m);
  expect(text).toMatch(/^error .* against attention in float64/m);
  expect(text).toMatch(/times as fast as USP/);
  expect(text).toContain("limited by");
  expect(text).toContain(join("demo", "demo-trace.json"));
  expect(await runJson("check", "demo/demo.toroid")).toMatchObject({ ok: true });
});
