import { expect } from "vitest";
import { Kind, numOps, OP_KINDS, type Schedule } from "../../plan/schedule/schedule.ts";
import { compileProgram, NO_OP } from "../../runtime/program.ts";

/** When each op ran, by op id, ns. */
export interface Times {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

/**
 * What a run of a schedule must look like, whoever made it: simulator, null backend, threads and every backend to come
 * (semantics of ARCHITECTURE.md). Times of one op are compared exactly: all backends use one clock for all ranks.
 */
export function expectContract(schedule: Schedule, { startNs, endNs }: Times): void {
  const count = numOps(schedule);
  expect(startNs.length).toBe(count);
  const program = compileProgram(schedule);
  const violations = [
    ...spans(startNs, endNs),
    ...streamOrder(schedule, startNs, endNs),
    ...dependencies(schedule, startNs, endNs),
    ...signals(schedule, startNs, endNs),
    ...pairs(program.partner, schedule, startNs, endNs),
    ...barriers(schedule, startNs, endNs),
  ];
  expect(violations).toEqual([]);
}

function* spans(startNs: Float64Array, endNs: Float64Array): Generator<string> {
  for (let op = 0; op < startNs.length; op++) {
    const isFine = Number.isFinite(startNs[op]!) && startNs[op]! <= endNs[op]! && Number.isFinite(endNs[op]!);
    if (!isFine) yield `op ${op} ran from ${startNs[op]} to ${endNs[op]}`;
  }
}

/** An op starts when the op before it on its stream has ended; members of a group start together. */
function* streamOrder(schedule: Schedule, startNs: Float64Array, endNs: Float64Array): Generator<string> {
  const { rank, stream, group, kind } = schedule.ops;
  const lastOf = new Map<number, number[]>();
  for (let op = 0; op < rank.length; op++) {
    const lane = rank[op]! * schedule.streams.length + stream[op]!;
    const before = lastOf.get(lane) ?? [];
    const isGroup = group[op] !== 0 && before.length > 0 && group[before[0]!] === group[op];
    if (isGroup) {
      if (startNs[op] !== startNs[before[0]!]) yield `op ${op} of a group starts apart from op ${before[0]}`;
      before.push(op);
      continue;
    }
    // A barrier's time is that of the last rank to come, seen by all: nothing else may overlap.
    for (const last of before) if (startNs[op]! < endNs[last]!) yield `op ${op} starts before op ${last} ends`;
    lastOf.set(lane, [op]);
    if (kind[op] === undefined) yield `op ${op} has no kind`;
  }
}

function* dependencies(schedule: Schedule, startNs: Float64Array, endNs: Float64Array): Generator<string> {
  const { deps, depsStart } = schedule.ops;
  for (let op = 0; op < startNs.length; op++) {
    for (let at = depsStart[op]!; at < depsStart[op + 1]!; at++) {
      const dep = deps[at]!;
      if (startNs[op]! < endNs[dep]!) yield `op ${op} starts before op ${dep} ends, on which it depends`;
    }
  }
}

/**
 * A wait ends after the write that makes its word large enough has begun. It may see the word a moment before the writer
 * has noted its own end.
 */
function* signals(schedule: Schedule, startNs: Float64Array, endNs: Float64Array): Generator<string> {
  const { kind, signal, signalValue } = schedule.ops;
  const writes = new Map<string, number>();
  for (let op = 0; op < kind.length; op++) {
    if (signalValue[op] === 0) continue;
    const key = `${signal[op]} ${signalValue[op]}`;
    if (kind[op] !== Kind.wait) writes.set(key, op);
    else if (!writes.has(key)) yield `op ${op} waits for a value that no op before it writes`;
    else if (endNs[op]! < startNs[writes.get(key)!]!) yield `op ${op} ends before its signal's op ${writes.get(key)}`;
  }
}

function* pairs(
  partner: Int32Array,
  schedule: Schedule,
  startNs: Float64Array,
  endNs: Float64Array,
): Generator<string> {
  for (let op = 0; op < partner.length; op++) {
    const other = partner[op]!;
    if (other === NO_OP) continue;
    if (endNs[op] !== endNs[other]) yield `${OP_KINDS[schedule.ops.kind[op]!]} ${op} ends apart from ${other}`;
    if (endNs[op]! < startNs[other]!) yield `op ${op} ends before its other end ${other} is posted`;
  }
}

function* barriers(schedule: Schedule, startNs: Float64Array, endNs: Float64Array): Generator<string> {
  const { kind, rank } = schedule.ops;
  const numOf = new Int32Array(schedule.ranks);
  const first: number[] = [];
  for (let op = 0; op < kind.length; op++) {
    if (kind[op] !== Kind.barrier) continue;
    const index = numOf[rank[op]!]!++;
    const other = first[index] ?? op;
    first[index] = other;
    if (startNs[op] !== startNs[other] || endNs[op] !== endNs[other]) yield `barrier ${op} is apart from ${other}`;
  }
}
