import { addKeys, addQueries, type AttendWork, noAttendWork } from "../plan/schedule/attend-calls.ts";
import { Kind, type Schedule } from "../plan/schedule/schedule.ts";
import type { AttendFigures } from "../plan/topology/topology.ts";
import type { Piece } from "../plan/workload/shards.ts";
import { AccumulatorUse } from "./accumulator-use.ts";

/**
 * Figures of attention for a head size: between two sizes of the table interpolated; beyond them what grows with the head
 * size (queries, keys, pairs) is scaled by it.
 */
export function attendFiguresAt(table: readonly AttendFigures[], headDim: number): AttendFigures {
  const below = table.findLast((row) => row.headDim <= headDim);
  const above = table.find((row) => row.headDim >= headDim);
  if (below === undefined || above === undefined) return scaled((below ?? above)!, headDim);
  if (below === above) return below;
  const share = (headDim - below.headDim) / (above.headDim - below.headDim);
  const between = (of: (row: AttendFigures) => number) => of(below) + share * (of(above) - of(below));
  return {
    headDim,
    callNs: between((row) => row.callNs),
    tileNs: between((row) => row.tileNs),
    queryNs: between((row) => row.queryNs),
    keyNs: between((row) => row.keyNs),
    pairNs: between((row) => row.pairNs),
    firstPairNs: between((row) => row.firstPairNs),
    maskedPairNs: between((row) => row.maskedPairNs),
  };
}

function scaled(row: AttendFigures, headDim: number): AttendFigures {
  const factor = headDim / row.headDim;
  const { queryNs, keyNs, pairNs } = row;
  return { ...row, headDim, queryNs: queryNs * factor, keyNs: keyNs * factor, pairNs: pairNs * factor };
}

/** Time (ns) of work on one core that an op has for itself. */
export function attendWorkNs(work: AttendWork, figures: AttendFigures): number {
  return (
    work.calls * figures.callNs +
    work.tiles * figures.tileNs +
    work.queries * figures.queryNs +
    work.keys * figures.keyNs +
    work.pairs * figures.pairNs +
    work.firstPairs * figures.firstPairNs +
    work.maskedPairs * figures.maskedPairNs
  );
}

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
