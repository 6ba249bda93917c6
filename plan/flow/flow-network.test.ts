import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { createFlowNetwork, type FlowNetwork } from "./flow-network.ts";
import { type PathFlow, simulateFlows } from "./simulate-flows.ts";
import { maxMinRates, simulateFlowsSlowly } from "./slow-twin.ts";

interface Scenario {
  readonly capacities: Float64Array;
  readonly flows: readonly PathFlow[];
}

/** Figures with many ties (small integers) or with none; nothing between 0 and 1e-3, where doubles lose their digits. */
function figures(min: number, max: number): fc.Arbitrary<number> {
  const any = fc.double({ min, max, noNaN: true }).map((value) => (value < 1e-3 ? 0 : value));
  return fc.oneof(fc.integer({ min, max: min + 4 }), any);
}

function sizes(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: 0, max: 4 }).map((n) => n * 1e6),
    fc.double({ min: 1, max: 1e9, noNaN: true }),
    fc.constant(0),
  );
}

function pathsOver(numLinks: number): fc.Arbitrary<number[]> {
  return fc.uniqueArray(fc.nat({ max: numLinks - 1 }), { maxLength: Math.min(6, numLinks) });
}

/** Star: up link of one rank, down link of another. Hub: besides, a core link that all share. */
function starPaths(numRanks: number, hasHub: boolean): fc.Arbitrary<number[]> {
  const rank = fc.nat({ max: numRanks - 1 });
  return fc
    .tuple(rank, rank)
    .map(([from, to]) => (from === to ? [] : [from, numRanks + to, ...(hasHub ? [2 * numRanks] : [])]));
}

function scenarios(numLinks: number, path: fc.Arbitrary<number[]>, maxFlows: number): fc.Arbitrary<Scenario> {
  const flow = fc.record({
    path: path.map((links) => Int32Array.from(links)),
    latencyNs: fc.oneof(fc.constant(0), figures(0, 1e4)),
    bytes: sizes(),
    startNs: fc.oneof(fc.constant(0), figures(0, 1e6)),
    maxRate: fc.oneof(
      { arbitrary: fc.constant(Infinity), weight: 3 },
      { arbitrary: figures(1, 20).map(giga), weight: 1 },
    ),
  });
  const capacities = fc.array(figures(1, 50).map(giga), { minLength: numLinks, maxLength: numLinks });
  return fc
    .record({ capacities, flows: fc.array(flow, { maxLength: maxFlows }) })
    .map(({ capacities, flows }) => ({ capacities: Float64Array.from(capacities), flows }));
}

function giga(value: number): number {
  return value * 1e9;
}

const anyScenario: fc.Arbitrary<Scenario> = fc.oneof(
  fc.integer({ min: 1, max: 20 }).chain((n) => scenarios(n, pathsOver(n), 40)),
  fc.integer({ min: 2, max: 6 }).chain((n) => scenarios(2 * n, starPaths(n, false), 60)),
  fc.integer({ min: 2, max: 6 }).chain((n) => scenarios(2 * n + 1, starPaths(n, true), 60)),
);

function relativeDifference(a: number, b: number): number {
  return a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}

describe("simulateFlows", () => {
  test("equals the slow twin within 1e-9", () => {
    fc.assert(
      fc.property(anyScenario, ({ capacities, flows }) => {
        const { finishNs, events } = simulateFlows(capacities, flows);
        const slow = simulateFlowsSlowly(capacities, flows);
        for (const [i, expected] of slow.entries())
          expect(relativeDifference(finishNs[i]!, expected)).toBeLessThan(1e-9);
        expect(events).toBe(2 * flows.length);
      }),
      { seed, numRuns: campaign(5000) },
    );
  });

  test("gives the same bits for the same input", () => {
    fc.assert(
      fc.property(anyScenario, ({ capacities, flows }) => {
        expect(simulateFlows(capacities, flows).finishNs).toEqual(simulateFlows(capacities, flows).finishNs);
      }),
      { seed, numRuns: campaign(300) },
    );
  });

  test("pays latency, then the drain; no bytes: latency only; no links: nothing but latency", () => {
    const flows: PathFlow[] = [
      { path: Int32Array.of(0), latencyNs: 500, bytes: 25_000, startNs: 100 },
      { path: Int32Array.of(0), latencyNs: 700, bytes: 0, startNs: 3 },
      { path: Int32Array.of(), latencyNs: 0, bytes: 1e9, startNs: 42 },
    ];
    expect([...simulateFlows(Float64Array.of(25e9), flows).finishNs]).toEqual([1600, 703, 42]);
  });

  test("one more flow does not slow down those that are bound elsewhere", () => {
    const capacities = Float64Array.of(10e9, 4e9);
    const bound: PathFlow = { path: Int32Array.of(0, 1), latencyNs: 0, bytes: 4e6, startNs: 0 };
    const free: PathFlow = { path: Int32Array.of(0), latencyNs: 0, bytes: 6e6, startNs: 0 };
    expect([...simulateFlows(capacities, [bound]).finishNs]).toEqual([1e6]);
    expect([...simulateFlows(capacities, [bound, free]).finishNs]).toEqual([1e6, 1e6]);
  });

  test("an equal all-to-all finishes as one", () => {
    const ranks = 16;
    const flows: PathFlow[] = [];
    for (let from = 0; from < ranks; from++) {
      for (let to = 0; to < ranks; to++) {
        if (from !== to) flows.push({ path: Int32Array.of(from, ranks + to), latencyNs: 0, bytes: 1e6, startNs: 0 });
      }
    }
    const { finishNs } = simulateFlows(new Float64Array(2 * ranks).fill(1e9), flows);
    expect(new Set(finishNs).size).toBe(1);
    expect(relativeDifference(finishNs[0]!, 15e6)).toBeLessThan(1e-12);
  });
});

type Step =
  | { readonly kind: "start"; readonly path: Int32Array; readonly bytes: number; readonly maxRate: number }
  | { readonly kind: "cancel"; readonly pick: number }
  | { readonly kind: "capacity"; readonly link: number; readonly bytesPerSecond: number }
  | { readonly kind: "wait"; readonly ns: number };

function stepsOn(numLinks: number, path: fc.Arbitrary<number[]>): fc.Arbitrary<Step[]> {
  const start: fc.Arbitrary<Step> = fc.record({
    kind: fc.constant("start" as const),
    path: path.map((links) => Int32Array.from(links)),
    bytes: fc.double({ min: 1, max: 1e8, noNaN: true }),
    maxRate: fc.oneof(fc.constant(Infinity), fc.constant(Infinity), figures(1, 20).map(giga)),
  });
  const cancel: fc.Arbitrary<Step> = fc.record({ kind: fc.constant("cancel" as const), pick: fc.nat() });
  const capacity: fc.Arbitrary<Step> = fc.record({
    kind: fc.constant("capacity" as const),
    link: fc.nat({ max: numLinks - 1 }),
    bytesPerSecond: fc.oneof(fc.constant(0), figures(1, 50).map(giga)),
  });
  const wait: fc.Arbitrary<Step> = fc.record({ kind: fc.constant("wait" as const), ns: figures(0, 1e5) });
  return fc.array(
    fc.oneof(
      { arbitrary: start, weight: 6 },
      { arbitrary: cancel, weight: 1 },
      { arbitrary: capacity, weight: 1 },
      { arbitrary: wait, weight: 3 },
    ),
    { maxLength: 120 },
  );
}

interface Live {
  readonly id: number;
  readonly flow: number;
  readonly path: Int32Array;
  readonly maxRate: number;
}

/** Takes the steps, and looks at all rates after each. */
function walk(
  network: FlowNetwork,
  capacities: Float64Array,
  steps: readonly Step[],
  look: (live: Live[]) => void,
): void {
  const live = new Map<number, Live>();
  let id = 0;
  for (const step of steps) {
    const now = network.nowNs;
    if (step.kind === "start") {
      const flow = network.start(now, step.bytes, step.path, id, step.maxRate);
      live.set(id, { id, flow, path: step.path, maxRate: step.maxRate });
      id++;
    } else if (step.kind === "cancel") {
      const picked = [...live.values()][step.pick % Math.max(1, live.size)];
      if (picked !== undefined) {
        expect(network.cancel(now, picked.flow)).toBeGreaterThanOrEqual(0);
        live.delete(picked.id);
      }
    } else if (step.kind === "capacity") {
      network.setCapacity(now, step.link, step.bytesPerSecond);
      capacities[step.link] = step.bytesPerSecond;
    } else network.advance(now + step.ns, (finished) => expect(live.delete(finished)).toBe(true));
    expect(network.numFlows).toBe(live.size);
    look([...live.values()]);
  }
}

const walks = fc.oneof(
  fc.integer({ min: 1, max: 12 }).chain((n) => fc.tuple(fc.constant(n), stepsOn(n, pathsOver(n)))),
  fc.integer({ min: 2, max: 6 }).chain((n) => fc.tuple(fc.constant(2 * n), stepsOn(2 * n, starPaths(n, false)))),
  fc.integer({ min: 2, max: 6 }).chain((n) => fc.tuple(fc.constant(2 * n + 1), stepsOn(2 * n + 1, starPaths(n, true)))),
);

describe("flow network", () => {
  test("has the twin's rates after every start, cancel, change of capacity and finish", () => {
    fc.assert(
      fc.property(walks, ([numLinks, steps]) => {
        const capacities = new Float64Array(numLinks).fill(10e9);
        const network = createFlowNetwork(capacities.slice());
        walk(network, capacities, steps, (live) => {
          const expected = maxMinRates(capacities, live);
          const rates = live.map(({ flow }) => network.rate(flow));
          for (const [i, rate] of rates.entries()) expect(relativeDifference(rate, expected[i]!)).toBeLessThan(1e-9);
        });
      }),
      { seed, numRuns: campaign(2000) },
    );
  });

  test("shares max-min fairly: every flow has a full link on which none is faster, or its cap", () => {
    fc.assert(
      fc.property(walks, ([numLinks, steps]) => {
        const capacities = new Float64Array(numLinks).fill(10e9);
        const network = createFlowNetwork(capacities.slice());
        walk(network, capacities, steps, (live) => {
          const moving = live.filter(({ path, maxRate }) => path.length > 0 || maxRate < Infinity);
          expectMaxMin(
            capacities,
            moving,
            moving.map(({ flow }) => network.rate(flow)),
          );
        });
      }),
      { seed, numRuns: campaign(500) },
    );
  });

  test("flows that end within 1e-12 end together, in the order of ids", () => {
    const network = createFlowNetwork(Float64Array.of(1e9, 1e9, 1e9));
    network.start(0, 1e6 * (1 + 3e-13), Int32Array.of(0), 5);
    network.start(0, 1e6, Int32Array.of(1), 9);
    network.start(0, 1e6 * (1 + 6e-13), Int32Array.of(2), 2);
    const seen: [number, number][] = [];
    network.advance(2e6, (id, finishNs) => seen.push([id, finishNs]));
    expect(seen).toEqual([2, 5, 9].map((id) => [id, 1e6]));
    expect(network.nowNs).toBe(2e6);
  });

  test("lets callbacks start what comes next", () => {
    const network = createFlowNetwork(Float64Array.of(1e9));
    const seen: [number, number][] = [];
    network.start(0, 1000, Int32Array.of(0), 0);
    network.advance(Infinity, (id, finishNs) => {
      seen.push([id, finishNs]);
      if (id < 4) network.start(finishNs, id === 2 ? 0 : 1000, Int32Array.of(0), id + 1);
    });
    expect(seen).toEqual([1000, 2000, 3000, 3000, 4000].map((time, id) => [id, time]));
    expect([network.numFlows, network.nowNs]).toEqual([0, 4000]);
  });

  test("stays exact on a link that is never idle", () => {
    const network = createFlowNetwork(Float64Array.of(3e9));
    const path = Int32Array.of(0);
    let last = 0;
    network.start(0, 1000, path, 0);
    network.advance(Infinity, (id, finishNs) => {
      last = finishNs;
      if (id < 100_000) network.start(finishNs, 1000, path, id + 1);
    });
    // What is left is the rounding of 100,001 additions to the clock.
    expect(relativeDifference(last, (100_001 * 1000) / 3)).toBeLessThan(1e-11);
  });

  test("a capacity of 0 stops flows until it is back", () => {
    const network = createFlowNetwork(Float64Array.of(1e9));
    const flow = network.start(0, 1000, Int32Array.of(0), 0);
    network.setCapacity(0, 0, 0);
    expect([network.rate(flow), network.nextCompletionNs()]).toEqual([0, Infinity]);
    network.advance(500, () => {});
    network.setCapacity(500, 0, 2e9);
    expect(network.nextCompletionNs()).toBe(1000);
    network.advance(600, () => {});
    expect(network.cancel(600, flow)).toBe(800);
  });

  test("refuses what only a bug can ask for", () => {
    const network = createFlowNetwork(Float64Array.of(1e9, 1e9));
    network.advance(10, () => {});
    expect(() => network.start(5, 1, Int32Array.of(0), 0)).toThrow("backward");
    expect(() => network.start(10, -1, Int32Array.of(0), 0)).toThrow("-1 bytes");
    expect(() => network.start(10, 1, Int32Array.of(2), 0)).toThrow("link 2 of 2");
    expect(() => network.start(10, 1, Int32Array.of(1, 1), 0)).toThrow("twice");
    expect(() => network.start(10, 1, Int32Array.of(0), 0, 0)).toThrow("maxRate of 0");
    expect(() => network.setCapacity(10, 5, 1)).toThrow("no link 5");
    expect(() => createFlowNetwork(Float64Array.of(Number.NaN))).toThrow("NaN");
    network.start(10, 1000, Int32Array.of(0), 0);
    expect(() => network.start(5000, 1, Int32Array.of(0), 1)).toThrow("advance first");
  });
});

function expectMaxMin(capacities: Float64Array, live: readonly Live[], rates: readonly number[]): void {
  const loads = new Float64Array(capacities.length);
  const fastest = new Float64Array(capacities.length);
  for (const [i, { path }] of live.entries()) {
    for (const link of path) {
      loads[link]! += rates[i]!;
      fastest[link] = Math.max(fastest[link]!, rates[i]!);
    }
  }
  for (const [link, load] of loads.entries()) expect(load).toBeLessThanOrEqual(capacities[link]! * (1 + 1e-9));
  for (const [i, { path, maxRate }] of live.entries()) {
    const rate = rates[i]!;
    const isBound = (link: number) =>
      loads[link]! >= capacities[link]! * (1 - 1e-9) && rate >= fastest[link]! * (1 - 1e-9);
    expect(rate >= maxRate * (1 - 1e-9) || [...path].some(isBound)).toBe(true);
    expect(rate).toBeLessThanOrEqual(maxRate * (1 + 1e-9));
  }
}
