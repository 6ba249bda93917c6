import { Kind, type Schedule } from "../schedule/schedule.ts";
import { describeOp, describeWord } from "./describe.ts";
import { NONE, type Writes } from "./links.ts";
import type { Report } from "./report.ts";

/**
 * Finds the write that each wait awaits: sets `partner` of waits and threads the waits of a write through `nextWait`.
 * Reports words with two signals, writes by others than the one writing stream, writes out of sequence, words and waits
 * that are not on the holder's rank.
 */
export function linkSignals(schedule: Schedule, partner: Int32Array, nextWait: Int32Array, report: Report): Writes {
  const { kind, signal, signalValue } = schedule.ops;
  checkWords(schedule, report);
  const writes = collectWrites(schedule);
  for (let op = 0; op < kind.length && !report.isFull(); op++) {
    if (signalValue[op] !== 0) checkHolder(schedule, op, report);
  }
  for (let s = 0; s + 1 < writes.start.length && !report.isFull(); s++) checkSequence(schedule, writes, s, report);
  for (let op = kind.length - 1; op >= 0; op--) {
    if (kind[op] !== Kind.wait || signalValue[op] === 0) continue;
    const write = firstWriteOf(writes, signal[op]!, signalValue[op]!);
    partner[op] = write;
    if (write === NONE) continue;
    nextWait[op] = nextWait[write]!;
    nextWait[write] = op;
  }
  return writes;
}

function isWrite(schedule: Schedule, op: number): boolean {
  const kind = schedule.ops.kind[op];
  return schedule.ops.signalValue[op] !== 0 && (kind === Kind.put || kind === Kind.notify);
}

function collectWrites(schedule: Schedule): Writes {
  const { kind, signal } = schedule.ops;
  const start = new Int32Array(schedule.signals.rank.length + 1);
  for (let op = 0; op < kind.length; op++) if (isWrite(schedule, op)) start[signal[op]! + 1]!++;
  for (let s = 0; s + 1 < start.length; s++) start[s + 1]! += start[s]!;
  const ops = new Int32Array(start[start.length - 1]!);
  const next = start.slice();
  for (let op = 0; op < kind.length; op++) if (isWrite(schedule, op)) ops[next[signal[op]!]!++] = op;
  return { start, ops };
}

/** No two signals are the same word of a rank: the words of each rank, sorted, have no equal neighbors. */
function checkWords(schedule: Schedule, report: Report): void {
  const { rank, word } = schedule.signals;
  const start = new Int32Array(schedule.ranks + 1);
  for (let s = 0; s < rank.length; s++) start[rank[s]! + 1]!++;
  for (let r = 0; r < schedule.ranks; r++) start[r + 1]! += start[r]!;
  const words = new Uint32Array(rank.length);
  const next = start.slice();
  for (let s = 0; s < rank.length; s++) words[next[rank[s]!]!++] = word[s]!;
  for (let r = 0; r < schedule.ranks && !report.isFull(); r++) {
    const own = words.subarray(start[r]!, start[r + 1]!).sort();
    for (let i = 1; i < own.length; i++) if (own[i] === own[i - 1]) reportWord(schedule, r, own[i]!, report);
  }
}

function reportWord(schedule: Schedule, holder: number, shared: number, report: Report): void {
  const { rank, word } = schedule.signals;
  const a = word.findIndex((value, s) => value === shared && rank[s] === holder);
  const b = word.findLastIndex((value, s) => value === shared && rank[s] === holder);
  report.addAtRanks("signal-word", [holder], a, b, `word ${shared} of rank ${holder}`);
}

/** Whose word it is: the peer's for a write, the op's own rank's for a wait. And a write is by the word's one writer. */
function checkHolder(schedule: Schedule, op: number, report: Report): void {
  const { kind, rank, stream, peer, signal } = schedule.ops;
  const { signals } = schedule;
  const s = signal[op]!;
  const holder = kind[op] === Kind.wait ? rank[op]! : peer[op]!;
  if (signals.rank[s] !== holder) report.add("signal-holder", [op], describeOp(schedule, op), holder, signals.rank[s]!);
  if (kind[op] === Kind.wait) return;
  if (signals.writerRank[s] === rank[op] && signals.writerStream[s] === stream[op]) return;
  const writer = `rank ${signals.writerRank[s]!} ${schedule.streams[signals.writerStream[s]!]!}`;
  report.add("signal-writer", [op], describeOp(schedule, op), describeWord(schedule, s), writer);
}

/** The k-th write sets k. */
function checkSequence(schedule: Schedule, writes: Writes, signal: number, report: Report): void {
  for (let i = writes.start[signal]!; i < writes.start[signal + 1]!; i++) {
    const op = writes.ops[i]!;
    const [expected, actual] = [i - writes.start[signal]! + 1, schedule.ops.signalValue[op]!];
    if (expected === actual) continue;
    report.add("signal-sequence", [op], describeOp(schedule, op), expected, actual, describeWord(schedule, signal));
    return;
  }
}

/** The first write that makes the word ≥ value, `NONE` if none does: write number `value`, as the k-th sets k. */
function firstWriteOf(writes: Writes, signal: number, value: number): number {
  const index = writes.start[signal]! + value - 1;
  return index < writes.start[signal + 1]! ? writes.ops[index]! : NONE;
}

/** How many writes a word has, which is the greatest value that it takes. */
export function countWrites(writes: Writes, signal: number): number {
  return writes.start[signal + 1]! - writes.start[signal]!;
}
