import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planSchedule } from "../plan/methods/index.ts";
import type { Method, Mesh, Schedule, Transport } from "../plan/schedule/schedule.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { makeConstants } from "./constants.ts";
import { runSchedule } from "./engine.ts";
import { type HandOp, type HandTile, handSchedule, handTopology, hostDevice } from "./hand-made.test-support.ts";
import { compileMachine, type Machine } from "./machine.ts";
import { runSlowly } from "./slow-twin.ts";
import { campaign, seed } from "../test/support/campaign.ts";

/** What a random schedule is drawn from: at each step something happens on some ranks. */
interface Step {
  readonly what: "kernel" | "put" | "get" | "notify" | "ring" | "pair" | "barrier" | "local";
  readonly rank: number;
  readonly other: number;
  readonly stream: number;
  readonly waitStream: number;
  readonly tokens: number;
  readonly more: number;
  readonly back: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom("kernel", "kernel", "put", "get", "notify", "ring", "pair", "barrier", "local"),
  rank: fc.nat(5),
  other: fc.nat(5),
  stream: fc.nat(3),
  waitStream: fc.nat(3),
  tokens: fc.integer({ min: 0, max: 3000 }),
  more: fc.integer({ min: 1, max: 2000 }),
  back: fc.nat(6),
});

/** Ops of the steps, valid by construction: predecessors stand earlier, and both ends of a pair are appended together. */
function opsOf(steps: readonly Step[], ranks: number, isTwoSided: boolean): HandOp[] {
  const ops: HandOp[] = [];
  let group = 0;
  let signals = 0;
  const tile = (tensor: HandTile["tensor"], tokens: number): HandTile => ({ tensor, tokens });
  const barrier = () => {
    for (let rank = 0; rank < ranks; rank++) ops.push({ kind: "barrier", rank });
  };
  /** Some earlier op of the rank. */
  const depsOf = (rank: number, back: number) => {
    const own = ops.flatMap((op, id) => (op.rank === rank ? [id] : []));
    return own.slice(-1 - back).slice(0, 1);
  };
  const transfer = (rank: number, peer: number, tokens: number, stream: number, deps: number[]): HandOp[] => [
    { kind: "send", rank, peer, stream, group, deps, from: [tile("Q", tokens)] },
    { kind: "receive", rank: peer, peer: rank, stream, group, to: [tile("Q", tokens)] },
  ];
  barrier();
  for (const { what, stream, waitStream, tokens, more, back, ...ends } of steps) {
    const rank = ends.rank % ranks;
    const other = ends.other % ranks;
    const deps = depsOf(rank, back);
    if (what === "barrier") barrier();
    else if (what === "kernel" && more % 4 > 0) {
      const from = [tile("Q", more), tile("KV", tokens)];
      ops.push({ kind: "attend", rank, stream: more % 2, deps, from, to: [tile("O", more)] });
    } else if (what === "kernel") {
      ops.push({ kind: "copy", rank, stream: more % 3, deps, from: [tile("Q", more)], to: [tile("Q", more)] });
    } else if (!isTwoSided && (what === "put" || what === "local" || what === "notify")) {
      const peer = what === "local" ? rank : other;
      const signal = signals++;
      const kind = what === "notify" ? "notify" : "put";
      const tiles = kind === "put" ? { from: [tile("KV", tokens)], to: [tile("KV", tokens)] } : {};
      const isSilent = kind === "put" && more % 5 === 0;
      ops.push({ kind, rank, peer, stream, deps, ...tiles, ...(isSilent ? {} : { signal, value: 1 }) });
      if (!isSilent && more % 3 > 0) {
        ops.push({ kind: "wait", rank: peer, stream: waitStream, signal, value: 1, deps: depsOf(peer, more % 3) });
      }
    } else if (!isTwoSided && what === "get") {
      ops.push({ kind: "get", rank, peer: other, stream, deps, from: [tile("Q", tokens)], to: [tile("Q", tokens)] });
    } else if (isTwoSided && what === "pair" && rank !== other) {
      group++;
      ops.push(...transfer(rank, other, tokens, stream, deps));
    } else if (isTwoSided && what === "ring" && ranks > 1) {
      group++;
      const before = Array.from({ length: ranks }, (_, at) => depsOf(at, back));
      for (const [at, own] of before.entries()) {
        ops.push(...transfer(at, (at + 1) % ranks, tokens + at * more, stream, own));
      }
    }
  }
  barrier();
  return ops;
}

const machineShape = fc.constantFrom([2, 1], [3, 1], [4, 2], [6, 2], [6, 3]) as fc.Arbitrary<[number, number]>;

/** Equal within 1e-9 of the value, or of the makespan where values are sums over all of it. */
function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string, makespanNs = 1): void {
  for (const [index, value] of expected.entries()) {
    const error = Math.abs(actual[index]! - value);
    if (!(error <= 1e-9 * Math.max(makespanNs, value))) {
      expect.fail(`${what} of ${index}: ${actual[index]} instead of ${value}`);
    }
  }
}

function expectTwinsAgree(schedule: Schedule, machine: Machine, constants = makeConstants()): void {
  const fast = runSchedule(schedule, machine, constants);
  const slow = runSlowly(schedule, machine, constants);
  const makespanNs = Math.max(...slow.endNs);
  expectClose(fast.startNs, slow.startNs, "start");
  expectClose(fast.endNs, slow.endNs, "end");
  expectClose(fast.accounts.computeNs, slow.computeNs, "compute", makespanNs);
  expectClose(fast.accounts.communicationNs, slow.communicationNs, "communication", makespanNs);
  expectClose(fast.accounts.exposedNs, slow.exposedNs, "exposed", makespanNs);
}

const planned: readonly (readonly [Method, Mesh])[] = [
  ["ulysses", { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 4, ringIntra: 1 }],
  ["usp", { ulyssesInter: 1, ringInter: 2, ulyssesIntra: 2, ringIntra: 1 }],
  ["tas", { ulyssesInter: 2, ringInter: 1, ulyssesIntra: 1, ringIntra: 2 }],
  ["torus", { ulyssesInter: 2, ringInter: 1, ulyssesIntra: 2, ringIntra: 1 }],
];

function plan(method: Method, mesh: Mesh, transport: Transport) {
  const workload = makeWorkload({ tokens: 3001, heads: 4, headDim: 64 });
  return planSchedule({ workload, method, mesh, transport, tiles: 1 });
}

describe.each(["one-sided", "two-sided"] as const)("%s", (transport) => {
  test("the engine agrees with the slow twin", () => {
    const property = fc.property(
      fc.array(step, { minLength: 1, maxLength: 40, size: "max" }),
      machineShape,
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(0, 0.3, 1),
      fc.constantFrom("full", "causal"),
      (steps, [ranks, machines], copyEngines, launchedBehindShare, mask) => {
        const ops = opsOf(steps, ranks, transport === "two-sided");
        const schedule = handSchedule({ ranks, ops, transport, workload: { mask: mask as "full" | "causal" } });
        const machine = compileMachine(handTopology(ranks, machines, { copyEngines }));
        const constants = makeConstants({ launchedBehindShare, twoSidedMultiprocessors: 2 });
        expectTwinsAgree(schedule, machine, constants);
      },
    );
    fc.assert(property, { numRuns: campaign(3000), seed });
  });

  test("the engine agrees with the slow twin on ranks of hosts", () => {
    const property = fc.property(
      fc.array(step, { minLength: 1, maxLength: 40, size: "max" }),
      machineShape,
      fc.record({
        cores: fc.constantFrom(1, 1.9, 2, 16),
        sharedBy: fc.constantFrom("topology" as const, "machine" as const),
        copyBytesPerSecond: fc.constantFrom(5e7, 1e9),
        opNs: fc.constantFrom(0, 100, 5000),
        wakeNs: fc.constantFrom(0, 1000, 50_000),
      }),
      fc.constantFrom("full", "causal"),
      (steps, [ranks, machines], host, mask) => {
        const ops = opsOf(steps, ranks, transport === "two-sided");
        const workload = { dtype: "fp32" as const, mask: mask as "full" | "causal" };
        const schedule = handSchedule({ ranks, ops, transport, workload });
        const machine = compileMachine(handTopology(ranks, machines, hostDevice(host)));
        expectTwinsAgree(schedule, machine);
      },
    );
    fc.assert(property, { numRuns: campaign(3000), seed });
  });

  test.each(planned)("the engine agrees with the slow twin on %s over %j", (method, mesh) => {
    const schedule = plan(method, mesh, transport);
    const { ringInter, ulyssesInter } = mesh;
    const machine = compileMachine(handTopology(schedule.ranks, ringInter * ulyssesInter, { copyEngines: 2 }));
    expectTwinsAgree(schedule, machine);
  });
});
