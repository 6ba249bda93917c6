import type { Partial } from "./accumulators.ts";
import type { RowRuns } from "./row-runs.ts";

/**
 * Joins `numRuns` runs of `numRows` partial results of `from` into `to`, in the form that cannot overflow: with
 * m = max(a, b) and weights e^(a−m), e^(b−m) of the LSEs a and b. The identity (0, −∞) changes nothing.
 */
export function mergePartials(from: Partial, to: Partial, numRuns: number, numRows: number): void {
  for (let run = 0; run < numRuns; run++) {
    for (let i = 0; i < numRows; i++) {
      const toRow = to.lse.first + run * to.lse.step + i;
      const fromRow = from.lse.first + run * from.lse.step + i;
      mergeRow(from, fromRow, to, toRow);
    }
  }
}

function mergeRow(from: Partial, fromRow: number, to: Partial, toRow: number): void {
  const a = to.lse.data[toRow]!;
  const b = from.lse.data[fromRow]!;
  if (b === -Infinity) return;
  const most = Math.max(a, b);
  const weightA = a === -Infinity ? 0 : Math.exp(a - most);
  const weightB = Math.exp(b - most);
  const sum = weightA + weightB;
  to.lse.data[toRow] = most + Math.log(sum);
  scaleAndAdd(to.out, toRow, weightA / sum, from.out, fromRow, weightB / sum);
}

/** Row a becomes `a·factorA + b·factorB`; with factor 0 it may hold anything. */
function scaleAndAdd(a: RowRuns, rowA: number, factorA: number, b: RowRuns, rowB: number, factorB: number): void {
  const { data, width } = a;
  const [atA, atB] = [rowA * width, rowB * width];
  if (factorA === 0) data.fill(0, atA, atA + width);
  for (let d = 0; d < width; d++) data[atA + d] = data[atA + d]! * factorA + b.data[atB + d]! * factorB;
}

/** Leaves the identity. */
export function clearPartials({ lse }: Partial, numRuns: number, numRows: number): void {
  for (let run = 0; run < numRuns; run++) {
    const row = lse.first + run * lse.step;
    lse.data.fill(-Infinity, row, row + numRows);
  }
}

/** Writes the 0 of the identity into the rows that are it, so that they can be added to or given out. */
export function zeroIdentity({ out, lse }: Partial, numRuns: number, numRows: number): void {
  const { data, width } = out;
  for (let run = 0; run < numRuns; run++)
    for (let i = 0, row = out.first + run * out.step; i < numRows; i++, row++)
      if (lse.data[row] === -Infinity) data.fill(0, row * width, (row + 1) * width);
}
