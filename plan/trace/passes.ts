import type { Trace } from "./trace.ts";

/** Rows `[first, end)` of a trace that go once through the ops. */
export interface Pass {
  readonly first: number;
  readonly end: number;
}

/** The passes of a trace, in order. Ids rise within a pass, so one that does not begins the next. */
export function* passesOf({ op }: Pick<Trace, "op">): Generator<Pass> {
  let first = 0;
  for (let row = 1; row <= op.length; row++) {
    if (row < op.length && op[row]! > op[row - 1]!) continue;
    yield { first, end: row };
    first = row;
  }
}

/** The first start and the last end of a pass, ns. */
export function boundsOf({ startNs, endNs }: Trace, { first, end }: Pass): { startNs: number; endNs: number } {
  let start = startNs[first]!;
  let last = endNs[first]!;
  for (let row = first + 1; row < end; row++) {
    if (startNs[row]! < start) start = startNs[row]!;
    if (endNs[row]! > last) last = endNs[row]!;
  }
  return { startNs: start, endNs: last };
}
