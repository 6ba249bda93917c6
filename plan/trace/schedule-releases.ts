import { linkOps } from "../check/link-ops.ts";
import type { Links } from "../check/links.ts";
import { createReport } from "../check/report.ts";
import { UsageError } from "../errors.ts";
import { Kind, type Schedule } from "../schedule/schedule.ts";
import type { OpFacts } from "./op-facts.ts";
import { laterOf, NONE, type Releases } from "./releases.ts";
import type { Timeline } from "./timeline.ts";

/**
 * What releases the ops of a schedule, by the semantics of ARCHITECTURE.md; `facts` are those of its traces.
 * Error `format` where the traces have ops that are not the schedule's, or its ops do not belong together.
 */
export function scheduleReleases(schedule: Schedule, facts: OpFacts): Releases {
  checkOps(schedule, facts);
  const links = linkSoundly(schedule);
  const { kind } = schedule.ops;
  const { partner, barriers } = links;
  return {
    unitOf(op) {
      const other = partner[op]!;
      if (kind[op] === Kind.barrier)
        return [...barriers.ops.subarray(barriers.start[other], barriers.start[other + 1])];
      return other === NONE || kind[op] === Kind.wait ? [op] : [op, other];
    },
    writeOf: (op) => (kind[op] === Kind.wait ? partner[op]! : NONE),
    latestBefore: (op, timeline) => latestBefore(schedule, links, op, timeline),
  };
}

function checkOps({ ops }: Schedule, facts: OpFacts): void {
  if (facts.numOps > ops.kind.length) {
    throw wrong(`expected op ids below ${ops.kind.length}, the schedule's ops, got ${facts.numOps - 1}`);
  }
}

function wrong(message: string): UsageError {
  return new UsageError("format", message, { hint: "Simulate and run the same schedule file." });
}

function linkSoundly(schedule: Schedule): Links {
  const report = createReport(schedule, 1);
  const links = linkOps(schedule, report);
  const [finding] = report.findings;
  if (finding === undefined) return links;
  throw new UsageError("format", finding.message, { hint: "Check the schedule first: toroid check FILE." });
}

/** A group is posted when all members of the one before it on the stream and the dependencies of its own have ended. */
function latestBefore({ ops }: Schedule, { previous, following, groupFirst }: Links, op: number, timeline: Timeline) {
  const firstOf = (member: number) => (groupFirst.length === 0 ? member : groupFirst[member]!);
  const first = firstOf(op);
  let latest = NONE;
  const consider = (candidate: number) => {
    if (candidate < op && timeline.hasOp[candidate] === 1) latest = laterOf(timeline, latest, candidate);
  };
  const before = previous[first]!;
  for (let m = before; m !== NONE && firstOf(m) === firstOf(before); m = previous[m]!) consider(m);
  for (let m = first; m !== NONE && firstOf(m) === first; m = groupFirst.length === 0 ? NONE : following[m]!) {
    for (let at = ops.depsStart[m]!; at < ops.depsStart[m + 1]!; at++) consider(ops.deps[at]!);
  }
  return latest;
}
