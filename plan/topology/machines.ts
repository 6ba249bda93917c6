import { UsageError } from "../errors.ts";
import { isRank } from "./network.ts";
import type { Topology } from "./topology.ts";

/** The machine of each rank, in order of rank. The topology must have passed `validateTopology`. */
export function rankMachines(topology: Topology): Int32Array {
  return Int32Array.from(topology.nodes.filter(isRank), ({ machine }) => machine!);
}

/** The ranks of each machine, both ascending. Machines may have different numbers of them. */
export function machinesOf(topology: Topology): readonly (readonly number[])[] {
  const machines: number[][] = [];
  for (const [rank, machine] of rankMachines(topology).entries()) {
    while (machines.length <= machine) machines.push([]);
    machines[machine]!.push(rank);
  }
  return machines;
}

/**
 * The topology's ranks that take part, machine by machine: entry i is the topology rank that a schedule's rank i runs
 * on. `selection` null takes all, a number N takes the first N/machines of every machine, a list is taken as it is.
 * Throws a UsageError (`usage`) for a number that is no multiple of the machines, names the nearest that are, and for
 * more ranks than there are, or a rank that does not exist or comes twice.
 */
export function selectRanks(topology: Topology, selection: number | readonly number[] | null): Uint16Array {
  const machines = machinesOf(topology);
  if (selection === null) return Uint16Array.from(machines.flat());
  if (typeof selection !== "number") return orderedRanks(selection, machines.flat().length);
  return Uint16Array.from(firstRanks(machines, selection));
}

function orderedRanks(order: readonly number[], numRanks: number): Uint16Array {
  const seen = new Set<number>();
  if (order.length === 0)
    throw wrong("--order", "expected at least one rank, got none", "List ranks, such as 0,1,2,3.");
  for (const [index, rank] of order.entries()) {
    if (!Number.isInteger(rank) || rank < 0 || rank >= numRanks) {
      const message = `expected ranks from 0 to ${numRanks - 1}, got ${rank}`;
      throw wrong(`--order[${index}]`, message, "List each rank by its place in the topology.");
    }
    if (seen.has(rank)) throw wrong(`--order[${index}]`, `expected each rank once, got ${rank} again`, "Drop one.");
    seen.add(rank);
  }
  return Uint16Array.from(order);
}

function firstRanks(machines: readonly (readonly number[])[], numRanks: number): number[] {
  const most = machines.reduce((sum, ranks) => sum + ranks.length, 0);
  if (!Number.isInteger(numRanks) || numRanks < 1) {
    throw wrong("--ranks", `expected a whole number of ranks from 1 to ${most}, got ${numRanks}`, `Use up to ${most}.`);
  }
  if (numRanks > most) {
    const hint = "Use fewer ranks or more machines, as in --topology NAME:<machines>.";
    throw wrong("--ranks", `expected at most the ${most} ranks of the topology, got ${numRanks}`, hint);
  }
  if (numRanks % machines.length !== 0) throw uneven(machines.length, numRanks, most);
  const each = numRanks / machines.length;
  const short = machines.findIndex((ranks) => ranks.length < each);
  if (short >= 0) {
    const message = `expected ${each} ranks on every machine, machine ${short} has ${machines[short]!.length}`;
    throw wrong("--ranks", message, "Use fewer ranks, or name them with --order.");
  }
  return machines.flatMap((ranks) => ranks.slice(0, each));
}

function uneven(numMachines: number, numRanks: number, most: number): UsageError {
  const below = Math.floor(numRanks / numMachines) * numMachines;
  const nearest = [below, below + numMachines].filter((count) => count > 0 && count <= most);
  const message = `expected a multiple of the ${numMachines} machines, got ${numRanks}`;
  return wrong("--ranks", message, `Use ${nearest.join(" or ")}.`);
}

function wrong(path: string, message: string, hint: string): UsageError {
  return new UsageError("usage", message, { path, hint });
}
