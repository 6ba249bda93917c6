import { encodeSchedule } from "../../plan/schedule/codec-packed.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { makeWorkload } from "../../plan/workload/make-workload.ts";
import type { Mask, Workload } from "../../plan/workload/workload.ts";
import type { KernelName, RunResult } from "../job.ts";
import { superviseRun } from "../supervisor.ts";

/** Timed runs of each measurement. */
const REPEATS = 9;

/** Seconds without progress after which a measurement is given up. */
const TIMEOUT_SECONDS = 30;

/** What all measurements share. */
export interface Measuring {
  readonly kernel: KernelName;
  readonly signal?: AbortSignal;
  /** Called after each measurement. */
  readonly onDone: (what: string) => void;
}

/** A schedule and what it took. */
export interface Measured {
  readonly schedule: Schedule;
  readonly result: RunResult;
}

/** Runs a schedule on threads; the times are those of the repeat with the median makespan. */
export async function measure(schedule: Schedule, what: string, measuring: Measuring): Promise<Measured> {
  const { kernel, signal, onDone } = measuring;
  const result = await superviseRun(
    {
      backend: "threads",
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
  onDone(what);
  return { schedule, result };
}

/** A workload in fp32. */
export function shape(tokens: number, heads: number, headDim: number, mask: Mask = "full"): Workload {
  return makeWorkload({ tokens, heads, headDim, dtype: "fp32", mask });
}

/** Largest less smallest makespan of the repeats, over the median. */
export function spreadOf({ makespans, makespanNs }: RunResult): number {
  return (Math.max(...makespans) - Math.min(...makespans)) / makespanNs;
}
