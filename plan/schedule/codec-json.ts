import { UsageError } from "../errors.ts";
import type { CreateHasher } from "../packed/hasher.ts";
import {
  codesOf,
  describeJson,
  type JsonRow,
  readInteger,
  readIntegers,
  readList,
  readName,
  readRange,
  readRow,
} from "../packed/json-row.ts";
import { estimateRows, joinChunks, jsonRows, parseJsonObject } from "../packed/json-text.ts";
import { scheduleHash } from "./codec-packed.ts";
import { headerOf, readHeader, type ScheduleHeader } from "./header.ts";
import { numOps, OP_KINDS, type Schedule, TENSORS } from "./schedule.ts";
import { validateColumns } from "./validate-schedule.ts";

const FORMAT = "toroid-schedule";
const VERSION = 1;
const MAX_U16 = 2 ** 16 - 1;
const MAX_U32 = 2 ** 32 - 1;

/**
 * The JSON of a valid schedule in chunks of text: for people to read and to compare, one signal, operand or op a line.
 * Names stand for codes and slots; operands, signals and dependencies are ids, the positions in their lists. Of an op
 * all that is 0, empty or its own rank is left out.
 */
export function encodeScheduleJson(schedule: Schedule, createHasher?: CreateHasher): Generator<string> {
  return joinChunks(piecesOf(schedule, scheduleHash(schedule, createHasher)));
}

/** About how many bytes `encodeScheduleJson` makes, within a few percent, in no time. */
export function jsonSizeEstimate(schedule: Schedule): number {
  let size = 0;
  for (const piece of headerPieces(schedule, "0".repeat(64))) size += piece.length;
  for (const { numRows, row } of tablesOf(schedule)) size += estimateRows(numRows, row);
  return size;
}

/**
 * Reads a schedule from JSON, validates it and compares its hash. Keys given twice count once, the last; the hash says
 * whether that was meant.
 * Errors: `limit`, `parse`, `version`, `hash`, `format` with the place.
 */
export function decodeScheduleJson(bytes: Uint8Array, createHasher?: CreateHasher): Schedule {
  const { format, version, hash, signals, operands, ops, ...rest } = parseJsonObject(bytes, "schedule");
  checkFormat(format, version);
  const header = readHeader(rest);
  const schedule: Schedule = {
    version: VERSION,
    ...header,
    signals: readSignals(readList(signals, "signals"), header),
    operands: readOperands(readList(operands, "operands"), header),
    ops: readOps(readList(ops, "ops"), header),
  };
  validateColumns(schedule);
  checkHash(hash, scheduleHash(schedule, createHasher));
  return schedule;
}

function* piecesOf(schedule: Schedule, hash: string): Generator<string> {
  yield* headerPieces(schedule, hash);
  for (const { name, numRows, row } of tablesOf(schedule)) {
    yield `,\n"${name}": [`;
    yield* jsonRows(numRows, row);
    yield "\n]";
  }
  yield "\n}\n";
}

function* headerPieces(schedule: Schedule, hash: string): Generator<string> {
  yield `{\n"format": "${FORMAT}",\n"version": ${schedule.version},\n"hash": "${hash}"`;
  for (const [key, value] of Object.entries(headerOf(schedule))) yield `,\n"${key}": ${headerValue(key, value)}`;
}

function headerValue(key: string, value: unknown): string {
  if (key !== "slots") return JSON.stringify(value);
  const slots = value as readonly unknown[];
  return `[${[...jsonRows(slots.length, (i) => JSON.stringify(slots[i]))].join("")}\n]`;
}

interface Table {
  readonly name: string;
  readonly numRows: number;
  readonly row: (index: number) => string;
}

function tablesOf(schedule: Schedule): readonly Table[] {
  const { signals, operands } = schedule;
  return [
    { name: "signals", numRows: signals.rank.length, row: (i) => signalRow(schedule, i) },
    { name: "operands", numRows: operands.slot.length, row: (i) => operandRow(schedule, i) },
    { name: "ops", numRows: numOps(schedule), row: (i) => opRow(schedule, i) },
  ];
}

function signalRow({ signals, streams }: Schedule, id: number): string {
  const writerStream = streams[signals.writerStream[id]!]!;
  const { rank, word, writerRank } = signals;
  return JSON.stringify({ id, rank: rank[id], word: word[id], writerRank: writerRank[id], writerStream });
}

function operandRow({ operands, slots }: Schedule, id: number): string {
  const { head, numHeads, token, numTokens } = operands;
  return JSON.stringify({
    id,
    tensor: TENSORS[operands.tensor[id]!]!,
    heads: [head[id]!, head[id]! + numHeads[id]!],
    tokens: [token[id]!, token[id]! + numTokens[id]!],
    slot: slots[operands.slot[id]!]!.name,
    row: operands.row[id],
    column: operands.column[id],
  });
}

function opRow({ ops, streams }: Schedule, id: number): string {
  const rank = ops.rank[id]!;
  const stream = JSON.stringify(streams[ops.stream[id]!]!);
  let text = `{"id":${id},"kind":"${OP_KINDS[ops.kind[id]!]!}","rank":${rank},"stream":${stream}`;
  if (ops.peer[id] !== rank) text += `,"peer":${ops.peer[id]}`;
  if (ops.group[id] !== 0) text += `,"group":${ops.group[id]}`;
  if (ops.signal[id] !== 0 || ops.signalValue[id] !== 0) {
    text += `,"signal":${ops.signal[id]},"value":${ops.signalValue[id]}`;
  }
  if (ops.work[id] !== 0) text += `,"work":${ops.work[id]}`;
  text += listText("deps", ops.depsStart, ops.deps, id);
  text += listText("from", ops.fromStart, ops.from, id);
  return `${text}${listText("to", ops.toStart, ops.to, id)}}`;
}

function listText(name: string, start: Uint32Array, values: Uint32Array, op: number): string {
  const list = values.subarray(start[op]!, start[op + 1]!);
  return list.length === 0 ? "" : `,"${name}":[${list.join(",")}]`;
}

function checkFormat(format: unknown, version: unknown): void {
  if (format !== FORMAT) {
    throw new UsageError("format", `expected a JSON schedule, with "format": "${FORMAT}"`, { path: "format" });
  }
  if (version === VERSION) return;
  throw new UsageError("version", `expected a schedule of version ${VERSION}, got ${describeJson(version)}`, {
    path: "version",
    hint: "Make the schedule again with this version of the program.",
  });
}

function checkHash(hash: unknown, actual: string): void {
  if (hash === actual) return;
  throw new UsageError("hash", `expected the hash ${actual} of what the file holds, got ${describeJson(hash)}`, {
    path: "hash",
    hint: `If the schedule was edited on purpose, set hash to "${actual}".`,
  });
}

const signalKeys = new Set(["id", "rank", "word", "writerRank", "writerStream"]);
const operandKeys = new Set(["id", "tensor", "heads", "tokens", "slot", "row", "column"]);
const opKeys = new Set(
  ["id", "kind", "rank", "stream", "peer", "group", "signal", "value", "work", "deps", "from", "to"], //
);

/** A row of a table, with its id in order. */
function readTableRow(rows: readonly unknown[], name: string, id: number, keys: ReadonlySet<string>): JsonRow {
  const row = readRow(rows[id], `${name}[${id}]`, keys);
  if (row.value["id"] === id) return row;
  throw new UsageError("format", `expected id ${id}, the position in the list`, { path: `${row.path}.id` });
}

function readSignals(rows: readonly unknown[], { streams }: ScheduleHeader): Schedule["signals"] {
  const streamCodes = codesOf(streams);
  const signals = {
    rank: new Uint16Array(rows.length),
    word: new Uint32Array(rows.length),
    writerRank: new Uint16Array(rows.length),
    writerStream: new Uint8Array(rows.length),
  };
  for (let id = 0; id < rows.length; id++) {
    const row = readTableRow(rows, "signals", id, signalKeys);
    signals.rank[id] = readInteger(row, "rank", MAX_U16);
    signals.word[id] = readInteger(row, "word", MAX_U32);
    signals.writerRank[id] = readInteger(row, "writerRank", MAX_U16);
    signals.writerStream[id] = readName(row, "writerStream", streamCodes);
  }
  return signals;
}

function readOperands(rows: readonly unknown[], { slots }: ScheduleHeader): Schedule["operands"] {
  const slotCodes = codesOf(slots.map(({ name }) => name));
  const tensorCodes = codesOf(TENSORS);
  const operands = {
    slot: new Uint16Array(rows.length),
    row: new Uint32Array(rows.length),
    column: new Uint16Array(rows.length),
    tensor: new Uint8Array(rows.length),
    head: new Uint16Array(rows.length),
    numHeads: new Uint16Array(rows.length),
    token: new Uint32Array(rows.length),
    numTokens: new Uint32Array(rows.length),
  };
  for (let id = 0; id < rows.length; id++) {
    const row = readTableRow(rows, "operands", id, operandKeys);
    operands.slot[id] = readName(row, "slot", slotCodes);
    operands.row[id] = readInteger(row, "row", MAX_U32);
    operands.column[id] = readInteger(row, "column", MAX_U16);
    operands.tensor[id] = readName(row, "tensor", tensorCodes);
    [operands.head[id], operands.numHeads[id]] = readRange(row, "heads", MAX_U16);
    [operands.token[id], operands.numTokens[id]] = readRange(row, "tokens", MAX_U32);
  }
  return operands;
}

function readOps(rows: readonly unknown[], { streams }: ScheduleHeader): Schedule["ops"] {
  const streamCodes = codesOf(streams);
  const kindCodes = codesOf(OP_KINDS);
  const ops = {
    kind: new Uint8Array(rows.length),
    rank: new Uint16Array(rows.length),
    stream: new Uint8Array(rows.length),
    peer: new Uint16Array(rows.length),
    group: new Uint32Array(rows.length),
    signal: new Uint32Array(rows.length),
    signalValue: new Uint32Array(rows.length),
    work: new Uint16Array(rows.length),
  };
  for (let id = 0; id < rows.length; id++) {
    const row = readTableRow(rows, "ops", id, opKeys);
    const rank = readInteger(row, "rank", MAX_U16);
    ops.kind[id] = readName(row, "kind", kindCodes);
    ops.rank[id] = rank;
    ops.stream[id] = readName(row, "stream", streamCodes);
    ops.peer[id] = readInteger(row, "peer", MAX_U16, rank);
    ops.group[id] = readInteger(row, "group", MAX_U32, 0);
    ops.signal[id] = readInteger(row, "signal", MAX_U32, 0);
    ops.signalValue[id] = readInteger(row, "value", MAX_U32, 0);
    ops.work[id] = readInteger(row, "work", MAX_U16, 0);
  }
  const [depsStart, deps] = readCompressed(rows, "deps");
  const [fromStart, from] = readCompressed(rows, "from");
  const [toStart, to] = readCompressed(rows, "to");
  return { ...ops, depsStart, deps, fromStart, from, toStart, to };
}

/** The lists at `key` of all ops, as compressed rows. */
function readCompressed(rows: readonly unknown[], key: "deps" | "from" | "to"): [Uint32Array, Uint32Array] {
  const start = new Uint32Array(rows.length + 1);
  const lists = rows.map((row, id) => readIntegers(readRow(row, `ops[${id}]`), key, MAX_U32));
  lists.forEach((list, id) => {
    start[id + 1] = start[id]! + list.length;
  });
  const values = new Uint32Array(start[rows.length]!);
  lists.forEach((list, id) => {
    values.set(list, start[id]!);
  });
  return [start, values];
}
