/**
 * How fast the flow network is: 4,032 concurrent flows of random sizes and starts, each pair of 64 ranks, over a
 * non-blocking switch and over eight machines with shared NICs and core links. Side by side in one run: SimGrid, all rates
 * computed afresh at every event (in JavaScript, on typed arrays), the slow twin on a smaller case, and ours.
 * `npm run bench -- flows [scenarios compared with SimGrid]`.
 *
 * Where the limit lies: there are 8,064 events (a start and a finish of each flow), and the sizes are random, so no two of
 * them fall together. After an event the saturated links above the lowest touched one, about half of all, really do change
 * their level: some 57 of them, which is known only after some 980 passings-on of a change from one link to another (measured
 * over the whole run: 457,000 new levels, 7.9 million passings-on, and 11 classes an event that change their bottleneck). At
 * 2 ns a passing-on, 30 ns a level and 50 ns a move that is 16 + 14 + 4 ms: an exact solver that keeps its state does not get
 * below some 35 ms, in any language. JavaScript takes about 4 ns, 70 ns and 200 ns (bounds checks, branches that no one can
 * foresee): 80 to 100 ms. A full re-solve visits all flows and sorts out the order of all links at each event.
 * The first run in a process takes some 200 ms more, until the engine has compiled the solver; it is printed apart.
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
  /** The first run, before the engine has compiled anything. */
  readonly firstMs: number;
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

function summarize(wallMs: readonly number[]): Omit<Timing, "finishNs"> {
  const sorted = wallMs.toSorted((a, b) => a - b);
  return { medianMs: sorted[sorted.length >> 1]!, leastMs: sorted[0]!, firstMs: wallMs[0]! };
}

function timeSimGrid(simGrid: SimGrid, { capacities, flows }: FlowScenario): Timing {
  const runs = Array.from({ length: PEER_RUNS }, () => simGrid.run(capacities, flows));
  return { finishNs: runs[0]!.finishNs, ...summarize(runs.map((run) => run.wallMs)) };
}

/** Progressive filling of all flows at every event: what one writes first, though on typed arrays. */
function resolveAll({ capacities, flows }: FlowScenario): Float64Array {
  const n = flows.length;
  const order = Int32Array.from(flows.keys()).sort((a, b) => flows[a]!.startNs - flows[b]!.startNs);
  const startNs = Float64Array.from(flows, (flow) => flow.startNs);
  const left = Float64Array.from(flows, (flow) => flow.bytes);
  const rates = new Float64Array(n);
  const finishNs = new Float64Array(n);
  const active = new Int32Array(n);
  const fill = createFill(capacities, flows, rates);
  let numActive = 0;
  let nowNs = 0;
  for (let next = 0; next < n || numActive > 0; ) {
    fill(active, numActive);
    let eventNs = next < n ? startNs[order[next]!]! : Infinity;
    for (let i = 0; i < numActive; i++) {
      const flow = active[i]!;
      eventNs = Math.min(eventNs, nowNs + (left[flow]! / rates[flow]!) * 1e9);
    }
    let numLeft = 0;
    for (let i = 0; i < numActive; i++) {
      const flow = active[i]!;
      if (nowNs + (left[flow]! / rates[flow]!) * 1e9 <= eventNs * (1 + 1e-12)) finishNs[flow] = eventNs;
      else {
        left[flow]! -= rates[flow]! * (eventNs - nowNs) * 1e-9;
        active[numLeft++] = flow;
      }
    }
    while (next < n && startNs[order[next]!] === eventNs) active[numLeft++] = order[next++]!;
    numActive = numLeft;
    nowNs = eventNs;
  }
  return finishNs;
}

/** Sets `rates` of the active flows: again and again freezes the flows of the link that is full first. */
function createFill(capacities: Float64Array, flows: FlowScenario["flows"], rates: Float64Array) {
  const room = new Float64Array(capacities.length);
  const counts = new Int32Array(capacities.length);
  const isRising = new Uint8Array(flows.length);
  const paths = flows.map((flow) => flow.path);
  const flowsOf = Array.from(capacities, (_, link) =>
    Int32Array.from([...flows.keys()].filter((flow) => paths[flow]!.includes(link))),
  );
  return (active: Int32Array, numActive: number): void => {
    room.set(capacities);
    counts.fill(0);
    for (let i = 0; i < numActive; i++) {
      isRising[active[i]!] = 1;
      for (const link of paths[active[i]!]!) counts[link]!++;
    }
    for (let numRising = numActive; numRising > 0; ) {
      let fullest = 0;
      let level = Infinity;
      for (let link = 0; link < room.length; link++) {
        if (counts[link]! === 0 || room[link]! / counts[link]! >= level) continue;
        level = room[link]! / counts[link]!;
        fullest = link;
      }
      for (const flow of flowsOf[fullest]!) {
        if (isRising[flow] === 0) continue;
        isRising[flow] = 0;
        rates[flow] = level;
        numRising--;
        for (const link of paths[flow]!) {
          room[link]! -= level;
          counts[link]!--;
        }
      }
    }
  };
}

function show(name: string, timing: Timing, ours: Timing): void {
  const ratio = timing.medianMs / ours.medianMs;
  const difference = largestDifference(ours.finishNs, timing.finishNs);
  console.log(
    `  ${name.padEnd(22)} median ${timing.medianMs.toFixed(1).padStart(8)} ms, least ${timing.leastMs.toFixed(1).padStart(8)} ms, first ${timing.firstMs.toFixed(1).padStart(8)} ms` +
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
