import { describe, expect, test } from "vitest";
import type { HostFigures } from "../plan/topology/topology.ts";
import { type HandOp, handSchedule, handTopology, hostDevice } from "./hand-made.test-support.ts";
import { simulate } from "./simulate.ts";

const kv = (tokens: number, heads = 1) => [{ tensor: "KV" as const, tokens, heads }];
const q = (tokens: number, heads = 1) => [{ tensor: "Q" as const, tokens, heads }];
/** fp32: 256 bytes a token of Q, in 1 ns each. */
const qNs = 256;

interface Case {
  readonly ranks: number;
  readonly ops: readonly HandOp[];
  readonly machines?: number;
  readonly host?: Partial<HostFigures>;
  readonly columns?: number;
}

function predict({ ranks, ops, machines = 1, host = {}, columns = 1 }: Case) {
  const barriers = Array.from({ length: ranks }, (_, rank): HandOp => ({ kind: "barrier", rank }));
  const shifted = ops.map((op) => ({ ...op, deps: [op.rank, ...(op.deps ?? []).map((id) => id + ranks)] }));
  const isTwoSided = ops.some(({ kind }) => kind === "send");
  const schedule = handSchedule({
    ranks,
    ops: [...barriers, ...shifted],
    columns,
    transport: isTwoSided ? "two-sided" : "one-sided",
    workload: { dtype: "fp32" },
    computes: [{ name: "work", flops: 10_000, bytes: 0 }],
  });
  return simulate(schedule, handTopology(ranks, machines, hostDevice(host)));
}

/** Ends of the ops, from when the first barrier ended. */
function ends(one: Case): number[] {
  const { endNs } = predict(one);
  return Array.from(endNs.subarray(one.ranks), (ns) => Number((ns - endNs[0]!).toFixed(6)));
}

/** 1 ns a pair: `queries · keys` ns alone. */
function attend(rank: number, queries: number, keys: number, more: Partial<HandOp> = {}): HandOp {
  return { kind: "attend", rank, from: [...q(queries), ...kv(keys)], to: [{ tensor: "O", tokens: queries }], ...more };
}

function put(rank: number, peer: number, tokens: number, more: Partial<HandOp> = {}): HandOp {
  return { kind: "put", rank, peer, stream: 1, from: q(tokens), to: q(tokens), ...more };
}

/** Waking after the barrier, and issue. */
const begin = 1000 + 100;

describe("kernels", () => {
  test("two attends at once have a core each on two cores", () => {
    expect(ends({ ranks: 2, ops: [attend(0, 100, 100), attend(1, 100, 200)] })).toEqual([
      begin + 10_000,
      begin + 20_000,
    ]);
  });

  test("and share one core by halves until the shorter has ended", () => {
    const ops = [attend(0, 100, 100), attend(1, 100, 200)];
    // Of 10,100 and 20,100 ns: 20,200 together, then 10,000 alone.
    expect(ends({ ranks: 2, ops, host: { cores: 1 } })).toEqual([1000 + 20_200, 1000 + 30_200]);
  });

  test("two of them have three quarters of a core each where there are 1.5", () => {
    const ops = [attend(0, 100, 125), attend(1, 100, 125)];
    const host = { cores: 1.5, opNs: 250 };
    expect(ends({ ranks: 2, ops, host })).toEqual([1000 + 17_000, 1000 + 17_000]);
  });

  test("one after the other on a thread that stays awake", () => {
    expect(ends({ ranks: 1, ops: [attend(0, 10, 10), attend(0, 10, 20)] })).toEqual([200, 200 + 300]);
  });

  test("merge, finalize, copy and compute at their rates", () => {
    const ops: HandOp[] = [
      { kind: "merge", rank: 0, from: q(10), to: q(10) },
      { kind: "finalize", rank: 0, from: q(10), to: [{ tensor: "O", tokens: 10 }] },
      { kind: "copy", rank: 0, from: q(10), to: q(10) },
      { kind: "compute", rank: 0 },
    ];
    const accumulator = 10 * 65 * 4;
    const spans = [(4 * accumulator) / 2, (2 * accumulator + 10 * 256) / 4, 10 * qNs + 10, 10_000];
    let sum = 0;
    expect(ends({ ranks: 1, ops })).toEqual(spans.map((ns) => (sum += 100 + ns)));
  });

  test("an accumulator costs more the first time, and again once it was finalized", () => {
    const figures = { headDim: 64, callNs: 0, queryNs: 0, keyNs: 0, pairNs: 1, firstPairNs: 1 };
    const finalize: HandOp = { kind: "finalize", rank: 0, from: q(10), to: q(10) };
    const ops = [attend(0, 10, 10), attend(0, 10, 10), finalize, attend(0, 10, 10)];
    const [first, second, third, last] = ends({
      ranks: 1,
      ops,
      host: { attend: [{ ...figures, maskedPairNs: 0 }] },
    });
    expect([first, second! - first!, last! - third!]).toEqual([300, 200, 300]);
  });
});

describe("copies", () => {
  test("a put is a copy by its rank's thread, strided rows one by one", () => {
    expect(ends({ ranks: 2, ops: [put(0, 1, 100)] })).toEqual([begin + 100 * qNs + 10]);
    expect(ends({ ranks: 2, ops: [put(0, 1, 100)], columns: 2 })).toEqual([begin + 100 * qNs + 100 * 10]);
  });

  test("a get by the reader's", () => {
    const get: HandOp = { kind: "get", rank: 1, peer: 0, stream: 1, from: kv(50), to: kv(50) };
    expect(ends({ ranks: 2, ops: [get] })).toEqual([begin + 50 * 2 * qNs + 2 * 10]);
  });

  test("two puts of one rank share its thread by turns", () => {
    const ops = [put(0, 1, 100), put(0, 1, 300, { stream: 2 })];
    const [short, long] = [100 + 100 * qNs + 10, 100 + 300 * qNs + 10];
    expect(ends({ ranks: 2, ops })).toEqual([1000 + 2 * short, 1000 + short + long]);
  });

  test("puts of two ranks share the memory", () => {
    const alone = 100 + 100 * qNs + 10;
    expect(ends({ ranks: 2, ops: [put(0, 1, 100), put(1, 0, 100)] })).toEqual([
      1000 + alone / 0.75,
      1000 + alone / 0.75,
    ]);
  });

  test("a copy beside compute takes half of the one core, whatever the number of transfers", () => {
    const ops = [attend(0, 1000, 1000), put(0, 1, 100), put(0, 1, 100, { stream: 2 })];
    const copies = 2 * (100 + 100 * qNs + 10);
    const [attendEnd, ...puts] = ends({ ranks: 2, ops, host: { cores: 1 } });
    expect(puts).toEqual([1000 + 2 * copies, 1000 + 2 * copies]);
    expect(attendEnd).toBe(1000 + 1_000_100 + copies);
  });

  test("a signal wakes the thread that waits for it, and that the one that computes", () => {
    const ops: HandOp[] = [
      put(0, 1, 100, { signal: 0, value: 1 }),
      { kind: "wait", rank: 1, stream: 1, signal: 0, value: 1 },
      attend(1, 10, 10, { deps: [1] }),
    ];
    const putEnd = begin + 100 * qNs + 10;
    expect(ends({ ranks: 2, ops })).toEqual([putEnd, putEnd + 1100, putEnd + 1100 + 1100 + 100]);
  });

  test("a notify is an atomic write by its thread", () => {
    const ops: HandOp[] = [
      { kind: "notify", rank: 0, peer: 1, stream: 3, signal: 0, value: 1 },
      { kind: "wait", rank: 1, stream: 3, signal: 0, value: 1 },
    ];
    expect(ends({ ranks: 2, ops })).toEqual([begin, begin + 1100]);
  });
});

describe("a rendezvous", () => {
  const pair = (tokens: number, deps: number[] = []): HandOp[] => [
    { kind: "send", rank: 0, peer: 1, stream: 1, from: q(tokens) },
    { kind: "receive", rank: 1, peer: 0, stream: 1, to: q(tokens), deps },
  ];

  test("ends together at both ends, a copy after both are posted", () => {
    const end = begin + 100 * qNs + 10;
    expect(ends({ ranks: 2, ops: pair(100) })).toEqual([end, end]);
  });

  test("is copied by the end that was posted last, at once", () => {
    const [send, receive] = pair(100, [0]);
    const ops = [attend(1, 100, 100), send!, receive!];
    // The attend's end wakes the thread; nobody wakes once more.
    const end = begin + 10_000 + 1100 + 100 * qNs + 10;
    expect(ends({ ranks: 2, ops })).toEqual([begin + 10_000, end, end]);
  });
});

describe("emulated links", () => {
  // 2,200 ns and 0.1 bytes a ns between machines.
  test("that are slower than the copy say when a put ends", () => {
    const ops: HandOp[] = [put(0, 1, 100, { signal: 0, value: 1 }), put(0, 1, 100)];
    const first = 1000 + 2200 + (100 * qNs) / 0.1 + 1000;
    // Its thread wakes for the signal, and goes on at once.
    expect(ends({ ranks: 2, ops, machines: 2 })).toEqual([first, first + 2200 + (100 * qNs) / 0.1 + 1000]);
  });

  test("make a get ask for its data first", () => {
    const get: HandOp = { kind: "get", rank: 0, peer: 1, stream: 1, from: q(100), to: q(100) };
    expect(ends({ ranks: 2, ops: [get], machines: 2 })).toEqual([1000 + 2 * 2200 + (100 * qNs) / 0.1 + 1000]);
  });

  test("that are faster than the copy cost nothing", () => {
    const host = { copyBytesPerSecond: 5e7, allCopiesBytesPerSecond: 5e7 };
    expect(ends({ ranks: 2, ops: [put(0, 1, 100)], machines: 2, host })).toEqual([begin + 100 * qNs * 20 + 10]);
  });

  test("start when both ends of a pair are posted, and share by max-min", () => {
    const ops: HandOp[] = [
      { kind: "send", rank: 0, peer: 1, stream: 1, from: q(100) },
      { kind: "receive", rank: 1, peer: 0, stream: 1, to: q(100) },
      { kind: "send", rank: 0, peer: 1, stream: 2, from: q(100) },
      { kind: "receive", rank: 1, peer: 0, stream: 2, to: q(100) },
    ];
    // Two postings by turns on each thread, then both pairs at half of the link's rate.
    const end = 1000 + 200 + 2200 + (2 * 100 * qNs) / 0.1 + 1000;
    expect(ends({ ranks: 2, ops, machines: 2 })).toEqual([end, end, end, end]);
  });

  test("are emulated on cores of the computer, which machines share or not", () => {
    const ops = [attend(0, 100, 100), attend(1, 100, 100)];
    const shared = ends({ ranks: 2, ops, machines: 2, host: { cores: 1 } });
    const apart = ends({ ranks: 2, ops, machines: 2, host: { cores: 1, sharedBy: "machine" } });
    expect([shared, apart]).toEqual([
      [1000 + 20_200, 1000 + 20_200],
      [1000 + 10_100, 1000 + 10_100],
    ]);
  });
});

describe("real links", () => {
  const host = { cores: 1, sharedBy: "machine" as const, networkBytesPerSecond: 5e8 };

  test("take time of the threads at both ends, which those that compute lose", () => {
    const work = (100 * qNs) / 0.5 + 10;
    const ops = [put(0, 1, 100), attend(0, 1000, 1000), attend(1, 1000, 1000)];
    expect(ends({ ranks: 2, ops, machines: 2, host })).toEqual([
      1000 + 2200 + (100 * qNs) / 0.1 + 1000,
      1000 + 1_000_100 + 100 + work,
      1000 + 1_000_100 + work,
    ]);
  });

  test("end a put when the slower end is done, and its thread has noticed", () => {
    const work = (100 * qNs) / 0.05 + 10;
    const slow = { ...host, networkBytesPerSecond: 5e7 };
    const end = 1000 + 2200 + 1000 + work + 1000;
    expect(ends({ ranks: 2, ops: [put(0, 1, 100)], machines: 2, host: slow })).toEqual([end]);
  });

  test("of a pair are served by the sender, whom a receive that comes last has to ask", () => {
    const ops: HandOp[] = [
      attend(1, 100, 100),
      { kind: "send", rank: 0, peer: 1, stream: 1, from: q(100) },
      { kind: "receive", rank: 1, peer: 0, stream: 1, to: q(100), deps: [0] },
    ];
    const posted = 1000 + 100 + 10_000 + 1000 + 100;
    const end = posted + 1000 + 2 * 2200 + (100 * qNs) / 0.1 + 1000;
    expect(ends({ ranks: 2, ops, machines: 2, host })).toEqual([posted - 1100, end, end]);
  });
});

describe("what is refused", () => {
  test("a schedule that is not in fp32", () => {
    const schedule = handSchedule({ ranks: 1, ops: [{ kind: "barrier", rank: 0 }] });
    expect(() => simulate(schedule, handTopology(1, 1, hostDevice()))).toThrow(
      expect.objectContaining({ code: "workload", hint: "Use --dtype fp32." }),
    );
  });

  test("GPUs and host ranks in one topology", () => {
    const topology = handTopology(2, 1, hostDevice());
    const gpu = handTopology(2).devices["hand"]!;
    const nodes = topology.nodes.map((node) => (node.id === "gpu1" ? { ...node, device: "gpu" } : node));
    const schedule = handSchedule({ ranks: 1, ops: [], workload: { dtype: "fp32" } });
    expect(() => simulate(schedule, { ...topology, nodes, devices: { ...topology.devices, gpu } })).toThrow(
      /for all ranks or for none, found none for gpu1/,
    );
  });
});
