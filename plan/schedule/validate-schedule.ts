import { UsageError } from "../errors.ts";
import { headerOf, readHeader } from "./header.ts";
import { Kind, OP_KINDS, type Schedule, TENSORS, TensorCode } from "./schedule.ts";

/**
 * Makes sure that no reader of the schedule meets an index out of range: header, column lengths and every reference.
 * What is well formed but wrong (order, places outside a slot, tiles without a partner) is for the checker to find.
 * Error `format` with the place, `ops[17].deps[0]`.
 */
export function validateSchedule(schedule: Schedule): void {
  readHeader(headerOf(schedule));
  validateColumns(schedule);
}

/** `validateSchedule` for a header that is known to be valid: one pass over each column. */
export function validateColumns(schedule: Schedule): void {
  validateSignals(schedule);
  validateOperands(schedule);
  validateOps(schedule);
}

type NumberColumn = Uint8Array | Uint16Array | Uint32Array;

function fail(path: string, message: string): never {
  throw new UsageError("format", message, { path });
}

function checkLengths(section: string, columns: Readonly<Record<string, NumberColumn>>, length: number): void {
  for (const [name, column] of Object.entries(columns)) {
    if (column.length !== length) fail(`${section}.${name}`, `expected ${length} rows, got ${column.length}`);
  }
}

/** Every element is below `count`. */
function checkBelow(section: string, name: string, column: NumberColumn, count: number): void {
  for (let i = 0; i < column.length; i++) {
    if (column[i]! >= count) fail(`${section}[${i}].${name}`, `expected less than ${count}, got ${column[i]}`);
  }
}

function validateSignals({ signals, ranks, streams }: Schedule): void {
  const { rank, word, writerRank, writerStream } = signals;
  checkLengths("signals", { rank, word, writerRank, writerStream }, rank.length);
  checkBelow("signals", "rank", rank, ranks);
  checkBelow("signals", "word", word, rank.length);
  checkBelow("signals", "writerRank", writerRank, ranks);
  checkBelow("signals", "writerStream", writerStream, streams.length);
}

function validateOperands({ operands, slots, workload }: Schedule): void {
  const { slot, row, column, tensor, head, numHeads, token, numTokens } = operands;
  checkLengths("operands", { slot, row, column, tensor, head, numHeads, token, numTokens }, slot.length);
  checkBelow("operands", "slot", slot, slots.length);
  checkBelow("operands", "tensor", tensor, TENSORS.length);
  for (let i = 0; i < slot.length; i++) {
    const heads = tensor[i] === TensorCode.KV ? workload.kvHeads : workload.heads;
    checkRange(i, "Heads", head[i]!, numHeads[i]!, heads);
    checkRange(i, "Tokens", token[i]!, numTokens[i]!, workload.tokens);
  }
}

function checkRange(operand: number, what: string, start: number, count: number, end: number): void {
  if (count > 0 && start + count <= end) return;
  fail(`operands[${operand}].num${what}`, `expected a part of [0, ${end}), got [${start}, ${start + count})`);
}

function validateOps(schedule: Schedule): void {
  const { ops, operands, ranks, streams } = schedule;
  const { kind, rank, stream, peer, group, signal, signalValue, work } = ops;
  checkLengths("ops", { kind, rank, stream, peer, group, signal, signalValue, work }, kind.length);
  checkBelow("ops", "kind", kind, OP_KINDS.length);
  checkBelow("ops", "rank", rank, ranks);
  checkBelow("ops", "stream", stream, streams.length);
  checkBelow("ops", "peer", peer, ranks);
  checkStarts("deps", ops.depsStart, ops.deps, kind.length);
  checkStarts("from", ops.fromStart, ops.from, kind.length);
  checkStarts("to", ops.toStart, ops.to, kind.length);
  checkReferences("from", ops.fromStart, ops.from, operands.slot.length);
  checkReferences("to", ops.toStart, ops.to, operands.slot.length);
  checkDeps(schedule);
  checkPeers(schedule);
  checkSignalsAndWork(schedule);
}

/** Compressed rows begin at 0, never go back, and end with the last element. */
function checkStarts(name: string, start: Uint32Array, values: Uint32Array, numOps: number): void {
  if (start.length !== numOps + 1) fail(`ops.${name}Start`, `expected ${numOps + 1} rows, got ${start.length}`);
  if (start[0] !== 0) fail(`ops.${name}Start`, `expected 0 first, got ${start[0]}`);
  for (let i = 0; i < numOps; i++) {
    if (start[i + 1]! < start[i]!) fail(`ops[${i}].${name}`, "it ends before it begins");
  }
  if (start[numOps] !== values.length) fail(`ops.${name}Start`, `expected ${values.length} last, got ${start[numOps]}`);
}

function checkReferences(name: string, start: Uint32Array, values: Uint32Array, count: number): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i]! >= count) fail(placeOf(name, start, i), `expected less than ${count}, got ${values[i]}`);
  }
}

/** `ops[17].deps[0]` for element `index` of compressed rows. */
function placeOf(name: string, start: Uint32Array, index: number): string {
  let op = 0;
  while (start[op + 1]! <= index) op++;
  return `ops[${op}].${name}[${index - start[op]!}]`;
}

function checkDeps({ ops: { rank, depsStart, deps } }: Schedule): void {
  for (let op = 0; op < rank.length; op++) {
    for (let i = depsStart[op]!; i < depsStart[op + 1]!; i++) {
      const dep = deps[i]!;
      if (dep >= rank.length || rank[dep] !== rank[op]) failDep(op, i - depsStart[op]!, dep, rank);
    }
  }
}

function failDep(op: number, index: number, dep: number, rank: Uint16Array): never {
  const path = `ops[${op}].deps[${index}]`;
  if (dep >= rank.length) fail(path, `expected less than ${rank.length}, got ${dep}`);
  return fail(path, `expected an op of rank ${rank[op]}, got op ${dep} of rank ${rank[dep]}`);
}

/** Codes of the kinds that name another rank. */
const peerKinds: readonly number[] = [Kind.put, Kind.get, Kind.notify, Kind.send, Kind.receive];
const namesPeer = Uint8Array.from(OP_KINDS, (_, code) => (peerKinds.includes(code) ? 1 : 0));

function checkPeers({ ops: { kind, rank, peer } }: Schedule): void {
  for (let op = 0; op < kind.length; op++) {
    if (peer[op] === rank[op] || namesPeer[kind[op]!] === 1) continue;
    fail(`ops[${op}].peer`, `expected its own rank ${rank[op]}, got ${peer[op]}`);
  }
}

/** Also where they mean nothing: what is there is an index, or 0. */
function checkSignalsAndWork({ ops, signals, computes }: Schedule): void {
  const { kind, signal, signalValue, work } = ops;
  const numSignals = signals.rank.length;
  for (let op = 0; op < kind.length; op++) {
    if (signal[op]! >= numSignals && (signalValue[op] !== 0 || signal[op] !== 0)) {
      fail(`ops[${op}].signal`, `expected less than ${numSignals}, got ${signal[op]}`);
    }
    if (work[op]! >= computes.length && (kind[op] === Kind.compute || work[op] !== 0)) {
      fail(`ops[${op}].work`, `expected less than ${computes.length}, got ${work[op]}`);
    }
  }
}
