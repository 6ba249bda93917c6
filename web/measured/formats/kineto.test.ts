import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { UsageError } from "../../../plan/errors.ts";
import { kinetoProfile as profile, encode } from "./formats.test-support.ts";
import { readKineto } from "./kineto.ts";
import { readForeignTrace } from "./read-foreign-trace.ts";

test("a profile of one rank: lanes of the device first, times to the nanosecond, the rest counted", () => {
  const trace = readKineto(encode(profile))!;
  expect(trace.tool).toBe("PyTorch profiler, rank 3 (3 events that are no spans left out)");
  expect(trace.laneGroups).toEqual(["rank 3 GPU 3", "rank 3 GPU 3", "rank 3 python, process 4242", "rank 3 Spans"]);
  expect(trace.laneNames).toEqual(["stream 7", "stream 20", "thread 4243 (python)", "PyTorch Profiler"]);
  const spans = [...trace.lane].map((lane, i) => [
    trace.laneNames[lane],
    trace.names[trace.name[i]!],
    trace.startNs[i],
    trace.endNs[i],
  ]);
  expect(spans).toEqual([
    ["thread 4243 (python)", "aten::mm", 88463, 88463 + 425453],
    ["stream 7", "flash_fwd_kernel<cutlass::bfloat16_t>", 90001, 102003],
    ["stream 20", "ncclDevKernel_SendRecv", 91500, 121500],
    ["stream 7", "Memcpy DtoD → \\", 95000, 97500],
    ["PyTorch Profiler", "PyTorch Profiler (0)", 0, 1_000_000],
  ]);
});

test("the same packed, and by another name", async () => {
  const plain = readKineto(encode(profile));
  expect(await readForeignTrace("rank3.pt.trace.json.gz", gzipSync(profile))).toEqual(plain);
  expect(await readForeignTrace("data", encode(profile))).toEqual(plain);
});

test("a list of events alone may lack its end, and is not called a profile", () => {
  const trace = readKineto(encode('[{"ph":"X","name":"a","pid":1,"tid":2,"ts":1,"dur":"2.5"},\n'))!;
  expect(trace.tool).toBe("Chrome trace");
  expect(trace.laneGroups).toEqual(["process 1"]);
  expect(trace.laneNames).toEqual(["thread 2"]);
  expect([...trace.endNs]).toEqual([2500]);
});

test("spans that had not ended are counted, empty profiles refused", () => {
  const events = '{"ph":"X","name":"a","pid":1,"tid":2,"ts":1,"dur":-1},{"ph":"X","name":"b","pid":1,"tid":2,"ts":1}';
  const read = () => readKineto(encode(`{"schemaVersion":1,"traceEvents":[${events}]}`));
  expect(read).toThrow(
    "expected at least one span in what PyTorch profiler wrote: 2 events that are no spans left out",
  );
});

test.each([
  ["", null],
  ["{}", null],
  ["{", null],
  ["[]", null],
  ["[1, 2]", null],
  ['{"machines": [], "traceEvents": 5}', null],
  ["\tGPU0\tGPU1\n", null],
])("%j is none", (text, expected) => {
  expect(readKineto(encode(text))).toBe(expected);
});

test.each([
  ["cut off in an event", profile.slice(0, profile.indexOf("ncclDevKernel") + 4), "line 26"],
  ["cut off between events", profile.slice(0, profile.indexOf('  { "ph": "s"')), "line 33"],
  ["a time that is none", profile.replace("1743521598093491.5", '"soon"'), "line 27"],
  ["a key without its value", profile.replace('"dur": 30,', '"dur"'), "line 27"],
])("%s: refused with the line", (_, text, line) => {
  try {
    readKineto(encode(text));
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: "parse", path: line });
  }
});

test("a damaged gzip file is refused", async () => {
  const packed = gzipSync(profile);
  await expect(readForeignTrace("a.gz", packed.subarray(0, packed.length - 20))).rejects.toThrow(
    "expected a whole gzip file",
  );
});

test("as a reader says that makes an object of everything", () => {
  const id = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom("Spans", "a b"));
  const event = fc.record(
    {
      ph: fc.constantFrom("X", "X", "X", "i", "C"),
      name: fc.string(),
      cat: fc.constantFrom("kernel", "cpu_op", ""),
      pid: id,
      tid: id,
      ts: fc.integer({ min: 0, max: 10 ** 9 }).map((ns) => ns / 1000),
      dur: fc.integer({ min: 0, max: 10 ** 6 }).map((ns) => ns / 1000),
      args: fc.jsonValue(),
    },
    { requiredKeys: ["ph", "name", "pid", "tid", "ts", "dur"] },
  );
  fc.assert(
    fc.property(fc.array(event, { minLength: 1 }), fc.constantFrom(0, 2), (events, indent) => {
      const spans = events.filter(({ ph }) => ph === "X");
      fc.pre(spans.length > 0);
      const json = JSON.stringify(
        { schemaVersion: 1, deviceProperties: [{ "a]": "}" }], traceEvents: events },
        null,
        indent,
      );
      const trace = readKineto(encode(json))!;
      const first = Math.min(...spans.map(({ ts }) => Math.round(1000 * ts)));
      expect([...trace.name].map((name) => trace.names[name])).toEqual(spans.map(({ name }) => name));
      expect([...trace.startNs]).toEqual(spans.map(({ ts }) => Math.round(1000 * ts) - first));
      const lengths = [...trace.endNs].map((end, i) => end - trace.startNs[i]!);
      expect(lengths).toEqual(spans.map(({ dur }) => Math.round(1000 * dur)));
      const lanes = new Set(spans.map(({ pid, tid }) => JSON.stringify([String(pid), String(tid)])));
      expect(trace.laneNames.length).toBe(lanes.size);
    }),
  );
});
