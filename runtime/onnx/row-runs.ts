import type { Buffer32 } from "./buffers.ts";

/** Runs of consecutive rows, one for each head: run i begins at row `first + i·step` of `data` (rows of `width`). */
export interface RowRuns {
  readonly data: Float32Array;
  readonly width: number;
  readonly first: number;
  readonly step: number;
}

/** Copies `numRuns` runs of `numRows` rows. */
export function copyRuns(from: RowRuns, to: RowRuns, numRuns: number, numRows: number): void {
  const isDense = numRuns === 1 || (from.step === numRows && to.step === numRows);
  const [runs, rows] = isDense ? [1, numRuns * numRows] : [numRuns, numRows];
  for (let i = 0; i < runs; i++) {
    const start = (from.first + i * from.step) * from.width;
    to.data.set(from.data.subarray(start, start + rows * from.width), (to.first + i * to.step) * to.width);
  }
}

/** The runs without gaps: where they lie if they have none, else copied into `buffer`. */
export function denseRuns(runs: RowRuns, numRuns: number, numRows: number, buffer: Buffer32): Float32Array {
  const { data, width, first, step } = runs;
  const length = numRuns * numRows * width;
  if (numRuns === 1 || step === numRows) return data.subarray(first * width, first * width + length);
  const dense = buffer.take(length);
  copyRuns(runs, { data: dense, width, first: 0, step: numRows }, numRuns, numRows);
  return dense;
}
