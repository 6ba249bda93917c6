import { Kind, type Schedule } from "../plan/schedule/schedule.ts";
import type { Bounds } from "./bounds.ts";
import { createComputeModel } from "./compute-model.ts";
import type { Constants } from "./constants.ts";
import { NO_OP } from "./dependencies.ts";
import type { Run } from "./engine.ts";
import { createHostExplainer } from "./host-critical-path.ts";
import { createHostModel } from "./host-model.ts";
import { isKernel } from "./is-kernel.ts";
import { linkName, type Machine } from "./machine.ts";
import { State } from "./op-state.ts";
import { createTransferModel } from "./transfer-model.ts";

/**
 * What time on the critical path goes to. On hosts `cores` is what an op lost because threads share cores and memory (and
 * the transfers of one rank a thread), `wake-ups` also the issue of ops.
 */
export const BINDINGS = [
  "attention compute",
  "other compute",
  "memory-bound kernels",
  "inter-machine links",
  "intra-machine links",
  "network latency",
  "transfer overhead",
  "kernel launch",
  "multiprocessors",
  "copy engines",
  "barriers",
  "copies in memory",
  "cores",
  "wake-ups",
] as const;
export type Binding = (typeof BINDINGS)[number];

/** Time of the critical path that one thing takes. */
export interface Share {
  readonly binding: Binding;
  readonly ns: number;
  /** For links: the one that takes most of it, and what that is. */
  readonly link?: { readonly name: string; readonly ns: number };
}

/** A longest chain of dependent spans of one pass: it explains the whole of its makespan. */
export interface CriticalPath {
  /** Op ids in the order of time. */
  readonly ops: readonly number[];
  /** What the time goes to, the most first; the sum is the makespan of a pass. */
  readonly shares: readonly Share[];
}

/** Sums up one path: ns by binding, and by directed link where a link binds. */
interface Tally {
  readonly ns: Map<Binding, number>;
  readonly linkNs: Map<Binding, Map<number, number>>;
}

function add<Key>(sums: Map<Key, number>, key: Key, ns: number): void {
  if (ns > 0) sums.set(key, (sums.get(key) ?? 0) + ns);
}

/**
 * Follows from the op that ended last what let each op start or end: the predecessor that ended last, the write of an
 * awaited signal, the later end of a pair. The time between is what the op was doing: computing (at its full rate; what
 * it lost to communication kernels or other streams counts as `multiprocessors`), driving a link (of its path the one with
 * the most traffic for its capacity), latency, overhead, or waiting for a resource.
 */
export function findCriticalPath(
  schedule: Schedule,
  machine: Machine,
  constants: Constants,
  run: Run,
  bounds: Bounds,
): CriticalPath {
  const { kind, rank, peer, signalValue } = schedule.ops;
  const compute = createComputeModel(schedule, machine.devices, constants);
  const transfers = createTransferModel(schedule, machine, constants);
  const { capacity } = machine.network;
  const tally: Tally = { ns: new Map(), linkNs: new Map() };
  const chain: number[] = [];
  const hosts = createHostModel(schedule, machine);
  const books = { book, bookKernel: (op: number, ns: number) => book(kernelBinding(op), ns), bookLinks: addDrain };
  const explainOnHost = hosts && createHostExplainer(schedule, hosts, transfers, run, books);

  for (let op = lastToEnd(run); op !== NO_OP; op = explain(op)) chain.push(op);
  return { ops: chain.reverse(), shares: sharesOf(tally, machine) };

  /** Books the time of one op and returns the one before it on the path. */
  function explain(op: number): number {
    const code = kind[op]!;
    const spanNs = run.endNs[op]! - run.startNs[op]!;
    if (code === Kind.barrier) book("barriers", spanNs);
    else if (explainOnHost !== null) return causeOf(explainOnHost(op), op);
    else if (code === Kind.notify) explainNotify(op, spanNs);
    else if (isKernel(code)) explainKernel(op, spanNs);
    else if (code === Kind.put || code === Kind.get) explainOneSided(op);
    else if (code !== Kind.wait) return explainPair(op);
    // A wait takes no time of its own: it ends with the write or with its predecessor, and either is its cause.
    return run.cause[op]!;
  }

  /** What came before `late`, which stands for `op` on the path: itself or the other end of its pair. */
  function causeOf(late: number, op: number): number {
    if (late !== op) chain.push(late);
    return run.cause[late]!;
  }

  function book(binding: Binding, ns: number): void {
    add(tally.ns, binding, ns);
  }

  function explainNotify(op: number, spanNs: number): void {
    const latencyNs = Math.min(spanNs, transfers.latencyNs(rank[op]!, peer[op]!));
    book("network latency", latencyNs);
    book("transfer overhead", spanNs - latencyNs);
  }

  function explainKernel(op: number, spanNs: number): void {
    const launchNs = Math.min(spanNs, compute.launchNs(rank[op]!));
    const workNs = Math.min(spanNs - launchNs, compute.workNs(op));
    book("kernel launch", launchNs);
    book(kernelBinding(op), workNs);
    book("multiprocessors", spanNs - launchNs - workNs);
  }

  function kernelBinding(op: number): Binding {
    if (kind[op] === Kind.attend) return "attention compute";
    return kind[op] === Kind.compute ? "other compute" : "memory-bound kernels";
  }

  function explainOneSided(op: number): void {
    const own = rank[op]!;
    const other = peer[op]!;
    const isPut = kind[op] === Kind.put;
    const latencyNs = isPut
      ? transfers.latencyNs(own, other)
      : transfers.latencyNs(own, other) + transfers.latencyNs(other, own);
    const issueNs = transfers.issueNs(own, other);
    const signalNs = isPut && signalValue[op] !== 0 ? transfers.signalNs(own, other) : 0;
    const flowNs = run.flowNs[op]!;
    book("copy engines", flowNs - run.startNs[op]! - issueNs - latencyNs);
    book("network latency", latencyNs);
    book("transfer overhead", issueNs + signalNs);
    addDrain(isPut ? own : other, isPut ? other : own, run.endNs[op]! - signalNs - flowNs);
  }

  /** Books the transfer and goes on with the end of the pair that was resident last. */
  function explainPair(op: number): number {
    const late = (run.state[op]! & State.late) !== 0 ? op : run.partner[op]!;
    const send = kind[op] === Kind.send ? op : run.partner[op]!;
    const source = rank[send]!;
    const target = peer[send]!;
    const flowNs = run.flowNs[op]!;
    const latencyNs = transfers.latencyNs(source, target);
    const rendezvousNs = transfers.rendezvousNs(source, target);
    const launchNs = compute.launchNs(rank[late]!) + constants.twoSidedLaunchNs;
    book("kernel launch", launchNs);
    book("multiprocessors", flowNs - latencyNs - rendezvousNs - launchNs - run.startNs[late]!);
    book("network latency", latencyNs);
    book("transfer overhead", rendezvousNs);
    addDrain(source, target, run.endNs[op]! - flowNs);
    return causeOf(late, op);
  }

  function addDrain(source: number, target: number, drainNs: number): void {
    if (source === target) book("memory-bound kernels", drainNs);
    else if (drainNs > 0) {
      const binding = transfers.isFabric(source, target) ? "intra-machine links" : "inter-machine links";
      const links = tally.linkNs.get(binding) ?? new Map<number, number>();
      tally.linkNs.set(binding, links);
      add(links, mostLoaded(transfers.path(source, target)), drainNs);
      book(binding, drainNs);
    }
  }

  function mostLoaded(path: Int32Array): number {
    let most = path[0]!;
    for (const link of path) {
      const isMore = bounds.linkBytes[link]! * capacity[most]! > bounds.linkBytes[most]! * capacity[link]!;
      if (isMore) most = link;
    }
    return most;
  }
}

function lastToEnd(run: Run): number {
  let last = NO_OP;
  for (let op = 0; op < run.endNs.length; op++) if (last === NO_OP || run.endNs[op]! > run.endNs[last]!) last = op;
  return last;
}

function sharesOf(tally: Tally, machine: Machine): readonly Share[] {
  const bindings = [...tally.ns].sort(([, a], [, b]) => b - a);
  return bindings.map(([binding, ns]) => {
    const links = [...(tally.linkNs.get(binding) ?? [])].sort(([, a], [, b]) => b - a);
    const [most] = links;
    return most === undefined
      ? { binding, ns }
      : { binding, ns, link: { name: linkName(machine.network, most[0]), ns: most[1] } };
  });
}

/** One phrase on what limits a run: `inter-machine links, most m0/nic0→net: 62 % of the critical path`. */
export function limitedBy(path: CriticalPath): string {
  const total = path.shares.reduce((sum, { ns }) => sum + ns, 0);
  const [first] = path.shares;
  if (first === undefined) return "nothing: no op takes time";
  const what = first.link === undefined ? first.binding : `${first.binding}, most ${first.link.name}`;
  return `${what}: ${Math.round((100 * first.ns) / total)} % of the critical path`;
}
