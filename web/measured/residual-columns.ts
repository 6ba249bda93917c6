import { type OpTimes, residualNs } from "./op-times.ts";

/** Bars of the residual strip: ops in the order of time, as many to a bar as there are more ops than bars. */
export interface ResidualColumns {
  readonly numColumns: number;
  /** Largest and smallest residual of the ops of a bar, ns; 0 where all are of the other sign. */
  readonly highNs: Float64Array;
  readonly lowNs: Float64Array;
  /** Row of the op whose residual is largest in size, the first of equals. */
  readonly worst: Uint32Array;
  /** Largest size of all residuals, ns. */
  readonly mostNs: number;
}

/** Linear in the ops. */
export function residualColumns(times: OpTimes, maxColumns: number): ResidualColumns {
  const numOps = times.op.length;
  const numColumns = Math.min(numOps, Math.max(1, Math.floor(maxColumns)));
  const highNs = new Float64Array(numColumns);
  const lowNs = new Float64Array(numColumns);
  const worst = new Uint32Array(numColumns);
  let mostNs = 0;
  let column = -1;
  let mostOfColumnNs = 0;
  for (let row = 0; row < numOps; row++) {
    const residual = residualNs(times, row);
    const size = Math.abs(residual);
    const next = columnOfRow(row, numOps, numColumns);
    if (next !== column || size > mostOfColumnNs) {
      worst[next] = row;
      mostOfColumnNs = size;
    }
    column = next;
    if (residual > highNs[column]!) highNs[column] = residual;
    if (residual < lowNs[column]!) lowNs[column] = residual;
    if (size > mostNs) mostNs = size;
  }
  return { numColumns, highNs, lowNs, worst, mostNs };
}

export function columnOfRow(row: number, numOps: number, numColumns: number): number {
  return Math.floor((row * numColumns) / numOps);
}

/** The bar at a place of a strip of some width, −1 where there is none. */
export function columnAt({ numColumns }: ResidualColumns, xPx: number, widthPx: number): number {
  if (numColumns === 0 || !(xPx >= 0 && xPx <= widthPx)) return -1;
  return Math.min(numColumns - 1, Math.floor((xPx / widthPx) * numColumns));
}
