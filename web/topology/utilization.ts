import type { PlanDetail } from "../engine/protocol.ts";

/**
 * Transfers of a plan for questions about a time: sorted by start, with the latest end of every subtree of the binary tree
 * that halving the list makes. The rate of a transfer is its mean, bytes over its time.
 */
export interface UseIndex {
  /** By transfer, ascending start: op, times in ns, bytes per second. */
  readonly op: Uint32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  readonly bytesPerSecond: Float64Array;
  /** By transfer: latest end in the subtree whose root it is. */
  readonly latestNs: Float64Array;
  /** By directed link of `PlanDetail.links`: share of its capacity that one byte per second of its transfers takes. */
  readonly weight: Float64Array;
  readonly opLinks: PlanDetail["opLinks"];
}

/** O(n log n). Transfers without duration or links are left out. */
export function indexUse(detail: PlanDetail): UseIndex {
  const { trace, opLinks, opBytes } = detail;
  const rows: number[] = [];
  for (let row = 0; row < trace.op.length; row++) {
    const op = trace.op[row]!;
    if (opLinks.start[op] === opLinks.start[op + 1] || !(opBytes[op]! > 0)) continue;
    if (trace.endNs[row]! > trace.startNs[row]!) rows.push(row);
  }
  rows.sort((a, b) => trace.startNs[a]! - trace.startNs[b]! || a - b);
  const startNs = Float64Array.from(rows, (row) => trace.startNs[row]!);
  const endNs = Float64Array.from(rows, (row) => trace.endNs[row]!);
  const op = Uint32Array.from(rows, (row) => trace.op[row]!);
  const bytesPerSecond = Float64Array.from(op, (one, at) => opBytes[one]! / ((endNs[at]! - startNs[at]!) / 1e9));
  const latestNs = new Float64Array(rows.length);
  fillLatest(endNs, latestNs, 0, rows.length);
  return { op, startNs, endNs, bytesPerSecond, latestNs, weight: linkWeights(detail), opLinks };
}

/**
 * One over capacity, times what a byte loads the link with: puts load a NIC that serves them badly with more than their
 * bytes, which `LinkUse.bytes` includes.
 */
function linkWeights({ links, opBytes, opLinks }: PlanDetail): Float64Array {
  const moved = new Float64Array(links.length);
  for (let op = 0; op < opBytes.length; op++) {
    for (let at = opLinks.start[op]!; at < opLinks.start[op + 1]!; at++) moved[opLinks.linkIds[at]!]! += opBytes[op]!;
  }
  return Float64Array.from(links, ({ bytes, bytesPerSecond }, link) => {
    const load = moved[link]! > 0 && bytes > 0 ? bytes / moved[link]! : 1;
    return load / bytesPerSecond;
  });
}

function fillLatest(endNs: Float64Array, latestNs: Float64Array, from: number, to: number): number {
  if (from >= to) return Number.NEGATIVE_INFINITY;
  const middle = (from + to) >> 1;
  const sides = Math.max(fillLatest(endNs, latestNs, from, middle), fillLatest(endNs, latestNs, middle + 1, to));
  return (latestNs[middle] = Math.max(endNs[middle]!, sides));
}

/** Transfers (places in the index) under way at a time: `start ≤ ns < end`. O(log n + what is under way · log n). */
export function transfersAt({ startNs, endNs, latestNs }: UseIndex, ns: number): number[] {
  const found: number[] = [];
  const visit = (from: number, to: number) => {
    if (from >= to) return;
    const middle = (from + to) >> 1;
    if (latestNs[middle]! <= ns) return;
    visit(from, middle);
    if (startNs[middle]! > ns) return;
    if (endNs[middle]! > ns) found.push(middle);
    visit(middle + 1, to);
  };
  visit(0, startNs.length);
  return found;
}

/**
 * Utilization of the links that carry something at a time, by directed link: mean rates of the transfers under way, summed,
 * over capacity. May exceed 1 by a little, since a transfer's true rate varies.
 */
export function useAt(index: UseIndex, ns: number): Map<number, number> {
  const use = new Map<number, number>();
  const { op, bytesPerSecond, weight, opLinks } = index;
  for (const at of transfersAt(index, ns)) {
    for (let i = opLinks.start[op[at]!]!; i < opLinks.start[op[at]! + 1]!; i++) {
      const link = opLinks.linkIds[i]!;
      use.set(link, (use.get(link) ?? 0) + bytesPerSecond[at]! * weight[link]!);
    }
  }
  return use;
}

/** Mean utilization over a pass, by directed link. */
export function meanUse({ links, passNs }: PlanDetail): Float64Array {
  return Float64Array.from(links, ({ bytes, bytesPerSecond }) =>
    passNs > 0 ? bytes / bytesPerSecond / (passNs / 1e9) : 0,
  );
}

/** Places in the index of the transfers that cross a link, by start. O(n). */
export function transfersOf({ op, opLinks }: UseIndex, link: number): number[] {
  const found: number[] = [];
  for (let at = 0; at < op.length; at++) {
    const end = opLinks.start[op[at]! + 1]!;
    for (let i = opLinks.start[op[at]!]!; i < end; i++) {
      if (opLinks.linkIds[i] !== link) continue;
      found.push(at);
      break;
    }
  }
  return found;
}

/** The highest utilization that a link has at any time, and when it first has it. */
export function peakUse(index: UseIndex, link: number, transfers: readonly number[]): { use: number; atNs: number } {
  const { startNs, endNs, bytesPerSecond, weight } = index;
  const changes = transfers.flatMap((at) => [
    { ns: startNs[at]!, rate: bytesPerSecond[at]! },
    { ns: endNs[at]!, rate: -bytesPerSecond[at]! },
  ]);
  // What ends makes room before what starts at the same time.
  changes.sort((a, b) => a.ns - b.ns || a.rate - b.rate);
  let [rate, best, atNs] = [0, 0, 0];
  for (const change of changes) {
    rate += change.rate;
    if (rate <= best * (1 + 1e-12)) continue;
    best = rate;
    atNs = change.ns;
  }
  return { use: best * weight[link]!, atNs };
}
