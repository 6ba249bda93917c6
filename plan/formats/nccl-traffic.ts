import type { Flow, Hops } from "../topology/link-kinds.ts";
import type { NcclTest } from "./nccl-tests-run.ts";

/** Ranks of one communicator, by topology rank in the communicator's order, and what joins them. */
export interface Members {
  readonly ranks: readonly number[];
  /** Machine of a topology rank. */
  readonly machineOf: (rank: number) => number;
  /** Bytes per second of the link that joins two ranks without a node between them; 0 where none does. */
  readonly directRate: (a: number, b: number) => number;
}

/** What one call of a test moves, for each byte of its size column. */
export interface Traffic {
  readonly flows: readonly Flow[];
  /**
   * The least that moves whichever algorithm runs, null where `flows` is that: an NVSwitch that reduces itself takes each
   * byte once, not twice.
   */
  readonly leastFlows: readonly Flow[] | null;
  /** Messages one after the other in a call of a few bytes. */
  readonly hops: readonly Hops[];
}

/** Flows of a rank in an all-to-all: as many squared are routed. */
const maxPeers = 1024;

/** Tests whose traffic is not the same for all ranks and steps, so that one line through sizes says nothing of links. */
const untold: readonly NcclTest[] = ["alltoallv", "hypercube"];

/**
 * The traffic of a test, after NCCL's algorithms, or null for a test whose traffic is not modeled.
 *
 * Large sizes: all-reduce, all-gather, reduce-scatter, broadcast and reduce are rings (NCCL src/graph/tuning.cc prefers
 * them there), one for each NIC, so that every NIC of a machine carries its share and leads to its likes in the next
 * machine; between GPUs that are linked directly, rings use all links. Of `S` bytes a ring moves over each of its edges
 * `2(n−1)/n·S` for all-reduce, `(n−1)/n·S` for all-gather and reduce-scatter, `S` for broadcast and reduce. All-to-all
 * sends `S/n` to every rank, send-receive `S` to the next, bisection `S` to the one half the ranks away.
 *
 * Small sizes: all-reduce goes up and down a chain inside each machine and a binary tree over them; the others pass all
 * edges of the ring but one; point-to-point tests take one message.
 */
export function trafficOf(test: NcclTest, members: Members, root: number): Traffic | null {
  if (untold.includes(test)) return null;
  const n = members.ranks.length;
  const part = (n - 1) / n;
  switch (test) {
    case "all_reduce":
      return { flows: ringFlows(members, 2 * part), leastFlows: switchFlows(members), hops: treeHops(members) };
    case "all_gather":
    case "reduce_scatter":
      return { flows: ringFlows(members, part), leastFlows: null, hops: ringHops(members) };
    case "broadcast":
    case "reduce":
      return { flows: ringFlows(members, 1), leastFlows: null, hops: ringHops(members) };
    default:
      return pointToPoint(test, members, root);
  }
}

function pointToPoint(test: NcclTest, { ranks, machineOf }: Members, root: number): Traffic {
  const n = ranks.length;
  const flows: Flow[] = test === "alltoall" ? allToAllFlows(ranks) : [];
  const add = (source: number, target: number, share: number) => {
    if (source !== target) flows.push({ source: ranks[source]!, target: ranks[target]!, share });
  };
  for (let rank = 0; rank < n; rank++) {
    if (test === "sendrecv") add(rank, (rank + 1) % n, 1);
    if (test === "bisection") add(rank, (rank + Math.floor(n / 2)) % n, 1);
    if (test === "gather") add(rank, root % n, 1 / n);
    if (test === "scatter") add(root % n, rank, 1 / n);
  }
  const far = flows.find(({ source, target }) => machineOf(source) !== machineOf(target)) ?? flows[0]!;
  return { flows, leastFlows: null, hops: [{ source: far.source, target: far.target, count: 1 }] };
}

/** To every other rank; of thousands, to some that lie evenly among them, with the shares of those between. */
function allToAllFlows(ranks: readonly number[]): Flow[] {
  const n = ranks.length;
  const stride = Math.ceil(n / maxPeers);
  const numPeers = Math.ceil((n - 1) / stride);
  const share = (n - 1) / n / numPeers;
  return ranks.flatMap((source, rank) =>
    Array.from({ length: numPeers }, (_, peer) => ({
      source,
      target: ranks[(rank + 1 + peer * stride) % n]!,
      share,
    })),
  );
}

/** The ranks of each machine, in the order of the communicator. */
function byMachine({ ranks, machineOf }: Members): readonly (readonly number[])[] {
  const machines = new Map<number, number[]>();
  for (const rank of ranks) {
    const own = machines.get(machineOf(rank)) ?? [];
    own.push(rank);
    machines.set(machineOf(rank), own);
  }
  return [...machines.values()];
}

/** A ring for each rank of a machine: each enters and leaves there, so that it is 1/k of what crosses. */
function ringFlows(members: Members, bytes: number): readonly Flow[] {
  const machines = byMachine(members);
  const isOne = machines.length === 1;
  return machines.flatMap((ranks, index) => {
    const inside = isOne ? bytes : (bytes * (ranks.length - 1)) / ranks.length;
    const next = machines[(index + 1) % machines.length]!;
    return [...insideFlows(members, ranks, inside), ...(isOne ? [] : betweenFlows(ranks, next, bytes))];
  });
}

/** What all-reduce moves at least where the NVSwitch reduces, and between machines the two trees of a double tree. */
function switchFlows(members: Members): readonly Flow[] {
  const machines = byMachine(members);
  const isOne = machines.length === 1;
  return machines.flatMap((ranks, index) => {
    const next = machines[(index + 1) % machines.length]!;
    return [
      ...insideFlows(members, ranks, (ranks.length + 1) / ranks.length),
      ...(isOne ? [] : betweenFlows(ranks, next, 1)),
    ];
  });
}

/** Every rank sends so many bytes: over all its direct links as they are wide, or where it has none, to the next rank. */
function insideFlows({ directRate }: Members, ranks: readonly number[], bytes: number): readonly Flow[] {
  if (ranks.length < 2 || bytes === 0) return [];
  const rates = ranks.map((rank) => ranks.map((peer) => (rank === peer ? 0 : directRate(rank, peer))));
  const isMesh = rates.every((row) => row.filter((rate) => rate > 0).length >= Math.min(2, ranks.length - 1));
  return ranks.flatMap((source, at) => {
    if (!isMesh) return [{ source, target: ranks[(at + 1) % ranks.length]!, share: bytes }];
    const all = rates[at]!.reduce((sum, rate) => sum + rate, 0);
    const peers = ranks.map((target, index) => ({ source, target, share: (bytes * rates[at]![index]!) / all }));
    return peers.filter(({ share }) => share > 0);
  });
}

function betweenFlows(ranks: readonly number[], next: readonly number[], bytes: number): readonly Flow[] {
  const numRings = Math.max(ranks.length, next.length);
  return Array.from({ length: numRings }, (_, ring) => ({
    source: ranks[ring % ranks.length]!,
    target: next[ring % next.length]!,
    share: bytes / numRings,
  }));
}

/** Up and down: the ranks of a machine one after the other, then a binary tree of machines. */
function treeHops(members: Members): readonly Hops[] {
  const machines = byMachine(members);
  const most = machines.reduce((a, b) => (b.length > a.length ? b : a));
  return hopsOf(machines, 2 * (most.length - 1), 2 * Math.ceil(Math.log2(machines.length)));
}

/** All edges of the ring but the one that closes it. */
function ringHops(members: Members): readonly Hops[] {
  const machines = byMachine(members);
  return hopsOf(machines, members.ranks.length - machines.length, machines.length - 1);
}

function hopsOf(machines: readonly (readonly number[])[], inside: number, between: number): readonly Hops[] {
  const local = machines.find((ranks) => ranks.length > 1);
  const hops: Hops[] = [];
  if (local !== undefined && inside > 0) hops.push({ source: local[0]!, target: local[1]!, count: inside });
  if (between > 0) hops.push({ source: machines[0]![0]!, target: machines[1]![0]!, count: between });
  return hops;
}
