import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { meshesOf, planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import { Kind, METHODS, type Mesh, type Method, type OpKind, type Schedule } from "../plan/schedule/schedule.ts";
import { RunFailed, type RunJob } from "../runtime/job.ts";
import { addonObstacle } from "../runtime/openshmem/addon.ts";
import { superviseRun } from "../runtime/supervisor.ts";
import { campaign, longRun, quickRun, seed } from "./support/campaign.ts";
import { expectContract } from "./support/contract.ts";
import { computedPlans, smallWorkload } from "./support/plans.ts";

/** As on threads, see run.test.ts. */
const TOLERANCE = 1e-5;

/** Real runs over OpenSHMEM on this machine: a process a rank. Skipped where the backend is not built. */
const obstacle = addonObstacle();

beforeEach(({ skip }) => {
  if (obstacle !== null) skip(`${obstacle}: npm run build:native`);
});

describe("toroid run --backend openshmem", () => {
  test("computes attention and keeps the contract, for any plan", { timeout: 3_600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(computedPlans, async (request) => {
        const schedule = planSchedule(request);
        fc.pre(schedule.ranks <= 8);
        const result = await superviseRun(jobOf(schedule));
        expect(result.relativeError).toBeLessThanOrEqual(TOLERANCE);
        expect(result.rowsChecked).toBe(result.rows);
        if (schedule.transport === "one-sided") expect(result.isRepeatable).toBe(true);
        expectContract(schedule, result);
      }),
      { numRuns: campaign(150), seed },
    );
  });
});

/** Ranks of machines of which some pass a Ring inside, some between them, and some both. */
const EXTENTS = {
  1: [[1, 1]],
  2: [
    [1, 2],
    [2, 1],
  ],
  4: [
    [2, 2],
    [4, 1],
    [1, 4],
  ],
  8: [
    [4, 2],
    [2, 4],
  ],
} as const;

describe.each([1, 2, 4, 8] as const)("toroid run --backend openshmem on %i ranks", (ranks) => {
  const workload = smallWorkload({ tokens: 250, heads: 8, headDim: 32 });

  beforeEach(({ skip }) => {
    if (quickRun && ranks !== 2) skip("TOROID_QUICK leaves out what is the same on every Node");
  });

  /** Every mesh, those that turn most rings and reshape most first: `R > 1`, `N_r > 1`. */
  function meshesFor(method: Method) {
    const variety = ({ ringIntra, ringInter, ulyssesIntra, ulyssesInter }: Mesh) =>
      4 * (+(ringIntra > 1) + +(ringInter > 1)) + +(ulyssesIntra > 1) + +(ulyssesInter > 1);
    return EXTENTS[ranks]
      .flatMap(([machines, ranksPerMachine]) => meshesOf(method, { machines, ranksPerMachine }, workload))
      .sort((a, b) => variety(b) - variety(a));
  }

  test.each(
    METHODS.flatMap((method) => (["one-sided", "two-sided"] as const).map((transport) => [method, transport] as const)),
  )("computes attention and keeps the contract by %s %s", { timeout: 600_000 }, async (method, transport) => {
    for (const mesh of meshesFor(method).slice(0, longRun ? undefined : 1)) {
      const schedule = planSchedule({ workload, method, mesh, transport, tiles: 2, path: "paper" });
      const result = await superviseRun(jobOf(schedule));
      expect(result.relativeError).toBeLessThanOrEqual(TOLERANCE);
      expect(result.rowsChecked).toBe(result.rows);
      expectContract(schedule, result);
    }
  });
});

test("what runs over OpenSHMEM is the schedule that runs on threads, by its hash", () => {
  const folder = mkdtempSync(join(tmpdir(), "toroid-hash-"));
  const toroid = (...args: string[]) => {
    const { status, stdout } = spawnSync(process.execPath, [resolve("bin/toroid.js"), ...args], { encoding: "utf8" });
    expect(status).toBe(0);
    return JSON.parse(stdout);
  };
  const file = join(folder, "torus.toroid");
  const shape = ["--tokens", "250", "--heads", "4", "--head-dim", "32", "--dtype", "fp32"];
  const plan = toroid(
    "plan",
    ...shape,
    "--topology",
    "threads:2",
    "--ranks",
    "4",
    "--method",
    "torus",
    "--json",
    "-o",
    file,
  );
  const hashes = ["threads", "openshmem"].map((backend) => {
    const trace = join(folder, `${backend}.json`);
    toroid("run", file, "--backend", backend, "--repeat", "1", "--trace", trace, "--json");
    return JSON.parse(readFileSync(trace, "utf8")).metadata.scheduleHash;
  });
  rmSync(folder, { recursive: true });
  expect(hashes).toEqual([plan.hash, plan.hash]);
});

describe("runs over OpenSHMEM in a row", () => {
  test("a thousand end, with the right result", { timeout: 3 * 3_600_000 }, async ({ skip }) => {
    if (!longRun) skip("takes three quarters of an hour, in npm run test:long");
    const schedules = fc.sample(computedPlans, { numRuns: 3000, seed }).map((request) => planSchedule(request));
    for (const schedule of schedules.filter(({ ranks }) => ranks <= 4).slice(0, 1000)) {
      const result = await superviseRun({ ...jobOf(schedule), repeats: 1 });
      expect(result.relativeError).toBeLessThanOrEqual(TOLERANCE);
    }
  });
});

describe("a run over OpenSHMEM that cannot go on", () => {
  const schedule = planSchedule({
    workload: smallWorkload({ tokens: 64, heads: 4, headDim: 32 }),
    method: "torus",
    mesh: { ulyssesInter: 2, ringInter: 1, ulyssesIntra: 1, ringIntra: 2 },
    transport: "one-sided",
    tiles: 1,
    path: "paper",
  });
  const run = (more: Partial<RunJob>) => superviseRun({ ...jobOf(schedule), ...more });

  test("names the rank and op that throw", async () => {
    const op = findOp(schedule, "attend", 2);
    await expect(run({ faults: [{ kind: "throw", op }] })).rejects.toThrow(
      new RegExp(`rank 2 failed: fault: op ${op} throws in op ${op} \\(attend on stream compute of rank 2\\)`),
    );
  });

  test("names the rank whose thread ends", async () => {
    const op = findOp(schedule, "attend", 1);
    await expect(run({ faults: [{ kind: "exit", op }] })).rejects.toThrow(
      new RegExp(`rank 1 ended before the run did in op ${op} \\(attend`),
    );
  });

  test("names the rank whose process is killed, and what others wait for", async () => {
    const op = findOp(schedule, "finalize", 3);
    await expect(run({ faults: [{ kind: "kill", op }] })).rejects.toThrow(/rank 3 on .* ended before the run did/);
  });

  test("names the op that does not end where a rank stops answering", async () => {
    const op = findOp(schedule, "attend", 1);
    await expect(run({ faults: [{ kind: "hang", op }], timeoutSeconds: 2 })).rejects.toThrow(
      `nothing has moved on for 2 s: op ${op} (attend on stream compute of rank 1) does not end`,
    );
  });

  test("names wait, signal and writer where a signal never comes", async () => {
    const { kind, signal, signalValue } = schedule.ops;
    const wait = kind.indexOf(Kind.wait);
    const write = kind.findIndex(
      (code, op) => code !== Kind.wait && signal[op] === signal[wait] && signalValue[op] === signalValue[wait],
    );
    await expect(run({ faults: [{ kind: "lose-signal", op: write }], timeoutSeconds: 2 })).rejects.toThrow(
      /op \d+ \(wait on stream .*\) waits for signal word \d+ of rank \d+ ≥ \d+ from op \d+/,
    );
  });

  test("stops when told to", async () => {
    const stop = new AbortController();
    const op = findOp(schedule, "attend", 0);
    const running = superviseRun(
      { ...jobOf(schedule), faults: [{ kind: "hang", op }] },
      { signal: stop.signal, onProgress: ({ phase }) => phase === "running" && stop.abort() },
    );
    await expect(running).rejects.toThrow(new RunFailed("the run was stopped"));
  });
});

describe("ranks that something else starts", () => {
  const flags = ["--method", "ring", "--tokens", "256", "--heads", "2", "--head-dim", "32", "--repeat", "1", "--json"];
  const program = [process.execPath, resolve("bin/toroid.js"), "run", "--backend", "openshmem", ...flags];
  const start = (...more: string[]) => {
    const root = process.getuid?.() === 0 ? ["--allow-run-as-root"] : [];
    return spawnSync("oshrun", [...root, "--oversubscribe", "-np", "2", ...program, ...more], { encoding: "utf8" });
  };

  test("take part, and rank 0 says how it went", () => {
    const { status, stdout } = start();
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ backend: "openshmem", ranks: 2, rowsChecked: 512 });
    expect(JSON.parse(stdout).relativeError).toBeLessThanOrEqual(TOLERANCE);
  });

  test("say so where they are too few or too many", () => {
    const { status, stderr } = start("--ranks", "4");
    expect(status).toBe(5);
    expect(stderr).toContain("2 ranks have joined in place of 4");
  });

  test("by srun, here a stand-in that starts them with oshrun", async () => {
    const folder = mkdtempSync(join(tmpdir(), "toroid-srun-"));
    const standIn = [
      "#!/bin/sh",
      "for flag; do case $flag in --ntasks=*) count=$(echo $flag | cut -d= -f2);; --*) ;; *) break;; esac; shift; done",
      'root=; [ "$(id -u)" -eq 0 ] && root=--allow-run-as-root',
      'exec oshrun $root --oversubscribe -np "$count" "$@"',
    ];
    writeFileSync(join(folder, "srun"), standIn.join("\n"), { mode: 0o755 });
    const env = { ...process.env, PATH: `${folder}:${process.env["PATH"]}` };
    const [node, ...args] = program as [string, ...string[]];
    const { status, stdout } = spawnSync(node, [...args, "--launcher", "srun", "--ranks", "2"], {
      encoding: "utf8",
      env,
    });
    rmSync(folder, { recursive: true });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ranks: 2, rowsChecked: 512 });
  });
});

function findOp({ ops }: Schedule, kind: OpKind, rank: number): number {
  return ops.kind.findIndex((code, op) => code === Kind[kind] && ops.rank[op] === rank);
}

function jobOf(schedule: Schedule): RunJob {
  return {
    backend: "openshmem",
    kernel: "onnx",
    schedule: encodeSchedule(schedule),
    inputs: { seed: 7 },
    output: null,
    repeats: 2,
    timeoutSeconds: 30,
    emulated: null,
    checkSeed: 1,
    isChecked: true,
    faults: [],
  };
}
