import type { Schedule } from "../schedule/schedule.ts";
import { linkBarriers } from "./barriers.ts";
import { type Links, NONE } from "./links.ts";
import { linkRendezvous } from "./rendezvous.ts";
import type { Report } from "./report.ts";
import { linkSignals } from "./signals.ts";

/** Finds the partners of all ops and reports what has none, or the wrong one. */
export function linkOps(schedule: Schedule, report: Report): Links {
  const numOps = schedule.ops.kind.length;
  const partner = new Int32Array(numOps).fill(NONE);
  const nextWait = new Int32Array(numOps).fill(NONE);
  const previous = linkStreams(schedule);
  const isTwoSided = schedule.transport === "two-sided";
  return {
    previous,
    following: isTwoSided ? inverted(previous) : new Int32Array(0),
    groupFirst: isTwoSided ? linkRendezvous(schedule, previous, partner, report) : new Int32Array(0),
    partner,
    nextWait,
    barriers: linkBarriers(schedule, partner, report),
    writes: linkSignals(schedule, partner, nextWait, report),
  };
}

function linkStreams(schedule: Schedule): Int32Array {
  const { rank, stream } = schedule.ops;
  const numStreams = schedule.streams.length;
  const last = new Int32Array(schedule.ranks * numStreams).fill(NONE);
  const previous = new Int32Array(rank.length);
  for (let op = 0; op < rank.length; op++) {
    const index = rank[op]! * numStreams + stream[op]!;
    previous[op] = last[index]!;
    last[index] = op;
  }
  return previous;
}

function inverted(previous: Int32Array): Int32Array {
  const following = new Int32Array(previous.length).fill(NONE);
  for (let op = 0; op < previous.length; op++) if (previous[op] !== NONE) following[previous[op]!] = op;
  return following;
}
