import type { Slot, Tensor } from "../schedule/schedule.ts";
import { countTokens, shardPieces } from "../workload/shards.ts";
import { elementBytes } from "../workload/workload.ts";
import type { Draft, DraftOp, DraftOperand } from "./draft.test-support.ts";
import { createOrderTwin, type OrderTwin } from "./order-twin.test-support.ts";

/** One op's use of bytes of a rank. */
interface Access {
  readonly op: number;
  readonly writes: boolean;
}

/** What a mutant is held against; made once for each original. */
export interface Reference {
  readonly draft: Draft;
  readonly twin: OrderTwin;
  /** Pairs of ops that use a byte in common and do not both only read it, in both orders; barriers stand for the run's ends. */
  readonly conflicts: readonly (readonly [a: number, b: number])[];
  /** Of these, puts and the ops that read what they write. */
  readonly arrivals: readonly (readonly [put: number, reader: number])[];
}

export function createReference(draft: Draft): Reference {
  const conflicts = findConflicts(draft);
  const arrivals = conflicts.filter(
    ([a, b]) => draft.ops[a]!.kind === "put" && readsFrom(draft.ops[a]!, draft.ops[b]!),
  );
  return { draft, twin: createOrderTwin(draft), conflicts, arrivals };
}

/**
 * Whether a mutant is the same schedule in other words, decided without the checker: the same data ops on the same
 * operands (hence the same coverage), an execution exists, and between any two ops that use a byte in common, not both
 * only reading, there is the same happens-before; a put's data arrives before each of its readers if it did. Where slots
 * were changed, every read still gets what the same op has written, and no two ops race for the bytes they now share.
 */
export function isEquivalent({ draft, twin, conflicts, arrivals }: Reference, mutant: Draft): boolean {
  const places = matchOps(draft, mutant);
  if (places === null) return false;
  const other = createOrderTwin(mutant);
  if (!other.canRun || !keepsSignals(mutant, other)) return false;
  if (JSON.stringify(draft.slots) !== JSON.stringify(mutant.slots) && !keepsValues(draft, twin, mutant, other))
    return false;
  for (const [a, b] of conflicts) {
    if (twin.before(a, b) !== other.before(places[a]!, places[b]!)) return false;
  }
  return arrivals.every(
    ([put, reader]) => !arrives(draft, twin, put, reader) || arrives(mutant, other, places[put]!, places[reader]!),
  );
}

/** Kinds that only order others. */
function isData(op: DraftOp): boolean {
  return op.kind !== "wait" && op.kind !== "notify";
}

/** For each data op and barrier of the original its place in the mutant; null where they are not one to one and alike. */
function matchOps(draft: Draft, mutant: Draft): number[] | null {
  const places: number[] = new Array(draft.ops.length).fill(-1);
  let count = 0;
  for (const [place, op] of mutant.ops.entries()) {
    if (!isData(op)) continue;
    if (op.origin === -1 || places[op.origin] !== -1) return null;
    if (describe(draft, op) !== describe(draft, draft.ops[op.origin]!)) return null;
    places[op.origin] = place;
    count++;
  }
  return count === draft.ops.filter(isData).length ? places : null;
}

/**
 * What an op does, slots named by the first that lays out the same bytes in the same way; of an attend only the operands
 * that take part, as a causal mask may leave some without effect.
 */
function describe({ head, slots }: Draft, op: DraftOp): string {
  const named = (operand: DraftOperand) => ({ ...operand, slot: slots.findIndex(sameBytes(slots[operand.slot]!)) });
  let [from, to] = [op.from.map(named), op.to.map(named)];
  if (op.kind === "attend" && head.workload.mask === "causal") {
    const [queries, keys] = [from.slice(0, to.length), from.slice(to.length)];
    const meet = (query: DraftOperand, key: DraftOperand) => query.token + query.numTokens > key.token;
    const isUsed = queries.map((query) => keys.some((key) => meet(query, key)));
    from = [...queries.filter((_, i) => isUsed[i]), ...keys.filter((key) => queries.some((query) => meet(query, key)))];
    to = to.filter((_, i) => isUsed[i]);
  }
  return JSON.stringify([op.kind, op.rank, op.peer, op.work, from, to]);
}

function sameBytes(a: Slot): (b: Slot) => boolean {
  const key = (slot: Slot) => JSON.stringify({ ...slot, name: "", role: slot.role === "accumulator" });
  return (b) => key(a) === key(b);
}

/** A read or write of a cell by an operand: which cell of which operand of which op (by origin) it is. */
interface Use {
  readonly op: number;
  readonly name: string;
  readonly writes: boolean;
}

/** Whether operands fit their slots, no two ops race for a cell, and each read sees the same write as in the original. */
function keepsValues(draft: Draft, twin: OrderTwin, mutant: Draft, other: OrderTwin): boolean {
  const fits = mutant.ops.every((op) =>
    [...op.from, ...op.to].every((operand) => operand.row + operand.numTokens <= mutant.slots[operand.slot]!.rows),
  );
  const expected = sourcesOf(draft, twin);
  const actual = sourcesOf(mutant, other);
  if (!fits || expected === null || actual === null) return false;
  return [...expected].every(([read, write]) => actual.get(read) === write);
}

/** For each read the write that it sees (`before` for what was there); null if a write races with another use. */
function sourcesOf(draft: Draft, twin: OrderTwin): Map<string, string> | null {
  const sources = new Map<string, string>();
  for (const uses of usesOfCells(draft).values()) {
    const writes = uses.filter((use) => use.writes);
    for (const use of uses) {
      const earlier = writes.filter((write) => write.op !== use.op && twin.before(write.op, use.op));
      const races = writes.some(
        (write) => write !== use && !twin.before(write.op, use.op) && !twin.before(use.op, write.op),
      );
      if (races) return null;
      const last = earlier.find((write) => earlier.every((w) => w.op === write.op || twin.before(w.op, write.op)));
      if (!use.writes) sources.set(use.name, last?.name ?? "before");
    }
  }
  return sources;
}

function usesOfCells(draft: Draft): Map<string, Use[]> {
  const cells = new Map<string, Use[]>();
  draft.ops.forEach((op, id) => {
    for (const { rank, operand, writes, end } of accessesOf(draft, op))
      cellsOf(draft, operand).forEach((cell, i) => {
        const list = cells.get(`${rank} ${cell}`) ?? [];
        list.push({ op: id, name: `${op.origin} ${end} ${i}`, writes });
        cells.set(`${rank} ${cell}`, list);
      });
  });
  return cells;
}

/** An operand at a rank; `end` names it within its op. */
interface OperandAccess {
  readonly rank: number;
  readonly operand: DraftOperand;
  readonly writes: boolean;
  readonly end: string;
}

/** What an op reads and writes; the layer's work fills the inputs (that before attention) or reads the output. */
function accessesOf(draft: Draft, op: DraftOp): OperandAccess[] {
  if (op.kind === "compute") return computeAccesses(draft, op);
  const updates = op.kind === "merge" || op.kind === "finalize";
  const from = op.from.map((operand, i) => ({ rank: sourceOf(op), operand, writes: updates, end: `from ${i}` }));
  const to = op.to.map((operand, i) => ({ rank: targetOf(op), operand, writes: true, end: `to ${i}` }));
  return [...from, ...to];
}

function computeAccesses({ head, ops, slots }: Draft, op: DraftOp): OperandAccess[] {
  const position = ops.filter(({ kind, rank }) => kind === "compute" && rank === op.rank).indexOf(op);
  const isBefore = position < head.workload.before.length;
  const perGroup = head.ranks / head.groups;
  const numTokens = countTokens(shardPieces(head.workload, perGroup)[op.rank % perGroup]!);
  return slots.flatMap((slot, index) => {
    if (slot.role !== (isBefore ? "input" : "output")) return [];
    const place = { slot: index, row: 0, column: 0, numTokens, numHeads: slot.columns };
    const operand: DraftOperand = { ...place, tensor: slot.name as Tensor, head: 0, token: 0 };
    return [{ rank: op.rank, operand, writes: isBefore, end: slot.name }];
  });
}

/** The protocol of signals holds: writes set 1, 2, 3, … on their one stream, and none overtakes the waits of the last. */
function keepsSignals({ ops, signals }: Draft, twin: OrderTwin): boolean {
  const written = signals.map(() => 0);
  return ops.every((op, id) => {
    if (op.signalValue === 0) return true;
    const signal = signals[op.signal]!;
    if (op.kind === "wait") return signal.rank === op.rank;
    if (signal.rank !== op.peer || signal.writerRank !== op.rank || signal.writerStream !== op.stream) return false;
    if (op.signalValue !== ++written[op.signal]!) return false;
    if (op.signalValue === 1) return true;
    const seen = (wait: DraftOp) => wait.kind === "wait" && wait.signal === op.signal;
    return ops.some(
      (wait, w) => seen(wait) && wait.signalValue >= op.signalValue - 1 && wait.signalValue > 0 && twin.before(w, id),
    );
  });
}

/** A wait at the target for the put's signal, or a barrier after the put, comes before the reader. */
function arrives({ ops }: Draft, twin: OrderTwin, put: number, reader: number): boolean {
  const { signal, signalValue } = ops[put]!;
  return ops.some((op, id) => {
    if (id !== reader && !twin.before(id, reader)) return false;
    if (op.kind === "barrier") return twin.before(put, id);
    return op.kind === "wait" && signalValue > 0 && op.signal === signal && op.signalValue >= signalValue;
  });
}

/** Whether the reader reads bytes at the put's target. */
function readsFrom(put: DraftOp, reader: DraftOp): boolean {
  return (reader.from.length > 0 || reader.kind === "compute") && sourceOf(reader) === put.peer;
}

function sourceOf(op: DraftOp): number {
  return op.kind === "get" ? op.peer : op.rank;
}

function targetOf(op: DraftOp): number {
  return op.kind === "put" ? op.peer : op.rank;
}

/** All pairs with a cell in common, found by putting every op into every cell that it uses. */
function findConflicts(draft: Draft): [number, number][] {
  const cells = new Map<string, Access[]>();
  const use = (cell: string, access: Access) => {
    const list = cells.get(cell);
    if (list === undefined) cells.set(cell, [access]);
    else if (!list.some(({ op, writes }) => op === access.op && writes === access.writes)) list.push(access);
  };
  draft.ops.forEach((op, id) => {
    for (const { rank, operand, writes } of accessesOf(draft, op))
      for (const cell of cellsOf(draft, operand)) use(`${rank} ${cell}`, { op: id, writes });
  });
  const pairs = new Set<number>();
  for (const list of cells.values())
    for (const a of list)
      for (const b of list) if (a.op !== b.op && (a.writes || b.writes)) pairs.add(a.op * draft.ops.length + b.op);
  return [...pairs, ...runEnds(draft)].map((pair) => [Math.floor(pair / draft.ops.length), pair % draft.ops.length]);
}

/** Every data op comes after its rank's first barrier, when the inputs are there, and before its last. */
function runEnds({ ops }: Draft): number[] {
  const pairs: number[] = [];
  ops.forEach((op, id) => {
    if (!isData(op)) return;
    const first = ops.findIndex((other) => other.rank === op.rank && other.kind === "barrier");
    const last = ops.findLastIndex((other) => other.rank === op.rank && other.kind === "barrier");
    if (id !== first) pairs.push(first * ops.length + id);
    if (id !== last) pairs.push(id * ops.length + last);
  });
  return pairs;
}

/** Names of the cells (one head of one token of one plane) of an operand: where they begin, in bytes. */
function cellsOf({ head, slots }: Draft, operand: DraftOperand): string[] {
  const slot = slots[operand.slot]!;
  const isAccumulator = slot.role === "accumulator";
  const { headDim, dtype } = head.workload;
  const bytes = isAccumulator ? 4 * (headDim + 1) : headDim * elementBytes(dtype);
  const cells: string[] = [];
  for (let plane = 0; plane < slot.planes; plane++)
    for (let row = operand.row; row < operand.row + operand.numTokens; row++)
      for (let column = operand.column; column < operand.column + operand.numHeads; column++) {
        const cell = (plane * slot.rows + row) * slot.columns + column;
        cells.push(`${isAccumulator ? "a" : "h"}${slot.offset + cell * bytes}`);
      }
  return cells;
}
