import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { plans } from "../../test/support/plans.ts";
import { planSchedule } from "../methods/index.ts";
import type { Schedule, Transport } from "../schedule/schedule.ts";
import { type Draft, type DraftOp, freeze, thaw } from "./draft.test-support.ts";
import { createHappensBefore, type HappensBefore } from "./happens-before.ts";
import { linkOps } from "./link-ops.ts";
import { checkOrder } from "./order.ts";
import { createOrderTwin } from "./order-twin.test-support.ts";
import { createReport } from "./report.ts";
import { newOp, ringDraft } from "./ring.test-support.ts";

/** Happens-before of a schedule; null where its order is wrong. */
function orderOf(schedule: Schedule): HappensBefore | null {
  const report = createReport(schedule, 10);
  const links = linkOps(schedule, report);
  checkOrder(schedule, links, report);
  return report.isEmpty() ? createHappensBefore(schedule, links, Number.POSITIVE_INFINITY) : null;
}

/** Pairs in which query and twin disagree: of all ops, or of as many as asked for, in the order that `pick` gives. */
function disagreements(schedule: Schedule, draft: Draft, numPairs: number, pick: (limit: number) => number): string[] {
  const order = orderOf(schedule);
  if (order === null) return ["its order is wrong"];
  const twin = createOrderTwin(draft);
  const wrong: string[] = [];
  for (let i = 0; i < numPairs; i++) {
    const [a, b] = [pick(draft.ops.length), pick(draft.ops.length)];
    if (order.before(a, b) !== twin.before(a, b)) wrong.push(`${a} before ${b}: expected ${twin.before(a, b)}`);
  }
  return wrong;
}

/** Random order structures, without data: what the methods never make is in them too. */
interface Shape {
  readonly ranks: number;
  readonly streams: number;
  readonly steps: readonly number[];
}

const shapes = fc.record({
  ranks: fc.integer({ min: 1, max: 4 }),
  streams: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(fc.nat(2 ** 30), { minLength: 5, maxLength: 60 }),
});

/** A small deterministic source of choices out of one number. */
function choices(from: number): (limit: number) => number {
  let state = from >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function draftOf(shape: Shape, transport: Transport): Draft {
  const { ranks, streams } = shape;
  const head = { ...ringDraft(transport).head, ranks, streams: Array.from({ length: streams }, (_, i) => `s${i}`) };
  const draft: Draft = { head, slots: [], signals: [], ops: [] };
  const barrier = (choose: (limit: number) => number) => {
    for (let rank = 0; rank < ranks; rank++) place(draft, choose, { kind: "barrier", rank });
  };
  barrier(choices(0));
  for (const step of shape.steps) {
    const choose = choices(step);
    if (choose(8) === 0) barrier(choose);
    else if (transport === "one-sided") addOneSided(draft, choose);
    else addRound(draft, choose);
  }
  barrier(choices(0));
  return draft;
}

/** Appends an op with some dependencies on earlier ops of its rank. */
function place(draft: Draft, choose: (limit: number) => number, op: Partial<DraftOp> & Pick<DraftOp, "kind" | "rank">) {
  const earlier = draft.ops.filter(
    (other) => other.rank === op.rank && (op.group === undefined || other.group !== op.group),
  );
  const deps = earlier.length === 0 ? [] : Array.from({ length: choose(3) }, () => earlier[choose(earlier.length)]!);
  draft.ops.push(newOp({ ...op, deps }));
}

function addOneSided(draft: Draft, choose: (limit: number) => number): void {
  const { ranks, streams } = draft.head;
  const rank = choose(ranks);
  const stream = choose(streams.length);
  const kind = choose(3);
  if (kind === 0) place(draft, choose, { kind: "compute", rank, stream });
  if (kind === 1) {
    const peer = choose(ranks);
    let signal = draft.signals.findIndex((s) => s.rank === peer && s.writerRank === rank && s.writerStream === stream);
    if (signal === -1)
      signal =
        draft.signals.push({ rank: peer, word: draft.signals.length, writerRank: rank, writerStream: stream }) - 1;
    const signalValue = draft.ops.filter((op) => op.kind === "notify" && op.signal === signal).length + 1;
    place(draft, choose, { kind: "notify", rank, stream, peer, signal, signalValue });
  }
  const writes = draft.ops.filter((op) => op.kind === "notify" && op.peer === rank);
  if (kind !== 2 || writes.length === 0) return;
  const write = writes[choose(writes.length)]!;
  place(draft, choose, { kind: "wait", rank, stream, signal: write.signal, signalValue: write.signalValue });
}

/** Some transfers that are posted together, or one alone. A pair of ranks keeps to its streams. */
function addRound(draft: Draft, choose: (limit: number) => number): void {
  const { ranks, streams } = draft.head;
  if (ranks === 1 || choose(3) === 0) {
    place(draft, choose, { kind: "compute", rank: choose(ranks), stream: choose(streams.length) });
    return;
  }
  const earlier = draft.ops.length;
  const group = choose(4) === 0 ? 0 : earlier + 1;
  const count = group === 0 ? 1 : 1 + choose(2 * ranks);
  for (let i = 0; i < count; i++) {
    const rank = choose(ranks);
    const peer = (rank + 1 + choose(ranks - 1)) % ranks;
    place(draft, choose, { kind: "send", rank, peer, group, stream: (rank + peer) % streams.length });
    place(draft, choose, {
      kind: "receive",
      rank: peer,
      peer: rank,
      group,
      stream: (2 * rank + peer) % streams.length,
    });
    // A member of a group does not depend on another: neither could be posted.
    for (const op of draft.ops.slice(-2)) op.deps = op.deps.filter((dep) => draft.ops.indexOf(dep) < earlier);
  }
}

describe("happens-before", () => {
  for (const transport of ["one-sided", "two-sided"] as const) {
    test(`equals its slow twin on random ${transport} orders`, () => {
      fc.assert(
        fc.property(shapes, fc.nat(), (shape, start) => {
          const draft = draftOf(shape, transport);
          const numPairs = 2 * draft.ops.length ** 2;
          expect(disagreements(freeze(draft), draft, numPairs, choices(start))).toEqual([]);
        }),
        { numRuns: campaign(2000), seed },
      );
    });
  }

  test("equals its slow twin on plans", () => {
    const small = plans.filter(({ tiles, groups }) => tiles <= 2 && groups === 1);
    fc.assert(
      fc.property(small, fc.nat(), (request, start) => {
        const schedule = planSchedule(request);
        fc.pre(schedule.ops.kind.length <= 1500);
        expect(disagreements(schedule, thaw(schedule), 20_000, choices(start))).toEqual([]);
      }),
      { numRuns: campaign(300), seed },
    );
  });
});
