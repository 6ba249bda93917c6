import { describe, expect, test } from "vitest";
import { checkSchedule } from "./check-schedule.ts";
import { type Draft, type DraftOp, type DraftOperand, freeze } from "./draft.test-support.ts";
import { newOp, RingSlot, RingStream, ringDraft, ringTile } from "./ring.test-support.ts";

function opsOf(draft: Draft, kind: DraftOp["kind"], rank: number): DraftOp[] {
  return draft.ops.filter((op) => op.kind === kind && op.rank === rank);
}

function rulesOf(draft: Draft): string[] {
  return [...new Set(checkSchedule(freeze(draft)).map(({ rule }) => rule))].sort();
}

function putBefore(draft: Draft, at: DraftOp, ...ops: DraftOp[]): void {
  draft.ops.splice(draft.ops.indexOf(at), 0, ...ops);
}

function addSlot(draft: Draft, change: Partial<Draft["slots"][number]>): number {
  return draft.slots.push({ ...draft.slots[RingSlot.ring]!, name: "more", offset: 4096, ...change }) - 1;
}

/** One row of a tile of the ring. */
function rowOf(operand: DraftOperand, row: number): DraftOperand {
  return { ...operand, row: operand.row + row, token: operand.token + row, numTokens: 1 };
}

describe("accumulators", () => {
  /** Rank 0 sums its last two blocks apart and merges. */
  function merging(): Draft {
    const draft = ringDraft("one-sided");
    const slot = addSlot(draft, { ...draft.slots[RingSlot.accumulator]!, name: "second", offset: 256 });
    for (const attend of opsOf(draft, "attend", 0).slice(2)) attend.to[0]!.slot = slot;
    const [from, to] = [ringTile("O", 0, slot), ringTile("O", 0, RingSlot.accumulator)];
    putBefore(draft, opsOf(draft, "finalize", 0)[0]!, newOp({ kind: "merge", rank: 0, from: [from], to: [to] }));
    return draft;
  }

  test("may be merged", () => {
    expect(rulesOf(merging())).toEqual([]);
  });

  test("may be merged into one that nothing has used", () => {
    const draft = merging();
    const merge = opsOf(draft, "merge", 0)[0]!;
    const third = addSlot(draft, { ...draft.slots[RingSlot.accumulator]!, name: "third", offset: 512 });
    putBefore(draft, merge, newOp({ kind: "merge", rank: 0, from: merge.to, to: [ringTile("O", 0, third)] }));
    putBefore(draft, opsOf(draft, "finalize", 0)[0]!, newOp({ ...merge, from: [ringTile("O", 0, third)] }));
    expect(rulesOf(draft)).toEqual([]);
  });

  test("without their merge lack keys, and one is left over", () => {
    const draft = merging();
    draft.ops = draft.ops.filter(({ kind }) => kind !== "merge");
    expect(rulesOf(draft)).toEqual(["not-attended", "not-finalized"]);
  });

  test("merged with keys in common have them twice", () => {
    const draft = merging();
    const [first, , third] = opsOf(draft, "attend", 0);
    third!.from = first!.from.map((operand) => ({ ...operand }));
    expect(rulesOf(draft)).toContain("attended-twice");
  });

  test("are the identity after a merge", () => {
    const draft = merging();
    const merge = opsOf(draft, "merge", 0)[0]!;
    putBefore(draft, opsOf(draft, "finalize", 0)[0]!, newOp({ ...merge, deps: [merge] }));
    expect(rulesOf(draft)).toEqual([]);
  });

  /** Rank 1 attends its second block row by row, its third with two operands. */
  function cut(): Draft {
    const draft = ringDraft("one-sided");
    const [, second, third] = opsOf(draft, "attend", 1);
    const [query, keys, sum] = [second!.from[0]!, second!.from[1]!, second!.to[0]!];
    second!.from = [rowOf(query, 0), keys];
    second!.to = [rowOf(sum, 0)];
    const other = newOp({ ...second!, from: [rowOf(query, 1), keys], to: [rowOf(sum, 1)] });
    draft.ops.splice(draft.ops.indexOf(second!) + 1, 0, other);
    // Whoever follows the one follows the other: they are neighbors on a stream.
    for (const op of draft.ops) if (op.deps.includes(second!)) op.deps.push(other);
    third!.from = [rowOf(query, 0), rowOf(query, 1), third!.from[1]!];
    third!.to = [rowOf(sum, 0), rowOf(sum, 1)];
    return draft;
  }

  test("may be attended in parts", () => {
    expect(rulesOf(cut())).toEqual([]);
  });

  test("lack keys where a part was not attended", () => {
    const draft = cut();
    draft.ops = draft.ops.filter((op) => op !== opsOf(draft, "attend", 1)[2]);
    const findings = checkSchedule(freeze(draft));
    expect(findings.map(({ rule }) => rule)).toEqual(["not-attended"]);
    expect(findings[0]!.message).toContain("keys [0, 2) are missing");
  });

  test("take another tile once finalized, and only then", () => {
    const two = ringDraft("one-sided");
    const workload = { ...two.head.workload, tokens: 2, before: [], after: [] };
    const mesh = { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: 1 };
    const head = { ...two.head, workload, mesh, ranks: 1, placement: [0], computes: [] };
    // One rank alone, which sums both of its queries in the first row of the accumulator.
    const steps = [0, 1].map((row) => {
      const sum = [{ ...rowOf(ringTile("O", 0, RingSlot.accumulator), row), row: 0 }];
      const from = [rowOf(ringTile("Q", 0, RingSlot.Q), row), ringTile("KV", 0, RingSlot.KV)];
      const to = [rowOf(ringTile("O", 0, RingSlot.O), row)];
      return [newOp({ kind: "attend", rank: 0, from, to: sum }), newOp({ kind: "finalize", rank: 0, from: sum, to })];
    });
    const [begin, end] = [newOp({ kind: "barrier", rank: 0 }), newOp({ kind: "barrier", rank: 0 })];
    const draft = { head, slots: two.slots, signals: [], ops: [begin, ...steps.flat(), end] };
    expect(rulesOf(draft)).toEqual([]);
    draft.ops = [begin, steps[0]![0]!, steps[1]![0]!, steps[0]![1]!, steps[1]![1]!, end];
    expect(rulesOf(draft)).toContain("accumulator-tile");
  });

  test("are the identity after a finalize", () => {
    const draft = ringDraft("one-sided");
    const finalize = opsOf(draft, "finalize", 2)[0]!;
    const again = opsOf(draft, "attend", 2)[0]!;
    draft.ops.splice(draft.ops.indexOf(finalize) + 1, 0, newOp({ ...again, deps: [] }));
    expect(rulesOf(draft)).toEqual(["not-finalized"]);
  });
});

describe("readers", () => {
  /** Rank 0 copies its whole output from a slot, then other ops write the halves of that slot. */
  function halves(orderedHalves: readonly boolean[]): Draft {
    const draft = ringDraft("one-sided");
    const slot = addSlot(draft, { planes: 1, rows: 2, columns: 2, bytes: 64 });
    const finalize = opsOf(draft, "finalize", 0)[0]!;
    const output = finalize.to;
    finalize.to = [ringTile("O", 0, slot)];
    const copy = newOp({ kind: "copy", rank: 0, from: finalize.to, to: output });
    const late = orderedHalves.map((isOrdered, row) =>
      newOp({
        kind: "copy",
        rank: 0,
        stream: RingStream.credit,
        deps: isOrdered ? [copy] : [finalize],
        from: [rowOf(ringTile("Q", 0, RingSlot.Q), row)],
        to: [rowOf(ringTile("Q", 0, slot), row)],
      }),
    );
    draft.ops.splice(draft.ops.indexOf(finalize) + 1, 0, copy, ...late);
    opsOf(draft, "barrier", 0)[1]!.deps.push(...late);
    return draft;
  }

  test("of a whole hold up the writers of each part", () => {
    expect(rulesOf(halves([true, true]))).toEqual(["unread-data"]);
    expect(rulesOf(halves([false, true]))).toEqual(["overwritten-read", "unread-data"]);
    // The second half comes after the first on their stream.
    expect(rulesOf(halves([true, false]))).toEqual(["unread-data"]);
    const draft = halves([false, false]);
    expect(checkSchedule(freeze(draft)).filter(({ rule }) => rule === "overwritten-read")).toHaveLength(2);
  });

  test("of one group each end by themselves", () => {
    const draft = ringDraft("two-sided");
    // In the last step rank 0 sends its block to rank 1 twice, of which rank 1 keeps both.
    const slot = addSlot(draft, { rows: 2, bytes: 128 });
    const [send, receive] = [opsOf(draft, "send", 0)[2]!, opsOf(draft, "receive", 1)[2]!];
    const again = newOp({ ...send });
    const twin = newOp({ ...receive, to: [{ ...receive.to[0]!, slot, row: 0 }] });
    draft.ops.splice(draft.ops.indexOf(send) + 1, 0, again);
    draft.ops.splice(draft.ops.indexOf(receive) + 1, 0, twin);
    opsOf(draft, "barrier", 0)[1]!.deps.push(again);
    opsOf(draft, "barrier", 1)[1]!.deps.push(twin);
    // Rank 0 then fills the place that it sent from: after one of the sends, or after both.
    const place = send.from[0]!;
    const late = newOp({ kind: "copy", rank: 0, deps: [again] });
    Object.assign(late, {
      from: [ringTile("KV", 0, RingSlot.KV)],
      to: [{ ...ringTile("KV", 0, place.slot), row: place.row }],
    });
    putBefore(draft, opsOf(draft, "finalize", 0)[0]!, late);
    expect(rulesOf(draft)).toEqual(["overwritten-read", "unread-data"]);
    late.deps.push(send);
    expect(rulesOf(draft)).toEqual(["unread-data"]);
  });

  test("are the layer's work after attention too", () => {
    const draft = ringDraft("one-sided");
    const finalize = opsOf(draft, "finalize", 1)[0]!;
    finalize.stream = RingStream.intra;
    finalize.deps.push(opsOf(draft, "attend", 1)[3]!);
    opsOf(draft, "barrier", 1)[1]!.deps.push(finalize);
    expect(rulesOf(draft)).toEqual(["read-too-early"]);
    opsOf(draft, "compute", 1)[1]!.deps.push(finalize);
    expect(rulesOf(draft)).toEqual([]);
  });
});

describe("visibility", () => {
  /** The last put of rank 3 has no signal; all ranks meet in a barrier, which its data may or may not have come before. */
  function silent(barrier: "none" | "loose" | "after the puts"): Draft {
    const draft = ringDraft("one-sided");
    const put = opsOf(draft, "put", 3)[2]!;
    const wait = opsOf(draft, "wait", 0).at(-1)!;
    Object.assign(put, { signal: 0, signalValue: 0 });
    draft.ops = draft.ops.filter((op) => op !== wait);
    const barriers = [0, 1, 2, 3].map((rank) => {
      const deps = barrier === "loose" ? [] : opsOf(draft, "put", rank).slice(-1);
      return newOp({ kind: "barrier", rank, deps });
    });
    if (barrier !== "none") draft.ops.splice(draft.ops.indexOf(put) + 1, 0, ...barriers);
    return draft;
  }

  test("of a put without a signal begins with the next barrier", () => {
    expect(rulesOf(silent("after the puts"))).toEqual([]);
    expect(rulesOf(silent("none"))).toEqual(["read-too-early"]);
    expect(rulesOf(silent("loose"))).toEqual(["read-too-early"]);
  });

  test("of a put needs its own signal, not a later one of its stream", () => {
    const draft = ringDraft("one-sided");
    const [, second] = opsOf(draft, "put", 3);
    // Rank 0 waits for the third put before it uses what the second brought.
    const wait = draft.ops.find((op) => op.kind === "wait" && op.signal === second!.signal && op.rank === 0)!;
    const third = opsOf(draft, "put", 3)[2]!;
    Object.assign(wait, { signal: third.signal, signalValue: third.signalValue });
    expect(rulesOf(draft)).not.toEqual([]);
  });
});

describe("slots that share bytes", () => {
  /**
   * Rank 0 finalizes into a slot of another shape within the ring's bytes, and copies to its output from there. Rows
   * [0, 2) of it are K in the ring's first place, rows [2, 4) in its second.
   */
  function shared(row: number): Draft {
    const draft = ringDraft("one-sided");
    const slot = addSlot(draft, { planes: 1, rows: 8, columns: 2, offset: 768, bytes: 256 });
    const finalize = opsOf(draft, "finalize", 0)[0]!;
    const output = finalize.to;
    finalize.to = [ringTile("O", 0, slot, row)];
    const copy = newOp({ kind: "copy", rank: 0, from: finalize.to, to: output });
    draft.ops.splice(draft.ops.indexOf(finalize) + 1, 0, copy);
    return draft;
  }

  test("may be used one after the other", () => {
    expect(rulesOf(shared(0))).toEqual([]);
  });

  test("may not be overwritten while the other is read", () => {
    const draft = shared(2);
    // The last put reads the second place, on another stream.
    expect(rulesOf(draft)).toEqual(["overwritten-read"]);
    opsOf(draft, "finalize", 0)[0]!.deps.push(opsOf(draft, "put", 0)[2]!);
    expect(rulesOf(draft)).toEqual([]);
  });

  test("hold nothing of the other's afterwards", () => {
    const draft = shared(0);
    const place = opsOf(draft, "attend", 0)[3]!.from[1]!;
    const to = [{ ...place, slot: addSlot(draft, { rows: 2, bytes: 128 }), row: 0 }];
    const late = newOp({ kind: "copy", rank: 0, from: [place], to });
    draft.ops.splice(draft.ops.indexOf(opsOf(draft, "finalize", 0)[0]!) + 1, 0, late);
    const findings = checkSchedule(freeze(draft));
    expect(findings.map(({ rule }) => rule)).toEqual(["read-content", "unread-data"]);
    expect(findings[0]!.message).toContain("that were overwritten through another slot since");
  });
});

describe("a get", () => {
  /** Rank 2 attends rank 1's block not from the ring but from a slot of its own that it gets it into. */
  function getting(isAwaited: boolean): Draft {
    const draft = ringDraft("one-sided");
    const signal = draft.signals.push({ rank: 2, word: 9, writerRank: 1, writerStream: RingStream.credit }) - 1;
    const slot = addSlot(draft, { rows: 2, bytes: 128 });
    const [compute, first] = [opsOf(draft, "compute", 1)[0]!, opsOf(draft, "barrier", 1)[0]!];
    const word = { stream: RingStream.credit, signal, signalValue: 1 };
    const ready = newOp({ kind: "notify", rank: 1, peer: 2, deps: [first, compute], ...word });
    const attend = opsOf(draft, "attend", 2)[1]!;
    const to = [ringTile("KV", 1, slot)];
    const get = newOp({ kind: "get", rank: 2, peer: 1, from: [ringTile("KV", 1, RingSlot.KV)], to });
    putBefore(draft, attend, newOp({ kind: "wait", rank: 2, signal, signalValue: 1 }), get);
    if (!isAwaited) draft.ops = draft.ops.filter((op) => op.kind !== "wait" || op.signal !== signal);
    attend.from[1] = to[0]!;
    draft.ops.splice(draft.ops.indexOf(compute) + 1, 0, ready);
    return draft;
  }

  test("comes after word that the data is there", () => {
    expect(rulesOf(getting(true))).toEqual([]);
    expect(rulesOf(getting(false))).toEqual(["read-too-early"]);
  });

  test("has its source until it ends", () => {
    const draft = getting(true);
    const own = [ringTile("KV", 1, RingSlot.KV)];
    const aside = [ringTile("KV", 1, addSlot(draft, { rows: 2, bytes: 128, offset: 8192 }))];
    // Rank 1 copies something over the block that rank 2 gets, and nothing waits for rank 2.
    const copies = [
      newOp({ kind: "copy", rank: 1, from: own, to: aside }),
      newOp({ kind: "copy", rank: 1, from: aside, to: own }),
    ];
    putBefore(draft, opsOf(draft, "finalize", 1)[0]!, ...copies);
    const findings = checkSchedule(freeze(draft));
    expect(findings.map(({ rule }) => rule)).toEqual(["overwritten-read", "unread-data"]);
    expect(findings.map(({ ranks }) => ranks)).toEqual([[1, 2], [1]]);
  });
});
