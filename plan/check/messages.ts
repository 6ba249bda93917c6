import { Kind, type Schedule } from "../schedule/schedule.ts";
import { type Links, NONE } from "./links.ts";
import type { LocalClocks } from "./local-clocks.ts";
import { createPairMap } from "./pair-map.ts";

/** Answers what follows from one signal between two ranks. */
export interface Messages {
  /** Whether a wait at `b`'s rank, before `b`, is for a write by `a`'s rank that is `a` or comes after it. */
  tellOf(a: number, b: number): boolean;
}

/**
 * The waits of each stream by the rank whose writes they await, in the order of the stream; with each, for each stream
 * of that rank, the last op of it that these waits up to there have awaited. Most orders between ranks are but one
 * message; a search would have to find it among all that the rank has awaited since.
 */
export function createMessages(schedule: Schedule, links: Links, local: LocalClocks): Messages {
  const { kind, rank, stream } = schedule.ops;
  const { partner } = links;
  const numStreams = schedule.streams.length;
  const numRanks = schedule.ranks;
  /** For (stream of the wait, rank of the write) the number of the list. */
  const listOf = createPairMap();
  const starts = [0];
  const keyOf = (waitRank: number, waitStream: number, writerRank: number) =>
    (waitRank * numStreams + waitStream) * numRanks + writerRank;

  /** Length of each list, then summed up to where it starts. */
  function countLists(): number {
    let numLists = 0;
    for (let op = 0; op < kind.length; op++) {
      if (kind[op] !== Kind.wait) continue;
      const entry = listOf.find(keyOf(rank[op]!, stream[op]!, rank[partner[op]!]!));
      if (listOf.values[entry] === NONE) {
        listOf.set(entry, numLists++, 0);
        starts.push(0);
      }
      starts[listOf.values[entry]! + 1]!++;
    }
    for (let list = 0; list < numLists; list++) starts[list + 1]! += starts[list]!;
    return numLists;
  }

  const numLists = countLists();
  const waits = new Int32Array(starts[numLists]!);
  const awaited = new Int32Array(waits.length * numStreams).fill(NONE);
  /** Where each list was read last: queries come roughly in the order of the op list. */
  const cursors = Int32Array.from(starts);

  for (let op = 0; op < kind.length; op++) {
    if (kind[op] !== Kind.wait) continue;
    const write = partner[op]!;
    const list = listOf.values[listOf.find(keyOf(rank[op]!, stream[op]!, rank[write]!))]!;
    const index = cursors[list]!++;
    waits[index] = op;
    if (index > starts[list]!) awaited.copyWithin(index * numStreams, (index - 1) * numStreams, index * numStreams);
    const cell = index * numStreams + stream[write]!;
    awaited[cell] = Math.max(awaited[cell]!, write);
  }
  for (let list = 0; list < numLists; list++) cursors[list] = starts[list]!;

  /** Index of the list's last wait up to an op, or one less than its start. */
  function lastUpTo(list: number, op: number): number {
    let at = cursors[list]!;
    while (at < starts[list + 1]! && waits[at]! <= op) at++;
    while (at > starts[list]! && waits[at - 1]! > op) at--;
    cursors[list] = at;
    return at - 1;
  }

  function toldBy(a: number, index: number): boolean {
    for (let s = 0; s < numStreams; s++) {
      const write = awaited[index * numStreams + s]!;
      if (write >= a && (write === a || local.precedes(a, write))) return true;
    }
    return false;
  }

  return {
    tellOf(a, b) {
      for (let s = 0; s < numStreams; s++) {
        const last = local.lastEnded(b, s);
        const list = last === NONE ? NONE : listOf.get(keyOf(rank[b]!, s, rank[a]!));
        if (list === NONE) continue;
        const index = lastUpTo(list, last);
        if (index >= starts[list]! && toldBy(a, index)) return true;
      }
      return false;
    },
  };
}
