import { Kind, ranksPerGroup, type Schedule } from "../schedule/schedule.ts";
import type { Piece } from "../workload/shards.ts";
import { fillBefore, readTile, writeTile } from "./accesses.ts";
import { addKeys, checkAllEnded, endSum, keysOf, mergeSums } from "./accumulators.ts";
import { describeOp, describeWord } from "./describe.ts";
import type { HappensBefore } from "./happens-before.ts";
import type { Links } from "./links.ts";
import { contentOf, createMemory, type Memory, movesData } from "./memory.ts";
import { checkOutputs, shardContents } from "./outputs.ts";
import type { Report } from "./report.ts";
import { shardsOfGroup } from "./slots.ts";

/**
 * Runs the ops in the order of their list on tiles instead of numbers, and asks at every access whether happens-before
 * makes it come out the same in every other order.
 */
export function checkData(schedule: Schedule, links: Links, order: HappensBefore, report: Report): void {
  const memory = createMemory(schedule, links, order, report);
  const shards = shardsOfGroup(schedule);
  fillInputs(memory, shards);
  const computes = createComputes(memory, shards);
  const { kind } = schedule.ops;
  for (let op = 0; op < kind.length && !report.isFull() && !order.isExhausted(); op++) {
    if (kind[op] === Kind.compute) computes(op);
    else runOp(memory, op);
  }
  if (order.isExhausted()) report.addAtRanks("unproved", [], order.visits());
  if (report.isFull() || order.isExhausted()) return;
  checkAllEnded(memory);
  checkOutputs(memory, shards);
  checkAllRead(memory);
}

function fillInputs(memory: Memory, shards: readonly (readonly Piece[])[]): void {
  const perGroup = ranksPerGroup(memory.schedule);
  for (let rank = 0; rank < memory.schedule.ranks; rank++) {
    for (const content of shardContents(memory.schedule, "input", shards[rank % perGroup]!))
      fillBefore(memory, rank, content);
  }
}

function runOp(memory: Memory, op: number): void {
  const { kind, rank, peer, signalValue } = memory.schedule.ops;
  const [own, other] = [rank[op]!, peer[op]!];
  if ((kind[op] === Kind.put || kind[op] === Kind.notify) && signalValue[op]! > 1) checkOvertaken(memory, op);
  if (kind[op] === Kind.attend) attend(memory, op, own);
  else if (kind[op] === Kind.merge) merge(memory, op, own);
  else if (kind[op] === Kind.finalize) finalize(memory, op, own);
  else if (kind[op] === Kind.put) move(memory, op, own, other);
  else if (kind[op] === Kind.get) move(memory, op, other, own);
  else move(memory, op, own, own);
}

/** Reads `from` at one rank, then writes `to` at another. */
function move(memory: Memory, op: number, source: number, target: number): void {
  const { fromStart, from, toStart, to } = memory.schedule.ops;
  for (let i = fromStart[op]!; i < fromStart[op + 1]!; i++)
    readTile(memory, op, source, contentOf(memory.schedule, from[i]!));
  for (let i = toStart[op]!; i < toStart[op + 1]!; i++)
    writeTile(memory, op, target, contentOf(memory.schedule, to[i]!));
}

function attend(memory: Memory, op: number, rank: number): void {
  const { fromStart, from, toStart, to } = memory.schedule.ops;
  for (let i = fromStart[op]!; i < fromStart[op + 1]!; i++)
    readTile(memory, op, rank, contentOf(memory.schedule, from[i]!));
  const numQueries = toStart[op + 1]! - toStart[op]!;
  const keys = keysOf(memory, op, fromStart[op]! + numQueries, fromStart[op + 1]!);
  for (let i = toStart[op]!; i < toStart[op + 1]!; i++)
    addKeys(memory, op, rank, contentOf(memory.schedule, to[i]!), keys);
}

function merge(memory: Memory, op: number, rank: number): void {
  const { fromStart, from, toStart, to } = memory.schedule.ops;
  for (let i = fromStart[op]!, j = toStart[op]!; i < fromStart[op + 1]!; i++, j++)
    mergeSums(memory, op, rank, contentOf(memory.schedule, from[i]!), contentOf(memory.schedule, to[j]!));
}

function finalize(memory: Memory, op: number, rank: number): void {
  const { fromStart, from, toStart, to } = memory.schedule.ops;
  for (let i = fromStart[op]!; i < fromStart[op + 1]!; i++)
    endSum(memory, op, rank, contentOf(memory.schedule, from[i]!));
  for (let i = toStart[op]!; i < toStart[op + 1]!; i++) writeTile(memory, op, rank, contentOf(memory.schedule, to[i]!));
}

/** A write of k + 1 is issued only after some wait of the holder has seen k: else that wait might see k + 1 at once. */
function checkOvertaken(memory: Memory, op: number): void {
  const { schedule, links, order, report } = memory;
  const { signal, signalValue } = schedule.ops;
  const value = signalValue[op]!;
  const previous = links.writes.ops[links.writes.start[signal[op]!]! + value - 2]!;
  for (let wait = links.nextWait[previous]!; wait !== -1; wait = links.nextWait[wait]!)
    if (order.before(wait, op)) return;
  const [text, word] = [describeOp(schedule, op), describeWord(schedule, signal[op]!)];
  report.add("signal-overtaken", [op, previous], text, word, value, describeOp(schedule, previous));
}

/**
 * The layer's work before attention makes the inputs, that after it reads the output; each comes after the one before.
 * Which it is follows from how many of them the rank has done.
 */
function createComputes(memory: Memory, shards: readonly (readonly Piece[])[]): (op: number) => void {
  const { schedule, order, report } = memory;
  const perGroup = ranksPerGroup(schedule);
  const done = new Int32Array(schedule.ranks);
  const last = new Int32Array(schedule.ranks).fill(-1);
  return (op) => {
    const rank = schedule.ops.rank[op]!;
    const previous = last[rank]!;
    if (previous !== -1 && !order.before(previous, op))
      report.add("compute-order", [op, previous], describeOp(schedule, op), describeOp(schedule, previous));
    last[rank] = op;
    const isBefore = done[rank]!++ < schedule.workload.before.length;
    for (const content of shardContents(schedule, isBefore ? "input" : "output", shards[rank % perGroup]!)) {
      if (isBefore) writeTile(memory, op, rank, content);
      else readTile(memory, op, rank, content);
    }
  };
}

/** Data that was moved is read by someone, who may pass it on, or is a rank's output. */
function checkAllRead(memory: Memory): void {
  const { schedule, report, isRead } = memory;
  const { kind } = schedule.ops;
  for (let op = 0; op < kind.length && !report.isFull(); op++)
    if (isRead[op] === 0 && movesData(kind[op]!)) report.add("unread-data", [op], describeOp(schedule, op));
}
