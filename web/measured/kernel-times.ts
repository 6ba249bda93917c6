import { Kind } from "../../plan/schedule/schedule.ts";
import type { Trace } from "../../plan/trace/trace.ts";
import { seekStart } from "../timeline/model/tracks.ts";

const isKernel = new Uint8Array(256);
for (const kind of [Kind.attend, Kind.merge, Kind.finalize, Kind.copy, Kind.compute]) isKernel[kind] = 1;

/** Times at which a rank computes, whatever the stream: disjoint, ascending, with their sum before each. */
interface Busy {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly beforeNs: Float64Array;
}

/** How long a rank computes within a time span, ns. O(n log n) to make, O(log n) to ask. */
export function kernelTimes(trace: Trace): (rank: number, startNs: number, endNs: number) => number {
  const rows: number[][] = [];
  for (let row = 0; row < trace.op.length; row++) {
    if (isKernel[trace.kind[row]!] === 0) continue;
    const rank = trace.rank[row]!;
    (rows[rank] ??= []).push(row);
  }
  const busy = Array.from(rows, (list) => (list === undefined ? null : joinTimes(trace, list)));
  return (rank, startNs, endNs) => {
    const of = busy[rank];
    return of === undefined || of === null ? 0 : busyBefore(of, endNs) - busyBefore(of, startNs);
  };
}

function joinTimes(trace: Trace, rows: number[]): Busy {
  rows.sort((a, b) => trace.startNs[a]! - trace.startNs[b]!);
  const startNs: number[] = [];
  const endNs: number[] = [];
  for (const row of rows) {
    const last = endNs.length - 1;
    if (last >= 0 && trace.startNs[row]! <= endNs[last]!) endNs[last] = Math.max(endNs[last]!, trace.endNs[row]!);
    else {
      startNs.push(trace.startNs[row]!);
      endNs.push(trace.endNs[row]!);
    }
  }
  const beforeNs = new Float64Array(startNs.length);
  for (let at = 1; at < startNs.length; at++) beforeNs[at] = beforeNs[at - 1]! + endNs[at - 1]! - startNs[at - 1]!;
  return { startNs: Float64Array.from(startNs), endNs: Float64Array.from(endNs), beforeNs };
}

function busyBefore({ startNs, endNs, beforeNs }: Busy, ns: number): number {
  const at = seekStart(startNs, 0, startNs.length, ns) - 1;
  return at < 0 ? 0 : beforeNs[at]! + Math.min(ns, endNs[at]!) - startNs[at]!;
}
