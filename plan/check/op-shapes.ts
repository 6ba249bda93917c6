import {
  Kind,
  machinesOfMesh,
  OP_KINDS,
  type OpKind,
  ranksPerGroup,
  ranksPerMachine,
  type Schedule,
  TENSORS,
  type Tensor,
  TensorCode,
} from "../schedule/schedule.ts";
import { describeOp, describeOperand, describeOperandTile, describeRange } from "./describe.ts";
import type { Report } from "./report.ts";
import { isAccumulator } from "./slots.ts";

/** What an op of a kind may have. */
interface KindShape {
  /** How `from` and `to` relate: pairwise the same tile, attention's, one end alone, or no operands. */
  readonly operands: "pairs" | "attend" | "from" | "to" | "none";
  /** Whether `from` and `to` lie in accumulators. */
  readonly fromSums: boolean;
  readonly toSums: boolean;
  readonly peer: boolean;
  readonly signal: "none" | "optional" | "needed";
  /** Transport that the kind belongs to; null is both. */
  readonly transport: Schedule["transport"] | null;
}

const plain = {
  operands: "none",
  fromSums: false,
  toSums: false,
  peer: false,
  signal: "none",
  transport: null,
} as const;
const oneSided = { ...plain, peer: true, transport: "one-sided" } as const;
const twoSided = { ...plain, peer: true, transport: "two-sided" } as const;

const shapes: Readonly<Record<OpKind, KindShape>> = {
  barrier: plain,
  attend: { ...plain, operands: "attend", toSums: true },
  merge: { ...plain, operands: "pairs", fromSums: true, toSums: true },
  finalize: { ...plain, operands: "pairs", fromSums: true },
  copy: { ...plain, operands: "pairs" },
  put: { ...oneSided, operands: "pairs", signal: "optional" },
  get: { ...oneSided, operands: "pairs" },
  notify: { ...oneSided, signal: "needed" },
  send: { ...twoSided, operands: "from" },
  receive: { ...twoSided, operands: "to" },
  wait: { ...plain, signal: "needed", transport: "one-sided" },
  compute: plain,
};
const shapeOfCode = OP_KINDS.map((kind) => shapes[kind]);

/** Every op by itself: fields, numbers and roles of operands, tiles that agree, contiguity between machines. */
export function checkOpShapes(schedule: Schedule, report: Report): void {
  const numOps = schedule.ops.kind.length;
  for (let op = 0; op < numOps && !report.isFull(); op++) {
    const shape = shapeOfCode[schedule.ops.kind[op]!]!;
    checkFields(schedule, op, shape, report);
    if (!hasOperandCounts(schedule, op, shape, report)) continue;
    if (shape.operands === "none") continue;
    checkUse(schedule, op, shape, report);
    checkEmpty(schedule, op, report);
    if (shape.operands === "pairs") checkPairs(schedule, op, shape, report);
    if (shape.operands === "attend") checkAttend(schedule, op, report);
    if (shape.peer) checkTransfer(schedule, op, report);
  }
}

function checkFields(schedule: Schedule, op: number, shape: KindShape, report: Report): void {
  const { rank, stream, peer, group, signalValue, kind } = schedule.ops;
  if (shape.transport !== null && shape.transport !== schedule.transport)
    report.add("op-transport", [op], describeOp(schedule, op), schedule.transport);
  if (!shape.peer && peer[op] !== rank[op]) wrongField(schedule, op, "peer", `its own rank ${rank[op]!}`, report);
  if (shape.transport !== "two-sided" && group[op] !== 0) wrongField(schedule, op, "group", "0", report);
  if (shape.signal === "none" && signalValue[op] !== 0) wrongField(schedule, op, "signalValue", "0", report);
  if (shape.signal === "needed" && signalValue[op] === 0) wrongField(schedule, op, "signalValue", "1 or more", report);
  if (kind[op] === Kind.barrier && stream[op] !== 0) wrongField(schedule, op, "stream", "0", report);
}

type Field = "peer" | "group" | "signalValue" | "stream";

function wrongField(schedule: Schedule, op: number, field: Field, expected: string, report: Report): void {
  report.add("op-fields", [op], describeOp(schedule, op), field, expected, schedule.ops[field][op]!);
}

const expectedOperands: Readonly<Record<KindShape["operands"], string>> = {
  pairs: "as many operands to as from, at least one",
  attend: "Q and KV operands, and an accumulator for each Q",
  from: "operands from alone",
  to: "operands to alone",
  none: "no operands",
};

function countsFit(operands: KindShape["operands"], numFrom: number, numTo: number): boolean {
  if (operands === "pairs") return numFrom === numTo && numTo > 0;
  if (operands === "attend") return numFrom > numTo && numTo > 0;
  if (operands === "from") return numFrom > 0 && numTo === 0;
  if (operands === "to") return numFrom === 0 && numTo > 0;
  return numFrom === 0 && numTo === 0;
}

function hasOperandCounts(schedule: Schedule, op: number, shape: KindShape, report: Report): boolean {
  const { fromStart, toStart } = schedule.ops;
  const numFrom = fromStart[op + 1]! - fromStart[op]!;
  const numTo = toStart[op + 1]! - toStart[op]!;
  if (countsFit(shape.operands, numFrom, numTo)) return true;
  const expected = expectedOperands[shape.operands];
  report.add("op-operands", [op], describeOp(schedule, op), expected, `${numFrom} from and ${numTo} to`);
  return false;
}

function checkUse(schedule: Schedule, op: number, shape: KindShape, report: Report): void {
  const { fromStart, from, toStart, to } = schedule.ops;
  for (let i = fromStart[op]!; i < fromStart[op + 1]!; i++) checkRole(schedule, op, from[i]!, shape.fromSums, report);
  for (let i = toStart[op]!; i < toStart[op + 1]!; i++) checkRole(schedule, op, to[i]!, shape.toSums, report);
}

function checkRole(schedule: Schedule, op: number, operand: number, sums: boolean, report: Report): void {
  const slot = schedule.slots[schedule.operands.slot[operand]!]!;
  if (isAccumulator(slot) === sums) return;
  const expected = sums ? "an accumulator" : "a slot of the heap";
  report.add("slot-use", [op], describeOp(schedule, op), describeOperand(schedule, operand), expected, slot.role);
}

function checkEmpty(schedule: Schedule, op: number, report: Report): void {
  const { fromStart, from, toStart, to } = schedule.ops;
  for (let i = fromStart[op]!; i < fromStart[op + 1]!; i++) if (!isEmpty(schedule, from[i]!)) return;
  for (let i = toStart[op]!; i < toStart[op + 1]!; i++) if (!isEmpty(schedule, to[i]!)) return;
  report.add("empty-op", [op], describeOp(schedule, op), "has empty tiles only");
}

function isEmpty(schedule: Schedule, operand: number): boolean {
  return schedule.operands.numTokens[operand] === 0 || schedule.operands.numHeads[operand] === 0;
}

/** Whether two operands mean the same heads and tokens. */
function sameRanges(schedule: Schedule, a: number, b: number): boolean {
  const { head, numHeads, token, numTokens } = schedule.operands;
  return head[a] === head[b] && numHeads[a] === numHeads[b] && token[a] === token[b] && numTokens[a] === numTokens[b];
}

/** Whether two operands mean the same tile. */
export function sameTile(schedule: Schedule, a: number, b: number): boolean {
  return schedule.operands.tensor[a] === schedule.operands.tensor[b] && sameRanges(schedule, a, b);
}

function checkPairs(schedule: Schedule, op: number, shape: KindShape, report: Report): void {
  const { fromStart, from, toStart, to } = schedule.ops;
  const first = fromStart[op]!;
  const shift = toStart[op]! - first;
  for (let i = first; i < fromStart[op + 1]!; i++) {
    const [source, target] = [from[i]!, to[i + shift]!];
    if (!sameTile(schedule, source, target)) reportPair(schedule, op, source, target, report);
    else if (shape.fromSums) checkTensor(schedule, op, source, "O", report);
  }
}

function reportPair(schedule: Schedule, op: number, from: number, to: number, report: Report): void {
  const [source, target] = [describeOperandTile(schedule, from), describeOperandTile(schedule, to)];
  report.add("pair-tiles", [op], describeOp(schedule, op), source, target);
}

function checkTensor(schedule: Schedule, op: number, operand: number, expected: Tensor, report: Report): boolean {
  if (schedule.operands.tensor[operand] === TensorCode[expected]) return true;
  const actual = TENSORS[schedule.operands.tensor[operand]!]!;
  report.add("op-operands", [op], describeOp(schedule, op), `an operand of ${expected}`, `one of ${actual}`);
  return false;
}

/** Q operands come first, one for each accumulator and of its tile; then KV operands of the heads that they meet. */
function checkAttend(schedule: Schedule, op: number, report: Report): void {
  const { fromStart, from, toStart, to } = schedule.ops;
  const numQueries = toStart[op + 1]! - toStart[op]!;
  const firstKey = fromStart[op]! + numQueries;
  for (let i = 0; i < numQueries; i++) {
    const [query, sum] = [from[fromStart[op]! + i]!, to[toStart[op]! + i]!];
    const typed = checkTensor(schedule, op, query, "Q", report) && checkTensor(schedule, op, sum, "O", report);
    if (typed && !sameRanges(schedule, query, sum)) reportPair(schedule, op, query, sum, report);
  }
  for (let i = firstKey; i < fromStart[op + 1]!; i++) {
    if (!checkTensor(schedule, op, from[i]!, "KV", report)) return;
    for (let j = fromStart[op]!; j < firstKey; j++) checkHeads(schedule, op, from[j]!, from[i]!, report);
  }
  if (schedule.workload.mask === "causal") checkAnyAllowed(schedule, op, firstKey, report);
}

/** Q heads `[a, b)` meet KV heads `[a·Hkv/H, b·Hkv/H)`. */
function checkHeads(schedule: Schedule, op: number, query: number, key: number, report: Report): void {
  const { head, numHeads } = schedule.operands;
  const { heads, kvHeads } = schedule.workload;
  const [first, count] = [head[query]! * kvHeads, numHeads[query]! * kvHeads];
  if (head[key]! * heads === first && numHeads[key]! * heads === count) return;
  const expected = describeRange(first / heads, (first + count) / heads);
  const actual = describeRange(head[key]!, head[key]! + numHeads[key]!);
  report.add("attend-heads", [op], describeOp(schedule, op), describeOperandTile(schedule, query), expected, actual);
}

/** Under a causal mask the last query has to see the first key, or the launch computes nothing. */
function checkAnyAllowed(schedule: Schedule, op: number, firstKey: number, report: Report): void {
  const { fromStart, from } = schedule.ops;
  const { token, numTokens } = schedule.operands;
  let lastQuery = -1;
  let key = Number.POSITIVE_INFINITY;
  for (let i = fromStart[op]!; i < firstKey; i++)
    lastQuery = Math.max(lastQuery, token[from[i]!]! + numTokens[from[i]!]! - 1);
  for (let i = firstKey; i < fromStart[op + 1]!; i++) key = Math.min(key, token[from[i]!]!);
  if (key > lastQuery) report.add("empty-op", [op], describeOp(schedule, op), "has keys that no query of it may see");
}

function checkTransfer(schedule: Schedule, op: number, report: Report): void {
  const { rank, peer } = schedule.ops;
  const [own, other] = [rank[op]!, peer[op]!];
  const perGroup = ranksPerGroup(schedule);
  const [ownGroup, otherGroup] = [Math.floor(own / perGroup), Math.floor(other / perGroup)];
  if (ownGroup !== otherGroup) report.add("foreign-data", [op], describeOp(schedule, op), ownGroup, otherGroup);
  if (machineOfRank(schedule, own) !== machineOfRank(schedule, other)) checkContiguity(schedule, op, report);
}

/** Machine of a rank in the mesh; groups do not share machines. */
function machineOfRank(schedule: Schedule, rank: number): number {
  const perGroup = ranksPerGroup(schedule);
  const machine = Math.floor((rank % perGroup) / ranksPerMachine(schedule.mesh));
  return Math.floor(rank / perGroup) * machinesOfMesh(schedule.mesh) + machine;
}

/** Between machines every tile fills all columns of its slots: each plane of it is one run of bytes. */
function checkContiguity(schedule: Schedule, op: number, report: Report): void {
  const { fromStart, from, toStart, to } = schedule.ops;
  for (let i = fromStart[op]!; i < fromStart[op + 1]!; i++) checkRun(schedule, op, "source", from[i]!, report);
  for (let i = toStart[op]!; i < toStart[op + 1]!; i++) checkRun(schedule, op, "target", to[i]!, report);
}

function checkRun(schedule: Schedule, op: number, end: string, operand: number, report: Report): void {
  const { columns } = schedule.slots[schedule.operands.slot[operand]!]!;
  if (schedule.operands.numHeads[operand] === columns) return;
  report.add("contiguity", [op], describeOp(schedule, op), end, describeOperand(schedule, operand), columns);
}
