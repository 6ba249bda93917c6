import { assert } from "../../plan/errors.ts";
import { Kind, type Schedule } from "../../plan/schedule/schedule.ts";
import type { Kernel } from "../kernel.ts";
import { Accumulators, type Partial } from "./accumulators.ts";
import { Attention } from "./attention.ts";
import { Buffer32 } from "./buffers.ts";
import { HeapTiles } from "./heap-tiles.ts";
import { NORMALIZE } from "./layout-models.ts";
import { MatrixWork } from "./matrix-work.ts";
import { clearPartials, mergePartials } from "./merge.ts";
import { denseRuns } from "./row-runs.ts";
import { Runner } from "./runner.ts";

/** Elements of one part of a copy, merge or finalize, about: 4 MiB. */
const PART_ELEMENTS = 1 << 20;

/**
 * The kernel by onnxruntime, on one thread: any op of any rank of an fp32 schedule, on an ordinary heap or a shared one.
 * Results are the same bits in every run on one machine. Values must be below 1e18; `compute` ops multiply matrices, see
 * matrix-work.ts. `prepare` throws a UsageError where onnxruntime cannot be loaded.
 */
export function createOnnxKernel(options: { schedule: Schedule; heap: Float32Array }): OnnxKernel {
  return new OnnxKernel(options.schedule, options.heap);
}

class OnnxKernel implements Kernel {
  readonly #schedule: Schedule;
  readonly #heap: HeapTiles;
  readonly #accumulators: Accumulators;
  readonly #runner = new Runner();
  readonly #attention: Attention;
  readonly #work: MatrixWork;
  readonly #denseOut = new Buffer32();
  readonly #denseWeight = new Buffer32();
  readonly #normalized = new Buffer32();
  #parts: AsyncGenerator<void> | null = null;

  constructor(schedule: Schedule, heap: Float32Array) {
    assert(schedule.workload.dtype === "fp32", "the kernel computes in fp32");
    this.#schedule = schedule;
    this.#heap = new HeapTiles(schedule, heap);
    this.#accumulators = new Accumulators(schedule);
    this.#attention = new Attention(schedule, this.#heap, this.#accumulators, this.#runner);
    this.#work = new MatrixWork(this.#runner);
  }

  get stagedBytes(): number {
    return this.#heap.stagedBytes;
  }

  /** Calls of attention whose scores grew so much that they were computed twice. */
  get numRepeatedCalls(): number {
    return this.#attention.calls.numRepeated;
  }

  async prepare(ops: Uint32Array): Promise<void> {
    await this.#runner.load();
    await this.#runner.prepare(NORMALIZE);
    await this.#attention.prepare(ops);
    const { kind, to, toStart } = this.#schedule.ops;
    if (ops.some((op) => kind[op] === Kind.compute)) await this.#work.prepare();
    for (const op of ops) {
      if (kind[op] !== Kind.finalize) continue;
      for (const operand of to.subarray(toStart[op], toStart[op + 1])) this.#reserve(operand);
    }
  }

  begin(op: number): void {
    this.#parts = this.#run(op);
  }

  async step(): Promise<boolean> {
    assert(this.#parts !== null, "step before begin");
    return (await this.#parts.next()).done === true;
  }

  reset(): void {
    this.#parts = null;
    this.#accumulators.reset();
    this.#attention.calls.reset();
  }

  /** Sessions stay: other kernels of this thread may use them. */
  async dispose(): Promise<void> {
    this.#parts = null;
  }

  async *#run(op: number): AsyncGenerator<void> {
    const { kind, work } = this.#schedule.ops;
    if (kind[op] === Kind.attend) yield* this.#attention.attend(op);
    else if (kind[op] === Kind.compute) yield* this.#work.compute(this.#schedule.computes[work[op]!]!.flops);
    else yield* this.#runPairs(op);
  }

  /** Ops whose `from` and `to` belong together one by one. */
  async *#runPairs(op: number): AsyncGenerator<void> {
    const { kind, from, fromStart, to, toStart } = this.#schedule.ops;
    const { numTokens } = this.#schedule.operands;
    for (let i = 0; fromStart[op]! + i < fromStart[op + 1]!; i++) {
      const source = from[fromStart[op]! + i]!;
      const target = to[toStart[op]! + i]!;
      const partTokens = this.#partTokens(source);
      for (let start = 0; start < numTokens[source]!; start += partTokens) {
        const end = Math.min(numTokens[source]!, start + partTokens);
        if (kind[op] === Kind.copy) this.#heap.copy(source, target, start, end);
        else if (kind[op] === Kind.merge) this.#merge(source, target, start, end);
        else if (kind[op] === Kind.finalize) await this.#finalize(source, target, start, end);
        yield;
      }
    }
  }

  #merge(from: number, to: number, start: number, end: number): void {
    const numHeads = this.#schedule.operands.numHeads[from]!;
    for (let plane = 0; plane < this.#schedule.workload.batch; plane++) {
      const source = this.#accumulators.partial(from, plane, 0, start);
      mergePartials(source, this.#accumulators.partial(to, plane, 0, start), numHeads, end - start);
      clearPartials(source, numHeads, end - start);
    }
  }

  async #finalize(from: number, to: number, start: number, end: number): Promise<void> {
    const numHeads = this.#schedule.operands.numHeads[from]!;
    for (let plane = 0; plane < this.#schedule.workload.batch; plane++) {
      const source = this.#accumulators.partial(from, plane, 0, start);
      const place = this.#heap.view(to, plane, start, end);
      const target = place ?? this.#normalized.take((end - start) * numHeads * this.#schedule.workload.headDim);
      await this.#normalize(source, target, numHeads, end - start);
      if (place === null) this.#heap.write(to, plane, start, end, target);
      clearPartials(source, numHeads, end - start);
    }
  }

  /** Outputs `[tokens, heads, D]` of partial results. */
  async #normalize(source: Partial, target: Float32Array, numHeads: number, numTokens: number): Promise<void> {
    const { headDim } = this.#schedule.workload;
    const out = denseRuns(source.out, numHeads, numTokens, this.#denseOut);
    const weight = denseRuns(source.weight, numHeads, numTokens, this.#denseWeight);
    await this.#runner.run(
      NORMALIZE,
      {
        x: this.#runner.tensor(out, [numHeads, numTokens, headDim]),
        weight: this.#runner.tensor(weight, [numHeads, numTokens, 1]),
      },
      { y: this.#runner.tensor(target, [numTokens, numHeads, headDim]) },
    );
  }

  #partTokens(operand: number): number {
    const width = this.#schedule.operands.numHeads[operand]! * this.#schedule.workload.headDim;
    return Math.max(1, Math.floor(PART_ELEMENTS / width));
  }

  #reserve(operand: number): void {
    const { numTokens, numHeads } = this.#schedule.operands;
    const tokens = Math.min(this.#partTokens(operand), numTokens[operand]!);
    const length = tokens * numHeads[operand]! * this.#schedule.workload.headDim;
    this.#denseOut.take(length);
    this.#denseWeight.take(tokens * numHeads[operand]!);
    this.#normalized.take(length);
  }
}
