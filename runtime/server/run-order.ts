import { z } from "zod";
import { checkSchedule } from "../../plan/check/index.ts";
import { UsageError } from "../../plan/errors.ts";
import { readTopologyValue } from "../../plan/formats/topology-file.ts";
import type { RunOrder } from "../../plan/http/run-api.ts";
import { decodeSchedule, isPackedSchedule } from "../../plan/schedule/codec-packed.ts";
import type { Schedule } from "../../plan/schedule/schedule.ts";
import { isRank } from "../../plan/topology/network.ts";
import { presetTopology } from "../../plan/topology/presets.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { createNodeHasher } from "../node-hasher.ts";

/** Timed passes that may be ordered at once. */
const maxRepeats = 1000;

/** Findings that a refusal quotes. */
const shownFindings = 3;

const orderSchema: z.ZodType<RunOrder> = z.strictObject({
  schedule: z.string().min(1),
  backend: z.literal("threads"),
  repeats: z.int().min(1).max(maxRepeats),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  emulated: z.unknown(),
  title: z.string().max(200),
});

/** What is to be run, read and proved. */
export interface ReadOrder {
  /** The packed form as it came. */
  readonly bytes: Uint8Array;
  readonly schedule: Schedule;
  readonly emulated: Topology | null;
  readonly repeats: number;
  readonly seed: number;
  readonly title: string;
}

/** Ranks that the `threads` topology of this machine has. */
export const maxRanks = presetTopology("threads").nodes.filter(isRank).length;

/**
 * Reads the body of an order. Throws a UsageError for JSON that is none, members that are not as they should be, a schedule
 * that is not packed, not fp32, too large or has findings, and for a topology that does not hold its ranks.
 */
export function readOrder(text: string): ReadOrder {
  const { schedule: base64, emulated, repeats, seed, title } = parseOrder(text);
  const bytes = decodeBase64(base64);
  const schedule = inMember("schedule", () => readProved(bytes));
  const topology = emulated == null ? null : inMember("emulated", () => readEmulated(emulated, schedule));
  return { bytes, schedule, emulated: topology, repeats, seed, title: title.trim() || schedule.method };
}

function parseOrder(text: string): RunOrder {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError("parse", `expected JSON: ${(error as Error).message}`, { path: "body" });
  }
  const parsed = orderSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError("format", issue?.message ?? "not an order", { path: issue?.path.join(".") || "body" });
}

function decodeBase64(text: string): Uint8Array {
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return new Uint8Array(Buffer.from(text, "base64"));
  throw new UsageError("format", "expected base64", { path: "schedule" });
}

function readProved(bytes: Uint8Array): Schedule {
  if (!isPackedSchedule(bytes)) throw new UsageError("format", "expected a packed schedule");
  const schedule = decodeSchedule(bytes, createNodeHasher);
  const { dtype } = schedule.workload;
  if (dtype !== "fp32") {
    throw new UsageError("workload", `expected fp32, the only type that CPUs run, got ${dtype}`, {
      hint: "Plan it with fp32 as the type.",
    });
  }
  if (schedule.ranks > maxRanks) {
    throw new UsageError("limit", `expected at most ${maxRanks} ranks, got ${schedule.ranks}`, {
      hint: "Plan it for fewer ranks; `toroid run` has no such limit.",
    });
  }
  requireNoFindings(schedule);
  return schedule;
}

function requireNoFindings(schedule: Schedule): void {
  const findings = checkSchedule(schedule);
  if (findings.length === 0) return;
  const shown = findings.slice(0, shownFindings).map(({ rule, message }) => `${rule}: ${message}`);
  const more = findings.length > shown.length ? `; and ${findings.length - shown.length} more` : "";
  throw new UsageError("format", `the schedule has findings: ${shown.join("; ")}${more}`, {
    hint: "See them all with `toroid check`.",
  });
}

function readEmulated(value: unknown, { placement }: Schedule): Topology {
  const topology = readTopologyValue(value);
  const ranks = topology.nodes.filter(isRank).length;
  const outside = placement.find((rank) => rank >= ranks);
  if (outside === undefined) return topology;
  throw new UsageError(
    "topology",
    `expected the topology that the schedule was planned for, rank ${outside} is not of it`,
  );
}

/** Puts the member's name before the place that a UsageError names. */
function inMember<T>(member: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { code, message, path, hint } = error;
    throw new UsageError(code, message, {
      path: path === null ? member : `${member}: ${path}`,
      ...(hint === null ? {} : { hint }),
    });
  }
}
