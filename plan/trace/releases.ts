import type { Timeline } from "./timeline.ts";

/** No op. */
export const NONE = -1;

/** What lets ops start and end: from the schedule (`scheduleReleases`) or guessed from times (`inferReleases`). */
export interface Releases {
  /** What the op is one with: the k-th barriers of all ranks, both ends of a transfer; every other op is alone. */
  unitOf(op: number): readonly number[];
  /** The put or notify that a wait awaits; `NONE` for every other kind, and where it is not known. */
  writeOf(op: number): number;
  /** Of the ops of its rank that had to end before `op` could start, the one that ended last; `NONE` for a first op. */
  latestBefore(op: number, timeline: Timeline): number;
}

/** What let an op of a timeline go on. */
export interface Release {
  /** The op of its unit that the rest is about: the one that started last, or the one that was asked for. */
  readonly member: number;
  /** When that one started, and when the last of the unit had. */
  readonly postedNs: number;
  readonly startNs: number;
  /** When the op had all that it awaited: `startNs`, or the end of the awaited write where that is later. */
  readonly arrivedNs: number;
  /** When the last op had ended that had to end before `member` could start; 0 for a first op. */
  readonly readyNs: number;
  /** That op, or `NONE`. */
  readonly before: number;
  /** The awaited write, or `NONE`. */
  readonly write: number;
}

/**
 * Finds what released an op that the timeline has, by way of a member of its unit: `via`, or the one that started last,
 * which the others awaited. Barriers may start as one, each when the last of them can: the last to be ready decides then.
 */
export function findRelease(releases: Releases, timeline: Timeline, op: number, via = NONE): Release {
  const { hasOp, startNs: starts, endNs: ends } = timeline;
  const unit = releases.unitOf(op).filter((member) => hasOp[member] === 1);
  const startNs = unit.reduce((latest, member) => Math.max(latest, starts[member]!), starts[op]!);
  const postedNs = unit.includes(via) ? starts[via]! : startNs;
  let before = NONE;
  let last = NONE;
  for (const member of unit) {
    if (starts[member] !== postedNs) continue;
    const candidate = releases.latestBefore(member, timeline);
    if (last !== NONE && laterOf(timeline, before, candidate) === before) continue;
    before = candidate;
    last = member;
  }
  const write = releases.writeOf(op);
  const isKnown = write !== NONE && hasOp[write] === 1;
  return {
    member: last,
    postedNs,
    startNs,
    arrivedNs: isKnown ? Math.max(startNs, ends[write]!) : startNs,
    readyNs: before === NONE ? 0 : ends[before]!,
    before,
    write: isKnown ? write : NONE,
  };
}

/** The op that released another: the write that it awaited, or else what ended last before it started; or `NONE`. */
export function releaserOf({ startNs, arrivedNs, before, write }: Release): number {
  return arrivedNs > startNs ? write : before;
}

/** Of two ops (or `NONE`) the one that ended later, the first of equals. */
export function laterOf({ endNs }: Timeline, a: number, b: number): number {
  if (a === NONE || b === NONE) return a === NONE ? b : a;
  return endNs[b]! > endNs[a]! ? b : a;
}
