import { type OpTimes, residualNs } from "./op-times.ts";

/** Both axes of the scatter: logarithmic, the same domain, so that the ideal line is the diagonal. */
export interface LogAxis {
  /** Powers of ten. */
  readonly lowNs: number;
  readonly highNs: number;
  readonly sizePx: number;
}

/** Shorter spans are drawn on the edge: a clock does not tell them apart, and 0 has no logarithm. */
const LEAST_NS = 1;

export function logAxis({ predictedNs, measuredNs }: OpTimes, sizePx: number): LogAxis {
  let low = Number.POSITIVE_INFINITY;
  let high = LEAST_NS;
  for (const column of [predictedNs, measuredNs]) {
    for (const ns of column) {
      if (ns > high) high = ns;
      // Zeros stand on the edge: they are common (waits that were predicted to find all there), and far below all else.
      if (ns > 0 && ns < low) low = ns;
    }
  }
  const first = Math.floor(Math.log10(Math.max(LEAST_NS, Math.min(low, high))));
  const last = Math.max(first + 1, Math.ceil(Math.log10(high)));
  return { lowNs: 10 ** first, highNs: 10 ** last, sizePx };
}

/** Distance from the axes' common corner. */
export function logPx({ lowNs, highNs, sizePx }: LogAxis, ns: number): number {
  const share = Math.log(Math.max(ns, lowNs) / lowNs) / Math.log(highNs / lowNs);
  return share * sizePx;
}

/** Powers of ten of the axis. */
export function decadesOf({ lowNs, highNs }: LogAxis): readonly number[] {
  const first = Math.round(Math.log10(lowNs));
  const numDecades = Math.round(Math.log10(highNs)) - first;
  return Array.from({ length: numDecades + 1 }, (_, i) => 10 ** (first + i));
}

/** Dots of the scatter: ops in one square of the grid are one dot. Positions in px from the corner, y upward. */
export interface ScatterCells {
  readonly numCells: number;
  readonly xPx: Float32Array;
  readonly yPx: Float32Array;
  readonly count: Uint32Array;
  /** Row of the op of the dot whose residual is largest in size, the first of equals. */
  readonly worst: Uint32Array;
}

/** Measured along x, predicted along y. Linear in the ops; at most as many dots as squares. */
export function scatterCells(times: OpTimes, axis: LogAxis, cellPx: number): ScatterCells {
  const numSide = Math.floor(axis.sizePx / cellPx) + 1;
  const cellOf = new Int32Array(numSide * numSide).fill(-1);
  const place = (ns: number) => Math.min(numSide - 1, Math.floor(logPx(axis, ns) / cellPx));
  const squares: number[] = [];
  const count: number[] = [];
  const worst: number[] = [];
  for (let row = 0; row < times.op.length; row++) {
    const square = place(times.predictedNs[row]!) * numSide + place(times.measuredNs[row]!);
    const cell = cellOf[square]!;
    if (cell < 0) {
      cellOf[square] = squares.length;
      squares.push(square);
      count.push(1);
      worst.push(row);
      continue;
    }
    count[cell]!++;
    if (Math.abs(residualNs(times, row)) > Math.abs(residualNs(times, worst[cell]!))) worst[cell] = row;
  }
  return {
    numCells: squares.length,
    xPx: Float32Array.from(squares, (square) => ((square % numSide) + 0.5) * cellPx),
    yPx: Float32Array.from(squares, (square) => (Math.floor(square / numSide) + 0.5) * cellPx),
    count: Uint32Array.from(count),
    worst: Uint32Array.from(worst),
  };
}

/** The nearest dot within some px of a place, −1 for none. */
export function cellAt({ numCells, xPx, yPx }: ScatterCells, x: number, y: number, withinPx: number): number {
  let nearest = -1;
  let least = withinPx * withinPx;
  for (let cell = 0; cell < numCells; cell++) {
    const distance = (xPx[cell]! - x) ** 2 + (yPx[cell]! - y) ** 2;
    if (distance > least) continue;
    least = distance;
    nearest = cell;
  }
  return nearest;
}

/** Radius of a dot by how many ops it stands for. */
export function dotRadiusPx(count: number): number {
  return Math.min(6, 2 + 0.6 * Math.log2(count));
}
