import { encodeSchedule } from "../../plan/schedule/codec-packed.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { median } from "../../plan/statistics.ts";
import { makeWorkload } from "../../plan/workload/make-workload.ts";
import type { Mask, Workload } from "../../plan/workload/workload.ts";
import type { Backend, KernelName, Launch, RunResult } from "../job.ts";
import { superviseRun } from "../supervisor.ts";

/** Passes over all measurements: what disturbs the machine for seconds then meets one part of each, not all of one. */
export const ROUNDS = 2;

/** Timed runs of each measurement in a round. */
const REPEATS = 5;

/** Seconds without progress after which a measurement is given up. */
const TIMEOUT_SECONDS = 30;

/** What all measurements share. */
export interface Measuring {
  readonly backend: Backend;
  readonly launch: Launch;
  readonly kernel: KernelName;
  readonly signal?: AbortSignal;
  /** What earlier rounds measured, by name; `measure` adds to it. */
  readonly earlier: Map<string, RunResult[]>;
  /** Called after each measurement. */
  readonly onDone: (what: string) => void;
}

/** A schedule and what it took. */
export interface Measured {
  readonly schedule: Schedule;
  readonly result: RunResult;
}

/**
 * Runs a schedule and pools it with what earlier rounds measured under the same name: medians of medians,
 * least of least times; starts and ends are those of the round with the median makespan.
 */
export async function measure(schedule: Schedule, what: string, measuring: Measuring): Promise<Measured> {
  const { backend, launch, kernel, signal, earlier, onDone } = measuring;
  const result = await superviseRun(
    {
      backend,
      launch,
      kernel,
      schedule: encodeSchedule(schedule),
      inputs: { seed: 1 },
      output: null,
      repeats: REPEATS,
      timeoutSeconds: TIMEOUT_SECONDS,
      emulated: null,
      checkSeed: 1,
      isChecked: false,
      faults: [],
    },
    signal === undefined ? {} : { signal },
  );
  const results = [...(earlier.get(what) ?? []), result];
  earlier.set(what, results);
  onDone(what);
  return { schedule, result: pooled(results) };
}

function pooled(results: readonly RunResult[]): RunResult {
  const byMakespan = results.toSorted((a, b) => a.makespanNs - b.makespanNs);
  const middle = byMakespan[(results.length - 1) >> 1]!;
  const makespans = results.flatMap((result) => result.makespans);
  return {
    ...middle,
    makespans,
    makespanNs: median(makespans),
    medianNs: middle.medianNs.map((_, op) => median(results.map(({ medianNs }) => medianNs[op]!))),
    leastNs: middle.leastNs.map((_, op) => Math.min(...results.map(({ leastNs }) => leastNs[op]!))),
  };
}

/** A workload in fp32. */
export function shape(tokens: number, heads: number, headDim: number, mask: Mask = "full"): Workload {
  return makeWorkload({ tokens, heads, headDim, dtype: "fp32", mask });
}

/** Largest less smallest makespan of the repeats, over the median. */
export function spreadOf({ makespans, makespanNs }: RunResult): number {
  return (Math.max(...makespans) - Math.min(...makespans)) / makespanNs;
}
