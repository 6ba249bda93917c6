import { UsageError } from "../errors.ts";
import { machinesOf } from "../topology/machines.ts";
import type { Topology } from "../topology/topology.ts";
import type { NcclTestRank, NcclTestRun } from "./nccl-tests-run.ts";

/** No host has more GPUs: a machine of more ranks is a rack of several hosts. */
const maxHostRanks = 16;

/** The ranks of a run on a topology. */
export interface PlacedRanks {
  /** The topology ranks of each communicator, in the log's order; usually there is one. */
  readonly groups: readonly (readonly number[])[];
  /** Sentences: what the log did not say. */
  readonly assumed: readonly string[];
}

/**
 * Where the ranks of a run lie on a topology: hosts are machines in the order in which they appear, or consecutive
 * parts of a machine that is a rack; devices are the machine's ranks in order. A log that does not list its ranks is
 * taken to use whole machines. Throws a UsageError (`topology`) where the topology has fewer machines or ranks than the
 * log, and (`usage`) for a run of one rank.
 */
export function placeRanks(topology: Topology, run: NcclTestRun): PlacedRanks {
  const machines = machinesOf(topology);
  const { ranks, numRanks } = run;
  if (numRanks === 1) throw singleRank(run);
  if (ranks.length > 0 && ranks.length === numRanks) return placeListed(topology, machines, run);
  return placeUnlisted(topology, machines, run);
}

/** One host of a log: its ranks, and which of its GPUs each has, from 0. */
interface Host {
  readonly name: string;
  readonly ranks: readonly NcclTestRank[];
  readonly slots: readonly number[];
}

function placeListed(topology: Topology, machines: Machines, run: NcclTestRun): PlacedRanks {
  const hosts = hostsOf(run);
  const { firstOf, assumed } = placeHosts(topology, machines, hosts, run);
  const placed = new Map<number, number>();
  for (const [index, host] of hosts.entries()) {
    const { machine, offset } = firstOf(index);
    for (const [at, { rank }] of host.ranks.entries()) {
      const found = machines[machine]![offset + host.slots[at]!];
      if (found === undefined) throw tooManyDevices(topology, run, host, machines[machine]!.length);
      placed.set(rank, found);
    }
  }
  const groups = new Map<number, number[]>();
  for (const { rank, group } of run.ranks) {
    const members = groups.get(group) ?? [];
    members.push(placed.get(rank)!);
    groups.set(group, members);
  }
  return { groups: [...groups.values()], assumed };
}

type Machines = readonly (readonly number[])[];

/** Hosts in the order in which their ranks appear. */
function hostsOf(run: NcclTestRun): readonly Host[] {
  const byName = new Map<string, NcclTestRank[]>();
  for (const rank of run.ranks) {
    const ranks = byName.get(rank.host) ?? [];
    ranks.push(rank);
    byName.set(rank.host, ranks);
  }
  return Array.from(byName, ([name, ranks]) => ({ name, ranks, slots: slotsOf(run, name, ranks) }));
}

/** By device number; where each process sees one GPU only, all of them 0, by order. */
function slotsOf(run: NcclTestRun, host: string, ranks: readonly NcclTestRank[]): readonly number[] {
  const devices = ranks.map(({ device }) => device);
  if (new Set(devices).size === devices.length) return devices;
  const seen = new Map<string, number>();
  for (const { rank, device, bus } of ranks) {
    const other = seen.get(`${device} ${bus}`);
    if (other !== undefined) {
      throw new UsageError(
        "topology",
        `expected one rank on each GPU, got ranks ${other} and ${rank} on ${host} [${bus}]`,
        {
          path: placeOf(run),
          hint: "Log with one rank for each GPU: ranks that share one do not show what links carry.",
        },
      );
    }
    seen.set(`${device} ${bus}`, rank);
  }
  return ranks.map((_, index) => index);
}

interface PlacedHosts {
  /** The machine of a host, and which of its ranks is the host's first. */
  readonly firstOf: (host: number) => { readonly machine: number; readonly offset: number };
  readonly assumed: readonly string[];
}

function placeHosts(topology: Topology, machines: Machines, hosts: readonly Host[], run: NcclTestRun): PlacedHosts {
  const largest = machines.reduce((most, ranks) => Math.max(most, ranks.length), 0);
  if (largest <= maxHostRanks) {
    if (hosts.length > machines.length) throw tooManyHosts(topology, run, hosts.length, machines.length);
    return { firstOf: (host) => ({ machine: host, offset: 0 }), assumed: [] };
  }
  const width = hosts.reduce((most, { slots }) => Math.max(most, Math.max(...slots) + 1), 0);
  const perRack = Math.floor(largest / width);
  if (perRack === 0) throw tooManyDevices(topology, run, hosts[0]!, largest);
  if (hosts.length > perRack * machines.length) {
    throw tooManyHosts(topology, run, hosts.length, perRack * machines.length);
  }
  const numRacks = Math.ceil(hosts.length / perRack);
  const each = Math.ceil(hosts.length / numRacks);
  return {
    firstOf: (host) => ({ machine: Math.floor(host / each), offset: (host % each) * width }),
    assumed: [`Hosts are taken as ${width} ranks each, ${each} of them to a machine, in the order of the log.`],
  };
}

function placeUnlisted(topology: Topology, machines: Machines, run: NcclTestRun): PlacedRanks {
  const { numRanks } = run;
  const all = machines.flat();
  const wanted = numRanks ?? all.length;
  if (wanted < 2) throw singleRank(run);
  if (wanted > all.length) {
    throw new UsageError("topology", `expected at most the ${all.length} ranks of ${topology.name}, got ${wanted}`, {
      path: placeOf(run),
      hint: `Give the topology of the machines that the log comes from, as in --topology NAME:<machines>.`,
    });
  }
  const chosen = chooseRanks(machines, wanted);
  if (chosen === null) {
    throw new UsageError(
      "topology",
      `expected ${wanted} ranks to be whole machines of ${topology.name} (${machines[0]!.length} ranks each), the log does not list them`,
      { path: placeOf(run), hint: "Give the log with its list of devices (# Rank 0 …)." },
    );
  }
  const number = numRanks === null ? "Neither the ranks nor their number are" : "Not all ranks are";
  return { groups: [chosen], assumed: [`${number} in the log: taken as ${describeChoice(machines, chosen)}.`] };
}

/** The first of the first machine; or as many whole machines as that takes; or of racks, as few, evenly. */
function chooseRanks(machines: Machines, wanted: number): readonly number[] | null {
  const largest = machines[0]!.length;
  if (wanted <= largest) return machines[0]!.slice(0, wanted);
  const numUsed = Math.ceil(wanted / largest);
  const each = wanted / numUsed;
  const used = machines.slice(0, numUsed);
  const isEven = Number.isInteger(each) && used.length === numUsed && used.every(({ length }) => length >= each);
  if (!isEven || (each < largest && largest <= maxHostRanks)) return null;
  return used.flatMap((ranks) => ranks.slice(0, each));
}

function describeChoice(machines: Machines, chosen: readonly number[]): string {
  const taken = new Set(chosen);
  const used = machines.filter((ranks) => ranks.some((rank) => taken.has(rank))).length;
  const each = chosen.length / used;
  return `the first ${each} ranks of ${used === 1 ? "the first machine" : `each of the first ${used} machines`}`;
}

/** File and line of a run. */
export function placeOf({ path, line }: NcclTestRun): string {
  return `${path}: line ${line}`;
}

function singleRank(run: NcclTestRun): UsageError {
  return new UsageError("usage", "expected at least 2 ranks, got a run of 1", {
    path: placeOf(run),
    hint: "Log with more GPUs (-g), or build nccl-tests with MPI=1 if mpirun was to start several.",
  });
}

function tooManyHosts(topology: Topology, run: NcclTestRun, hosts: number, room: number): UsageError {
  const most = `${room} host${room === 1 ? "" : "s"}`;
  return new UsageError("topology", `expected at most ${most}, as ${topology.name} has, got ${hosts}`, {
    path: placeOf(run),
    hint: "Give a topology of as many machines, as in --topology NAME:<machines>.",
  });
}

function tooManyDevices(topology: Topology, run: NcclTestRun, host: Host, room: number): UsageError {
  const most = Math.max(...host.slots);
  return new UsageError(
    "topology",
    `expected at most the ${room} ranks of a machine of ${topology.name}, got device ${most} on ${host.name}`,
    {
      path: placeOf(run),
      hint: "Give the topology of the machines that the log comes from.",
    },
  );
}
