import type { Schedule } from "../schedule/schedule.ts";
import { checkInsideBarriers } from "./barriers.ts";
import { checkComputes } from "./computes.ts";
import { checkData } from "./data.ts";
import { createHappensBefore } from "./happens-before.ts";
import { linkOps } from "./link-ops.ts";
import { checkOpShapes } from "./op-shapes.ts";
import { checkOperands } from "./operands.ts";
import { checkOrder } from "./order.ts";
import { createReport, type Finding } from "./report.ts";
import { checkSlots } from "./slots.ts";

export interface CheckOptions {
  /** Findings after which the check stops, at least 1, which tells whether there are any. Default 100. */
  readonly maxFindings?: number;
  /** Ops that fruitless searches for an order may visit in all before the check gives up. Default 200 million. */
  readonly maxVisits?: number;
}

const MAX_FINDINGS = 100;
const MAX_VISITS = 200_000_000;

/**
 * Proves a schedule, or says what is wrong with it: no findings means that in every execution that the semantics allow,
 * all ops end, every read finds the tile that it means, and every rank's output merges every allowed pair of query and
 * key exactly once. See `rules.ts` for all that is checked.
 *
 * Goes in three steps, of which each assumes what the one before has shown and is left out after findings of it: ops,
 * operands and slots by themselves; the order of ops and signals; the data. Takes a microsecond or two an op and some
 * 50 bytes. Expects a schedule whose references are in range (`validateSchedule`), and then never throws.
 */
export function checkSchedule(schedule: Schedule, options: CheckOptions = {}): Finding[] {
  const report = createReport(schedule, Math.max(1, options.maxFindings ?? MAX_FINDINGS));
  checkSlots(schedule, report);
  checkOperands(schedule, report);
  checkOpShapes(schedule, report);
  checkComputes(schedule, report);
  if (!report.isEmpty()) return report.findings;
  const links = linkOps(schedule, report);
  checkOrder(schedule, links, report);
  if (!report.isEmpty()) return report.findings;
  checkInsideBarriers(schedule, links, report);
  if (!report.isEmpty()) return report.findings;
  checkData(schedule, links, createHappensBefore(schedule, links, options.maxVisits ?? MAX_VISITS), report);
  return report.findings;
}
