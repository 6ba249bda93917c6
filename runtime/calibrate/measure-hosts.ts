import { planSchedule } from "../../plan/methods/index.ts";
import { median } from "../../plan/statistics.ts";
import type { HostFigures } from "../../plan/topology/topology.ts";
import type { Launch } from "../job.ts";
import type { PairRate, RatesAtOnce } from "./host-links.ts";
import { type MadeOp, makeSchedule, type Place } from "./make-schedule.ts";
import { type Measuring, measure, shape } from "./measure.ts";

/** Stream of `makeSchedule` that moves bytes between machines. */
const INTER = 2;

/** Shards of what is measured here: rows of 4 KiB. */
const HEADS = 16;
const HEAD_DIM = 64;
const TOKEN_BYTES = 4 * HEADS * HEAD_DIM;

/** Tokens of the two puts whose times differ by what the bytes between them take: 1 and 3 MiB. */
const SHORT = 256;
const LONG = 768;

/** Round trips of each pair of hosts. */
const ROUND_TRIPS = 5;

/** Attention of a rank that computes alone and beside transfers, by turns: so many tokens, and so often. */
const TOKENS = 2048;
const TURNS = 3;

/** Transfers beside compute go on for about this share of it, so that they end before it does. */
const SHARE = 0.8;

/** Threads that get less than this share of what they get alone have to share their cores with those of other hosts. */
const ALONE = 0.75;

/** What was measured between hosts. */
export interface PairFigures {
  readonly alone: readonly PairRate[];
  readonly atOnce: readonly RatesAtOnce[];
  /** From a put of a few bytes to its signal seen at the other host, median over pairs. */
  readonly hopNs: number;
}

export const NUM_PAIR_MEASUREMENTS = 1;

/** A transfer, or two at once, that start when all earlier ones have ended. */
type Phase = readonly { readonly from: number; readonly to: number }[];

/**
 * Puts from every host to every other, one pair after the other, then of two pairs at once; one rank a host. All in one
 * run, in which rank 0 says whose turn it is.
 */
export async function measurePairs(hosts: Launch["hosts"], measuring: Measuring): Promise<PairFigures> {
  const count = hosts.length;
  const all = Array.from({ length: count }, (_, host) => host);
  const pairs = all.flatMap((from) => all.filter((to) => to !== from).map((to) => ({ from, to })));
  const phases: Phase[] = [...pairs.map((pair) => [pair]), ...pairsAtOnce(count)];
  const { ops, puts, trips } = turns(count, phases);
  const schedule = makeSchedule({ ranks: count, workload: shape(LONG * count, HEADS, HEAD_DIM), ops });
  const launch = { ...measuring.launch, hosts: hosts.map(({ name }) => ({ name, slots: 1 })) };
  const { result } = await measure(schedule, "puts between hosts", { ...measuring, launch });
  // Barriers stand before them.
  const tookNs = (op: number) => result.medianNs[op + count]!;
  const rates = puts.map((phase) =>
    phase.map(({ from, to, short, long }): PairRate => {
      const bytes = (LONG - SHORT) * TOKEN_BYTES;
      return { from, to, bytesPerSecond: (bytes * 1e9) / Math.max(1, tookNs(long) - tookNs(short)) };
    }),
  );
  const hops = trips.map(({ first, last }) => {
    const spanNs = result.endNs[last + count]! - result.startNs[first + count]!;
    return spanNs / (2 * ROUND_TRIPS);
  });
  return {
    alone: rates.filter((phase) => phase.length === 1).flat(),
    atOnce: rates.flatMap(([a, b]) => (a === undefined || b === undefined ? [] : [{ transfers: [a, b] }])),
    hopNs: median(hops),
  };
}

/** For each two hosts, transfers from both at once to two others: the first ones, and the last ones. */
function pairsAtOnce(count: number): Phase[] {
  const phases = new Map<string, Phase>();
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const others = Array.from({ length: count }, (_, host) => host).filter((host) => host !== a && host !== b);
      for (const [c, d] of [others.slice(0, 2), others.slice(-2)]) {
        if (c === undefined || d === undefined) continue;
        phases.set([a, b, c, d].join(), [
          { from: a, to: c },
          { from: b, to: d },
        ]);
      }
    }
  }
  return [...phases.values()];
}

interface Turns {
  readonly ops: readonly MadeOp[];
  /** By phase and transfer, positions in `ops`. */
  readonly puts: readonly (readonly { from: number; to: number; short: number; long: number }[])[];
  /** Of phases with one transfer: the first put and the last wait of the round trips. */
  readonly trips: readonly { first: number; last: number }[];
}

/** Two transfers of a phase are long puts only; one is a short put, a long one and round trips. */
function turns(count: number, phases: readonly Phase[]): Turns {
  const ops: MadeOp[] = [];
  const puts: { from: number; to: number; short: number; long: number }[][] = [];
  const trips: { first: number; last: number }[] = [];
  const add = (op: Omit<MadeOp, "stream">) => ops.push({ ...op, stream: INTER }) - 1;
  /** Words of a rank: round trips from each other host, then whose turn it is, or at rank 0 who has ended. */
  const word = {
    trip: (from: number, to: number) => (from < to ? from : from - 1),
    go: count - 1,
    done: (host: number) => count - 2 + host,
  };
  const sent = new Map<string, number>();
  const next = (from: number, to: number) => {
    const value = (sent.get(`${from} ${to}`) ?? 0) + 1;
    sent.set(`${from} ${to}`, value);
    return { word: word.trip(from, to), value };
  };
  const put = (from: number, to: number, numTokens: number, signal?: { word: number; value: number }) => {
    const place = (slot: "Q" | "O"): Place => ({ slot, row: 0, column: 0, numTokens, numHeads: HEADS });
    const more = signal === undefined ? {} : { signal };
    return add({ kind: "put", rank: from, peer: to, from: [place("Q")], to: [place("O")], ...more });
  };
  phases.forEach((phase, index) => {
    const value = index + 1;
    for (const { from } of phase) {
      if (from === 0) continue;
      add({ kind: "notify", rank: 0, peer: from, signal: { word: word.go, value } });
      add({ kind: "wait", rank: from, signal: { word: word.go, value } });
    }
    puts.push(phase.map(({ from, to }) => ({ from, to, short: put(from, to, SHORT), long: put(from, to, LONG) })));
    const [{ from, to }] = phase as readonly [Phase[number]];
    if (phase.length === 1) {
      let first = -1;
      let last = -1;
      for (let trip = 0; trip < ROUND_TRIPS; trip++) {
        const there = next(from, to);
        const ping = put(from, to, 1, there);
        if (trip === 0) first = ping;
        add({ kind: "wait", rank: to, signal: there });
        const back = next(to, from);
        put(to, from, 1, back);
        last = add({ kind: "wait", rank: from, signal: back });
      }
      trips.push({ first, last });
    }
    for (const { from: host } of phase) {
      if (host === 0) continue;
      add({ kind: "notify", rank: host, peer: 0, signal: { word: word.done(host), value } });
      add({ kind: "wait", rank: 0, signal: { word: word.done(host), value } });
    }
  });
  return { ops, puts, trips };
}

export const NUM_SHARING_MEASUREMENTS = 2;

/** Whether hosts share their cores, by attention on one of them and on two at once, each of which would keep its cores busy. */
export async function measureSharing(
  hosts: Launch["hosts"],
  busyRanks: number,
  measuring: Measuring,
): Promise<HostFigures["sharedBy"]> {
  const timeOn = async (names: readonly string[]) => {
    const schedule = planSchedule({
      workload: shape(2 * TOKENS, 2, HEAD_DIM),
      method: "ring",
      mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 1 },
      transport: "one-sided",
      tiles: 1,
      path: "",
      groups: busyRanks * names.length,
    });
    const launch = { ...measuring.launch, hosts: names.map((name) => ({ name, slots: busyRanks })) };
    const what = `attention on ${names.length} hosts at once`;
    const { result } = await measure(schedule, what, { ...measuring, launch });
    return result.makespanNs;
  };
  const one = await timeOn([hosts[0]!.name]);
  const two = await timeOn(hosts.slice(0, 2).map(({ name }) => name));
  return one < ALONE * two ? "topology" : "machine";
}

export const NUM_NETWORK_MEASUREMENTS = 1;

/**
 * What sending and receiving takes of the cores (bytes per second of a thread that has one for itself), by what those that
 * compute lose: all ranks of all hosts compute the same by turns, alone and while each sends to one of the next host. So it
 * holds what threads that move bytes take while they look for more. Split evenly among sender and receiver. At most
 * `copyBytesPerSecond`, since nothing moves bytes faster.
 */
export async function measureNetworkWork(
  hosts: Launch["hosts"],
  { cores, sharedBy, copyBytesPerSecond, attend }: HostFigures,
  linkBytesPerSecond: number,
  measuring: Measuring,
): Promise<number> {
  const slots = Math.min(...hosts.map((host) => host.slots));
  const ranks = hosts.length * slots;
  const { headDim, pairNs } = attend[0]!;
  const attendNs = TOKENS ** 2 * HEADS * pairNs * (HEAD_DIM / headDim);
  /** Ranks that share a core. */
  const perCore = Math.max(1, (sharedBy === "topology" ? ranks : slots) / cores);
  const busyNs = attendNs * perCore;
  const bytes = (linkBytesPerSecond * SHARE * busyNs) / 1e9 / slots;
  const numTokens = Math.max(1, Math.ceil(bytes / TOKEN_BYTES));
  const { ops, alone, beside } = computeBeside(hosts.length, slots, numTokens);
  const schedule = makeSchedule({ ranks, workload: shape(ranks * TOKENS, HEADS, HEAD_DIM), ops });
  const launch = { ...measuring.launch, hosts: hosts.map(({ name }) => ({ name, slots })) };
  const { result } = await measure(schedule, "attention beside transfers", { ...measuring, launch });
  const sumNs = (list: readonly number[]) => list.reduce((sum, op) => sum + result.medianNs[op + ranks]!, 0);
  const lostNs = (sumNs(beside) - sumNs(alone)) / perCore;
  const atEnds = 2 * ranks * TURNS * numTokens * TOKEN_BYTES;
  return lostNs * copyBytesPerSecond > atEnds * 1e9 ? (atEnds * 1e9) / lostNs : copyBytesPerSecond;
}

interface ComputeBeside {
  readonly ops: readonly MadeOp[];
  /** Attention without transfers and beside them, positions in `ops`. */
  readonly alone: readonly number[];
  readonly beside: readonly number[];
}

/** Hosts of so many ranks each; beside every second attention each rank sends so many tokens to one of the next host. */
function computeBeside(numHosts: number, slots: number, numTokens: number): ComputeBeside {
  const ops: MadeOp[] = [];
  const add = (op: MadeOp) => ops.push(op) - 1;
  const ranks = Array.from({ length: numHosts * slots }, (_, rank) => rank);
  const attend = (rank: number, deps: readonly number[]) => {
    const tile = { row: 0, column: 0, numTokens: TOKENS, numHeads: HEADS };
    return add({
      ...{ kind: "attend", rank, stream: 0, deps, to: [{ slot: "accumulator", ...tile }] },
      from: [
        { slot: "Q", ...tile },
        { slot: "KV", ...tile },
      ],
    });
  };
  /** All tell rank 0 that they have computed, then it tells them to go on; returns what each goes on after. */
  const meet = (computed: readonly number[], value: number): number[] => {
    const signal = (word: number) => ({ signal: { word, value } });
    for (const rank of ranks.slice(1)) {
      add({ kind: "notify", rank, peer: 0, stream: INTER, deps: [computed[rank]!], ...signal(rank) });
      add({ kind: "wait", rank: 0, stream: INTER, ...signal(rank) });
    }
    const told = ranks
      .slice(1)
      .map((rank) => add({ kind: "notify", rank: 0, peer: rank, stream: INTER, deps: [computed[0]!], ...signal(0) }));
    const heard = ranks.slice(1).map((rank) => add({ kind: "wait", rank, stream: INTER, ...signal(0) }));
    return [told.at(-1)!, ...heard];
  };
  const alone: number[] = [];
  const beside: number[] = [];
  let goes: readonly (readonly number[])[] = ranks.map(() => []);
  for (let turn = 0; turn < TURNS; turn++) {
    const first = ranks.map((rank) => attend(rank, goes[rank]!));
    const starts = meet(first, 2 * turn + 1);
    const second = ranks.map((rank) => attend(rank, [starts[rank]!]));
    for (const rank of ranks) {
      const peer = (rank + slots) % ranks.length;
      for (let left = numTokens; left > 0; left -= TOKENS) {
        const part = { row: 0, column: 0, numTokens: Math.min(TOKENS, left), numHeads: HEADS };
        const [from, to] = [[{ slot: "Q", ...part }] as const, [{ slot: "O", ...part }] as const];
        add({ kind: "put", rank, peer, stream: INTER, deps: [starts[rank]!], from, to });
      }
    }
    goes = meet(second, 2 * turn + 2).map((op) => [op]);
    alone.push(...first);
    beside.push(...second);
  }
  return { ops, alone, beside };
}
