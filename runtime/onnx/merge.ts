import type { Partial } from "./accumulators.ts";
import type { RowRuns } from "./row-runs.ts";

/**
 * Joins `numRuns` runs of `numRows` partial results of `from` into `to`, in the form that cannot overflow: with
 * m = max(a, b) and weights e^(a−m), e^(b−m) of the LSEs a and b. The identity changes nothing. Joined rows have weight 1.
 */
export function mergePartials(from: Partial, to: Partial, numRuns: number, numRows: number): void {
  for (let run = 0; run < numRuns; run++) {
    for (let i = 0; i < numRows; i++) {
      const toRow = to.weight.first + run * to.weight.step + i;
      const fromRow = from.weight.first + run * from.weight.step + i;
      mergeRow(from, fromRow, to, toRow);
    }
  }
}

function mergeRow(from: Partial, fromRow: number, to: Partial, toRow: number): void {
  const weightFrom = from.weight.data[fromRow]!;
  const weightTo = to.weight.data[toRow]!;
  if (weightFrom === 0) return;
  const a = lseOf(to, toRow);
  const b = lseOf(from, fromRow);
  const most = Math.max(a, b);
  const shareA = Math.exp(a - most);
  const shareB = Math.exp(b - most);
  const sum = shareA + shareB;
  to.most.data[toRow] = most + Math.log(sum);
  to.weight.data[toRow] = 1;
  const factorTo = weightTo === 0 ? 0 : shareA / sum / weightTo;
  scaleAndAdd(to.out, toRow, factorTo, from.out, fromRow, shareB / sum / weightFrom);
}

/** −∞ for the identity. */
function lseOf({ most, weight }: Partial, row: number): number {
  return most.data[row]! + Math.log(weight.data[row]!);
}

/** Row a becomes `a·factorA + b·factorB`; with factor 0 it may hold anything. */
function scaleAndAdd(a: RowRuns, rowA: number, factorA: number, b: RowRuns, rowB: number, factorB: number): void {
  const { data, width } = a;
  const [atA, atB] = [rowA * width, rowB * width];
  if (factorA === 0) data.fill(0, atA, atA + width);
  for (let d = 0; d < width; d++) data[atA + d] = data[atA + d]! * factorA + b.data[atB + d]! * factorB;
}

/** Leaves the identity. */
export function clearPartials({ most, weight }: Partial, numRuns: number, numRows: number): void {
  for (const { data, first, step } of [most, weight])
    for (let run = 0; run < numRuns; run++) data.fill(0, first + run * step, first + run * step + numRows);
}

/** Writes 0 into the outputs of rows that are the identity, so that they can be added to. */
export function zeroIdentity({ out, weight }: Partial, numRuns: number, numRows: number): void {
  const { data, width } = out;
  for (let run = 0; run < numRuns; run++)
    for (let i = 0, row = out.first + run * out.step; i < numRows; i++, row++)
      if (weight.data[row] === 0) data.fill(0, row * width, (row + 1) * width);
}
