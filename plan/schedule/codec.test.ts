import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { decodeScheduleJson, encodeScheduleJson, jsonSizeEstimate } from "./codec-json.ts";
import { decodeSchedule, encodeSchedule, scheduleHash } from "./codec-packed.ts";
import { dumpSchedule } from "./dump.ts";
import { makeRingOfTwo } from "./fixture.test-support.ts";
import { readSchedule } from "./read-schedule.ts";
import { Kind, METHODS, OP_KINDS, type Schedule, SLOT_ROLES } from "./schedule.ts";
import { validateSchedule } from "./validate-schedule.ts";

function jsonBytes(schedule: Schedule): Uint8Array {
  return new TextEncoder().encode([...encodeScheduleJson(schedule)].join(""));
}

const dimension = fc.integer({ min: 1, max: 3 });
const amount = fc.oneof(fc.nat(), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));
const line = fc.string({ unit: fc.constantFrom("a", " ", "é", '"', "\\", "注"), minLength: 1, maxLength: 8 });
const u16 = fc.nat(2 ** 16 - 1);
const u32 = fc.nat(2 ** 32 - 1);
const size = fc.nat(2 ** 50);

const layerWorks = fc.array(
  fc.record({ name: line, flopsPerToken: amount, bytesPerToken: amount, weightBytes: amount }),
  { maxLength: 2 },
);

const workload = fc.record({
  model: fc.option(line),
  batch: fc.integer({ min: 1, max: 2 ** 16 - 1 }),
  tokens: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  heads: fc.constantFrom(8, 24, 48),
  kvHeads: fc.constantFrom(1, 2, 8),
  headDim: fc.integer({ min: 1, max: 256 }),
  dtype: fc.constantFrom("bf16" as const, "fp16" as const, "fp32" as const),
  mask: fc.constantFrom("full" as const, "causal" as const),
  shardOrder: fc.constantFrom("contiguous" as const, "zigzag" as const),
  scope: fc.constantFrom("attention" as const, "layer" as const, "step" as const),
  guidance: fc.constantFrom("none" as const, "batch" as const, "split" as const),
  before: layerWorks,
  after: layerWorks,
  layers: fc.integer({ min: 1, max: 100 }),
  modelBytes: amount,
  activationBytesPerToken: amount,
});

const slots = fc
  .array(
    fc.record({
      role: fc.constantFrom(...SLOT_ROLES),
      planes: u32,
      rows: u32,
      columns: u16,
      offset: fc.nat(2 ** 42).map((blocks) => 256 * blocks),
      bytes: size,
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((rows) => rows.map(({ role, ...rest }, i) => ({ name: `slot"${i}`, role, ...rest })));

/** All that does not depend on the columns. */
const header = fc
  .record({
    method: fc.constantFrom(...METHODS),
    transport: fc.constantFrom("one-sided" as const, "two-sided" as const),
    tiles: fc.integer({ min: 1, max: 8 }),
    path: fc.constantFrom("", "QKQK", "KKQ"),
    workload,
    mesh: fc.record({ ulyssesInter: dimension, ringInter: dimension, ulyssesIntra: dimension, ringIntra: dimension }),
    groups: dimension,
    placementStep: fc.integer({ min: 1, max: 1000 }),
    repeats: fc.integer({ min: 1, max: 100 }),
    streams: fc.constantFrom(["compute"], ["compute", "intra", "inter", "credit"]),
    slots,
    heapBytes: size,
    accumulatorBytes: size,
    computes: fc.array(fc.record({ name: line, flops: amount, bytes: amount }), { maxLength: 3 }),
  })
  .map(({ placementStep, mesh, ...rest }) => {
    const ranks = mesh.ulyssesInter * mesh.ringInter * mesh.ulyssesIntra * mesh.ringIntra * rest.groups;
    return { ...rest, mesh, ranks, placement: Array.from({ length: ranks }, (_, rank) => rank * placementStep) };
  });

type Header = typeof header extends fc.Arbitrary<infer T> ? T : never;

/** Well formed and without meaning: every reference exists, nothing else is true of it. */
function withColumns(h: Header): fc.Arbitrary<Schedule> {
  const rank = fc.nat(h.ranks - 1);
  const stream = fc.nat(h.streams.length - 1);
  const signals = fc.array(fc.record({ rank, word: fc.constant(0), writerRank: rank, writerStream: stream }), {
    maxLength: 3,
  });
  const operands = fc.array(
    fc.record({ slot: fc.nat(h.slots.length - 1), row: u32, column: u16, tensor: fc.nat(2), token: u32, head: u16 }),
    { minLength: 1, maxLength: 6 },
  );
  return fc.tuple(signals, operands).chain(([signals, operands]) => {
    const operandIds = fc.array(fc.nat(operands.length - 1), { maxLength: 4 });
    const numSignals = signals.length;
    const ops = fc.array(
      fc.record({
        kind: fc.nat(OP_KINDS.length - 1),
        rank,
        stream,
        peer: rank,
        group: fc.oneof(fc.constant(0), u32),
        signal: numSignals === 0 ? fc.constant(0) : fc.nat(numSignals - 1),
        signalValue: numSignals === 0 ? fc.constant(0) : fc.oneof(fc.constant(0), u32),
        work: h.computes.length === 0 ? fc.constant(0) : fc.nat(h.computes.length - 1),
        deps: fc.array(fc.nat(11), { maxLength: 3 }),
        from: operandIds,
        to: operandIds,
      }),
      { maxLength: 12 },
    );
    return ops.map((rows) => assemble(h, signals, operands, rows));
  });
}

type Row = Readonly<Record<string, number>>;
type OpRow = Row & { deps: number[]; from: number[]; to: number[] };

function assemble(h: Header, signals: readonly Row[], operands: readonly Row[], rawOps: readonly object[]): Schedule {
  const { tokens, heads, kvHeads } = h.workload;
  const ops = (rawOps as readonly OpRow[]).map((op, _, all) => repair(op, all, h.computes.length));
  const u8Of = (rows: readonly Row[], key: string) => Uint8Array.from(rows, (row) => row[key]!);
  const u16Of = (rows: readonly Row[], key: string) => Uint16Array.from(rows, (row) => row[key]!);
  const u32Of = (rows: readonly Row[], key: string) => Uint32Array.from(rows, (row) => row[key]!);
  const tiles = operands.map((row) => ({
    ...row,
    ...cut("head", "numHeads", row["head"]!, row["tensor"] === 1 ? kvHeads : heads),
    ...cut("token", "numTokens", row["token"]!, tokens),
  })) as readonly Row[];
  return {
    version: 1,
    ...h,
    signals: {
      rank: u16Of(signals, "rank"),
      word: u32Of(signals, "word"),
      writerRank: u16Of(signals, "writerRank"),
      writerStream: u8Of(signals, "writerStream"),
    },
    operands: {
      slot: u16Of(tiles, "slot"),
      row: u32Of(tiles, "row"),
      column: u16Of(tiles, "column"),
      tensor: u8Of(tiles, "tensor"),
      head: u16Of(tiles, "head"),
      numHeads: u16Of(tiles, "numHeads"),
      token: u32Of(tiles, "token"),
      numTokens: u32Of(tiles, "numTokens"),
    },
    ops: {
      kind: u8Of(ops, "kind"),
      rank: u16Of(ops, "rank"),
      stream: u8Of(ops, "stream"),
      peer: u16Of(ops, "peer"),
      group: u32Of(ops, "group"),
      signal: u32Of(ops, "signal"),
      signalValue: u32Of(ops, "signalValue"),
      work: u16Of(ops, "work"),
      ...compressed("deps", ops),
      ...compressed("from", ops),
      ...compressed("to", ops),
    } as Schedule["ops"],
  };
}

/** A part of `[0, end)` that begins at `start` or below. */
function cut(startName: string, countName: string, start: number, end: number): Row {
  const first = start % end;
  return { [startName]: first, [countName]: 1 + (((start >> 3) & 0x7fff) % (end - first)) };
}

function repair(op: OpRow, all: readonly OpRow[], numComputes: number): OpRow {
  const names = [Kind.put, Kind.get, Kind.notify, Kind.send, Kind.receive].includes(op["kind"]!);
  const kind = op["kind"] === Kind.compute && numComputes === 0 ? Kind.barrier : op["kind"]!;
  const deps = op.deps.filter((dep) => all[dep]?.["rank"] === op["rank"]);
  return { ...op, kind, peer: names ? op["peer"]! : op["rank"]!, deps } as unknown as OpRow;
}

function compressed(name: "deps" | "from" | "to", ops: readonly OpRow[]): Record<string, Uint32Array> {
  const start = new Uint32Array(ops.length + 1);
  ops.forEach((op, i) => {
    start[i + 1] = start[i]! + op[name].length;
  });
  return { [`${name}Start`]: start, [name]: Uint32Array.from(ops.flatMap((op) => op[name])) };
}

const anySchedule = header.chain(withColumns);

describe("schedule codecs", () => {
  test("both give back any well-formed schedule exactly", () => {
    fc.assert(
      fc.property(anySchedule, (schedule) => {
        validateSchedule(schedule);
        const packed = encodeSchedule(schedule);
        const json = jsonBytes(schedule);
        expect(decodeSchedule(packed)).toEqual(schedule);
        expect(decodeScheduleJson(json)).toEqual(schedule);
        expect(encodeSchedule(readSchedule(json))).toEqual(packed);
        expect(jsonBytes(readSchedule(packed))).toEqual(json);
        expect([...dumpSchedule(schedule)].join("")).toContain(scheduleHash(schedule));
      }),
      { seed, numRuns: campaign(1000) },
    );
  });

  test("the hash does not depend on the order of keys, nor on who computes it", () => {
    const schedule = makeRingOfTwo();
    const reversed = Object.fromEntries(Object.entries(schedule).reverse()) as unknown as Schedule;
    const workload = Object.fromEntries(Object.entries(schedule.workload).reverse()) as unknown as Schedule["workload"];
    const hash = scheduleHash(schedule);
    expect(scheduleHash({ ...reversed, workload })).toBe(hash);
    expect(scheduleHash(schedule, () => createHash("sha256"))).toBe(hash);
    expect(decodeSchedule(encodeSchedule({ ...reversed, workload }))).toEqual(schedule);
  });

  test("the size estimate of JSON is close", () => {
    const schedule = makeRingOfTwo();
    const size = jsonBytes(schedule).length;
    expect(Math.abs(jsonSizeEstimate(schedule) - size)).toBeLessThan(0.05 * size);
  });
});

describe("reading JSON", () => {
  const text = new TextDecoder().decode(jsonBytes(makeRingOfTwo()));
  const errorOf = (changed: string) => {
    try {
      readSchedule(new TextEncoder().encode(changed));
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    }
    throw new Error("nothing was thrown");
  };

  test.each([
    ["hash", "hash", '"hash": "', '"hash": "0'],
    ["hash", "hash", '"flops":1536', '"flops":1537'],
    ["version", "version", '"version": 1', '"version": 2'],
    ["format", "format", "toroid-schedule", "other"],
    ["format", "slots[2].rows", '"O","role":"output","planes":1,"rows":4', '"O","role":"output","planes":1,"rows":-4'],
    ["format", "workload.tokens", '"tokens":8', '"tokens":1e999'],
    ["format", "header", '"repeats"', '"more": 1,"repeats"'],
    ["format", "ranks", '"ranks": 2', '"ranks": 4'],
    ["format", "placement", '"placement": [0,1]', '"placement": [1,1]'],
    ["format", "streams[0]", '["compute",', '["first",'],
    ["format", "ops[4].peer", '"peer":1', '"peer":2'],
    ["format", "ops[4].signal", '"signal":1', '"signal":2'],
    ["format", "ops[4].deps[0]", '"deps":[2]', '"deps":[3]'],
    ["format", "ops[4].deps[0]", '"deps":[2]', '"deps":[16]'],
    ["format", "ops[4].deps[0]", '"deps":[2]', '"deps":[-1]'],
    ["format", "ops[4].from[0]", '"deps":[2],"from":[1]', '"deps":[2],"from":[10]'],
    ["format", "ops[4].to[0]", '"to":[3]', '"to":[1e99]'],
    ["format", "ops[4].to", '"to":[3]', '"to":3'],
    ["format", "ops[0]", '"kind":"barrier"', '"more":1,"kind":"barrier"'],
    ["format", "ops[0].kind", '"kind":"barrier"', '"kind":"barrel"'],
    ["format", "ops[0].id", '"ops": [\n{"id":0', '"ops": [\n{"id":1'],
    ["format", "ops[2].stream", '"kind":"compute","rank":0,"stream":"compute"', '"kind":"compute","rank":0'],
    ["format", "operands[0].numHeads", '"heads":[0,2]', '"heads":[0,3]'],
    ["format", "operands[0].heads", '"heads":[0,2]', '"heads":[2,0]'],
    ["format", "operands[0].numTokens", '"tokens":[0,4]', '"tokens":[4,4]'],
    ["format", "operands[0].slot", '"slot":"Q"', '"slot":"__proto__"'],
    ["format", "signals[0].writerRank", '"writerRank":1', '"writerRank":9'],
    ["format", "signals[0].word", '"word":0', '"word":9'],
    ["parse", "schedule", '"repeats": 1', '"repeats": NaN'],
    ["parse", "schedule", '"repeats": 1', `"repeats": ${"[".repeat(200_000)}`],
    ["format", "repeats", '"repeats": 1', `"repeats": ${"[".repeat(200_000)}${"]".repeat(200_000)}`],
  ])("error %s at %s", (code, path, from, to) => {
    expect(text).toContain(from);
    expect(errorOf(text.replace(from, () => to))).toMatchObject({ code, path });
  });

  test.each([
    ["nothing", ""],
    ["space", " \n "],
    ["text", "hello"],
    ["a list", "[]"],
    ["an empty object", "{}"],
    ["a packed trace", "TOROID-T"],
    ["a number", "1"],
  ])("%s is no schedule", (_, content) => {
    expect(errorOf(content).code).toBe("format");
  });

  test("what was edited on purpose is read with the hash that the error names", () => {
    const edited = text.replace('"flops":1536', '"flops":1537');
    const hash = /set hash to "([0-9a-f]{64})"/.exec(errorOf(edited).hint ?? "")?.[1];
    const reread = readSchedule(new TextEncoder().encode(edited.replace(/"hash": "[0-9a-f]*"/, `"hash": "${hash}"`)));
    expect(reread.computes[0]!.flops).toBe(1537);
    expect(scheduleHash(reread)).toBe(hash);
  });

  test("of a key that is given twice the last one counts, and a byte order mark is passed over", () => {
    expect(errorOf(text.replace('"ranks": 2', '"ranks": 2,\n"ranks": 3')).path).toBe("ranks");
    const twice = `\ufeff${text.replace('"ranks": 2', '"ranks": 3,\n"ranks": 2')}`;
    expect(readSchedule(new TextEncoder().encode(twice))).toEqual(makeRingOfTwo());
  });
});
