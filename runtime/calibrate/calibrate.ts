import { threadsMachine } from "../../plan/topology/threads-preset.ts";
import type { HostFigures, Topology } from "../../plan/topology/topology.ts";
import { describeHardware } from "../hardware.ts";
import { type Backend, type KernelName, type Launch, LOCAL_LAUNCH } from "../job.ts";
import { findHostLinks, type HostLinks, joinHosts, type PairRate } from "./host-links.ts";
import { type Measuring, ROUNDS } from "./measure.ts";
import { HEAD_DIMS, measureAttend, numAttendMeasurements } from "./measure-attend.ts";
import { type CoreFigures, measureCores, numCoreMeasurements } from "./measure-cores.ts";
import {
  measureNetworkWork,
  measurePairs,
  measureSharing,
  NUM_NETWORK_MEASUREMENTS,
  NUM_PAIR_MEASUREMENTS,
  NUM_SHARING_MEASUREMENTS,
} from "./measure-hosts.ts";
import {
  type CopyFigures,
  measureCopies,
  measureKernels,
  measureLatency,
  NUM_KERNEL_MEASUREMENTS,
  NUM_LATENCY_MEASUREMENTS,
  numCopyMeasurements,
} from "./measure-memory.ts";
import type { Residual } from "./residual.ts";

/** What was measured of this machine, or of several hosts and the links between them. */
export interface Calibration {
  readonly topology: Topology;
  readonly figures: HostFigures;
  /** By how many ranks copy, and compute, at once. */
  readonly copies: CopyFigures["atOnce"];
  readonly compute: CoreFigures["atOnce"];
  /** Of the round trips by which waking was measured. */
  readonly latencySpread: number;
  readonly residuals: readonly Residual[];
  /** Null where there is one host. */
  readonly network: NetworkFigures | null;
}

export interface NetworkFigures {
  readonly hosts: readonly string[];
  readonly links: HostLinks;
  /** What was measured of each pair, nothing else moving. */
  readonly pairs: readonly PairRate[];
  /** From a put of a few bytes to its signal seen at another host. */
  readonly hopNs: number;
}

export interface CalibrateOptions {
  readonly backend: Backend;
  /** Hosts that ranks are started on; here if not given. */
  readonly launch?: Launch;
  /** Ranks that are measured at once, at most; from 2. */
  readonly ranks: number;
  readonly kernel: KernelName;
  /** Head sizes that attention is measured with; 32, 64 and 128 if not given. */
  readonly headDims?: readonly number[];
  /** Passes over all measurements, from 1; two if not given. */
  readonly rounds?: number;
  /** Date for the topology's source, `YYYY-MM-DD`. */
  readonly date: string;
  readonly onProgress: (done: number, total: number, what: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Measures this machine, or the hosts of a launch and the links between them, as ranks of the backend see them: latencies,
 * copies, attention, other kernels and shared cores, each by running schedules made for it, in rounds. What one rank
 * computes alone is measured by a thread of this machine, since it is the same; hosts are taken to be alike. Takes a minute
 * or more. Throws `RunFailed` where a measurement does not come to its end.
 */
export async function calibrate(options: CalibrateOptions): Promise<Calibration> {
  const { backend, launch = LOCAL_LAUNCH, kernel, signal, onProgress, headDims = HEAD_DIMS, rounds = ROUNDS } = options;
  const numDone = numMeasurements(options.ranks, headDims) + (launch.hosts.length > 1 ? NUM_HOST_MEASUREMENTS : 0);
  let done = 0;
  const measuring: Measuring = {
    backend,
    launch,
    kernel,
    ...(signal === undefined ? {} : { signal }),
    earlier: new Map(),
    onDone: (what) => onProgress(++done, rounds * numDone, what),
  };
  const rounded = async <T>(once: () => Promise<T>): Promise<T> => {
    let measured = await once();
    for (let round = 1; round < rounds; round++) measured = await once();
    return measured;
  };
  const figures = await rounded(() => measureHost(options.ranks, headDims, measuring));
  const { hosts } = launch;
  const several =
    hosts.length > 1 ? await rounded(() => measureHosts(hosts, figures, measuring)) : { network: null, figures: {} };
  const all = { ...figures.figures, ...several.figures };
  const { copies, compute, latencySpread, residuals } = figures;
  const { network } = several;
  const topology = topologyOf(all, network, options);
  return { topology, figures: all, copies, compute, latencySpread, residuals, network };
}

/** One round; its figures are of all rounds so far. */
async function measureHost(ranks: number, headDims: readonly number[], measuring: Measuring) {
  const { hosts } = measuring.launch;
  const onFirst = { ...measuring, launch: { ...measuring.launch, hosts: hosts.slice(0, 1).map(widened(ranks)) } };
  const alone: Measuring = { ...measuring, backend: "threads", launch: LOCAL_LAUNCH };
  const latency = await measureLatency(onFirst);
  const copies = await measureCopies(ranks, onFirst);
  const attend = await measureAttend(headDims, alone);
  const cores = await measureCores(ranks, attend, onFirst);
  const kernels = await measureKernels(alone);
  const figures: HostFigures = {
    cores: cores.cores,
    sharedBy: "topology",
    copyBytesPerSecond: copies.copyBytesPerSecond,
    allCopiesBytesPerSecond: Math.max(...copies.atOnce.map(({ bytesPerSecond }) => bytesPerSecond)),
    copyRunNs: copies.copyRunNs,
    opNs: latency.opNs,
    wakeNs: latency.wakeNs,
    mergeBytesPerSecond: kernels.mergeBytesPerSecond,
    finalizeBytesPerSecond: attend.finalizeBytesPerSecond,
    matmulFlops: kernels.matmulFlops,
    attend: attend.figures,
  };
  return {
    figures,
    copies: copies.atOnce,
    compute: cores.atOnce,
    busyRanks: cores.busyRanks,
    latencySpread: latency.spread,
    residuals: [...copies.residuals, ...attend.residuals],
  };
}

function numMeasurements(ranks: number, headDims: readonly number[]): number {
  const ofBackend = NUM_LATENCY_MEASUREMENTS + numCopyMeasurements(ranks) + numCoreMeasurements(ranks);
  return ofBackend + numAttendMeasurements(headDims) + NUM_KERNEL_MEASUREMENTS;
}

/** A host with room for more ranks than the user gives it: what they share is measured on one. */
function widened(slots: number) {
  return ({ name }: Launch["hosts"][number]) => ({ name, slots });
}

const NUM_HOST_MEASUREMENTS = NUM_SHARING_MEASUREMENTS + NUM_PAIR_MEASUREMENTS + NUM_NETWORK_MEASUREMENTS;

async function measureHosts(
  hosts: Launch["hosts"],
  { figures, busyRanks }: { figures: HostFigures; busyRanks: number },
  measuring: Measuring,
) {
  const sharedBy = await measureSharing(hosts, busyRanks, measuring);
  const { alone, atOnce, hopNs } = await measurePairs(hosts, measuring);
  const links = findHostLinks(hosts.length, alone, atOnce);
  const first = Math.min(links.ports[0]!, links.ports[1]!);
  const networkBytesPerSecond = await measureNetworkWork(hosts, { ...figures, sharedBy }, first, measuring);
  const network: NetworkFigures = { hosts: hosts.map(({ name }) => name), links, pairs: alone, hopNs };
  return { network, figures: { sharedBy, networkBytesPerSecond } };
}

/** Of a hop, what is left when both threads have issued their ops and woken: for the signal, its acknowledgement and again. */
function linkLatencyNs({ hopNs }: NetworkFigures, { opNs, wakeNs }: HostFigures): number {
  return Math.max(0, hopNs - 2 * opNs - 3 * wakeNs);
}

function topologyOf(figures: HostFigures, network: NetworkFigures | null, options: CalibrateOptions): Topology {
  const { cpu, cores, kernel } = describeHardware(options.kernel);
  const where = network === null ? cpu : `${network.hosts.join(", ")} and on ${cpu}`;
  const machine = threadsMachine(figures, `measured on ${where}, ${cores} cores, ${kernel}, ${options.date}`);
  return network === null ? machine : joinHosts(machine, network.links, linkLatencyNs(network, figures));
}
