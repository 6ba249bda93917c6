import { assert } from "../plan/errors.ts";
import { Kind, numOps, type Schedule, TensorCode } from "../plan/schedule/schedule.ts";
import { elementBytes } from "../plan/workload/workload.ts";
import type { Block, Transfer } from "./fabric.ts";

/** No op. */
export const NO_OP = -1;

/** A schedule made ready to be run: who does what in which order, and what moves in bytes. */
export interface Program {
  readonly schedule: Schedule;
  /** Ops of one stream of a rank, in order. */
  opsOf(rank: number, stream: number): Uint32Array;
  /** Number of ops on the streams before: where a stream's ops begin if all are laid out by rank and stream. */
  firstOf(rank: number, stream: number): number;
  /** Of each send and receive the op of the other end, `NO_OP` for all others. */
  readonly partner: Int32Array;
  /** Put, get, notify, send and receive in bytes. */
  transfer(op: number): Transfer;
  /** What a `copy` moves inside the heap of its rank. */
  copies(op: number): readonly Block[];
}

/** Prepares a schedule that has no findings. Time and memory are linear in the ops. */
export function compileProgram(schedule: Schedule): Program {
  const { ops, streams } = schedule;
  const { start, order } = sortByStream(schedule);
  const partner = matchPairs(schedule);
  const blocksOf = (from: number, to: number) => pairBlocks(schedule, from, to);
  return {
    schedule,
    opsOf: (rank, stream) => {
      const lane = rank * streams.length + stream;
      return order.subarray(start[lane], start[lane + 1]);
    },
    firstOf: (rank, stream) => start[rank * streams.length + stream]!,
    partner,
    transfer(op) {
      const other = partner[op]!;
      const isPair = other !== NO_OP;
      const source = isPair && ops.kind[op] === Kind.receive ? other : op;
      const target = isPair && ops.kind[op] === Kind.send ? other : op;
      const blocks = ops.kind[op] === Kind.notify ? [] : blocksOf(source, target);
      const value = ops.signalValue[op]!;
      const isSignal = value > 0;
      return {
        op,
        peer: ops.peer[op]!,
        blocks,
        bytes: blocks.reduce((sum, block) => sum + block.bytes * block.runs, 0),
        signal: isSignal ? { word: schedule.signals.word[ops.signal[op]!]!, value } : null,
        partner: isPair ? other : op,
      };
    },
    copies: (op) => blocksOf(op, op),
  };
}

/** Words that hold the signals of each rank: the largest index and one. */
export function signalWords(schedule: Schedule): number {
  return schedule.signals.word.reduce((most, word) => Math.max(most, word + 1), 0);
}

function sortByStream({ ops, ranks, streams }: Schedule): { start: Uint32Array; order: Uint32Array } {
  const count = ops.kind.length;
  const start = new Uint32Array(ranks * streams.length + 1);
  for (let op = 0; op < count; op++) start[ops.rank[op]! * streams.length + ops.stream[op]! + 1]!++;
  for (let lane = 1; lane < start.length; lane++) start[lane]! += start[lane - 1]!;
  const next = start.slice();
  const order = new Uint32Array(count);
  for (let op = 0; op < count; op++) order[next[ops.rank[op]! * streams.length + ops.stream[op]!]!++] = op;
  return { start, order };
}

/** The k-th send a→b matches the k-th receive at b from a. */
function matchPairs(schedule: Schedule): Int32Array {
  const { kind, rank, peer } = schedule.ops;
  const count = numOps(schedule);
  const partner = new Int32Array(count).fill(NO_OP);
  const open = new Map<number, number[]>();
  for (let op = 0; op < count; op++) {
    if (kind[op] !== Kind.send && kind[op] !== Kind.receive) continue;
    const isSend = kind[op] === Kind.send;
    const pair = isSend ? rank[op]! * schedule.ranks + peer[op]! : peer[op]! * schedule.ranks + rank[op]!;
    const queue = open.get(pair) ?? [];
    open.set(pair, queue);
    const first = queue[0];
    if (first === undefined || kind[first] === kind[op]) queue.push(op);
    else {
      queue.shift();
      partner[op] = first;
      partner[first] = op;
    }
  }
  for (const queue of open.values()) assert(queue.length === 0, `op ${queue[0]} has no partner`);
  return partner;
}

/** `from` operands of one op onto the `to` operands of another (or the same), pairwise. */
function pairBlocks(schedule: Schedule, source: number, target: number): Block[] {
  const { from, fromStart, to, toStart } = schedule.ops;
  const blocks: Block[] = [];
  const count = fromStart[source + 1]! - fromStart[source]!;
  assert(count === toStart[target + 1]! - toStart[target]!, `ops ${source} and ${target} do not match`);
  for (let i = 0; i < count; i++) {
    addBlocks(schedule, from[fromStart[source]! + i]!, to[toStart[target]! + i]!, blocks);
  }
  return blocks;
}

/** Tiles that fill all columns at both ends are one run a plane, others one run a token. */
function addBlocks(schedule: Schedule, from: number, to: number, blocks: Block[]): void {
  const { operands, workload } = schedule;
  const a = endOf(schedule, from);
  const b = endOf(schedule, to);
  const tokens = operands.numTokens[from]!;
  const rowBytes = operands.numHeads[from]! * workload.headDim * elementBytes(workload.dtype);
  const planes = (operands.tensor[from] === TensorCode.KV ? 2 : 1) * workload.batch;
  if (rowBytes === a.rowStride && rowBytes === b.rowStride) {
    blocks.push({
      fromOffset: a.offset,
      fromStride: a.planeStride,
      toOffset: b.offset,
      toStride: b.planeStride,
      bytes: tokens * rowBytes,
      runs: planes,
    });
    return;
  }
  for (let plane = 0; plane < planes; plane++) {
    blocks.push({
      fromOffset: a.offset + plane * a.planeStride,
      fromStride: a.rowStride,
      toOffset: b.offset + plane * b.planeStride,
      toStride: b.rowStride,
      bytes: rowBytes,
      runs: tokens,
    });
  }
}

/** Bytes from the heap's start to an operand, and from row to row and plane to plane of its slot. */
function endOf(schedule: Schedule, operand: number): { offset: number; rowStride: number; planeStride: number } {
  const { operands, slots, workload } = schedule;
  const slot = slots[operands.slot[operand]!]!;
  const headBytes = workload.headDim * elementBytes(workload.dtype);
  const rowStride = slot.columns * headBytes;
  const offset = slot.offset + operands.row[operand]! * rowStride + operands.column[operand]! * headBytes;
  return { offset, rowStride, planeStride: slot.rows * rowStride };
}
