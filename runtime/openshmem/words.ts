import { Kind, type Schedule } from "../../plan/schedule/schedule.ts";
import { signalWords } from "../program.ts";

const WORD_BYTES = 8;

/** Bytes of the words that come before the heap are a multiple of this: a page. */
const ALIGNMENT = 4096;

/** Parts of transfers with one peer that may be under way at once. */
export const PARTS = 16;

/** Two things that all ranks wait for: barriers of the schedule, and meetings between its passes. */
export type Round = "barrier" | "meeting";

/**
 * Where words of 64 bits lie in the symmetric memory, before the heap; byte offsets, the same on every rank. A word is
 * written by one rank only, by a put of 8 bytes that need not be atomic: it holds a value and the value's complement, and
 * counts as 0 while the two do not fit.
 */
export interface WordLayout {
  /** All words; where the heap begins. */
  readonly bytes: number;
  /** Words of `part`: `[partStart, passStart)`. Words behind them are for one pass: `[passStart, bytes)`. */
  readonly partStart: number;
  readonly passStart: number;
  /** Always 1 on every rank: fetching it after a put tells that the put has arrived. */
  readonly yes: number;
  /** At rank 0: how often a rank has come. At all: how often all have. `out`: what a rank sends. */
  arrival(round: Round, rank: number): number;
  release(round: Round): number;
  out(round: Round, what: "arrival" | "release"): number;
  /** Where `yes` lands that is fetched behind a part of a transfer to or from a peer; `PARTS` of them. */
  part(peer: number, index: number): number;
  signal(word: number): number;
  /** Of an op that moves bytes or signals, at its rank: what its partner tells it, where `yes` lands, what it sends. */
  op(op: number, what: "mail" | "landing" | "out"): number;
}

export function layWords(schedule: Schedule): WordLayout {
  const { ranks, ops } = schedule;
  const roundWords = ranks + 3;
  const firstPart = 1 + 2 * roundWords;
  const firstSignal = firstPart + PARTS * ranks;
  const firstOp = firstSignal + signalWords(schedule);
  const next = new Uint32Array(ranks);
  const indexOf = Uint32Array.from(ops.kind, (kind, op) => (isTransfer(kind) ? next[ops.rank[op]!]!++ : 0));
  const most = next.reduce((largest, count) => Math.max(largest, count), 0);
  const roundAt = (round: Round) => 1 + (round === "barrier" ? 0 : roundWords);
  const whats = ["mail", "landing", "out"] as const;
  return {
    bytes: Math.ceil((WORD_BYTES * (firstOp + 3 * most)) / ALIGNMENT) * ALIGNMENT,
    partStart: WORD_BYTES * firstPart,
    passStart: WORD_BYTES * firstSignal,
    yes: 0,
    arrival: (round, rank) => WORD_BYTES * (roundAt(round) + rank),
    release: (round) => WORD_BYTES * (roundAt(round) + ranks),
    out: (round, what) => WORD_BYTES * (roundAt(round) + ranks + (what === "arrival" ? 1 : 2)),
    part: (peer, index) => WORD_BYTES * (firstPart + PARTS * peer + index),
    signal: (word) => WORD_BYTES * (firstSignal + word),
    op: (op, what) => WORD_BYTES * (firstOp + 3 * indexOf[op]! + whats.indexOf(what)),
  };
}

/** Whether an op has words of its own. */
function isTransfer(kind: number): boolean {
  return kind === Kind.put || kind === Kind.get || kind === Kind.notify || kind === Kind.send || kind === Kind.receive;
}

/** Value of a word, 0 while it is not whole. */
export function readWord(words: Int32Array, offset: number): number {
  const value = Atomics.load(words, offset / 4);
  return Atomics.load(words, offset / 4 + 1) === ~value ? value : 0;
}

/** Writes a word of this rank. */
export function writeWord(words: Int32Array, offset: number, value: number): void {
  Atomics.store(words, offset / 4, value);
  Atomics.store(words, offset / 4 + 1, ~value);
}
