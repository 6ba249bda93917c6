import { describe, expect, test } from "vitest";
import type { OpKind, Schedule, Transport } from "../schedule/schedule.ts";
import { checkSchedule } from "./check-schedule.ts";
import { type Draft, type DraftOp, freeze } from "./draft.test-support.ts";
import { newOp, RingSlot, RingStream, ringDraft, ringSchedule, ringTile } from "./ring.test-support.ts";
import { RULES, type Rule } from "./rules.ts";

/** The n-th op of a kind at a rank. */
function opOf(draft: Draft, kind: OpKind, rank: number, n = 0): DraftOp {
  return draft.ops.filter((op) => op.kind === kind && op.rank === rank)[n]!;
}

function remove(draft: Draft, ...ops: readonly DraftOp[]): void {
  draft.ops = draft.ops.filter((op) => !ops.includes(op));
}

/** Moves an op to stand right before (0) or after (1) another. */
function moveTo(draft: Draft, op: DraftOp, other: DraftOp, after: 0 | 1): void {
  remove(draft, op);
  draft.ops.splice(draft.ops.indexOf(other) + after, 0, op);
}

function addSlot(draft: Draft, change: Partial<Draft["slots"][number]>): number {
  return draft.slots.push({ ...draft.slots[RingSlot.ring]!, name: "more", offset: 4096, ...change }) - 1;
}

function changeSlot(draft: Draft, slot: number, change: Partial<Draft["slots"][number]>): void {
  draft.slots[slot] = { ...draft.slots[slot]!, ...change };
}

/** A mistake in the ring of `ring.test-support.ts`, and the first rule that it breaks. */
interface Plant {
  readonly rule: Rule;
  readonly what: string;
  readonly transport: Transport;
  readonly change: (draft: Draft) => void;
  /** What the columns alone can express. */
  readonly corrupt?: (schedule: Schedule) => Schedule;
}

const plants: Plant[] = [];

function plant(rule: Rule, what: string, change: Plant["change"], transport: Transport = "one-sided"): void {
  plants.push({ rule, what, transport, change });
}

function corrupt(rule: Rule, what: string, change: (schedule: Schedule) => Schedule): void {
  plants.push({ rule, what, transport: "one-sided", change: () => {}, corrupt: change });
}

plant("slot-place", "a slot starts at an odd byte", (d) => changeSlot(d, RingSlot.ring, { offset: 769 }));
plant("slot-bytes", "a slot is too short", (d) => changeSlot(d, RingSlot.ring, { bytes: 128 }));
plant("slot-roles", "there is no output", (d) => changeSlot(d, RingSlot.O, { role: "scratch" }));
plant("shard-slot", "an input is too short for the shard", (d) => changeSlot(d, RingSlot.Q, { rows: 1 }));
plant("inputs-overlap", "both inputs lie in the same bytes", (d) => changeSlot(d, RingSlot.KV, { offset: 0 }));
corrupt("heap-peak", "the heap is said to be smaller", (s) => ({ ...s, heapBytes: s.heapBytes - 1 }));
corrupt("heap-peak", "the accumulators are said to be larger", (s) => ({ ...s, accumulatorBytes: 4096 }));
plant("tile-range", "a tile reaches beyond the sequence", (d) => {
  opOf(d, "attend", 3).from[1]!.token = 7;
});
plant("tile-range", "a tile has more heads than there are", (d) => {
  opOf(d, "attend", 3).from[1]!.head = 1;
});
plant("slot-bounds", "a tile lies beyond its slot", (d) => {
  opOf(d, "put", 0).to[0]!.row = 3;
});
plant("slot-planes", "KV lies in a slot of B planes", (d) => {
  opOf(d, "put", 0).to[0]!.slot = RingSlot.O;
});
plant("slot-use", "an attend adds to a slot of the heap", (d) => {
  opOf(d, "attend", 0).to[0]!.slot = RingSlot.O;
});
plant("op-fields", "an attend has a peer", (d) => {
  opOf(d, "attend", 0).peer = 1;
});
plant("op-fields", "a barrier is not on stream 0", (d) => {
  opOf(d, "barrier", 0).stream = 1;
});
plant("op-fields", "a notify has no value", (d) => {
  opOf(d, "notify", 0).signalValue = 0;
});
plant("op-operands", "a put has one operand less to than from", (d) => {
  opOf(d, "put", 0).to = [];
});
plant("op-operands", "an attend has O as keys", (d) => {
  opOf(d, "attend", 0).from[1] = ringTile("O", 0, RingSlot.O);
});
plant("op-transport", "a one-sided schedule sends", (d) => {
  opOf(d, "notify", 0).kind = "send";
});
plant("empty-op", "a put of no tokens", (d) => {
  for (const operand of [...opOf(d, "put", 0).from, ...opOf(d, "put", 0).to]) operand.numTokens = 0;
});
plant("empty-op", "an attend with keys that its queries may not see", (d) => {
  d.head = { ...d.head, workload: { ...d.head.workload, mask: "causal" } };
});
plant("pair-tiles", "a put renames its tile", (d) => {
  opOf(d, "put", 0).to[0]!.token += 2;
});
plant("pair-tiles", "an attend adds to the sum of another tile", (d) => {
  opOf(d, "attend", 0).to[0]!.token += 2;
});
plant("attend-heads", "queries meet the keys of other heads", (d) => {
  for (const operand of [opOf(d, "attend", 0).from[0]!, opOf(d, "attend", 0).to[0]!]) operand.numHeads = 1;
});
plant("contiguity", "half of the heads go to another machine", (d) => {
  d.head = { ...d.head, mesh: { ulyssesInter: 1, ringInter: 2, ulyssesIntra: 1, ringIntra: 2 } };
  for (const operand of [...opOf(d, "put", 1).from, ...opOf(d, "put", 1).to]) operand.numHeads = 1;
});
plant("foreign-data", "a put into another group", (d) => {
  d.head = { ...d.head, groups: 2, mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 2 } };
  for (const slot of [RingSlot.Q, RingSlot.KV, RingSlot.O])
    changeSlot(d, slot, { rows: 4, bytes: 512, offset: 512 * slot });
  changeSlot(d, RingSlot.ring, { offset: 4096 });
});
plant("compute-work", "a rank's work is left out", (d) => remove(d, opOf(d, "compute", 2)));
plant("compute-work", "a rank does the work that belongs after attention first", (d) => {
  opOf(d, "compute", 2).work = 1;
});
plant("compute-work", "a rank works twice", (d) => {
  d.ops.splice(d.ops.indexOf(opOf(d, "compute", 2)), 0, newOp({ kind: "compute", rank: 2 }));
});

plant("barrier-ends", "a rank begins with an attend", (d) => moveTo(d, opOf(d, "barrier", 1), opOf(d, "attend", 1), 1));
plant("barrier-count", "a rank has a barrier more", (d) => {
  d.ops.splice(d.ops.indexOf(opOf(d, "finalize", 1)), 0, newOp({ kind: "barrier", rank: 1 }));
});
plant("outside-barriers", "a stream begins without the first barrier", (d) => {
  const put = opOf(d, "put", 1);
  const spare = newOp({ kind: "notify", rank: 1, stream: RingStream.credit, peer: 0, signal: 16, signalValue: 1 });
  d.signals.push({ rank: 0, word: 9, writerRank: 1, writerStream: RingStream.credit });
  d.ops.splice(d.ops.indexOf(put), 0, spare);
  opOf(d, "notify", 1, 1).deps = [];
});
plant("outside-barriers", "the last barrier does not wait for a put", (d) => {
  opOf(d, "barrier", 1, 1).deps = [];
});
plant("dependency-rank", "a dependency on another rank", (d) => opOf(d, "attend", 0, 1).deps.push(opOf(d, "put", 3)));
plant("dependency-order", "a dependency on a later op", (d) => opOf(d, "put", 0).deps.push(opOf(d, "attend", 0)));
plant("wait-order", "a wait stands before what it awaits", (d) =>
  moveTo(d, opOf(d, "put", 3), opOf(d, "finalize", 0), 1),
);
plant("wait-unsatisfiable", "a wait for more than is ever written", (d) => {
  opOf(d, "wait", 0, 2).signalValue = 9;
});
plant("wait-unsatisfiable", "the put of an awaited signal is left out", (d) => remove(d, opOf(d, "put", 3, 2)));
plant("barrier-order", "a rank's last barrier stands before another's op", (d) => {
  moveTo(d, opOf(d, "barrier", 0, 1), opOf(d, "finalize", 3), 0);
});
plant(
  "rendezvous-order",
  "what a receive depends on stands within the rendezvous",
  (d) => moveTo(d, opOf(d, "attend", 1, 1), opOf(d, "send", 0, 2), 1),
  "two-sided",
);
plant("unmatched-send", "a receive is left out", (d) => remove(d, opOf(d, "receive", 1, 2)), "two-sided");
plant("unmatched-receive", "a send is left out", (d) => remove(d, opOf(d, "send", 1, 2)), "two-sided");
plant(
  "crossed-receive",
  "two receives from one rank are exchanged",
  (d) => {
    const [a, b] = [opOf(d, "receive", 1, 0), opOf(d, "receive", 1, 1)];
    [a.to, b.to] = [b.to, a.to];
  },
  "two-sided",
);
plant(
  "pair-stream",
  "a send of a pair is on another stream",
  (d) => {
    const send = opOf(d, "send", 1, 2);
    send.stream = RingStream.credit;
    send.deps = [opOf(d, "attend", 1, 1)];
  },
  "two-sided",
);
plant(
  "split-group",
  "a group comes back",
  (d) => {
    opOf(d, "send", 1, 2).group = 1;
  },
  "two-sided",
);
plant(
  "deadlock",
  "two ranks send to each other before they receive",
  (d) => {
    // Everyone posts the send of the first step alone: the ring of sends never closes.
    for (const op of d.ops) if (op.group === 1) op.group = op.kind === "send" ? 0 : 1;
    for (const rank of [0, 1, 2, 3]) moveTo(d, opOf(d, "send", rank), opOf(d, "receive", 0), 0);
  },
  "two-sided",
);
plant("deadlock", "two ranks wait for each other's credit", (d) => {
  for (const rank of [0, 1, 2, 3]) opOf(d, "notify", rank).deps.push(opOf(d, "put", rank, 2));
});

plant("signal-word", "two signals share a word", (d) => {
  d.signals[1]!.word = 0;
});
plant("signal-writer", "another stream writes the word", (d) => {
  d.signals[opOf(d, "put", 0).signal]!.writerStream = RingStream.credit;
});
plant("signal-holder", "a put writes a word of another rank than its target", (d) => {
  d.signals[opOf(d, "put", 0).signal]!.rank = 0;
});
plant("signal-holder", "a wait on a word of another rank", (d) => {
  opOf(d, "wait", 1, 0).signal = opOf(d, "wait", 2, 0).signal;
});
plant("signal-sequence", "the first write sets 2", (d) => {
  opOf(d, "put", 0).signalValue = 2;
});
plant("signal-overtaken", "a word is written again before anyone has waited for it", (d) => {
  // The wait in between asks for less than it should and the last one for all: nobody has seen 1 in time.
  const spare = d.signals.push({ rank: 1, word: 9, writerRank: 0, writerStream: RingStream.credit }) - 1;
  const notify = { kind: "notify", rank: 0, peer: 1, stream: RingStream.credit, signal: spare } as const;
  const last = d.ops.indexOf(opOf(d, "finalize", 0));
  d.ops.splice(last, 0, newOp({ ...notify, signalValue: 1 }), newOp({ ...notify, signalValue: 2 }));
  d.ops.find((op) => op.kind === "barrier" && op.rank === 0 && op !== d.ops[0])!.deps.push(d.ops[last + 1]!);
});

plant("signal-overtaken", "a word is written again before its holder has waited, though it does later", (d) => {
  const notify = opOf(d, "notify", 0);
  const second = newOp({ ...notify, signalValue: 2, deps: [] });
  d.ops.splice(d.ops.indexOf(notify) + 1, 0, second);
  opOf(d, "barrier", 0, 1).deps.push(second);
});

plant("read-content", "an attend reads a place that nothing has filled", (d) => {
  opOf(d, "attend", 0).from[1]!.slot = RingSlot.ring;
});
plant("read-content", "an attend reads another tile than the one there", (d) => {
  opOf(d, "attend", 0, 1).from[1]!.token = 0;
});
plant("read-too-early", "an attend does not wait for the block", (d) => {
  opOf(d, "attend", 0, 1).deps = [];
});
plant("read-too-early", "a later put's signal stands for an earlier one without", (d) => {
  // The put of the last step needs no signal of its own if its stream's next op, a notify, would do; it does not.
  const put = opOf(d, "put", 3, 2);
  const spare = d.signals.push({ rank: 0, word: 9, writerRank: 3, writerStream: RingStream.intra }) - 1;
  const notify = newOp({ kind: "notify", rank: 3, peer: 0, stream: RingStream.intra, signal: spare, signalValue: 1 });
  d.ops.splice(d.ops.indexOf(put) + 1, 0, notify);
  const wait = d.ops.find(
    (op) => op.kind === "wait" && op.signal === put.signal && op.signalValue === put.signalValue,
  )!;
  put.signalValue = 0;
  Object.assign(wait, { signal: spare, signalValue: 1 });
  opOf(d, "barrier", 3, 1).deps.push(notify);
});
plant("overwritten-read", "a put does not wait for its credit", (d) => {
  remove(d, d.ops.find((op) => op.kind === "wait" && op.rank === 1 && op.signal % 4 > 1)!);
});
plant("overwritten-read", "a credit does not wait for the attend", (d) => {
  opOf(d, "notify", 2).deps.shift();
});
plant("overwritten-write", "two ops of different streams write one place", (d) => {
  const finalize = opOf(d, "finalize", 0);
  const copy = newOp({
    kind: "copy",
    rank: 0,
    stream: RingStream.credit,
    from: [ringTile("O", 0, RingSlot.O)],
    to: [{ ...ringTile("O", 0, addSlot(d, { planes: 1, rows: 2, bytes: 64 })), row: 0 }],
    deps: [finalize],
  });
  const again = newOp({ ...copy, from: copy.to, to: copy.from, deps: [] });
  const silent = newOp({ ...again, stream: RingStream.intra, deps: [copy] });
  d.ops.splice(d.ops.indexOf(finalize) + 1, 0, copy, again, silent);
  opOf(d, "barrier", 0, 1).deps.push(again, silent);
});
plant("unread-data", "the last block is sent once more", (d) => {
  const copy = newOp({
    kind: "copy",
    rank: 0,
    from: [ringTile("Q", 0, RingSlot.Q)],
    to: [ringTile("Q", 0, addSlot(d, { planes: 1, rows: 2, bytes: 64 }))],
  });
  d.ops.splice(d.ops.indexOf(opOf(d, "finalize", 0)), 0, copy);
});

plant("accumulator-order", "two attends of one accumulator on two streams", (d) => {
  const attend = opOf(d, "attend", 0, 1);
  attend.stream = RingStream.credit;
  attend.deps.push(opOf(d, "barrier", 0));
  opOf(d, "barrier", 0, 1).deps.push(attend);
});
plant("accumulator-order", "an accumulator is merged into itself", (d) => {
  const finalize = opOf(d, "finalize", 0);
  const sum = finalize.from;
  d.ops.splice(d.ops.indexOf(finalize), 0, newOp({ kind: "merge", rank: 0, from: sum, to: sum }));
});
plant("accumulator-tile", "another tile is added to a sum", (d) => {
  const attend = opOf(d, "attend", 1, 1);
  for (const operand of [attend.from[0]!, attend.to[0]!]) operand.token = 0;
});
plant("accumulator-shared", "two accumulators of different shapes share bytes", (d) => {
  const wide = { planes: 1, rows: 4, columns: 1, bytes: 80, offset: 0, role: "accumulator" } as const;
  const slot = addSlot(d, wide);
  const [attend, finalize] = [opOf(d, "attend", 0, 3), opOf(d, "finalize", 0)];
  const half = (operand: DraftOp["from"][number], head: number) => ({ ...operand, head, column: head, numHeads: 1 });
  attend.from = attend.from.map((operand) => half(operand, 0));
  attend.to = [{ ...half(attend.to[0]!, 0), slot, column: 0 }];
  finalize.from = finalize.from.map((operand) => ({ ...operand }));
});
plant("attended-twice", "an attend is doubled", (d) => {
  const attend = opOf(d, "attend", 0, 2);
  d.ops.splice(d.ops.indexOf(attend) + 1, 0, newOp({ ...attend, deps: [attend] }));
});
plant("attended-twice", "an attend has a block twice", (d) => {
  const attend = opOf(d, "attend", 0, 2);
  attend.from.push({ ...attend.from[1]! });
});
plant("not-attended", "an attend is left out", (d) => remove(d, opOf(d, "attend", 0, 2)));
plant("not-attended", "a sum is finalized too early", (d) =>
  moveTo(d, opOf(d, "attend", 0, 3), opOf(d, "finalize", 0), 1),
);
plant("not-finalized", "an attend comes after the end of its sum", (d) =>
  moveTo(d, opOf(d, "attend", 0, 3), opOf(d, "finalize", 0), 1),
);
plant("output", "a finalize is left out", (d) => remove(d, opOf(d, "finalize", 0)));
plant("output", "half of the heads are finalized", (d) => {
  d.head = { ...d.head, workload: { ...d.head.workload, after: [] } };
  for (const rank of [0, 1, 2, 3]) remove(d, opOf(d, "compute", rank, 1));
  for (const operand of [...opOf(d, "finalize", 0).from, ...opOf(d, "finalize", 0).to]) operand.numHeads = 1;
});
plant("compute-order", "a second work on another stream", (d) => {
  d.head = {
    ...d.head,
    workload: { ...d.head.workload, after: [...d.head.workload.after, d.head.workload.after[0]!] },
  };
  for (const rank of [0, 1, 2, 3]) {
    const last = opOf(d, "barrier", rank, 1);
    const again = newOp({
      kind: "compute",
      rank,
      work: 1,
      stream: RingStream.intra,
      deps: [opOf(d, "finalize", rank)],
    });
    d.ops.splice(d.ops.indexOf(opOf(d, "compute", rank, 1)) + 1, 0, again);
    last.deps.push(again);
  }
});

describe("the hand-written ring", () => {
  test.each(["one-sided", "two-sided"] as const)("%s has no findings", (transport) => {
    expect(checkSchedule(ringSchedule(transport))).toEqual([]);
  });
});

test("ops of a group are posted together: the dependency of one holds for all", () => {
  const draft = ringDraft("two-sided");
  const [send, receive] = [opOf(draft, "send", 1), opOf(draft, "receive", 1)];
  receive.deps.push(...send.deps.splice(0));
  expect(checkSchedule(freeze(draft))).toEqual([]);
});

describe("a planted mistake is found", () => {
  test.each(plants)("$rule: $what", ({ rule, transport, change, corrupt }) => {
    const draft = ringDraft(transport);
    change(draft);
    const schedule = freeze(draft);
    const findings = checkSchedule(corrupt ? corrupt(schedule) : schedule);
    expect(findings.map((finding) => finding.rule)).toContain(rule);
  });

  test("every rule has one", () => {
    const planted = new Set<string>(plants.map(({ rule }) => rule));
    // `unproved` is about the limits of the check and has its own test.
    expect(Object.keys(RULES).filter((rule) => !planted.has(rule))).toEqual(["unproved"]);
  });
});

describe("findings", () => {
  test("stop at the limit", () => {
    const draft = ringDraft("one-sided");
    for (const op of draft.ops) if (op.kind === "attend") op.deps = [];
    expect(checkSchedule(freeze(draft), { maxFindings: 3 })).toHaveLength(3);
    expect(checkSchedule(freeze(draft), { maxFindings: 1 })).toHaveLength(1);
  });

  test("name ranks and ops, and say what is expected", () => {
    const draft = ringDraft("one-sided");
    remove(draft, opOf(draft, "attend", 2, 1));
    const findings = checkSchedule(freeze(draft));
    const finalize = draft.ops.indexOf(opOf(draft, "finalize", 2));
    const missing = findings.find(({ rule }) => rule === "not-attended")!;
    expect(missing.ranks).toEqual([2]);
    expect(missing.ops).toEqual([finalize]);
    expect(missing.message).toBe(
      `op ${finalize} (finalize, on rank 2 compute) ends O heads [0, 2) tokens [4, 6) at accumulator rows [0, 2) columns [0, 2): ` +
        "expected every key that its mask allows, keys [2, 4) are missing",
    );
  });

  test("say who waits for whom", () => {
    const draft = ringDraft("one-sided");
    for (const rank of [0, 1, 2, 3]) opOf(draft, "notify", rank).deps.push(opOf(draft, "put", rank, 2));
    const message = checkSchedule(freeze(draft)).find(({ rule }) => rule === "deadlock")!.message;
    for (const rank of [0, 1, 2, 3])
      expect(message).toMatch(new RegExp(`\\(wait, on rank ${rank} intra\\) waits for op`));
  });

  test("say so when the search for an order is given up", () => {
    const draft = ringDraft("one-sided");
    remove(draft, draft.ops.find((op) => op.kind === "wait" && op.rank === 1 && op.signal % 4 > 1)!);
    const rules = checkSchedule(freeze(draft), { maxVisits: 0 }).map(({ rule }) => rule);
    expect(rules).toContain("unproved");
  });
});
