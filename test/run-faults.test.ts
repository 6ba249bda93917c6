import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { planSchedule } from "../plan/methods/index.ts";
import { encodeSchedule } from "../plan/schedule/codec-packed.ts";
import { Kind, type OpKind, type Schedule } from "../plan/schedule/schedule.ts";
import type { Fault } from "../runtime/faults.ts";
import { RunFailed, type RunJob } from "../runtime/job.ts";
import { superviseRun } from "../runtime/supervisor.ts";
import { smallWorkload } from "./support/plans.ts";

/** What a run does with its processes and threads when something goes wrong: it stops, says why, and leaves nothing. */
describe("a run that cannot go on", () => {
  const schedule = planSchedule({
    workload: smallWorkload({ tokens: 64, heads: 4, headDim: 32 }),
    method: "torus",
    mesh: { ulyssesInter: 2, ringInter: 1, ulyssesIntra: 1, ringIntra: 2 },
    transport: "one-sided",
    tiles: 1,
    path: "paper",
  });

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

  test("says what it last saw of a process that is killed", async () => {
    const op = findOp(schedule, "finalize", 3);
    await expect(run({ faults: [{ kind: "kill", op }] })).rejects.toThrow(/was ended by SIGKILL.*last seen: /);
  });

  test("names the memory that ran out", async () => {
    const op = findOp(schedule, "attend", 0);
    await expect(run({ faults: [{ kind: "out-of-memory", op }] })).rejects.toThrow(
      /rank 0 failed: .*(?:memory|allocation|length).* in op/i,
    );
  });

  test("names the op that does not end where a rank stops answering", async () => {
    const op = findOp(schedule, "attend", 1);
    await expect(run({ faults: [{ kind: "hang", op }], timeoutSeconds: 1 })).rejects.toThrow(
      `nothing has moved on for 1 s: op ${op} (attend on stream compute of rank 1) does not end`,
    );
  });

  test("names wait, signal and writer where a signal never comes", async () => {
    const wait = schedule.ops.kind.indexOf(Kind.wait);
    const { signal, signalValue, kind } = schedule.ops;
    const write = kind.findIndex(
      (code, op) => code !== Kind.wait && signal[op] === signal[wait] && signalValue[op] === signalValue[wait],
    );
    await expect(run({ faults: [{ kind: "lose-signal", op: write }], timeoutSeconds: 1 })).rejects.toThrow(
      new RegExp(
        `op ${wait} \\(wait on .*waits for signal word \\d+ of rank \\d+ ≥ \\d+ from op ${write} .*ended without it`,
      ),
    );
  });

  test("stops when told to, within two seconds", async () => {
    const stop = new AbortController();
    const op = findOp(schedule, "attend", 1);
    const running = run({ faults: [{ kind: "hang", op }] }, stop.signal);
    setTimeout(() => stop.abort(), 1000);
    const startMs = performance.now();
    await expect(running).rejects.toThrow("the run was stopped");
    expect(performance.now() - startMs).toBeLessThan(3000 + 2000);
  });

  test("says how much memory is missing before it starts", async () => {
    const large = planSchedule({
      workload: smallWorkload({ tokens: 4_000_000, heads: 48, headDim: 128 }),
      method: "ring",
      mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 2 },
      transport: "one-sided",
      tiles: 1,
      path: "",
    });
    await expect(superviseRun(jobOf(large, {}))).rejects.toThrow(/expected at most \d+ MiB of memory, which are free/);
  });

  /** Runs the schedule; afterwards its process is gone, whatever happened. */
  async function run(options: Partial<RunJob> & { faults: readonly Fault[] }, signal?: AbortSignal): Promise<void> {
    const before = childProcesses();
    const startMs = performance.now();
    try {
      await superviseRun(jobOf(schedule, options), signal === undefined ? {} : { signal });
    } catch (error) {
      expect(error).toBeInstanceOf(RunFailed);
      const detectionMs = 1000 * (options.timeoutSeconds ?? 0) + 1500;
      if (signal === undefined) expect(performance.now() - startMs).toBeLessThan(detectionMs + 2000 + 3000);
      throw error;
    } finally {
      expect(childProcesses().filter((pid) => !before.includes(pid))).toEqual([]);
    }
  }
});

function jobOf(schedule: Schedule, options: Partial<RunJob>): RunJob {
  return {
    backend: "threads",
    kernel: "plain",
    schedule: encodeSchedule(schedule),
    inputs: { seed: 1 },
    output: null,
    repeats: 2,
    timeoutSeconds: 30,
    emulated: null,
    checkSeed: 1,
    isChecked: true,
    faults: [],
    ...options,
  };
}

function findOp({ ops }: Schedule, kind: OpKind, rank: number): number {
  return ops.kind.findIndex((code, op) => code === Kind[kind] && ops.rank[op] === rank);
}

/** Processes whose parent is this one; empty where /proc does not say. */
function childProcesses(): string[] {
  try {
    return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && parentOf(pid) === process.pid);
  } catch {
    return [];
  }
}

function parentOf(pid: string): number | null {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return null;
  }
}
