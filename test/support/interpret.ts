import { Kind, ranksPerGroup, type Schedule, TensorCode } from "../../plan/schedule/schedule.ts";
import { shardPieces } from "../../plan/workload/shards.ts";
import { elementBytes, type Workload } from "../../plan/workload/workload.ts";

/** Q, K and V of one group in float64, `[B, L, heads, D]`. */
export interface Tensors {
  readonly q: Float64Array;
  readonly k: Float64Array;
  readonly v: Float64Array;
}

/** A generator of numbers in [−1, 1) (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

export function randomTensors(w: Workload, seed: number): Tensors {
  const next = random(seed);
  const fill = (heads: number) =>
    Float64Array.from({ length: w.batch * w.tokens * heads * w.headDim }, () => 2 * next());
  return { q: fill(w.heads), k: fill(w.kvHeads), v: fill(w.kvHeads) };
}

/** Attention by its definition, `[B, L, H, D]`. */
export function attention(w: Workload, { q, k, v }: Tensors): Float64Array {
  const { batch, tokens, heads, kvHeads, headDim: D } = w;
  const out = new Float64Array(batch * tokens * heads * D);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = Math.floor((h * kvHeads) / heads);
      for (let i = 0; i < tokens; i++) {
        const last = w.mask === "causal" ? i + 1 : tokens;
        const scores = Array.from({ length: last }, (_, j) => {
          let dot = 0;
          for (let d = 0; d < D; d++)
            dot += q[((b * tokens + i) * heads + h) * D + d]! * k[((b * tokens + j) * kvHeads + kvHead) * D + d]!;
          return dot / Math.sqrt(D);
        });
        const most = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - most));
        const sum = weights.reduce((a, c) => a + c, 0);
        for (let j = 0; j < last; j++)
          for (let d = 0; d < D; d++)
            out[((b * tokens + i) * heads + h) * D + d]! +=
              (weights[j]! / sum) * v[((b * tokens + j) * kvHeads + kvHead) * D + d]!;
      }
    }
  }
  return out;
}

interface RankMemory {
  readonly heap: Float64Array;
  /** Sum of weighted values, sum of weights and maximum of scores of each accumulator slot. */
  readonly accumulators: Map<number, { out: Float64Array; sum: Float64Array; most: Float64Array }>;
}

/**
 * Runs a schedule by its meaning, op after op in list order, on float64 data: the slow twin of every executor. It knows
 * nothing of time, so it says whether the right bytes reach the right places, not whether they could be overtaken.
 * Returns the output of each group, `[B, L, H, D]`.
 */
export function interpret(schedule: Schedule, inputs: readonly Tensors[]): Float64Array[] {
  const memories = Array.from({ length: schedule.ranks }, () => createMemory(schedule));
  fillInputs(schedule, memories, inputs);
  for (let op = 0; op < schedule.ops.kind.length; op++) runOp(schedule, memories, op);
  return readOutputs(schedule, memories);
}

function createMemory(schedule: Schedule): RankMemory {
  const accumulators: RankMemory["accumulators"] = new Map();
  schedule.slots.forEach((slot, index) => {
    if (slot.role !== "accumulator") return;
    const rows = slot.planes * slot.rows * slot.columns;
    accumulators.set(index, {
      out: new Float64Array(rows * schedule.workload.headDim),
      sum: new Float64Array(rows),
      most: new Float64Array(rows).fill(Number.NEGATIVE_INFINITY),
    });
  });
  const elements = Math.ceil(schedule.heapBytes / elementBytes(schedule.workload.dtype));
  return { heap: new Float64Array(elements).fill(Number.NaN), accumulators };
}

/** Element of (plane, token, head) of an operand in its slot, without the slot's offset, in units of D. */
function place(schedule: Schedule, operand: number, plane: number, token: number, head: number): number {
  const { operands } = schedule;
  const slot = schedule.slots[operands.slot[operand]!]!;
  return (plane * slot.rows + operands.row[operand]! + token) * slot.columns + operands.column[operand]! + head;
}

function heapIndex(schedule: Schedule, operand: number, plane: number, token: number, head: number): number {
  const slot = schedule.slots[schedule.operands.slot[operand]!]!;
  const offset = slot.offset / elementBytes(schedule.workload.dtype);
  return offset + place(schedule, operand, plane, token, head) * schedule.workload.headDim;
}

function planesOf(schedule: Schedule, operand: number): number {
  return (schedule.operands.tensor[operand] === TensorCode.KV ? 2 : 1) * schedule.workload.batch;
}

function forElements(
  schedule: Schedule,
  operand: number,
  use: (plane: number, token: number, head: number) => void,
): void {
  const { numTokens, numHeads } = schedule.operands;
  for (let plane = 0; plane < planesOf(schedule, operand); plane++)
    for (let token = 0; token < numTokens[operand]!; token++)
      for (let head = 0; head < numHeads[operand]!; head++) use(plane, token, head);
}

function listOf(start: Uint32Array, list: Uint32Array, op: number): number[] {
  return [...list.subarray(start[op]!, start[op + 1]!)];
}

function runOp(schedule: Schedule, memories: readonly RankMemory[], op: number): void {
  const { ops } = schedule;
  const kind = ops.kind[op]!;
  const rank = ops.rank[op]!;
  const from = listOf(ops.fromStart, ops.from, op);
  const to = listOf(ops.toStart, ops.to, op);
  if (kind === Kind.attend) attend(schedule, memories[rank]!, from, to);
  else if (kind === Kind.finalize)
    from.forEach((sum, i) => {
      finalize(schedule, memories[rank]!, sum, to[i]!);
    });
  else if (kind === Kind.copy)
    from.forEach((f, i) => {
      move(schedule, memories[rank]!, memories[rank]!, f, to[i]!);
    });
  else if (kind === Kind.put)
    from.forEach((f, i) => {
      move(schedule, memories[rank]!, memories[ops.peer[op]!]!, f, to[i]!);
    });
  else if (kind === Kind.get)
    from.forEach((f, i) => {
      move(schedule, memories[ops.peer[op]!]!, memories[rank]!, f, to[i]!);
    });
  else if (kind === Kind.receive) {
    const sent = matchingSend(schedule, op);
    listOf(ops.fromStart, ops.from, sent).forEach((f, i) => {
      move(schedule, memories[ops.peer[op]!]!, memories[rank]!, f, to[i]!);
    });
  } else if (kind === Kind.merge) throw new Error("merge is not interpreted: no method emits it");
}

/** The k-th send a→b for the k-th receive at b from a. */
function matchingSend(schedule: Schedule, receive: number): number {
  const { ops } = schedule;
  let k = 0;
  for (let op = 0; op <= receive; op++)
    if (ops.kind[op] === Kind.receive && ops.rank[op] === ops.rank[receive] && ops.peer[op] === ops.peer[receive]) k++;
  for (let op = 0; op < ops.kind.length; op++) {
    if (ops.kind[op] !== Kind.send || ops.rank[op] !== ops.peer[receive] || ops.peer[op] !== ops.rank[receive])
      continue;
    if (--k === 0) return op;
  }
  throw new Error(`receive ${receive} has no send`);
}

function move(schedule: Schedule, source: RankMemory, target: RankMemory, from: number, to: number): void {
  forElements(schedule, from, (plane, token, head) => {
    const f = heapIndex(schedule, from, plane, token, head);
    const t = heapIndex(schedule, to, plane, token, head);
    for (let d = 0; d < schedule.workload.headDim; d++) target.heap[t + d] = source.heap[f + d]!;
  });
}

function attend(schedule: Schedule, memory: RankMemory, from: readonly number[], to: readonly number[]): void {
  const { operands } = schedule;
  const queries = from.filter((operand) => operands.tensor[operand] === TensorCode.Q);
  const keys = from.filter((operand) => operands.tensor[operand] === TensorCode.KV);
  queries.forEach((query, i) => {
    for (const key of keys) attendTile(schedule, memory, query, key, to[i]!);
  });
}

function attendTile(schedule: Schedule, memory: RankMemory, query: number, key: number, sums: number): void {
  const { operands, workload } = schedule;
  const { batch, headDim: D, heads, kvHeads } = workload;
  const slot = memory.accumulators.get(operands.slot[sums]!)!;
  forElements(schedule, query, (b, i, h) => {
    const kvHead = Math.floor(((operands.head[query]! + h) * kvHeads) / heads) - operands.head[key]!;
    const at = place(schedule, sums, b, i, h);
    for (let j = 0; j < operands.numTokens[key]!; j++) {
      if (workload.mask === "causal" && operands.token[key]! + j > operands.token[query]! + i) continue;
      const qAt = heapIndex(schedule, query, b, i, h);
      const kAt = heapIndex(schedule, key, b, j, kvHead);
      const vAt = heapIndex(schedule, key, batch + b, j, kvHead);
      let dot = 0;
      for (let d = 0; d < D; d++) dot += memory.heap[qAt + d]! * memory.heap[kAt + d]!;
      const score = dot / Math.sqrt(D);
      const most = Math.max(slot.most[at]!, score);
      const keep = slot.most[at] === Number.NEGATIVE_INFINITY ? 0 : Math.exp(slot.most[at]! - most);
      const weight = Math.exp(score - most);
      for (let d = 0; d < D; d++) slot.out[at * D + d] = slot.out[at * D + d]! * keep + weight * memory.heap[vAt + d]!;
      slot.sum[at] = slot.sum[at]! * keep + weight;
      slot.most[at] = most;
    }
  });
}

function finalize(schedule: Schedule, memory: RankMemory, sums: number, to: number): void {
  const D = schedule.workload.headDim;
  const slot = memory.accumulators.get(schedule.operands.slot[sums]!)!;
  forElements(schedule, to, (plane, token, head) => {
    const at = place(schedule, sums, plane, token, head);
    const t = heapIndex(schedule, to, plane, token, head);
    for (let d = 0; d < D; d++) {
      memory.heap[t + d] = slot.out[at * D + d]! / slot.sum[at]!;
      slot.out[at * D + d] = 0;
    }
    slot.sum[at] = 0;
    slot.most[at] = Number.NEGATIVE_INFINITY;
  });
}

/** Calls `use` for every element of the rank's shard: its index in the heap, and in the group's `[B, L, heads, D]`. */
function forShard(
  schedule: Schedule,
  rank: number,
  name: "Q" | "KV" | "O",
  use: (heapAt: number, plane: number, at: number) => void,
): void {
  const { workload } = schedule;
  const slot = schedule.slots.find((candidate) => candidate.name === name)!;
  const offset = slot.offset / elementBytes(workload.dtype);
  const pieces = shardPieces(workload, ranksPerGroup(schedule))[rank % ranksPerGroup(schedule)]!;
  for (let plane = 0; plane < slot.planes; plane++) {
    let row = 0;
    for (const { start, end } of pieces) {
      for (let token = start; token < end; token++, row++) {
        const heapAt = offset + (plane * slot.rows + row) * slot.columns * workload.headDim;
        const at = ((plane % workload.batch) * workload.tokens + token) * slot.columns * workload.headDim;
        for (let i = 0; i < slot.columns * workload.headDim; i++) use(heapAt + i, plane, at + i);
      }
    }
  }
}

function fillInputs(schedule: Schedule, memories: readonly RankMemory[], inputs: readonly Tensors[]): void {
  memories.forEach((memory, rank) => {
    const { q, k, v } = inputs[Math.floor(rank / ranksPerGroup(schedule))]!;
    forShard(schedule, rank, "Q", (heapAt, _, at) => {
      memory.heap[heapAt] = q[at]!;
    });
    forShard(schedule, rank, "KV", (heapAt, plane, at) => {
      memory.heap[heapAt] = (plane < schedule.workload.batch ? k : v)[at]!;
    });
  });
}

function readOutputs(schedule: Schedule, memories: readonly RankMemory[]): Float64Array[] {
  const { batch, tokens, heads, headDim } = schedule.workload;
  const outputs = Array.from({ length: schedule.groups }, () =>
    new Float64Array(batch * tokens * heads * headDim).fill(Number.NaN),
  );
  memories.forEach((memory, rank) => {
    const output = outputs[Math.floor(rank / ranksPerGroup(schedule))]!;
    forShard(schedule, rank, "O", (heapAt, _, at) => {
      output[at] = memory.heap[heapAt]!;
    });
  });
  return outputs;
}

/** ‖a − b‖ / ‖b‖; NaN anywhere gives NaN. */
export function relativeError(a: Float64Array, b: Float64Array): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}
