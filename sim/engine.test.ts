import { describe, expect, test } from "vitest";
import { type Constants, makeConstants } from "./constants.ts";
import { type HandOp, type HandSchedule, handSchedule, handTopology } from "./hand-made.test-support.ts";
import { simulate } from "./simulate.ts";

/** Round overheads; no setup, so that times can be computed by hand. */
const constants: Partial<Constants> = {
  attentionBlockSetupNs: 500,
  launchScale: 1,
  launchedBehindShare: 0,
  twoSidedLaunchNs: 0,
  twoSidedMultiprocessors: 2,
  twoSidedMultiprocessorsMax: 4,
  fabricRendezvousNs: 2000,
  networkRendezvousNs: 10_000,
  fabricPutNs: 1000,
  networkPutNs: 5000,
  fabricSignalNs: 500,
  networkSignalNs: 2000,
  fabricBarrierNs: 1000,
  networkBarrierNs: 4000,
  memoryEfficiency: 1,
  fabricTwoSidedEfficiency: 0.5,
  networkOneSidedEfficiency: 1,
  networkTwoSidedStartBytes: 1000,
  networkOneSidedMessageBytes: 100,
};

/** Spans `[start, end]` of the ops, without the first barrier of every rank, whose end is time 0. */
function spans(schedule: HandSchedule, machines = 1, copyEngines = 1): number[][] {
  const { ranks, ops } = schedule;
  const barriers = Array.from({ length: ranks }, (_, rank): HandOp => ({ kind: "barrier", rank }));
  const shifted = ops.map((op) => ({ ...op, deps: [op.rank, ...(op.deps ?? []).map((id) => id + ranks)] }));
  const topology = handTopology(ranks, machines, { copyEngines });
  const made = handSchedule({ ...schedule, ops: [...barriers, ...shifted] });
  const { startNs, endNs } = simulate(made, topology, { constants });
  const zero = endNs[0]!;
  return ops.map((_, op) =>
    [startNs[op + ranks]! - zero, endNs[op + ranks]! - zero].map((ns) => Number(ns.toFixed(6))),
  );
}

/** 128 bytes a token. */
const q = (tokens: number) => [{ tensor: "Q" as const, tokens }];

function put(rank: number, peer: number, tokens: number, more: Partial<HandOp> = {}): HandOp {
  return { kind: "put", rank, peer, stream: 1, from: q(tokens), to: q(tokens), ...more };
}

function send(rank: number, peer: number, tokens: number, more: Partial<HandOp> = {}): HandOp {
  return { kind: "send", rank, peer, stream: 1, from: q(tokens), ...more };
}

function receive(rank: number, peer: number, tokens: number, more: Partial<HandOp> = {}): HandOp {
  return { kind: "receive", rank, peer, stream: 1, to: q(tokens), ...more };
}

/** One block a wave for each of 10 multiprocessors: 1280 queries × `keys` keys at 500 FLOP/ns, 2 accumulator passes. */
function attend(rank: number, keys: number, queries = 1280, more: Partial<HandOp> = {}): HandOp {
  const from = [...q(queries), { tensor: "KV" as const, tokens: keys }];
  return { kind: "attend", rank, from, to: [{ tensor: "O" as const, tokens: queries }], ...more };
}

const accumulatorNs = (queries: number) => 2 * 4 * queries * 65;
const attendNs = (queries: number, keys: number, waves: number) =>
  waves * 500 + (4 * 64 * queries * keys) / 500 + accumulatorNs(queries);

describe("one-sided", () => {
  test("a put takes issue, latency, bytes over bandwidth, and its signal", () => {
    // 1000 + 200 + 128,000 bytes at 1 byte/ns + 500.
    expect(spans({ ranks: 2, ops: [put(0, 1, 1000, { signal: 0, value: 1 })] })).toEqual([[0, 129_700]]);
  });

  test("without a signal it ends with its last byte", () => {
    expect(spans({ ranks: 2, ops: [put(0, 1, 1000)] })).toEqual([[0, 129_200]]);
  });

  test("between machines the network's issue, signal and message overhead count", () => {
    // 5000 + 2200 + (12,800 + 100) bytes at 0.1 byte/ns + 2000.
    const ops = [put(0, 1, 100, { signal: 0, value: 1 })];
    expect(spans({ ranks: 2, ops }, 2)).toEqual([[0, 138_200]]);
  });

  test("a get has one latency for its request and one for its data", () => {
    const ops: HandOp[] = [{ kind: "get", rank: 0, peer: 1, stream: 1, from: q(1000), to: q(1000) }];
    expect(spans({ ranks: 2, ops })).toEqual([[0, 1000 + 2 * 200 + 128_000]]);
  });

  test("a notify takes issue, latency and signal, and wakes the wait", () => {
    const ops: HandOp[] = [
      { kind: "notify", rank: 0, peer: 1, stream: 3, signal: 0, value: 1 },
      { kind: "wait", rank: 1, stream: 3, signal: 0, value: 1 },
    ];
    expect(spans({ ranks: 2, ops })).toEqual([
      [0, 1700],
      [0, 1700],
    ]);
  });

  test("a wait for what is there takes no time", () => {
    const ops: HandOp[] = [
      { kind: "notify", rank: 0, peer: 1, stream: 3, signal: 0, value: 1 },
      put(1, 0, 1000),
      { kind: "wait", rank: 1, stream: 1, signal: 0, value: 1 },
    ];
    expect(spans({ ranks: 2, ops })[2]).toEqual([129_200, 129_200]);
  });

  test("a put to oneself is a copy in memory", () => {
    expect(spans({ ranks: 2, ops: [put(0, 0, 1000)] })).toEqual([[0, 1000 + 2 * 128_000]]);
  });

  test("puts into one rank share its link", () => {
    const ops = [put(0, 2, 1000), put(1, 2, 500)];
    // Both at half rate until the shorter has moved 64,000, then the longer alone.
    expect(spans({ ranks: 3, ops })).toEqual([
      [0, 1200 + 128_000 + 64_000],
      [0, 1200 + 128_000],
    ]);
  });

  test("transfers inside a machine queue for the rank's copy engine, in the order of op ids", () => {
    const ops = [put(0, 1, 1000, { stream: 1 }), put(0, 2, 1000, { stream: 2 })];
    expect(spans({ ranks: 3, ops })).toEqual([
      [0, 129_200],
      [0, 2 * 129_200],
    ]);
    expect(spans({ ranks: 3, ops }, 1, 2)).toEqual([
      [0, 1200 + 2 * 128_000],
      [0, 1200 + 2 * 128_000],
    ]);
  });

  test("an engine is free again when the bytes are there, before the signal is", () => {
    const ops = [put(0, 1, 1000, { signal: 0, value: 1 }), put(0, 2, 1000, { stream: 2 })];
    expect(spans({ ranks: 3, ops })).toEqual([
      [0, 129_700],
      [0, 2 * 129_200],
    ]);
  });

  test("transfers between machines need no copy engine", () => {
    const ops = [put(0, 1, 100, { stream: 1 }), put(0, 1, 100, { stream: 2 })];
    expect(spans({ ranks: 2, ops }, 2)).toEqual([
      [0, 7200 + 258_000],
      [0, 7200 + 258_000],
    ]);
  });

  test("a ring of three runs at full rate in every direction", () => {
    const ops = [put(0, 1, 1000), put(1, 2, 1000), put(2, 0, 1000)];
    expect(spans({ ranks: 3, ops })).toEqual([
      [0, 129_200],
      [0, 129_200],
      [0, 129_200],
    ]);
  });
});

describe("kernels", () => {
  test("attention runs in waves of blocks and reads and writes its accumulators", () => {
    expect(spans({ ranks: 1, ops: [attend(0, 1000)] })).toEqual([[0, 1000 + attendNs(1280, 1000, 1)]]);
    // 11 blocks on 10 multiprocessors: two waves of the time of a block.
    const elevenBlocks = 1000 + 2 * (500 + (4 * 64 * 1408 * 1000) / 500 / 1.1) + accumulatorNs(1408);
    expect(spans({ ranks: 1, ops: [attend(0, 1000, 1408)] })).toEqual([[0, elevenBlocks]]);
  });

  test("under a causal mask only allowed pairs count", () => {
    const ops = [attend(0, 1280)];
    const pairs = (1280 * 1281) / 2;
    const expected = 1000 + 500 + (4 * 64 * pairs) / 500 + accumulatorNs(1280);
    expect(spans({ ranks: 1, ops, workload: { mask: "causal" } })).toEqual([[0, expected]]);
  });

  test("copies and other work are bound by bytes or by FLOPs", () => {
    const computes = [
      { name: "by bytes", flops: 1000, bytes: 50_000 },
      { name: "by FLOPs", flops: 9e7, bytes: 50_000 },
    ];
    const ops: HandOp[] = [
      { kind: "copy", rank: 0, from: q(100), to: q(100) },
      { kind: "compute", rank: 0, work: 0 },
      { kind: "compute", rank: 0, work: 1 },
    ];
    expect(spans({ ranks: 1, ops, computes })).toEqual([
      [0, 26_600],
      [26_600, 77_600],
      [77_600, 168_600],
    ]);
  });

  test("kernels of two streams share the device", () => {
    const computes = [{ name: "work", flops: 0, bytes: 10_000 }];
    const ops: HandOp[] = [
      { kind: "compute", rank: 0, stream: 0 },
      { kind: "compute", rank: 0, stream: 1 },
    ];
    expect(spans({ ranks: 1, ops, computes })).toEqual([
      [0, 21_000],
      [0, 21_000],
    ]);
  });
});

describe("two-sided", () => {
  const computes = [{ name: "work", flops: 0, bytes: 40_000 }];
  /** Launch, rendezvous, latency, twice the bytes at an efficiency of one half. */
  const pairNs = (tokens: number) => 1000 + 2000 + 200 + 2 * 128 * tokens;

  test("a transfer starts when both ends are posted, and both end together", () => {
    const ops: HandOp[] = [send(0, 1, 1000), { kind: "compute", rank: 1, stream: 1 }, receive(1, 0, 1000)];
    expect(spans({ ranks: 2, ops, computes, transport: "two-sided" })).toEqual([
      [0, 41_000 + pairNs(1000)],
      [0, 41_000],
      [41_000, 41_000 + pairNs(1000)],
    ]);
  });

  test("a group is posted together and the next op waits for all of it", () => {
    const ops: HandOp[] = [
      send(0, 1, 1000, { group: 1 }),
      receive(0, 1, 2000, { group: 1 }),
      send(1, 0, 2000, { group: 2 }),
      receive(1, 0, 1000, { group: 2 }),
      { kind: "compute", rank: 0, stream: 1 },
    ];
    expect(spans({ ranks: 2, ops, computes, transport: "two-sided" })).toEqual([
      [0, pairNs(1000)],
      [0, pairNs(2000)],
      [0, pairNs(2000)],
      [0, pairNs(1000)],
      [pairNs(2000), pairNs(2000) + 41_000],
    ]);
  });

  test("between machines it pays the network's rendezvous and message overhead", () => {
    const ops = [send(0, 1, 100), receive(1, 0, 100)];
    const endNs = 1000 + 10_000 + 2200 + (12_800 + 1000) * 10;
    expect(spans({ ranks: 2, ops, transport: "two-sided" }, 2)).toEqual([
      [0, endNs],
      [0, endNs],
    ]);
  });

  test("a resident communication kernel slows kernels beside it, its waiting included", () => {
    // The receive comes 41,000 later; rank 0 lacks 2 of 10 multiprocessors from 1,000 on.
    const ops: HandOp[] = [
      send(0, 1, 1000),
      { kind: "compute", rank: 0 },
      { kind: "compute", rank: 1, stream: 1 },
      receive(1, 0, 1000),
    ];
    const [, beside] = spans({ ranks: 2, ops, computes, transport: "two-sided" });
    expect(beside).toEqual([0, 1000 + 40_000 / 0.8]);
  });

  test("its multiprocessors come back when the whole group has ended", () => {
    const ops: HandOp[] = [send(0, 1, 100), receive(1, 0, 100), { kind: "compute", rank: 0 }];
    const endNs = pairNs(100);
    const [, , beside] = spans({ ranks: 2, ops, computes, transport: "two-sided" });
    // At 0.8 from 1,000 on, at full rate after the end of the send.
    expect(beside).toEqual([0, endNs + 40_000 - 0.8 * (endNs - 1000)]);
  });

  test.each([
    { share: 0, waves: 1 },
    { share: 0.5, waves: 3 },
    { share: 1, waves: 4 },
  ])("launched behind attention of four waves it lets $waves of them pass at share $share", ({ share, waves }) => {
    const ops: HandOp[] = [
      attend(0, 1000, 4 * 1280),
      { kind: "compute", rank: 0, stream: 2 },
      receive(1, 0, 100),
      send(0, 1, 100, { deps: [1] }),
    ].map((op) => op as HandOp);
    const work = [{ name: "short", flops: 0, bytes: 0 }];
    const ranks = 2;
    const barriers = [0, 1].map((rank): HandOp => ({ kind: "barrier", rank }));
    const all = [...barriers, ...ops.map((op) => ({ ...op, deps: [op.rank, ...(op.deps ?? []).map((id) => id + 2)] }))];
    const schedule = handSchedule({ ranks, ops: all, computes: work, transport: "two-sided" });
    const prediction = simulate(schedule, handTopology(2), {
      constants: { ...constants, launchedBehindShare: share },
    });
    const begin = prediction.startNs[2]! + 1000;
    const waveNs = attendNs(4 * 1280, 1000, 4) / 4;
    // The rendezvous follows the gap at once: the receive has long been resident.
    const residentNs = prediction.endNs[5]! - (pairNs(100) - 1000);
    expect(residentNs).toBeCloseTo(begin + waves * waveNs, 3);
  });

  test("makeConstants refuses unknown names and implausible values", () => {
    expect(() => makeConstants({ nonsense: 1 } as Partial<Constants>)).toThrow("unknown constant");
    expect(() => makeConstants({ fabricPutNs: Number.NaN })).toThrow("expected fabricPutNs from");
    expect(makeConstants({ fabricPutNs: 2000 }).fabricPutNs).toBe(2000);
  });
});

describe("barriers", () => {
  test("start together when all may start, and take rounds inside and between machines", () => {
    const ops: HandOp[] = [
      { kind: "compute", rank: 1 },
      ...[0, 1, 2, 3].map((rank): HandOp => ({ kind: "barrier", rank })),
    ];
    const computes = [{ name: "work", flops: 0, bytes: 10_000 }];
    // ⌈log2 2⌉ rounds of 1000 and ⌈log2 2⌉ of 4000.
    expect(spans({ ranks: 4, ops, computes }, 2).slice(1)).toEqual([0, 1, 2, 3].map(() => [11_000, 16_000]));
  });
});

describe("what cannot run is refused", () => {
  const run = (ops: HandOp[]) => simulate(handSchedule({ ranks: 2, ops }), handTopology(2), { constants });

  test("a wait that nobody satisfies", () => {
    expect(() => run([{ kind: "wait", rank: 0, signal: 0, value: 1 }])).toThrow("which no earlier op writes");
  });

  test("a send without receive", () => {
    expect(() => run([send(0, 1, 10)])).toThrow("op 0, a send, has no other end");
  });

  test("barriers that do not match", () => {
    expect(() => run([{ kind: "barrier", rank: 0 }])).toThrow("rank 0 has 1 barriers, rank 1 has 0");
  });

  test("a dependency that stands later", () => {
    expect(() => run([{ kind: "copy", rank: 0, deps: [0] }])).toThrow("does not stand before it");
  });

  test("sends that wait for each other", () => {
    const ops = [send(0, 1, 10), receive(0, 1, 10), send(1, 0, 10), receive(1, 0, 10)];
    expect(() => run(ops)).toThrow("op 0 (send of rank 0) never ends");
  });

  test("more ranks than the topology has", () => {
    const schedule = handSchedule({ ranks: 3, ops: [] });
    expect(() => simulate(schedule, handTopology(2))).toThrow("3 ranks");
  });
});
