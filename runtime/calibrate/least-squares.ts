/** Passes over the unknowns; each moves one of them to its best value, so few are needed for few unknowns. */
const PASSES = 20_000;
const CONVERGED = 1e-12;

/**
 * The x ≥ 0 that minimizes Σ w_i·((row_i·x − target_i) / target_i)² by coordinate descent on the normal equations
 * (Lawson and Hanson, Solving Least Squares Problems, chapter 23, states the problem; coordinate descent converges since
 * it is convex). Targets must not be 0. Unknowns that no row has stay 0.
 */
export function fitNonNegative(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  weights: readonly number[] = targets.map(() => 1),
): number[] {
  const count = rows[0]?.length ?? 0;
  const normal = Array.from({ length: count }, (_, a) =>
    Array.from({ length: count }, (_, b) =>
      sumOver(rows, (row, i) => (weights[i]! * row[a]! * row[b]!) / targets[i]! ** 2),
    ),
  );
  const right = Array.from({ length: count }, (_, a) =>
    sumOver(rows, (row, i) => (weights[i]! * row[a]!) / targets[i]!),
  );
  const x = new Array<number>(count).fill(0);
  for (let pass = 0; pass < PASSES; pass++) {
    let change = 0;
    for (let a = 0; a < count; a++) {
      if (normal[a]![a] === 0) continue;
      const rest = sumOver(x, (value, b) => (b === a ? 0 : normal[a]![b]! * value));
      const best = Math.max(0, (right[a]! - rest) / normal[a]![a]!);
      change = Math.max(change, Math.abs(best - x[a]!) / Math.max(best, x[a]!, Number.MIN_VALUE));
      x[a] = best;
    }
    if (change < CONVERGED) break;
  }
  return x;
}

/**
 * As `fitNonNegative` for times: long ones count in proportion to their length, since they are what makespans are made of
 * and what is disturbed least; and rows that lie far off count less (Huber's weights, three rounds), so that a measurement
 * that was disturbed does not bend the others.
 */
export function fitTimes(rows: readonly (readonly number[])[], targets: readonly number[], rounds = 3): number[] {
  let x = fitNonNegative(rows, targets, targets);
  for (let round = 0; round < rounds; round++) {
    const errors = rows.map((row, i) => Math.abs(dot(row, x) - targets[i]!) / targets[i]!);
    const usual = Math.max(1e-3, 1.5 * errors.toSorted((a, b) => a - b)[errors.length >> 1]!);
    const weights = errors.map((error, i) => targets[i]! * (error <= usual ? 1 : usual / error));
    x = fitNonNegative(rows, targets, weights);
  }
  return x;
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return sumOver(a, (value, i) => value * b[i]!);
}

function sumOver<T>(values: readonly T[], of: (value: T, index: number) => number): number {
  return values.reduce((sum, value, index) => sum + of(value, index), 0);
}
