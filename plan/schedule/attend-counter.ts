import type { Piece } from "../workload/shards.ts";
import { AccumulatorUse } from "./accumulator-use.ts";
import { addKeys, addQueries, type AttendWork, noAttendWork } from "./attend-calls.ts";
import { Kind, type Schedule } from "./schedule.ts";

/** Counts the work of attends of one schedule; equal shapes are counted once. */
export function createAttendCounter(schedule: Schedule): (op: number) => AttendWork {
  const { operands, workload } = schedule;
  const { from, fromStart, toStart } = schedule.ops;
  const { batch, mask } = workload;
  const isShared = workload.heads !== workload.kvHeads;
  const isFirst = firstUses(schedule);
  const known = new Map<string, AttendWork>();

  function piece(operand: number): Piece {
    const start = operands.token[operand]!;
    return { start, end: start + operands.numTokens[operand]! };
  }

  /** Work depends on lengths, under a causal mask also on distances. */
  function shapeKey(query: Piece, keys: readonly Piece[], numHeads: number, first: boolean): string {
    const distances = mask === "full" ? [] : keys.map(({ start }) => start - query.start);
    const lengths = keys.map(({ start, end }) => end - start);
    return [numHeads, first ? 1 : 0, query.end - query.start, ...lengths, "at", ...distances].join(" ");
  }

  function queryWork(operand: number, keys: readonly Piece[], first: boolean): AttendWork {
    const query = piece(operand);
    const numHeads = operands.numHeads[operand]!;
    const key = shapeKey(query, keys, numHeads, first);
    const counted = known.get(key) ?? noAttendWork();
    if (known.has(key)) return counted;
    addQueries(counted, query, keys, mask, { numHeads, batch, isShared, isFirst: first });
    known.set(key, counted);
    return counted;
  }

  return (op) => {
    const total = noAttendWork();
    const numQueries = toStart[op + 1]! - toStart[op]!;
    const firstKeys = fromStart[op]! + numQueries;
    const keyOperands = from.subarray(firstKeys, fromStart[op + 1]);
    const keys = Array.from(keyOperands, piece);
    for (const [i, operand] of keyOperands.entries()) addKeys(total, [keys[i]!], operands.numHeads[operand]!, batch);
    for (let i = 0; i < numQueries; i++) {
      const work = queryWork(from[fromStart[op]! + i]!, keys, isFirst[toStart[op]! + i] === 1);
      for (const name of Object.keys(total) as (keyof AttendWork)[]) total[name] += work[name];
    }
    return total;
  };
}

/** By place in the list `to`: 1 where an attend finds its accumulator as the identity. */
function firstUses(schedule: Schedule): Uint8Array {
  const { kind, rank, to, toStart } = schedule.ops;
  const isFirst = new Uint8Array(to.length);
  const use = new AccumulatorUse(schedule);
  for (let op = 0; op < kind.length; op++) {
    if (kind[op] === Kind.attend) {
      for (let at = toStart[op]!; at < toStart[op + 1]!; at++) isFirst[at] = use.isInUse(rank[op]!, to[at]!) ? 0 : 1;
    }
    use.follow(op);
  }
  return isFirst;
}
