import type { RunRecord } from "../../plan/http/run-api.ts";
import { formatNs, formatPercent } from "../../plan/units.ts";

/** Whether it waits or runs. */
export function isUnfinished({ state }: Pick<RunRecord, "state">): boolean {
  return state === "queued" || state === "running";
}

/** The list with a record in its place, newest first. */
export function withRecord(records: readonly RunRecord[], record: RunRecord): readonly RunRecord[] {
  const others = records.filter(({ id }) => id !== record.id);
  return [...others, record].sort((a, b) => b.createdAt - a.createdAt);
}

export function withoutRecord(records: readonly RunRecord[], id: string): readonly RunRecord[] {
  return records.filter((record) => record.id !== id);
}

/** The run to follow, by id: the one that runs, or else runs next. Browsers keep few connections to one server. */
export function followedRun(records: readonly RunRecord[]): string | null {
  const unfinished = records.filter(isUnfinished);
  const oldest = unfinished.reduce<RunRecord | null>(
    (least, record) => (least === null || record.createdAt < least.createdAt ? record : least),
    null,
  );
  return (unfinished.find(({ state }) => state === "running") ?? oldest)?.id ?? null;
}

/** How many are before it in the queue, one that runs included; 0 for what does not wait. */
export function numBefore(records: readonly RunRecord[], { state, createdAt }: RunRecord): number {
  if (state !== "queued") return 0;
  return records.filter((other) => isUnfinished(other) && other.createdAt < createdAt).length;
}

/** What a run has come to, in a line. */
export function describeRecord(record: RunRecord, before: number): string {
  const { state, progress, result, error, startedAt, endedAt } = record;
  switch (state) {
    case "queued":
      return before === 0 ? "starts next" : `${before} before it`;
    case "running":
      if (progress === null) return "starting";
      return progress.done === progress.total
        ? "checking the output"
        : `pass ${progress.done + 1} of ${progress.total}`;
    case "done":
      return result === null ? "" : describeResult(result);
    case "failed":
      return error === null ? "" : `${error.message}${error.hint === null ? "" : `. ${error.hint}`}`;
    case "cancelled":
      return startedAt === null || endedAt === null
        ? "before it started"
        : `after ${formatNs(1e6 * (endedAt - startedAt))}`;
  }
}

function describeResult({ makespans, spread, relativeError }: NonNullable<RunRecord["result"]>): string {
  const error = relativeError === null ? "" : `, output differs from float64 by ${relativeError.toExponential(1)}`;
  const passes =
    makespans.length === 1 ? "one repeat" : `median of ${makespans.length}, spread ${formatPercent(spread)}`;
  return `${passes}${error}`;
}

/** Processor and cores of what the server says about its hardware; "" where it says nothing of the kind. */
export function describeHardware(hardware: unknown): string {
  if (typeof hardware !== "object" || hardware === null) return "";
  const { cpu, cores } = hardware as { cpu?: unknown; cores?: unknown };
  if (typeof cpu !== "string") return "";
  return typeof cores === "number" ? `${cpu}, ${cores} ${cores === 1 ? "core" : "cores"}` : cpu;
}

/** A time of day of today, else the date too. */
export function formatMoment(ms: number, nowMs: number, locale?: string): string {
  const [moment, now] = [new Date(ms), new Date(nowMs)];
  const time = moment.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  if (moment.toDateString() === now.toDateString()) return time;
  return `${moment.toLocaleDateString(locale, { day: "numeric", month: "short", year: "numeric" })}, ${time}`;
}
