import { Kind, type Schedule, type Slot, TensorCode } from "../../plan/schedule/schedule.ts";
import type { Kernel } from "../kernel.ts";
import { compileProgram, type Program } from "../program.ts";

/** Sums of one accumulator slot: Σ weight·v, Σ weight and the largest score, by `[planes, rows, columns]`. */
interface Sums {
  readonly out: Float64Array;
  readonly weight: Float64Array;
  readonly most: Float64Array;
}

/**
 * The kernel in plain loops and float64: the slow, simple twin of every faster one. It runs the ops of any rank of an
 * fp32 schedule on an ordinary or shared heap; `compute` ops do nothing.
 */
export function createPlainKernel(options: { schedule: Schedule; heap: Float32Array }): Kernel {
  return new PlainKernel(compileProgram(options.schedule), options.heap);
}

class PlainKernel implements Kernel {
  readonly stagedBytes = 0;
  readonly #program: Program;
  readonly #schedule: Schedule;
  readonly #heap: Float32Array;
  readonly #sums = new Map<number, Sums>();
  #op = 0;

  constructor(program: Program, heap: Float32Array) {
    this.#program = program;
    this.#schedule = program.schedule;
    this.#heap = heap;
  }

  async prepare(): Promise<void> {
    this.reset();
  }

  begin(op: number): void {
    this.#op = op;
  }

  async step(): Promise<boolean> {
    const { kind, from, fromStart, to, toStart } = this.#schedule.ops;
    const source = from.subarray(fromStart[this.#op], fromStart[this.#op + 1]);
    const target = to.subarray(toStart[this.#op], toStart[this.#op + 1]);
    if (kind[this.#op] === Kind.attend) this.#attend(source, target);
    else if (kind[this.#op] === Kind.finalize)
      for (const [i, sums] of source.entries()) this.#finalize(sums, target[i]!);
    else if (kind[this.#op] === Kind.merge) for (const [i, sums] of source.entries()) this.#merge(sums, target[i]!);
    else if (kind[this.#op] === Kind.copy) this.#copy();
    return true;
  }

  reset(): void {
    this.#schedule.slots.forEach((slot, index) => {
      if (slot.role === "accumulator") this.#sums.set(index, noSums(slot, this.#schedule.workload.headDim));
    });
  }

  async dispose(): Promise<void> {}

  #attend(from: Uint32Array, to: Uint32Array): void {
    const { tensor } = this.#schedule.operands;
    const queries = from.filter((operand) => tensor[operand] === TensorCode.Q);
    const keys = from.filter((operand) => tensor[operand] === TensorCode.KV);
    queries.forEach((query, i) => {
      for (const key of keys) this.#attendTile(query, key, to[i]!);
    });
  }

  #attendTile(query: number, key: number, sums: number): void {
    const { operands, workload } = this.#schedule;
    const { batch, heads, kvHeads, headDim, mask } = workload;
    this.#forRows(query, batch, (b, i, h) => {
      const kvHead = Math.floor(((operands.head[query]! + h) * kvHeads) / heads) - operands.head[key]!;
      const numSeen = operands.token[query]! + i - operands.token[key]! + 1;
      const numKeys = mask === "causal" ? Math.min(operands.numTokens[key]!, numSeen) : operands.numTokens[key]!;
      const q = this.#element(query, b, i, h);
      for (let j = 0; j < numKeys; j++) {
        const k = this.#element(key, b, j, kvHead);
        let dot = 0;
        for (let d = 0; d < headDim; d++) dot += this.#heap[q + d]! * this.#heap[k + d]!;
        const v = this.#element(key, batch + b, j, kvHead);
        this.#add(sums, b, i, h, dot / Math.sqrt(headDim), 1, (d) => this.#heap[v + d]!);
      }
    });
  }

  /** Adds `weight·e^score` times a row to an accumulator's row, safely. */
  #add(sums: number, b: number, i: number, h: number, score: number, weight: number, row: (d: number) => number): void {
    const { headDim } = this.#schedule.workload;
    const { out, weight: weights, most } = this.#sums.get(this.#schedule.operands.slot[sums]!)!;
    const at = this.#place(sums, b, i, h);
    const newMost = Math.max(most[at]!, score);
    const keep = most[at] === -Infinity ? 0 : Math.exp(most[at]! - newMost);
    const add = weight * Math.exp(score - newMost);
    for (let d = 0; d < headDim; d++) out[at * headDim + d] = out[at * headDim + d]! * keep + add * row(d);
    weights[at] = weights[at]! * keep + add;
    most[at] = newMost;
  }

  #merge(from: number, to: number): void {
    const { headDim, batch } = this.#schedule.workload;
    const source = this.#sums.get(this.#schedule.operands.slot[from]!)!;
    this.#forRows(from, batch, (b, i, h) => {
      const at = this.#place(from, b, i, h);
      const weight = source.weight[at]!;
      if (weight > 0) this.#add(to, b, i, h, source.most[at]!, weight, (d) => source.out[at * headDim + d]! / weight);
      clear(source, at, headDim);
    });
  }

  #finalize(from: number, to: number): void {
    const { headDim, batch } = this.#schedule.workload;
    const sums = this.#sums.get(this.#schedule.operands.slot[from]!)!;
    this.#forRows(to, batch, (b, i, h) => {
      const at = this.#place(from, b, i, h);
      const o = this.#element(to, b, i, h);
      for (let d = 0; d < headDim; d++) this.#heap[o + d] = sums.out[at * headDim + d]! / sums.weight[at]!;
      clear(sums, at, headDim);
    });
  }

  #copy(): void {
    for (const { fromOffset, fromStride, toOffset, toStride, bytes, runs } of this.#program.copies(this.#op)) {
      for (let run = 0; run < runs; run++) {
        const from = (fromOffset + run * fromStride) / 4;
        this.#heap.copyWithin((toOffset + run * toStride) / 4, from, from + bytes / 4);
      }
    }
  }

  #forRows(operand: number, planes: number, use: (plane: number, token: number, head: number) => void): void {
    const { numTokens, numHeads } = this.#schedule.operands;
    for (let plane = 0; plane < planes; plane++)
      for (let token = 0; token < numTokens[operand]!; token++)
        for (let head = 0; head < numHeads[operand]!; head++) use(plane, token, head);
  }

  /** Row of an operand in its slot, `[planes, rows, columns]`. */
  #place(operand: number, plane: number, token: number, head: number): number {
    const { operands, slots } = this.#schedule;
    const slot = slots[operands.slot[operand]!]!;
    return (plane * slot.rows + operands.row[operand]! + token) * slot.columns + operands.column[operand]! + head;
  }

  /** First element of that row in the heap. */
  #element(operand: number, plane: number, token: number, head: number): number {
    const { slots, operands, workload } = this.#schedule;
    return slots[operands.slot[operand]!]!.offset / 4 + this.#place(operand, plane, token, head) * workload.headDim;
  }
}

function noSums({ planes, rows, columns }: Slot, headDim: number): Sums {
  const count = planes * rows * columns;
  return {
    out: new Float64Array(count * headDim),
    weight: new Float64Array(count),
    most: new Float64Array(count).fill(-Infinity),
  };
}

function clear({ out, weight, most }: Sums, at: number, headDim: number): void {
  out.fill(0, at * headDim, (at + 1) * headDim);
  weight[at] = 0;
  most[at] = -Infinity;
}
