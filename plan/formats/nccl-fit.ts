import { UsageError } from "../errors.ts";
import type { Sample } from "../topology/fit-line.ts";
import { type FittedLink, fitLinks, type Measurement } from "../topology/fit-links.ts";
import { mentionedDevice } from "../topology/devices.ts";
import { isRank } from "../topology/network.ts";
import { rankMachines } from "../topology/machines.ts";
import type { Topology } from "../topology/topology.ts";
import { type PlacedRanks, placeOf, placeRanks } from "./nccl-ranks.ts";
import type { NcclTest, NcclTestRow, NcclTestRun } from "./nccl-tests-run.ts";
import { type Members, type Traffic, trafficOf } from "./nccl-traffic.ts";

/**
 * What NCCL adds to the latency of hops in its protocol for small messages, launch included: `baseLat` of LL rings in
 * NCCL src/graph/tuning.cc.
 */
export const ncclOverheadNs = 6600;

/** A run that was used. */
export interface UsedRun {
  readonly path: string;
  readonly line: number;
  readonly test: NcclTest;
  readonly ranks: number;
  readonly machines: number;
  readonly rows: number;
}

/** A row against what the fitted topology gives; `error` is (fitted − measured) / measured. */
export interface RunResidual {
  /** Index in `runs`. */
  readonly run: number;
  readonly test: NcclTest;
  readonly bytes: number;
  readonly measuredNs: number;
  readonly fittedNs: number;
  readonly error: number;
}

export interface NcclFit {
  /** The topology with the figures of the fit; `assumed` says where they come from. */
  readonly topology: Topology;
  /** Links whose kind the logs say something about. */
  readonly links: readonly FittedLink[];
  readonly residuals: readonly RunResidual[];
  readonly runs: readonly UsedRun[];
  /** Sentences: what had to be assumed, what was left out, and what the logs could not tell. */
  readonly assumed: readonly string[];
}

/**
 * Fits the links of a topology to runs of nccl-tests (`fitLinks`). Assumes NCCL's usual algorithms (`trafficOf`) and
 * its overhead of 6.6 µs; all else that a small message takes is put on links. Runs of one rank, of tests without a
 * model, with CPU times or a forced algorithm other than rings are left out, as are rows with wrong values. Throws a
 * UsageError where no run is left, for a test without a name, and where the topology does not have the log's ranks.
 */
export function fitNcclTests(topology: Topology, runs: readonly NcclTestRun[]): NcclFit {
  const assumed: string[] = [];
  const refusals: UsageError[] = [];
  const used: (UsedRun & { readonly measurement: Measurement })[] = [];
  for (const run of runs) {
    assumed.push(...run.notes.map((note) => `${placeOf(run)}: ${note}`));
    try {
      used.push(measure(topology, run, assumed));
    } catch (error) {
      if (!(error instanceof LeftOut)) throw error;
      refusals.push(error);
      assumed.push(`${error.path}: left out: ${error.message}.`);
    }
  }
  if (used.length === 0) throw refusals[0] ?? new UsageError("usage", "expected at least one run, got none");
  const fit = fitLinks(
    topology,
    used.map(({ measurement }) => measurement),
  );
  return {
    topology: withOrigin(fit.topology, fit.links, used),
    links: fit.links,
    residuals: fit.residuals.map((residual) => ({ ...residual, test: used[residual.run]!.test })),
    runs: used.map(({ measurement: _, ...run }) => run),
    assumed: [...assumed, ...fit.notes],
  };
}

/** Why a run says nothing of links: an error only where no other run does. */
class LeftOut extends UsageError {}

function leftOut(run: NcclTestRun, message: string, hint: string): LeftOut {
  return new LeftOut("usage", message, { path: placeOf(run), hint });
}

function measure(
  topology: Topology,
  run: NcclTestRun,
  assumed: string[],
): UsedRun & { readonly measurement: Measurement } {
  const test = requireUsable(run);
  const samples = samplesOf(run, assumed);
  const placed = placeRanks(topology, run);
  requireRatio(topology, run, test, placed);
  assumed.push(...placed.assumed.map((sentence) => `${placeOf(run)}: ${sentence}`));
  const machineOf = rankMachines(topology);
  const groups = placed.groups.filter(({ length }) => length > 1).map((ranks) => membersOf(topology, ranks, machineOf));
  const traffics = groups.map((members) => trafficOf(test, members, rootOf(run)));
  const known = traffics.filter((traffic) => traffic !== null);
  if (known.length === 0) {
    throw leftOut(run, `expected a test whose traffic is known, got ${test}`, "Log all_reduce, sendrecv or alltoall.");
  }
  const ranks = placed.groups.flat();
  noteDevices(topology, run, ranks, assumed);
  const machines = new Set(ranks.map((rank) => machineOf[rank]!)).size;
  const reduces = groups.every((members) => reducesInSwitch(topology, run, members));
  return {
    path: run.path,
    line: run.line,
    test,
    ranks: ranks.length,
    machines,
    rows: run.rows.length,
    measurement: {
      name: `${placeOf(run)}: ${test}`,
      samples,
      flows: known.flatMap(({ flows }) => flows),
      leastFlows: reduces ? leastOf(known) : null,
      hops: known.reduce((a, b) => (countHops(b) > countHops(a) ? b : a)).hops,
      overheadNs: ncclOverheadNs,
    },
  };
}

/** A log of other GPUs than the topology's is worth a sentence; of what they are called only the family counts. */
function noteDevices(topology: Topology, run: NcclTestRun, ranks: readonly number[], assumed: string[]): void {
  const familyOf = (text: string | null | undefined) => mentionedDevice(text ?? "")?.name.replace(/-.*$/, "");
  const logged = familyOf(run.ranks.find(({ name }) => name !== null)?.name);
  const placed = familyOf(topology.nodes.filter(isRank)[ranks[0]!]!.device);
  if (logged === undefined || placed === undefined || logged === placed) return;
  assumed.push(`${placeOf(run)}: the log's GPUs are ${logged}, those of ${topology.name} ${placed}.`);
}

function requireUsable(run: NcclTestRun): NcclTest {
  const { test, numRanks, isCpuTime, algorithm } = run;
  if (test === null) {
    throw new UsageError("parse", "expected the name of the test, neither the log nor the file's name tells", {
      path: placeOf(run),
      hint: "Name the file after it, such as all_reduce.txt.",
    });
  }
  if (numRanks === 1) {
    const hint = "Log with more GPUs (-g), or build nccl-tests with MPI=1 if mpirun was to start several.";
    throw leftOut(run, "expected at least 2 ranks, got a run of 1", hint);
  }
  if (isCpuTime) throw leftOut(run, "expected times of GPUs, got CPU times", "Log without -C.");
  if (algorithm !== null && !/ring/i.test(algorithm) && test === "all_reduce") {
    throw leftOut(run, `expected NCCL's choice or rings, got NCCL_ALGO=${algorithm}`, "Log with NCCL_ALGO=Ring.");
  }
  return test;
}

/** Both times of each row that have right values; in-place only where the test supports it. */
function samplesOf(run: NcclTestRun, assumed: string[]): readonly Sample[] {
  const wrong = run.rows.filter(({ outOfPlace, inPlace }) => (outOfPlace?.wrong ?? 0) + (inPlace?.wrong ?? 0) > 0);
  const samples = run.rows.flatMap((row) => timesOf(row).map((ns) => ({ bytes: row.bytes, ns })));
  if (wrong.length > 0) {
    assumed.push(`${placeOf(run)}: times with wrong values are left out (line ${wrong[0]!.line} is the first).`);
  } else if (run.outOfBounds?.ok === false) {
    assumed.push(`${placeOf(run)}: the log reports ${run.outOfBounds.count} wrong values and does not say where.`);
  }
  if (samples.length > 0) return samples;
  const found = wrong.length > 0 ? "got wrong values in all of them" : "got only rows of no bytes";
  throw leftOut(run, `expected rows with bytes and right values, ${found}`, "Find out why before you measure links.");
}

function timesOf({ bytes, outOfPlace, inPlace }: NcclTestRow): readonly number[] {
  if (bytes === 0) return [];
  const isSupported = inPlace !== null && (inPlace.wrong !== null || (outOfPlace?.wrong ?? null) === null);
  const timings = [outOfPlace, isSupported ? inPlace : null];
  return timings.flatMap((timing) => (timing === null || (timing.wrong ?? 0) > 0 ? [] : [timing.timeNs]));
}

/** Bus over algorithm bandwidth by number of ranks, where it depends on them. */
const busFactors: Readonly<Partial<Record<NcclTest, (ranks: number) => number>>> = {
  all_reduce: (n) => (2 * (n - 1)) / n,
  all_gather: (n) => (n - 1) / n,
  reduce_scatter: (n) => (n - 1) / n,
  alltoall: (n) => (n - 1) / n,
};

/** A log that does not say how many ranks it had still shows it in its bandwidths. */
function requireRatio(topology: Topology, run: NcclTestRun, test: NcclTest, { groups }: PlacedRanks): void {
  const factor = busFactors[test];
  if (run.numRanks !== null || factor === undefined) return;
  const timings = run.rows.flatMap(({ outOfPlace }) => (outOfPlace === null ? [] : [outOfPlace]));
  const best = timings.reduce((a, b) => (b.algBytesPerSecond > a.algBytesPerSecond ? b : a), timings[0]!);
  if (best === undefined || best.algBytesPerSecond < 1e9 || best.busBytesPerSecond === 0) return;
  const { algBytesPerSecond: alg, busBytesPerSecond: bus } = best;
  const expected = factor(groups[0]!.length);
  // Two decimals are printed.
  const tolerance = 0.002 + 0.0075e9 / alg + 0.0075e9 / bus;
  if (Math.abs(bus / alg / expected - 1) <= tolerance) return;
  throw new UsageError(
    "topology",
    `expected busbw ${expected.toFixed(3)} times algbw for the ${groups[0]!.length} ranks of ${topology.name}, got ${(bus / alg).toFixed(3)}`,
    { path: placeOf(run), hint: "Give the log with its list of devices, or the topology that it comes from." },
  );
}

function rootOf({ rows }: NcclTestRun): number {
  return Math.max(0, rows[0]!.root ?? 0);
}

function membersOf(topology: Topology, ranks: readonly number[], machines: Int32Array): Members {
  const ids = topology.nodes.filter(isRank).map(({ id }) => id);
  const rates = new Map<string, number>();
  const add = (from: string, to: string, rate: number) =>
    rates.set(`${from}\n${to}`, (rates.get(`${from}\n${to}`) ?? 0) + rate);
  for (const { from, to, bytesPerSecond, duplex } of topology.links) {
    add(from, to, bytesPerSecond);
    if (duplex === "full") add(to, from, bytesPerSecond);
  }
  return {
    ranks,
    machineOf: (rank) => machines[rank]!,
    directRate: (a, b) => rates.get(`${ids[a]}\n${ids[b]}`) ?? 0,
  };
}

/** GPUs whose NVSwitch can reduce: from Hopper on. */
const switchReducers = /\b(?:G?H(?:100|200|800|20)|G?B(?:100|200|300))\b/i;

/** Whether all-reduce may have used NVLS: three ranks or more of a machine behind one switch, and nobody said no. */
function reducesInSwitch(topology: Topology, run: NcclTestRun, { ranks, directRate }: Members): boolean {
  if (run.algorithm !== null || directRate(ranks[0]!, ranks[1]!) > 0) return false;
  const nodes = topology.nodes.filter(isRank);
  const used = ranks.map((rank) => nodes[rank]!);
  const names = [...run.ranks.map(({ name }) => name ?? ""), ...used.map(({ device }) => device ?? "")];
  if (!names.some((name) => switchReducers.test(name))) return false;
  return used.filter(({ machine }) => machine === used[0]!.machine).length > 2;
}

function leastOf(traffics: readonly Traffic[]): Measurement["leastFlows"] {
  if (traffics.some(({ leastFlows }) => leastFlows === null)) return null;
  return traffics.flatMap(({ leastFlows }) => leastFlows ?? []);
}

function countHops({ hops }: Traffic): number {
  return hops.reduce((sum, { count }) => sum + count, 0);
}

/** Says in the topology which links were fitted, and drops sentences about flags that would correct them. */
function withOrigin(topology: Topology, links: readonly FittedLink[], runs: readonly UsedRun[]): Topology {
  const kindsOf = (list: readonly FittedLink[]) => [...new Set(list.map(({ kind }) => kind))];
  const isChanged = ({ before, bytesPerSecond, latencyNs }: FittedLink) =>
    before.bytesPerSecond !== bytesPerSecond || before.latencyNs !== latencyNs;
  const kinds = kindsOf(links.filter(isChanged));
  const measured = kindsOf(links.filter(({ evidence }) => evidence === "measured"));
  if (kinds.length === 0) return topology;
  const flags = measured.flatMap((kind) => (kind.includes("to the network") ? ["--nic", "--inter"] : []));
  if (measured.some((kind) => /^gpu–(?:gpu|switch) inside/.test(kind))) flags.push("--nvlink");
  const kept = topology.assumed.filter((sentence) => !flags.some((flag) => sentence.includes(flag)));
  const tests = [...new Set(runs.map(({ test, ranks }) => `${test} of ${ranks} ranks`))];
  const said = `Fitted to nccl-tests logs (${tests.join(", ")}): ${kinds.join(", ")}.`;
  return { ...topology, assumed: [...kept, said] };
}
