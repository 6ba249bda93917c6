import { type Schedule, TensorCode } from "../../plan/schedule/schedule.ts";
import type { Buffer32 } from "./buffers.ts";

/** A plane of an operand in the heap; elements. */
interface Place {
  readonly start: number;
  /** From token to token. */
  readonly stride: number;
  /** Of one token: heads × D. */
  readonly width: number;
}

/**
 * Tiles of the heap as the library can use them: in ordinary memory and without gaps, `[tokens, heads, D]`. It refuses
 * tensors over a SharedArrayBuffer, so tiles of such a heap are copied; of an ordinary one only those with gaps.
 */
export class HeapTiles {
  /** Bytes copied in either direction so far. */
  stagedBytes = 0;
  readonly #schedule: Schedule;
  readonly #heap: Float32Array;
  readonly #isShared: boolean;

  constructor(schedule: Schedule, heap: Float32Array) {
    this.#schedule = schedule;
    this.#heap = heap;
    this.#isShared = !(heap.buffer instanceof ArrayBuffer);
  }

  /** Tokens `[start, end)` of an operand's plane where they lie, or null where they have to be copied. */
  view(operand: number, plane: number, start: number, end: number): Float32Array | null {
    const place = this.#place(operand, plane);
    if (this.#isShared || place.width !== place.stride) return null;
    return this.#heap.subarray(place.start + start * place.width, place.start + end * place.width);
  }

  /** Tokens `[start, end)`: where they lie if that will do, else copied into `buffer`. */
  rows(operand: number, plane: number, start: number, end: number, buffer: Buffer32): Float32Array {
    const view = this.view(operand, plane, start, end);
    if (view !== null) return view;
    const copied = buffer.take((end - start) * this.#place(operand, plane).width);
    this.read(operand, plane, start, end, copied);
    return copied;
  }

  /** Copies them to the start of `target`. */
  read(operand: number, plane: number, start: number, end: number, target: Float32Array): void {
    const { start: origin, stride, width } = this.#place(operand, plane);
    this.stagedBytes += (end - start) * width * Float32Array.BYTES_PER_ELEMENT;
    if (width === stride) {
      target.set(this.#heap.subarray(origin + start * width, origin + end * width));
      return;
    }
    for (let token = start, at = 0; token < end; token++, at += width)
      target.set(this.#heap.subarray(origin + token * stride, origin + token * stride + width), at);
  }

  /** Copies them from the start of `source`. */
  write(operand: number, plane: number, start: number, end: number, source: Float32Array): void {
    const { start: origin, stride, width } = this.#place(operand, plane);
    this.stagedBytes += (end - start) * width * Float32Array.BYTES_PER_ELEMENT;
    if (width === stride) {
      this.#heap.set(source.subarray(0, (end - start) * width), origin + start * width);
      return;
    }
    for (let token = start, at = 0; token < end; token++, at += width)
      this.#heap.set(source.subarray(at, at + width), origin + token * stride);
  }

  /** Copies tokens `[start, end)` of one operand onto those of another, all planes. */
  copy(from: number, to: number, start: number, end: number): void {
    const { tensor } = this.#schedule.operands;
    const planes = (tensor[from] === TensorCode.KV ? 2 : 1) * this.#schedule.workload.batch;
    for (let plane = 0; plane < planes; plane++) {
      const a = this.#place(from, plane);
      const b = this.#place(to, plane);
      const isWhole = a.width === a.stride && b.width === b.stride;
      const [runs, width] = isWhole ? [1, (end - start) * a.width] : [end - start, a.width];
      for (let run = 0; run < runs; run++) {
        const at = a.start + (start + run) * a.stride;
        this.#heap.copyWithin(b.start + (start + run) * b.stride, at, at + width);
      }
    }
  }

  #place(operand: number, plane: number): Place {
    const { operands, slots, workload } = this.#schedule;
    const slot = slots[operands.slot[operand]!]!;
    const row = plane * slot.rows + operands.row[operand]!;
    return {
      start: slot.offset / 4 + (row * slot.columns + operands.column[operand]!) * workload.headDim,
      stride: slot.columns * workload.headDim,
      width: operands.numHeads[operand]! * workload.headDim,
    };
  }
}
