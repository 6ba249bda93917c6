import { Kind, type Schedule } from "../schedule/schedule.ts";
import { describeOp, describeOperandTile } from "./describe.ts";
import { sameTile } from "./op-shapes.ts";
import type { Report } from "./report.ts";

/** Sends and receives of one ordered pair of ranks, by id. */
interface Pair {
  readonly sends: number[];
  readonly receives: number[];
}

/**
 * Matches the k-th send a→b with the k-th receive at b from a (`partner` of both) and finds the groups of ops that are
 * posted together; returns the first op of each op's group. Reports what is unmatched, crossed, spread over streams, and
 * groups in pieces.
 */
export function linkRendezvous(
  schedule: Schedule,
  previous: Int32Array,
  partner: Int32Array,
  report: Report,
): Int32Array {
  for (const pair of collectPairs(schedule)) {
    if (report.isFull()) break;
    checkStream(schedule, pair.sends, "sends of a pair of ranks", report);
    checkStream(schedule, pair.receives, "receives of a pair of ranks", report);
    matchPair(schedule, pair, partner, report);
  }
  return linkGroups(schedule, previous, report);
}

function collectPairs(schedule: Schedule): Iterable<Pair> {
  const { kind, rank, peer } = schedule.ops;
  const pairs = new Map<number, Pair>();
  for (let op = 0; op < kind.length; op++) {
    const isSend = kind[op] === Kind.send;
    if (!isSend && kind[op] !== Kind.receive) continue;
    const [source, target] = isSend ? [rank[op]!, peer[op]!] : [peer[op]!, rank[op]!];
    const key = source * schedule.ranks + target;
    let pair = pairs.get(key);
    if (pair === undefined) pairs.set(key, (pair = { sends: [], receives: [] }));
    (isSend ? pair.sends : pair.receives).push(op);
  }
  return pairs.values();
}

/** One finding for each pair of ranks is enough: the first op that leaves the stream of the first. */
function checkStream(schedule: Schedule, ops: readonly number[], expected: string, report: Report): void {
  const { stream } = schedule.ops;
  const stray = ops.find((op) => stream[op] !== stream[ops[0]!]);
  if (stray === undefined) return;
  const [op, first] = [describeOp(schedule, stray), describeOp(schedule, ops[0]!)];
  report.add("pair-stream", [stray, ops[0]!], op, expected, first);
}

function matchPair(schedule: Schedule, { sends, receives }: Pair, partner: Int32Array, report: Report): void {
  const numMatched = Math.min(sends.length, receives.length);
  for (let k = 0; k < numMatched; k++) {
    const [send, receive] = [sends[k]!, receives[k]!];
    partner[send] = receive;
    partner[receive] = send;
    checkCrossed(schedule, send, receive, report);
  }
  for (let k = numMatched; k < sends.length; k++)
    report.add("unmatched-send", [sends[k]!], describeOp(schedule, sends[k]!), k + 1, receives.length);
  for (let k = numMatched; k < receives.length; k++)
    report.add("unmatched-receive", [receives[k]!], describeOp(schedule, receives[k]!), k + 1, sends.length);
}

/** Matched ends name the same tiles, operand by operand. */
function checkCrossed(schedule: Schedule, send: number, receive: number, report: Report): void {
  const { fromStart, from, toStart, to } = schedule.ops;
  const first = fromStart[send]!;
  const count = fromStart[send + 1]! - first;
  let same = count === toStart[receive + 1]! - toStart[receive]!;
  for (let i = 0; i < count && same; i++) same = sameTile(schedule, from[first + i]!, to[toStart[receive]! + i]!);
  if (same || report.isFull()) return;
  const sent = describeTiles(schedule, from.subarray(first, first + count));
  const received = describeTiles(schedule, to.subarray(toStart[receive]!, toStart[receive + 1]!));
  const [receiveText, sendText] = [describeOp(schedule, receive), describeOp(schedule, send)];
  report.add("crossed-receive", [send, receive], receiveText, sendText, sent, received);
}

/** The first tile, and how many more there are. */
function describeTiles(schedule: Schedule, operands: Uint32Array): string {
  const first = describeOperandTile(schedule, operands[0]!);
  return operands.length > 1 ? `${first} and ${operands.length - 1} more` : first;
}

/** Consecutive ops of a stream with the same non-zero group form one; a group number does not come back. */
function linkGroups(schedule: Schedule, previous: Int32Array, report: Report): Int32Array {
  const { group, rank, stream } = schedule.ops;
  const numStreams = schedule.streams.length;
  const groupFirst = new Int32Array(group.length);
  const ended = new Set<number>();
  for (let op = 0; op < group.length; op++) {
    const before = previous[op]!;
    const continues = group[op] !== 0 && before !== -1 && group[before] === group[op];
    groupFirst[op] = continues ? groupFirst[before]! : op;
    if (group[op] === 0 || continues) continue;
    const key = group[op]! * schedule.ranks * numStreams + rank[op]! * numStreams + stream[op]!;
    if (ended.has(key)) report.add("split-group", [op], describeOp(schedule, op), group[op]!);
    ended.add(key);
  }
  return groupFirst;
}
