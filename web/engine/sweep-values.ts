import { UsageError } from "../../plan/errors.ts";
import { rankMachines, selectRanks } from "../../plan/topology/machines.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { makeWorkload } from "../../plan/workload/make-workload.ts";
import type { SweepAxis } from "../state/explorer-state.ts";
import type { PlanState } from "./protocol.ts";

/** More ranks take too long to simulate while one looks on. */
const MOST_RANKS = 64;

/** Doublings below the present value, and points in all. */
const TOKENS_BELOW = 4;
const TOKENS_POINTS = 9;
const RATE_BELOW = 4;
const RATE_POINTS = 9;

/** Fewer tokens a rank are no sequence that anybody spreads. */
const LEAST_TOKENS_PER_RANK = 16;
const MOST_TOKENS = 2 ** 31 - 1;

/** Machines that are tried, up to `MOST_RANKS`. */
const MACHINES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64];

/**
 * Values of an axis, ascending, the present one among them: doublings of tokens and Gb/s, small numbers of machines within
 * 64 ranks. Throws a UsageError where the axis says nothing: Gb/s between machines where there is one, numbers of machines
 * of a file that has several.
 */
export function sweepValues(state: PlanState, axis: SweepAxis, topology: Topology): number[] {
  switch (axis) {
    case "tokens":
      return tokenValues(makeWorkload(state.workload).tokens, selectRanks(topology, state.plan.ranks).length);
    case "machines":
      return machineValues(state, topology);
    case "inter":
      return rateValues(topology);
  }
}

/** Whole tokens, and as many for every rank but at the present value, so that no point stands out by uneven shards. */
export function tokenValues(present: number, ranks: number): number[] {
  const room = Math.log2(present / (LEAST_TOKENS_PER_RANK * ranks));
  const below = Math.max(0, Math.min(TOKENS_BELOW, Math.floor(room)));
  const values = Array.from({ length: TOKENS_POINTS }, (_, i) => {
    const value = present * 2 ** (i - below);
    return i === below ? value : Math.max(1, Math.round(value / ranks)) * ranks;
  });
  return ascending(values.filter((value) => value <= MOST_TOKENS));
}

function machineValues({ topology: choice, plan }: PlanState, topology: Topology): number[] {
  const present = numMachines(topology);
  if (choice.file !== null && present !== choice.machines) {
    throw new UsageError(
      "usage",
      `${choice.file.name} has ${present} machines of its own: their number is not varied`,
      {
        hint: "Choose a preset, or drop a file of one machine.",
      },
    );
  }
  const each = selectRanks(topology, plan.ranks).length / present;
  return ascending([...MACHINES.filter((count) => count * each <= MOST_RANKS), present]);
}

function rateValues(topology: Topology): number[] {
  if (numMachines(topology) === 1) {
    throw new UsageError("usage", "one machine has nothing between machines to vary", {
      hint: "Use two machines or more.",
    });
  }
  const present = interGigabits(topology);
  return ascending(Array.from({ length: RATE_POINTS }, (_, i) => present * 2 ** (i - RATE_BELOW)));
}

/** Gb/s of all links together by which a machine reaches what is outside of it; of the machine that has most. */
export function interGigabits({ nodes, links }: Topology): number {
  const machines = new Map(nodes.map(({ id, machine }) => [id, machine]));
  const sums = new Map<number, number>();
  for (const { from, to, bytesPerSecond, duplex } of links) {
    const ends = [machines.get(from), machines.get(to)];
    if (ends[0] === ends[1]) continue;
    // Two simplex links, there and back, are one.
    const rate = duplex === "full" ? bytesPerSecond : bytesPerSecond / 2;
    for (const machine of ends) if (machine != null) sums.set(machine, (sums.get(machine) ?? 0) + rate);
  }
  return (Math.max(0, ...sums.values()) * 8) / 1e9;
}

/** Machines that have ranks. */
export function numMachines(topology: Topology): number {
  return new Set(rankMachines(topology)).size;
}

function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
