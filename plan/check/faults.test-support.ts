import type { OpKind } from "../schedule/schedule.ts";
import type { Draft, DraftOp, DraftOperand } from "./draft.test-support.ts";

/** Gives a whole number below the limit. */
export type Choose = (limit: number) => number;

/** Changes a draft at a random place; false where there is no such place. */
export type Fault = (draft: Draft, choose: Choose) => boolean;

function pick<T>(list: readonly T[], choose: Choose): T | undefined {
  return list.length === 0 ? undefined : list[choose(list.length)]!;
}

function without(draft: Draft, op: DraftOp): void {
  draft.ops = draft.ops.filter((other) => other !== op);
}

/** Ops that only order others, or move or compute data. */
function drop(kind: OpKind, isPlace: (op: DraftOp, draft: Draft) => boolean = () => true): Fault {
  return (draft, choose) => {
    const op = pick(
      draft.ops.filter((other) => other.kind === kind && isPlace(other, draft)),
      choose,
    );
    if (op) without(draft, op);
    return op !== undefined;
  };
}

/** Changes one operand of a random op; `change` says whether it could. */
function operandFault(
  isOp: (op: DraftOp) => boolean,
  change: (operand: DraftOperand, draft: Draft, choose: Choose) => boolean,
): Fault {
  return (draft, choose) => {
    const op = pick(draft.ops.filter(isOp), choose);
    if (op === undefined) return false;
    const list = op.to.length > 0 && (op.from.length === 0 || choose(2) === 0) ? op.to : op.from;
    const index = choose(list.length);
    list[index] = { ...list[index]! };
    return change(list[index]!, draft, choose);
  };
}

/** Moves an op to stand right before another that stands earlier. */
function moveBefore(draft: Draft, op: DraftOp, other: DraftOp): void {
  without(draft, op);
  draft.ops.splice(draft.ops.indexOf(other), 0, op);
}

/** The op before `op` on its stream. */
function previousOf(draft: Draft, op: DraftOp): DraftOp | undefined {
  return draft.ops.findLast(
    (other, id) => id < draft.ops.indexOf(op) && other.rank === op.rank && other.stream === op.stream,
  );
}

/** A random op of a kind goes one place ahead on its stream, before an op of another kind. */
function overtake(kind: OpKind, overtaken: OpKind): Fault {
  return (draft, choose) => {
    const ops = draft.ops.filter((op) => op.kind === kind && previousOf(draft, op)?.kind === overtaken);
    const op = pick(ops, choose);
    if (op) moveBefore(draft, op, previousOf(draft, op)!);
    return op !== undefined;
  };
}

function isMoved(op: DraftOp): boolean {
  return op.from.length + op.to.length > 0;
}

/** A wait for a notify: a credit, or word that a slot is ready. */
function awaitsNotify(op: DraftOp, draft: Draft): boolean {
  return draft.ops.some((other) => other.kind === "notify" && other.signal === op.signal);
}

/** The kinds of mistakes that the checker has to find, by name. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  "wait dropped": drop("wait"),
  "credit dropped": drop("wait", awaitsNotify),
  "notify dropped": drop("notify"),
  "put dropped": drop("put"),
  "get dropped": drop("get"),
  "attend dropped": drop("attend"),
  "finalize dropped": drop("finalize"),
  "copy dropped": drop("copy"),
  "send dropped": drop("send"),
  "receive dropped": drop("receive"),
  "barrier dropped": drop("barrier"),

  "transfer retargeted": (draft, choose) => {
    const kinds: readonly OpKind[] = ["put", "get", "send", "receive"];
    const op = pick(
      draft.ops.filter(({ kind }) => kinds.includes(kind)),
      choose,
    );
    if (op === undefined || draft.head.ranks < 3) return false;
    const others = Array.from({ length: draft.head.ranks }, (_, r) => r).filter((r) => r !== op.peer && r !== op.rank);
    op.peer = pick(others, choose)!;
    return true;
  },
  "tile shifted": operandFault(isMoved, (operand, _, choose) => {
    if (choose(2) === 0 && operand.token > 0) operand.token--;
    else operand.token++;
    return true;
  }),
  "row shifted": operandFault(isMoved, (operand, _, choose) => {
    if (choose(2) === 0 && operand.row > 0) operand.row--;
    else operand.row++;
    return true;
  }),
  "tile cut": operandFault(isMoved, (operand) => {
    operand.numTokens--;
    return operand.numTokens > 0;
  }),
  "slot swapped": operandFault(isMoved, (operand, draft, choose) => {
    const { role } = draft.slots[operand.slot]!;
    const others = draft.slots.flatMap((slot, i) => (i !== operand.slot && slot.role === role ? [i] : []));
    const other = pick(others, choose);
    if (other !== undefined) operand.slot = other;
    return other !== undefined;
  }),
  "slot shrunk": (draft, choose) => {
    const used = draft.slots.flatMap((slot, i) => (slot.rows > 1 ? [i] : []));
    const index = pick(used, choose);
    if (index === undefined) return false;
    const slot = draft.slots[index]!;
    draft.slots[index] = { ...slot, rows: slot.rows - 1, bytes: (slot.bytes / slot.rows) * (slot.rows - 1) };
    return true;
  },
  "slots overlapped": (draft, choose) => {
    const heap = draft.slots.flatMap((slot, i) => (slot.role === "scratch" ? [i] : []));
    const index = pick(heap, choose);
    const other = pick(
      draft.slots.flatMap((slot, i) => (i !== index && slot.role !== "accumulator" ? [i] : [])),
      choose,
    );
    if (index === undefined || other === undefined) return false;
    if (draft.slots[index]!.offset === draft.slots[other]!.offset) return false;
    draft.slots[index] = { ...draft.slots[index]!, offset: draft.slots[other]!.offset };
    return true;
  },
  "attend doubled": (draft, choose) => {
    const op = pick(
      draft.ops.filter(({ kind }) => kind === "attend"),
      choose,
    );
    if (op) draft.ops.splice(draft.ops.indexOf(op) + 1, 0, { ...op, deps: [op], origin: -1 });
    return op !== undefined;
  },
  "keys left out": (draft, choose) => {
    const op = pick(
      draft.ops.filter(({ kind, from, to }) => kind === "attend" && from.length > to.length + 1),
      choose,
    );
    if (op) op.from.splice(op.to.length + choose(op.from.length - op.to.length), 1);
    return op !== undefined;
  },
  "queries left out": (draft, choose) => {
    const op = pick(
      draft.ops.filter(({ kind, to }) => kind === "attend" && to.length > 1),
      choose,
    );
    if (op === undefined) return false;
    const index = choose(op.to.length);
    op.from.splice(index, 1);
    op.to.splice(index, 1);
    return true;
  },
  "signal lowered": (draft, choose) => {
    const op = pick(
      draft.ops.filter(({ kind, signalValue }) => kind === "wait" && signalValue > 1),
      choose,
    );
    if (op) op.signalValue--;
    return op !== undefined;
  },
  "signal raised": (draft, choose) => {
    const op = pick(
      draft.ops.filter(({ kind }) => kind === "wait"),
      choose,
    );
    if (op) op.signalValue++;
    return op !== undefined;
  },
  "signal taken from put": (draft, choose) => {
    const op = pick(
      draft.ops.filter(({ kind, signalValue }) => kind === "put" && signalValue > 0),
      choose,
    );
    if (op === undefined) return false;
    const { signal, signalValue } = op;
    for (const other of draft.ops) {
      const follows = other.kind !== "wait" && other.signal === signal && other.signalValue > signalValue;
      if (follows) other.signalValue--;
    }
    op.signalValue = 0;
    return true;
  },
  "signal overtaken": overtake("put", "wait"),
  "get before ready": overtake("get", "wait"),
  "notify overtakes": overtake("notify", "notify"),
  "finalize early": (draft, choose) => {
    const op = pick(
      draft.ops.filter(({ kind }) => kind === "finalize"),
      choose,
    );
    const row = op?.from[0]?.row;
    const attends = draft.ops.filter(
      ({ kind, rank, to }) => kind === "attend" && rank === op?.rank && to.some((sum) => sum.row === row),
    );
    const attend = pick(attends, choose);
    if (op && attend) moveBefore(draft, op, attend);
    return attend !== undefined;
  },
  "attend early": overtake("attend", "wait"),
  "barrier moved": (draft, choose) => {
    const op = pick(
      draft.ops.filter((other) => other.kind === "barrier" && previousOf(draft, other)),
      choose,
    );
    if (op) moveBefore(draft, op, previousOf(draft, op)!);
    return op !== undefined;
  },
  "dependency dropped": (draft, choose) => {
    const op = pick(
      draft.ops.filter(({ deps }) => deps.length > 0),
      choose,
    );
    if (op) op.deps.splice(choose(op.deps.length), 1);
    return op !== undefined;
  },
  "receives crossed": (draft, choose) => {
    const receives = draft.ops.filter(({ kind }) => kind === "receive");
    const a = pick(receives, choose);
    const others = receives.filter((op) => op.rank === a!.rank && op !== a && op.peer === a!.peer);
    const b = a && pick(others, choose);
    if (a === undefined || b === undefined) return false;
    [a.to, b.to] = [b.to, a.to];
    return true;
  },
  "group split": (draft, choose) => {
    const op = pick(
      draft.ops.filter((other) => other.group !== 0 && previousOf(draft, other)?.group === other.group),
      choose,
    );
    if (op) op.group = 0;
    return op !== undefined;
  },
};
