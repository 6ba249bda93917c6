/**
 * How fast the flow network is: 4,032 concurrent flows of random sizes and starts, each pair of 64 ranks, over a
 * non-blocking switch and over eight machines with shared NICs and core links. Side by side in one run: SimGrid, all rates
 * computed afresh at every event (in JavaScript, on typed arrays), the slow twin on a smaller case, and ours.
 * `npm run bench -- flows [scenarios compared with SimGrid]`.
 *
 * Where the limit lies: there are 8,064 events (a start and a finish of each flow), and the sizes are random, so no two of
 * them fall together. After each event about half of the saturated links, those above the lowest touched one, really do
 * change their level: some 57 links, and some 980 counts of flows on another link that have to hear of it (measured:
 * 7.9 million for the whole run). An exact solver that keeps its state has to do at least these additions: at some 2 ns each
 * 16 ms, with the work of 457,000 new levels, each an odometer, a division and a finish time, and of eleven classes an event
 * that change their bottleneck, some 50 to 60 ms. A full re-solve visits all flows on all links, sorts out the order of all
 * links, and moves all flows on: about ten times as much.
 */
import { simulateFlows } from "../plan/flow/simulate-flows.ts";
import { simulateFlowsSlowly } from "../plan/flow/slow-twin.ts";
import { allToAll, clusterAllToAll, type FlowScenario, largestDifference, randomScenario } from "./flow-scenarios.ts";
import { findSimGrid, type SimGrid } from "./peers/simgrid/peer.ts";

const SEED = 20260127;
const OUR_RUNS = 31;
const PEER_RUNS = 3;

interface Timing {
  readonly finishNs: ArrayLike<number>;
  readonly medianMs: number;
  readonly leastMs: number;
}

function time(runs: number, run: () => ArrayLike<number>): Timing {
  const wallMs: number[] = [];
  let finishNs: ArrayLike<number> = [];
  for (let i = 0; i < runs; i++) {
    const begin = performance.now();
    finishNs = run();
    wallMs.push(performance.now() - begin);
  }
  return { finishNs, ...summarize(wallMs) };
}

function summarize(wallMs: readonly number[]): { medianMs: number; leastMs: number } {
  const sorted = wallMs.toSorted((a, b) => a - b);
  return { medianMs: sorted[sorted.length >> 1]!, leastMs: sorted[0]! };
}

function timeSimGrid(simGrid: SimGrid, { capacities, flows }: FlowScenario): Timing {
  const runs = Array.from({ length: PEER_RUNS }, () => simGrid.run(capacities, flows));
  return { finishNs: runs[0]!.finishNs, ...summarize(runs.map((run) => run.wallMs)) };
}

/** Progressive filling of all flows at every event: what one writes first. */
function resolveAll({ capacities, flows }: FlowScenario): Float64Array {
  const n = flows.length;
  const order = Array.from(flows.keys()).sort((a, b) => flows[a]!.startNs - flows[b]!.startNs);
  const left = Float64Array.from(flows, (flow) => flow.bytes);
  const rates = new Float64Array(n);
  const finishNs = new Float64Array(n);
  const room = new Float64Array(capacities.length);
  const counts = new Int32Array(capacities.length);
  let active: number[] = [];
  let nowNs = 0;
  for (let next = 0; next < n || active.length > 0; ) {
    fill(capacities, flows, active, rates, room, counts);
    let eventNs = next < n ? flows[order[next]!]!.startNs : Infinity;
    for (const flow of active) eventNs = Math.min(eventNs, nowNs + (left[flow]! / rates[flow]!) * 1e9);
    const remaining: number[] = [];
    for (const flow of active) {
      if (nowNs + (left[flow]! / rates[flow]!) * 1e9 <= eventNs * (1 + 1e-12)) finishNs[flow] = eventNs;
      else {
        left[flow]! -= rates[flow]! * (eventNs - nowNs) * 1e-9;
        remaining.push(flow);
      }
    }
    while (next < n && flows[order[next]!]!.startNs === eventNs) remaining.push(order[next++]!);
    active = remaining;
    nowNs = eventNs;
  }
  return finishNs;
}

function fill(
  capacities: Float64Array,
  flows: FlowScenario["flows"],
  active: readonly number[],
  rates: Float64Array,
  room: Float64Array,
  counts: Int32Array,
): void {
  room.set(capacities);
  counts.fill(0);
  for (const flow of active) for (const link of flows[flow]!.path) counts[link]!++;
  for (let rising = active; rising.length > 0; ) {
    let level = Infinity;
    for (let link = 0; link < room.length; link++) {
      if (counts[link]! > 0) level = Math.min(level, room[link]! / counts[link]!);
    }
    const limit = level * (1 + 1e-14);
    const stopped = rising.filter((flow) => flows[flow]!.path.some((link) => room[link]! / counts[link]! <= limit));
    rising = rising.filter((flow) => !flows[flow]!.path.some((link) => room[link]! / counts[link]! <= limit));
    for (const flow of stopped) {
      rates[flow] = level;
      for (const link of flows[flow]!.path) {
        room[link]! -= level;
        counts[link]!--;
      }
    }
  }
}

function show(name: string, timing: Timing, ours: Timing): void {
  const ratio = timing.medianMs / ours.medianMs;
  const difference = largestDifference(ours.finishNs, timing.finishNs);
  console.log(
    `  ${name.padEnd(22)} median ${timing.medianMs.toFixed(1).padStart(8)} ms, least ${timing.leastMs.toFixed(1).padStart(8)} ms` +
      (timing === ours ? "" : `; ours is ${ratio.toFixed(1)} times as fast, differs by ${difference.toExponential(1)}`),
  );
}

function measure(name: string, scenario: FlowScenario, simGrid: SimGrid | string): void {
  console.log(`${name}: ${scenario.flows.length} flows on ${scenario.capacities.length} links`);
  const ours = time(OUR_RUNS, () => simulateFlows(scenario.capacities, scenario.flows).finishNs);
  show("ours", ours, ours);
  show(
    "all rates afresh",
    time(PEER_RUNS, () => resolveAll(scenario)),
    ours,
  );
  if (typeof simGrid !== "string") show("SimGrid", timeSimGrid(simGrid, scenario), ours);
}

function measureTwin(scenario: FlowScenario): void {
  console.log(`slow twin, 12-rank all-to-all: ${scenario.flows.length} flows`);
  const ours = time(OUR_RUNS, () => simulateFlows(scenario.capacities, scenario.flows).finishNs);
  show("ours", ours, ours);
  show(
    "slow twin",
    time(1, () => simulateFlowsSlowly(scenario.capacities, scenario.flows)),
    ours,
  );
}

function compare(simGrid: SimGrid, count: number): void {
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const { capacities, flows } = randomScenario(SEED + i);
    const { finishNs } = simulateFlows(capacities, flows);
    largest = Math.max(largest, largestDifference(finishNs, simGrid.run(capacities, flows).finishNs));
  }
  console.log(
    `${count} random scenarios: largest relative difference from SimGrid ${largest.toExponential(1)} (limit 1e-9)`,
  );
}

const simGrid = findSimGrid(process.cwd());
if (typeof simGrid === "string") console.log(simGrid);
measure("64-rank all-to-all over a switch", allToAll(64, SEED), simGrid);
measure("64-rank all-to-all of 8 machines", clusterAllToAll(8, SEED), simGrid);
measureTwin(allToAll(12, SEED));
if (typeof simGrid !== "string") compare(simGrid, Number(process.argv[2] ?? 200));
