import { Kind, OP_KINDS, type Schedule } from "../plan/schedule/schedule.ts";

/** Sentences that a report has at most. */
const MAX_SENTENCES = 4;

/** An op in words: `op 57 (wait on stream inter of rank 2)`. */
export function describeOp(schedule: Schedule, op: number): string {
  const { kind, rank, stream } = schedule.ops;
  return `op ${op} (${OP_KINDS[kind[op]!]} on stream ${schedule.streams[stream[op]!]} of rank ${rank[op]})`;
}

/** The signal word that an op writes or awaits, in words; empty where it has none. */
export function describeSignal(schedule: Schedule, op: number): string {
  const { signal, signalValue } = schedule.ops;
  if (signalValue[op] === 0) return "";
  const { rank, word } = schedule.signals;
  return `signal word ${word[signal[op]!]} of rank ${rank[signal[op]!]} ≥ ${signalValue[op]}`;
}

/**
 * Why a run stands still, from the ops under way (begun and not ended) and those that have ended. Ops that wait for
 * nobody come first: they are the cause; then waits whose signal was written but never came; then what waits.
 */
export function describeStall(
  schedule: Schedule,
  underWay: readonly number[],
  hasEnded: (op: number) => boolean,
): string {
  const { kind } = schedule.ops;
  const waits = (op: number) => kind[op] === Kind.wait || kind[op] === Kind.barrier || isPair(schedule, op);
  const sentences = [
    ...underWay.filter((op) => !waits(op)).map((op) => `${describeOp(schedule, op)} does not end`),
    ...underWay.filter((op) => kind[op] === Kind.wait).map((op) => describeWait(schedule, op, hasEnded)),
    ...underWay
      .filter((op) => isPair(schedule, op))
      .map((op) => `${describeOp(schedule, op)} waits for rank ${schedule.ops.peer[op]}`),
  ];
  if (sentences.length === 0) return describeBarriers(schedule, underWay);
  const more = sentences.length - MAX_SENTENCES;
  return sentences.slice(0, MAX_SENTENCES).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

function isPair({ ops }: Schedule, op: number): boolean {
  return ops.kind[op] === Kind.send || ops.kind[op] === Kind.receive;
}

function describeWait(schedule: Schedule, wait: number, hasEnded: (op: number) => boolean): string {
  const { ops } = schedule;
  const value = ops.signalValue[wait]!;
  const write = ops.kind.findIndex(
    (kind, op) => kind !== Kind.wait && ops.signal[op] === ops.signal[wait] && ops.signalValue[op] === value,
  );
  const text = `${describeOp(schedule, wait)} waits for ${describeSignal(schedule, wait)}`;
  if (write === -1) return `${text}, which no op writes`;
  return `${text} from ${describeOp(schedule, write)}, which has ${hasEnded(write) ? "ended without it" : "not ended"}`;
}

function describeBarriers(schedule: Schedule, underWay: readonly number[]): string {
  const first = underWay[0];
  if (first === undefined) return "no op is under way";
  const waiting = new Set(underWay.map((op) => schedule.ops.rank[op]!));
  const missing = Array.from({ length: schedule.ranks }, (_, rank) => rank).filter((rank) => !waiting.has(rank));
  const whom = missing.length === 0 ? "nobody is missing" : `without rank ${missing.join(", ")}`;
  return `${describeOp(schedule, first)} stands, ${whom}`;
}
