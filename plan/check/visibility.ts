import { Kind, type Schedule } from "../schedule/schedule.ts";
import type { HappensBefore } from "./happens-before.ts";
import { type Links, NONE } from "./links.ts";

/** Tells when the data of a write may be read. */
export interface Visibility {
  /**
   * Whether what `writer` wrote is visible to `reader`. The data of a put is visible at its target after a wait for the
   * put's own signal there, or after the next barrier, and by nothing else: not because another put or a notify, issued
   * later, has come. Every other op's data is visible when the op has ended.
   */
  isVisible(writer: number, reader: number): boolean;
  /** What is missing where it is not, in words. */
  missing(writer: number): string;
}

export function createVisibility(schedule: Schedule, links: Links, order: HappensBefore): Visibility {
  const { kind, signalValue } = schedule.ops;
  const { nextWait, barriers } = links;

  /** By a wait for just this write: whoever waits for a later one comes after such a wait (rule `signal-overtaken`). */
  function isAwaited(put: number, reader: number): boolean {
    for (let wait = nextWait[put]!; wait !== NONE && wait < reader; wait = nextWait[wait]!)
      if (order.before(wait, reader)) return true;
    return false;
  }

  /** The latest barrier before the reader is after the put: an earlier one that is would be before it. */
  function isBetweenBarriers(put: number, reader: number): boolean {
    for (let k = barriers.start.length - 2; k > 0; k--) {
      const first = barriers.ops[barriers.start[k]!]!;
      if (first < put) return false;
      if (first < reader && order.before(first, reader)) return order.before(put, first);
    }
    return false;
  }

  return {
    isVisible(writer, reader) {
      if (kind[writer] !== Kind.put) return order.before(writer, reader);
      return (signalValue[writer] !== 0 && isAwaited(writer, reader)) || isBetweenBarriers(writer, reader);
    },
    missing(writer) {
      if (kind[writer] !== Kind.put) return "nothing makes sure that it";
      const signal = signalValue[writer] === 0 ? "" : "no wait for its signal and ";
      return `${signal}no barrier after it`;
    },
  };
}
