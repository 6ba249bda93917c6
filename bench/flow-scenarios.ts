/** Seeded scenarios for the flow network's benchmark and for its comparison with SimGrid. */
import type { PathFlow } from "../plan/flow/simulate-flows.ts";

export interface FlowScenario {
  readonly capacities: Float64Array;
  readonly flows: readonly PathFlow[];
}

/** Uniform doubles in [0, 1): mulberry32. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Every rank sends to every other over its up link and the other's down link; random sizes, starts within a ms. */
export function allToAll(numRanks: number, seed: number): FlowScenario {
  const random = createRandom(seed);
  const capacities = new Float64Array(2 * numRanks).fill(50e9);
  return { capacities, flows: pairs(numRanks, random, (from, to) => Int32Array.of(from, numRanks + to)) };
}

/**
 * The same over machines: ranks on a switch (300 GB/s), two of them on a NIC (50 GB/s), machines on a core that carries half
 * of what their NICs could (100 GB/s). A path between machines has six links.
 */
export function clusterAllToAll(numMachines: number, seed: number): FlowScenario {
  const perMachine = 8;
  const numRanks = numMachines * perMachine;
  const random = createRandom(seed);
  const rates = [
    numRanks,
    300e9,
    numRanks,
    300e9,
    numRanks / 2,
    50e9,
    numRanks / 2,
    50e9,
    numMachines,
    100e9,
    numMachines,
    100e9,
  ];
  const bases: number[] = [];
  const capacities: number[] = [];
  for (let i = 0; i < rates.length; i += 2) {
    bases.push(capacities.length);
    for (let k = 0; k < rates[i]!; k++) capacities.push(rates[i + 1]!);
  }
  const [up, down, nicUp, nicDown, coreUp, coreDown] = bases as [number, number, number, number, number, number];
  const path = (from: number, to: number) => {
    const [a, b] = [Math.floor(from / perMachine), Math.floor(to / perMachine)];
    if (a === b) return Int32Array.of(up + from, down + to);
    return Int32Array.of(up + from, nicUp + (from >> 1), coreUp + a, coreDown + b, nicDown + (to >> 1), down + to);
  };
  return { capacities: Float64Array.from(capacities), flows: pairs(numRanks, random, path) };
}

function pairs(numRanks: number, random: () => number, path: (from: number, to: number) => Int32Array): PathFlow[] {
  const flows: PathFlow[] = [];
  for (let from = 0; from < numRanks; from++) {
    for (let to = 0; to < numRanks; to++) {
      if (from === to) continue;
      flows.push({
        path: path(from, to),
        latencyNs: 0,
        bytes: Math.floor(1e6 + random() * 63e6),
        startNs: random() * 1e6,
      });
    }
  }
  return flows;
}

/** A small scenario: a random graph, a star or a star with a hub; figures with ties or without. */
export function randomScenario(seed: number): FlowScenario {
  const random = createRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const hasTies = random() < 0.5;
  const numLinks = 2 + below(30);
  const figure = (most: number) => (hasTies ? 1 + below(4) : 1 + random() * most);
  const capacities = Float64Array.from({ length: numLinks }, () => figure(50) * 1e9);
  const shape = below(3);
  const path = () => (shape === 0 ? randomPath(numLinks, below) : starPath(numLinks, below, shape === 2));
  const flows = Array.from({ length: 1 + below(80) }, () => ({
    path: path(),
    latencyNs: hasTies ? 0 : random() * 1e4,
    bytes: Math.floor(figure(1000) * 1e6),
    startNs: Math.floor(figure(1000)) * 1e4,
  }));
  return { capacities, flows };
}

function randomPath(numLinks: number, below: (n: number) => number): Int32Array {
  const links = new Set<number>();
  for (let i = 0, n = 1 + below(6); i < n; i++) links.add(below(numLinks));
  return Int32Array.from(links);
}

/** The first half of the links leads up, the second down; the last one is the hub. */
function starPath(numLinks: number, below: (n: number) => number, hasHub: boolean): Int32Array {
  const numRanks = (numLinks - (hasHub ? 1 : 0)) >> 1;
  if (numRanks === 0) return Int32Array.of(below(numLinks));
  const ends = [below(numRanks), numRanks + below(numRanks)];
  return Int32Array.from(hasHub ? [...ends, numLinks - 1] : ends);
}

/** The largest difference between two lists, relative to the larger value of each pair. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!) / Math.max(Math.abs(a[i]!), Math.abs(b[i]!), Number.MIN_VALUE);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
