import type { PathFlow } from "./simulate-flows.ts";

/** As in flow-network.ts: finishes that differ by less, relative to the time, are one. */
const TIE = 1e-12;

/** A flow under way, for the slow computation of rates. */
export interface SharingFlow {
  readonly path: ArrayLike<number>;
  /** Bytes per second. */
  readonly maxRate?: number;
}

/**
 * Max-min fair rates (bytes per second) by progressive filling: raise all rates together; where a link is full or a cap is
 * reached, its flows stay; go on with the others. (Bertsekas and Gallager, Data Networks, 2nd edition, 6.5.2.)
 * The oracle of max-min.ts: plain and slow.
 */
export function maxMinRates(capacities: ArrayLike<number>, flows: readonly SharingFlow[]): number[] {
  const links = Array.from(capacities, (room) => ({ room, rising: 0 }));
  const rates = flows.map(() => Infinity);
  const rising = new Set(flows.keys());
  for (const flow of flows) for (const link of Array.from(flow.path)) links[link]!.rising++;
  while (rising.size > 0) {
    const level = Math.min(
      ...links.filter((link) => link.rising > 0).map((link) => Math.max(0, link.room) / link.rising),
      ...[...rising].map((index) => flows[index]!.maxRate ?? Infinity),
    );
    const stopped = [...rising].filter((index) => stopsAt(flows[index]!, level, links));
    for (const index of stopped) {
      rates[index] = level;
      rising.delete(index);
      for (const link of Array.from(flows[index]!.path)) {
        links[link]!.room -= level;
        links[link]!.rising--;
      }
    }
  }
  return rates;
}

function stopsAt(flow: SharingFlow, level: number, links: readonly { room: number; rising: number }[]): boolean {
  if ((flow.maxRate ?? Infinity) <= level) return true;
  if (level === Infinity) return true;
  return Array.from(flow.path).some((link) => Math.max(0, links[link]!.room) / links[link]!.rising <= level);
}

/** The same as `simulateFlows`, with all rates computed afresh and all flows moved on at every event. Finish times in ns. */
export function simulateFlowsSlowly(capacities: ArrayLike<number>, flows: readonly PathFlow[]): number[] {
  const finishNs = flows.map(() => Infinity);
  const entryNs = flows.map((flow) => flow.startNs + flow.latencyNs);
  const waiting = new Set([...flows.keys()].sort((a, b) => entryNs[a]! - entryNs[b]!));
  let active = new Map<number, number>();
  let nowNs = 0;
  for (;;) {
    const indexes = [...active.keys()];
    const rates = maxMinRates(
      capacities,
      indexes.map((index) => flows[index]!),
    );
    const doneNs = indexes.map((index, i) => {
      const left = active.get(index)!;
      return left <= 0 ? nowNs : nowNs + left / (rates[i]! / 1e9);
    });
    const nextDoneNs = Math.min(...doneNs);
    const nextEntryNs = Math.min(...[...waiting].map((index) => entryNs[index]!));
    const nextNs = Math.min(nextDoneNs, nextEntryNs);
    if (nextNs === Infinity) return finishNs;
    const left = new Map<number, number>();
    for (const [i, index] of indexes.entries()) {
      if (nextDoneNs <= nextEntryNs && doneNs[i]! <= nextNs * (1 + TIE)) finishNs[index] = nextNs;
      else left.set(index, active.get(index)! - (rates[i]! / 1e9) * (nextNs - nowNs));
    }
    if (nextEntryNs < nextDoneNs) {
      for (const index of waiting) {
        if (entryNs[index] !== nextNs) continue;
        waiting.delete(index);
        left.set(index, flows[index]!.bytes);
      }
    }
    active = left;
    nowNs = nextNs;
  }
}
