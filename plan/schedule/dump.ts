import type { CreateHasher } from "../packed/hasher.ts";
import { joinChunks } from "../packed/json-text.ts";
import { scheduleHash } from "./codec-packed.ts";
import { Kind, machinesOfMesh, numOps, OP_KINDS, ranksPerMachine, type Schedule, TENSORS } from "./schedule.ts";

/**
 * A valid schedule as text for people, in chunks: header, slots, work, then each rank's streams, op by op in order.
 *
 * `#57 get KV[h4-8 t0-512] r11:gatheredKV(0,0) → ring0(512,0) after #12` is op 57; heads and tokens are half-open
 * ranges, a place is a slot with row and column, at another rank where one is named; `signal r3.w2=1` writes word 2 of
 * rank 3, a wait says `r3.w2≥1`; `g4` is a group that is posted together. An attend is queries × keys → accumulators.
 */
export function dumpSchedule(schedule: Schedule, createHasher?: CreateHasher): Generator<string> {
  return joinChunks(linesOf(schedule, scheduleHash(schedule, createHasher)));
}

function* linesOf(schedule: Schedule, hash: string): Generator<string> {
  yield* headerLines(schedule, hash);
  const { ops, streams } = schedule;
  let place = -1;
  for (const op of byRankAndStream(schedule)) {
    const next = ops.rank[op]! * streams.length + ops.stream[op]!;
    if (next !== place) yield `\nr${ops.rank[op]} ${streams[ops.stream[op]!]}\n`;
    place = next;
    yield `  #${op} ${opText(schedule, op)}\n`;
  }
}

function* headerLines(schedule: Schedule, hash: string): Generator<string> {
  const { mesh, path } = schedule;
  yield `${schedule.method} ${schedule.transport}, schedule version ${schedule.version}\n`;
  yield `hash ${hash}\n`;
  yield `mesh ${machinesOfMesh(mesh)}x${ranksPerMachine(mesh)}: ulysses ${mesh.ulyssesInter}x${mesh.ulyssesIntra}`;
  yield `, ring ${mesh.ringInter}x${mesh.ringIntra}; groups ${schedule.groups}; ranks ${schedule.ranks}\n`;
  yield `tiles ${schedule.tiles}; path ${path === "" ? "none" : path}; repeats ${schedule.repeats}\n`;
  yield `placement ${schedule.placement.join(" ")}\n`;
  yield `workload ${workloadText(schedule)}\n`;
  yield `streams ${schedule.streams.join(" ")}\n`;
  yield `signals ${schedule.signals.rank.length}; operands ${schedule.operands.slot.length}; ops ${numOps(schedule)}\n`;
  yield `heap ${schedule.heapBytes} bytes; accumulators ${schedule.accumulatorBytes} bytes\n`;
  for (const { name, role, planes, rows, columns, offset, bytes } of schedule.slots) {
    yield `slot ${name} ${role} ${planes}x${rows}x${columns}, bytes ${offset}-${offset + bytes}\n`;
  }
  for (const { name, flops, bytes } of schedule.computes) yield `compute ${name}: ${flops} flops, ${bytes} bytes\n`;
}

function workloadText({ workload }: Schedule): string {
  const { model, batch, tokens, heads, kvHeads, headDim, dtype, mask, shardOrder, scope, guidance, layers } = workload;
  const shape = `B${batch} L${tokens} H${heads}/${kvHeads} D${headDim} ${dtype}`;
  return `${model ?? "free"} ${shape} ${mask} ${shardOrder} ${scope} guidance ${guidance} layers ${layers}`;
}

/** Op ids by rank, then stream, then id: a counting sort. */
function byRankAndStream({ ops, ranks, streams }: Schedule): Uint32Array {
  const start = new Uint32Array(ranks * streams.length + 1);
  const keyOf = (op: number) => ops.rank[op]! * streams.length + ops.stream[op]!;
  for (let op = 0; op < ops.kind.length; op++) start[keyOf(op) + 1]!++;
  for (let key = 0; key + 1 < start.length; key++) start[key + 1]! += start[key]!;
  const sorted = new Uint32Array(ops.kind.length);
  for (let op = 0; op < ops.kind.length; op++) sorted[start[keyOf(op)]!++] = op;
  return sorted;
}

function opText(schedule: Schedule, op: number): string {
  const { ops, computes } = schedule;
  const kind = ops.kind[op]!;
  const parts = [OP_KINDS[kind]!, operandsText(schedule, op)];
  if (kind === Kind.compute) parts.push(computes[ops.work[op]!]!.name);
  parts.push(signalText(schedule, op));
  if (ops.group[op] !== 0) parts.push(`g${ops.group[op]}`);
  parts.push(depsText(schedule, op));
  return parts.filter((part) => part !== "").join(" ");
}

function depsText({ ops }: Schedule, op: number): string {
  const deps = ops.deps.subarray(ops.depsStart[op]!, ops.depsStart[op + 1]!);
  return deps.length === 0 ? "" : `after ${[...deps].map((dep) => `#${dep}`).join(" ")}`;
}

function signalText({ ops, signals }: Schedule, op: number): string {
  const value = ops.signalValue[op]!;
  if (value === 0) return "";
  const signal = ops.signal[op]!;
  const word = `r${signals.rank[signal]}.w${signals.word[signal]}`;
  return ops.kind[op] === Kind.wait ? `${word}≥${value}` : `signal ${word}=${value}`;
}

/** What goes in and where it goes. */
function operandsText(schedule: Schedule, op: number): string {
  const { kind, peer } = schedule.ops;
  const { from, to } = operandsOf(schedule, op);
  const other = `r${peer[op]}`;
  if (kind[op] === Kind.notify) return other;
  const sources = sourcesText(schedule, from, kind[op] === Kind.get ? `${other}:` : "");
  const targets = targetsText(schedule, kind[op]!, from, to, kind[op] === Kind.put ? `${other}:` : "");
  if (kind[op] === Kind.send) return joinEnds(sources.join(" + "), other);
  if (kind[op] === Kind.receive) return joinEnds(other, targets.join(" + "));
  const numQueries = kind[op] === Kind.attend ? to.length : sources.length;
  const sets = [sources.slice(0, numQueries), sources.slice(numQueries)].filter((set) => set.length > 0);
  return joinEnds(sets.map((set) => set.join(" + ")).join(" × "), targets.join(" + "));
}

function sourcesText(schedule: Schedule, from: readonly number[], owner: string): string[] {
  return from.map((operand) => `${tileText(schedule, operand)} ${owner}${placeText(schedule, operand)}`);
}

/** The tile of a target is left out where its source says it; an accumulator's is that of its query. */
function targetsText(
  schedule: Schedule,
  kind: number,
  from: readonly number[],
  to: readonly number[],
  owner: string,
): string[] {
  const text = kind === Kind.attend ? rangesText : tileText;
  return to.map((operand, i) => {
    const isKnown = i < from.length && text(schedule, operand) === text(schedule, from[i]!);
    return `${isKnown ? "" : `${tileText(schedule, operand)} `}${owner}${placeText(schedule, operand)}`;
  });
}

function joinEnds(left: string, right: string): string {
  return left === "" && right === "" ? "" : `${left} → ${right}`;
}

function operandsOf({ ops }: Schedule, op: number): { from: number[]; to: number[] } {
  return {
    from: [...ops.from.subarray(ops.fromStart[op]!, ops.fromStart[op + 1]!)],
    to: [...ops.to.subarray(ops.toStart[op]!, ops.toStart[op + 1]!)],
  };
}

/** `KV[h4-8 t0-512]`. */
function tileText(schedule: Schedule, operand: number): string {
  return `${TENSORS[schedule.operands.tensor[operand]!]!}${rangesText(schedule, operand)}`;
}

/** `[h4-8 t0-512]`. */
function rangesText({ operands }: Schedule, operand: number): string {
  const { head, numHeads, token, numTokens } = operands;
  const heads = `h${head[operand]!}-${head[operand]! + numHeads[operand]!}`;
  return `[${heads} t${token[operand]!}-${token[operand]! + numTokens[operand]!}]`;
}

/** `ring0(512,0)`. */
function placeText({ operands, slots }: Schedule, operand: number): string {
  return `${slots[operands.slot[operand]!]!.name}(${operands.row[operand]},${operands.column[operand]})`;
}
