import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { makeRingOfTwo } from "../schedule/fixture.test-support.ts";
import { OP_KINDS } from "../schedule/schedule.ts";
import { chromeSizeEstimate, decodeChromeTrace, encodeChromeTrace } from "./codec-chrome.ts";
import { decodeTrace, encodeTrace } from "./codec-packed.ts";
import { makeTrace } from "./fixture.test-support.ts";
import { readTrace } from "./read-trace.ts";
import type { Trace } from "./trace.ts";

function chromeText(...args: Parameters<typeof encodeChromeTrace>): string {
  return [...encodeChromeTrace(...args)].join("");
}

const time = fc.double({ min: -1e18, max: 1e18, noNaN: true });
const streams = ["compute", "intra", 'in"ter'];

const anyTrace: fc.Arbitrary<Trace> = fc
  .tuple(
    fc.record({
      version: fc.constant(1 as const),
      source: fc.constantFrom("predicted" as const, "measured" as const),
      emulated: fc.boolean(),
      scheduleHash: fc.constantFrom("0", "7", "f").map((digit) => digit.repeat(64)),
      notes: fc.array(fc.constantFrom("plain", 'quoted "text" \\', "注")),
      streams: fc.constant(streams),
      ranksPerMachine: fc.integer({ min: 1, max: 100 }),
    }),
    fc.array(
      fc.record({
        op: fc.nat(2 ** 32 - 1),
        kind: fc.nat(OP_KINDS.length - 1),
        rank: fc.nat(2 ** 16 - 1),
        stream: fc.nat(streams.length - 1),
        times: fc.tuple(time, time).map(([a, b]) => (a <= b ? [a, b] : [b, a]) as [number, number]),
      }),
    ),
  )
  .map(([header, rows]) => ({
    ...header,
    op: Uint32Array.from(rows, ({ op }) => op),
    kind: Uint8Array.from(rows, ({ kind }) => kind),
    rank: Uint16Array.from(rows, ({ rank }) => rank),
    stream: Uint8Array.from(rows, ({ stream }) => stream),
    startNs: Float64Array.from(rows, ({ times }) => times[0]),
    endNs: Float64Array.from(rows, ({ times }) => times[1]),
  }));

describe("trace codecs", () => {
  test("both give back any trace exactly, down to the bits of its times", () => {
    fc.assert(
      fc.property(anyTrace, (trace) => {
        const packed = encodeTrace(trace);
        const json = new TextEncoder().encode(chromeText(trace));
        expect(decodeTrace(packed)).toEqual(trace);
        expect(decodeChromeTrace(json)).toEqual(trace);
        expect(encodeTrace(readTrace(json))).toEqual(packed);
        expect(encodeTrace(readTrace(packed))).toEqual(packed);
      }),
      { seed, numRuns: campaign(2000) },
    );
  });

  test("the size estimate of JSON is close", () => {
    const trace = makeTrace(makeRingOfTwo(), 300);
    const size = chromeText(trace).length;
    expect(Math.abs(chromeSizeEstimate(trace) - size)).toBeLessThan(0.05 * size);
  });
});

describe("Chrome trace", () => {
  const schedule = makeRingOfTwo();
  const trace = { ...makeTrace(schedule), ranksPerMachine: 1 };
  const { traceEvents, metadata } = JSON.parse(chromeText(trace, schedule));

  test("has a process for each machine, and a thread for each rank and stream that is used", () => {
    const names = traceEvents.filter((event: { ph: string; name: string }) => /_name$/.test(event.name));
    expect(
      names.map((event: { pid: number; tid?: number; args: { name: string } }) => [
        event.pid,
        event.tid,
        event.args.name,
      ]),
    ).toEqual([
      [1, undefined, "machine 0"],
      [2, undefined, "machine 1"],
      [1, 1, "rank 0 compute"],
      [1, 2, "rank 0 intra"],
      [2, 5, "rank 1 compute"],
      [2, 6, "rank 1 intra"],
    ]);
  });

  test("has an event for each span, in µs, with the exact figures in args", () => {
    const spans = traceEvents.filter((event: { ph: string }) => event.ph === "X");
    expect(spans.length).toBe(trace.op.length);
    expect(spans[4]).toEqual({
      ph: "X",
      name: "put to rank 1",
      cat: "put",
      pid: 1,
      tid: 2,
      ts: 0.4,
      dur: 0.05,
      args: { op: 4, kind: "put", startNs: 400, endNs: 450, bytes: 256 },
    });
    expect(metadata).toMatchObject({ format: "toroid-trace", version: 1, scheduleHash: trace.scheduleHash });
  });

  test("is read with what a viewer adds", () => {
    const json = JSON.parse(chromeText(trace));
    json.traceEvents.unshift({ ph: "B", name: "other" }, null, 5);
    json.traceEvents.at(-1).extra = true;
    json.otherData = {};
    expect(decodeChromeTrace(new TextEncoder().encode(JSON.stringify(json)))).toEqual(trace);
  });
});

describe("reading traces", () => {
  const text = chromeText(makeTrace(makeRingOfTwo()));
  const errorOf = (bytes: Uint8Array) => {
    try {
      readTrace(bytes);
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    }
    throw new Error("nothing was thrown");
  };

  test.each([
    ["format", "metadata.format", "toroid-trace", "other"],
    ["version", "metadata.version", '"version":1', '"version":2'],
    ["format", "metadata.scheduleHash", '"scheduleHash":"', '"scheduleHash":"G'],
    ["format", "metadata.ranksPerMachine", '"ranksPerMachine":2', '"ranksPerMachine":0'],
    ["format", "metadata", '"metadata"', '"other"'],
    ["format", "traceEvents", '"traceEvents"', '"other"'],
    ["format", "spans[1].endNs", '"endNs":150', '"endNs":99'],
    ["format", "traceEvents[11].args.endNs", '"endNs":150', '"endNs":1e999'],
    ["format", "traceEvents[11].args.op", '"op":1,', '"op":1.5,'],
    ["format", "traceEvents[11].args.kind", '"op":1,"kind":"barrier"', '"op":1,"kind":"toString"'],
    ["format", "traceEvents[10].tid", '"cat":"barrier","pid":1,"tid":1', '"cat":"barrier","pid":1,"tid":0'],
    ["format", "traceEvents[10].args", '"args":{"op":0', '"more":{"op":0'],
    ["parse", "trace", '"op":1,', '"op":NaN,'],
  ])("error %s at %s", (code, path, from, to) => {
    expect(text).toContain(from);
    expect(errorOf(new TextEncoder().encode(text.replace(from, to)))).toMatchObject({ code, path });
  });

  test.each([
    ["nothing", ""],
    ["a list of events", "[]"],
    ["an empty object", "{}"],
    ["a packed schedule", "TOROID-S"],
  ])("%s is no trace", (_, content) => {
    expect(errorOf(new TextEncoder().encode(content)).code).toBe("format");
  });

  const trace = makeTrace(makeRingOfTwo());
  test.each([
    ["spans[2].kind", { kind: trace.kind.with(2, 12) }],
    ["spans[2].stream", { stream: trace.stream.with(2, 4) }],
    ["spans[2].startNs", { startNs: trace.startNs.with(2, Number.NaN) }],
    ["spans[2].endNs", { endNs: trace.endNs.with(2, Number.POSITIVE_INFINITY) }],
    ["spans[2].endNs", { endNs: trace.endNs.with(2, 0) }],
    ["spans.rank", { rank: trace.rank.slice(1) }],
  ])("a packed trace is refused for its %s", (path, change) => {
    expect(errorOf(encodeTrace({ ...trace, ...change }))).toMatchObject({ code: "format", path });
  });
});
