import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { makeLog } from "./nccl-log.test-support.ts";
import { parseNcclTests } from "./nccl-tests.ts";
import type { NcclTestRun } from "./nccl-tests-run.ts";

const only = (text: string, path = "log.txt"): NcclTestRun => {
  const runs = parseNcclTests(text, path);
  expect(runs).toHaveLength(1);
  return runs[0]!;
};

const header = `#
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)`;
const row =
  "     1048576        262144     float     sum      -1    52.43   20.00   35.00      0    50.00   20.97   36.70      0";
const devices = [
  "# Using devices",
  "#  Rank  0 Group  0 Pid 11 on alpha device  0 [0x0f] NVIDIA A100",
  "#  Rank  1 Group  0 Pid 12 on alpha device  1 [0x10] NVIDIA A100",
].join("\n");

describe("layouts", () => {
  test("a log of today: preamble, devices, rows and summary", () => {
    const run = only(`# nccl-tests version 2.18.2 nccl-headers=23007 nccl-library=23007
# Collective test starting: all_reduce_perf
# nThread 1 nGpus 2 minBytes 1048576 maxBytes 1048576 step: 2(factor) warmup iters: 1 iters: 20 agg iters: 1 validation: 1 graph: 0 unalign: 0
#
${devices}
NCCL version 2.30.7+cuda13.0
${header}
${row}
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 35.85
#
# Collective test concluded: all_reduce_perf
`);
    expect(run).toMatchObject({
      test: "all_reduce",
      testsVersion: "2.18.2",
      ncclVersion: "2.30.7+cuda13.0",
      numRanks: 2,
      line: 1,
    });
    expect(run.ranks[1]).toEqual({ rank: 1, group: 0, host: "alpha", device: 1, bus: "0x10", name: "NVIDIA A100" });
    expect(run.rows).toEqual([
      {
        ...{ line: 13, bytes: 1048576, count: 262144, type: "float", redop: "sum", root: -1 },
        outOfPlace: { timeNs: 52_430, algBytesPerSecond: 20e9, busBytesPerSecond: 35e9, wrong: 0 },
        inPlace: { timeNs: 50_000, algBytesPerSecond: 20.97e9, busBytesPerSecond: 36.7e9, wrong: 0 },
      },
    ]);
    expect(run.outOfBounds).toEqual({ count: 0, ok: true });
    expect(run.notes).toEqual([]);
  });

  test("before 2022: no root, a deviation where wrong values are counted now", () => {
    const run = only(
      `#       size         count      type   redop     time   algbw   busbw  error     time   algbw   busbw  error
#        (B)    (elements)                       (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
   268435456      67108864     float     sum   122131    2.20    4.33  2e-06   122165    2.20    4.33  2e-06
`,
      "logs/all-reduce.txt",
    );
    expect(run).toMatchObject({ test: "all_reduce", numRanks: null });
    expect(run.rows[0]).toMatchObject({ root: null, outOfPlace: { timeNs: 122_131_000, wrong: null } });
  });

  test("2018: sizes called bytes, times in ms, ranks without group and process", () => {
    const run = only(
      `# Using devices
#   Rank  0 on       beta device  0 [0x05] GeForce GTX 1080
#   Rank  1 on       beta device  1 [0x06] GeForce GTX 1080

#                                                 out-of-place                    in-place
#      bytes             N    type      op     time  algbw  busbw      res     time  algbw  busbw      res
    10000000       2500000   float     sum    1.250   8.00   8.00    0e+00    1.000  10.00  10.00    0e+00
`,
      "all_reduce.log",
    );
    expect(run.numRanks).toBe(2);
    expect(run.rows[0]).toMatchObject({ redop: "sum", outOfPlace: { timeNs: 1_250_000, wrong: null } });
  });

  test("a blank operation, N/A, and the number of ranks from size and count", () => {
    const rows = [
      "  8589934592     134217728     float                -1    10308  833.31  781.23      0   9568.2  897.76  841.65    N/A",
      "  8589934592     134217728     float    none      -1   1.0e7    0.86    0.81    N/A   1.0e7    0.86    0.81    N/A",
    ];
    const run = only(`./alltoall_perf -b 8G\n${header}\n${rows.join("\n")}\n`);
    expect(run).toMatchObject({ test: "alltoall", numRanks: 16 });
    expect(run.rows[0]).toMatchObject({ redop: null, root: -1, inPlace: { wrong: null, timeNs: 9_568_200 } });
    expect(run.rows[1]).toMatchObject({ redop: "none", outOfPlace: { wrong: null, timeNs: 1e10 } });
  });

  test("statistics by iteration, time stamps and CPU times", () => {
    const columns = "time algbw busbw #wrong i_min i_max i_p99 i_cv%";
    const run = only(`# Collective test starting: sendrecv_perf
# size count type redop root ${columns} ${columns} timestamp
1000000000 250000000 float sum -1 10000 100 100 0 9000 11000 10900 5 12500 80 80 N/A 9000 14000 13900 6 2026-01-02 03:04:05
`);
    expect(run.rows[0]).toMatchObject({
      outOfPlace: { timeNs: 1e7, wrong: 0 },
      inPlace: { timeNs: 1.25e7, wrong: null },
    });
    expect(run.isCpuTime).toBe(false);
    expect(only(`${header.replaceAll("   time", "cputime")}\n${row}`, "reduce.txt").isCpuTime).toBe(true);
  });

  test("RCCL: its own versions, and PCI addresses with a function", () => {
    const run = only(
      `# nThread 1 nGpus 2 minBytes 8 maxBytes 8 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 graph: 0
#
rccl-tests: Version develop:1234abc
# Using devices
#   Rank  0 Pid  77 on gamma device  0 [0000:05:00.0] AMD Instinct MI300X
#   Rank  1 Pid  77 on gamma device  1 [0000:26:00.0] AMD Instinct MI300X
RCCL version : 2.22.3-develop
${header}
${row}
`,
      "broadcast_perf.txt",
    );
    expect(run).toMatchObject({
      test: "broadcast",
      testsVersion: "develop:1234abc",
      ncclVersion: "2.22.3-develop",
      numRanks: 2,
    });
    expect(run.ranks[0]!.bus).toBe("0000:05:00.0");
  });

  test("JSON of -J", () => {
    const timing = { time: 52.43, alg_bw: 20.0, bus_bw: 35.0, nwrong: 0 };
    const device = { group: 0, pid: 9, hostname: "alpha", device_hex: "0000:0f:00", device_info: "NVIDIA A100" };
    const file = {
      ...{ version: 2, args: ["/opt/build/all_reduce_perf", "-J", "x"], env: ["NCCL_ALGO=Ring"], nccl_version: 22307 },
      config: { ngpus: 2, devices: [0, 1].map((rank) => ({ ...device, rank, device: rank })) },
      results: [
        {
          size: 1048576,
          count: 262144,
          type: "float",
          redop: "sum",
          root: "    -1",
          out_of_place: timing,
          in_place: { ...timing, nwrong: null },
        },
      ],
      out_of_bounds: { count: 0, okay: "true" },
    };
    const run = only(JSON.stringify(file));
    expect(run).toMatchObject({ test: "all_reduce", ncclVersion: "2.23.7", numRanks: 2, algorithm: "Ring" });
    expect(run.rows[0]).toMatchObject({ root: -1, outOfPlace: { timeNs: 52_430, wrong: 0 }, inPlace: { wrong: null } });
    expect(run.outOfBounds).toEqual({ count: 0, ok: true });
  });
});

describe("what stands between", () => {
  const plain = only(`# Collective test starting: all_reduce_perf\n${devices}\n${header}\n${row}\n${row}\n`);

  test.each([
    ["mpirun --tag-output", (line: string) => `[1,0]<stdout>:${line}`],
    ["mpirun --timestamp-output", (line: string) => `Mon Jan  5 10:00:00 2026[1,0]<stdout>:${line}`],
    ["kubectl logs --timestamps", (line: string) => `2026-01-05T10:00:00.123456789Z ${line}`],
    ["srun -l", (line: string) => ` 0: ${line}`],
    ["pdsh", (line: string) => `node-17: ${line}`],
    ["a quoted paste", (line: string) => `    ${line}  `],
    ["colors", (line: string) => `\u001b[32m${line}\u001b[0m`],
  ])("prefixes of %s", (_, decorate) => {
    const text = [
      "# Collective test starting: all_reduce_perf",
      ...devices.split("\n"),
      ...header.split("\n"),
      row,
      row,
    ];
    const run = only(text.map(decorate).join("\n"));
    expect(run).toEqual(plain);
  });

  test("warnings, chatter and comments", () => {
    const noise =
      "node-17:4242:4300 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM\n--------\nWARNING: 3 active ports\n# shortened\n";
    const run = only(
      `# Collective test starting: all_reduce_perf\n${devices}\n${noise}${header}\n${noise}${row}\n${noise}${row}`,
    );
    expect(run.rows.map(({ outOfPlace }) => outOfPlace)).toEqual(plain.rows.map(({ outOfPlace }) => outOfPlace));
  });

  test("chatter in the middle of a row", () => {
    const cut = row.indexOf("    52.43");
    const text = `${row.slice(0, cut)}node-17:4242:4300 [0] NCCL INFO comm 0x1 rank 0\nnode-17:4242:4300 [1] NCCL INFO again\n${row.slice(cut)}`;
    const { rows, notes } = only(`# Collective test starting: all_reduce_perf\n${header}\n${text}\n${row}\n`);
    expect(rows.map(({ outOfPlace, inPlace }) => [outOfPlace?.timeNs, inPlace?.timeNs])).toEqual([
      [52_430, 50_000],
      [52_430, 50_000],
    ]);
    expect(notes).toEqual([]);
  });

  test("several tests in one file, the first cut off", () => {
    const second = makeLog({ test: "alltoall", hosts: ["a", "a"], rows: [{ bytes: 1 << 20, ns: 1e5 }] });
    const runs = parseNcclTests(
      `$ ./all_reduce_perf -g 2\n${devices}\n${header}\n${row}\n$ ./alltoall_perf\n${second}`,
      "x",
    );
    expect(runs.map((run) => [run.test, run.rows.length, run.numRanks])).toEqual([
      ["all_reduce", 1, 2],
      ["alltoall", 1, 2],
    ]);
  });

  test("a row that is cut, and one with a digit lost", () => {
    const text = `# Collective test starting: all_reduce_perf\n${header}\n${row}\n${row.replace("52.43", " 2.43")}\n${row.slice(0, 64)}`;
    const { rows, notes } = only(text);
    expect(rows).toHaveLength(1);
    expect(notes).toEqual([
      "Rows that are cut, left out: line 8.",
      "Rows whose size, time and bandwidth contradict each other, left out: line 7.",
    ]);
  });

  test("a row that is cut between its halves keeps the first", () => {
    const { rows } = only(
      `# Collective test starting: all_reduce_perf\n${header}\n${row.slice(0, row.indexOf("  50.00"))}`,
    );
    expect(rows[0]).toMatchObject({ outOfPlace: { timeNs: 52_430, wrong: 0 }, inPlace: null });
  });

  test("wrong values and a failed run", () => {
    const text = `# Collective test starting: all_reduce_perf\n${header}\n${row.replace("35.00      0", "35.00     17")}\n# Out of bounds values : 17 FAILED\n`;
    expect(only(text)).toMatchObject({ outOfBounds: { count: 17, ok: false }, rows: [{ outOfPlace: { wrong: 17 } }] });
  });

  test("a forced algorithm", () => {
    const text = `mpirun -x NCCL_ALGO=Tree ./all_reduce_perf -g 4\n${header}\n${row}\n`;
    expect(only(text)).toMatchObject({ algorithm: "Tree", numRanks: 4 });
    expect(only(text.replace("NCCL_ALGO=Tree", "NCCL_NVLS_ENABLE=0")).algorithm).toBe("Ring");
  });
});

describe("refused", () => {
  const errorOf = (text: string): UsageError => {
    try {
      parseNcclTests(text, "x.txt");
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    }
    throw new Error("expected a UsageError");
  };

  test("what is no log", () => {
    expect(errorOf("hello\n1 2 three\n")).toMatchObject({ code: "format", path: "line 1" });
    expect(errorOf("")).toMatchObject({ code: "format" });
    expect(errorOf('{"nodes": []}')).toMatchObject({ code: "format" });
    expect(errorOf('{"args": [')).toMatchObject({ code: "parse", path: "line 1" });
  });

  test("a table without rows names its header's line", () => {
    expect(errorOf(`${devices}\n${header}\n`)).toMatchObject({ code: "parse", path: "line 6" });
    expect(errorOf(`${devices}\n${header}\n${row.slice(0, 70)}\n`)).toMatchObject({ code: "parse", path: "line 8" });
  });

  test("outputs of several jobs mixed", () => {
    const twice = devices.replace("Rank  1", "Rank  0");
    const error = errorOf(`${twice}\n${header}\n${row}\n`);
    expect(error).toMatchObject({ code: "parse", path: "line 3" });
    expect(error.hint).toMatch(/MPI=1/);
  });
});

/** Pieces that parsers trip over. */
const pieces =
  '\n|\r\n|#|# |Rank  0|Rank  999999999|on|device|[0x0f]|float|sum|-1|N/A|nan|inf|-inf|1e999|1.0e7|0|-0|NCCL_ALGO=Tree|size|time|algbw|busbw|#wrong|root|cputime|timestamp|[1,0]<stdout>:|0: |...|{|"|  |                                    |é|\u0000|\u001b[m|99999999999999999999|# Using devices|all_reduce_perf -g 65535|# Out of bounds values : 3 FAILED'.split(
    "|",
  );
const mutations = fc.array(
  fc.record({
    kind: fc.constantFrom("insert", "replace", "delete", "copy", "truncate", "swap"),
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 60 }),
    piece: fc.constantFrom(...pieces),
  }),
  { minLength: 1, maxLength: 12 },
);
type Mutation = typeof mutations extends fc.Arbitrary<(infer T)[]> ? T : never;

function mutate(text: string, { kind, place, length, piece }: Mutation): string {
  const at = Math.floor(place * text.length);
  const [head, middle, tail] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
  if (kind === "insert") return head + piece + middle + tail;
  if (kind === "replace") return head + piece + tail;
  if (kind === "delete") return head + tail;
  if (kind === "copy") return head + middle + middle + tail;
  if (kind === "truncate") return place < 0.2 ? text : head;
  return head + tail.slice(0, length) + middle + tail.slice(length);
}

function survives(text: string): void {
  try {
    for (const { rows, ranks, numRanks } of parseNcclTests(text, "x.txt")) {
      expect(rows.length).toBeGreaterThan(0);
      expect(numRanks ?? 1).toBeGreaterThanOrEqual(1);
      expect(ranks.every(({ rank }, index) => index === 0 || rank > ranks[index - 1]!.rank)).toBe(true);
      for (const { bytes, outOfPlace, inPlace } of rows) {
        expect(Number.isSafeInteger(bytes)).toBe(true);
        for (const timing of [outOfPlace, inPlace]) expect(timing?.timeNs ?? 1).toBeGreaterThan(0);
        expect(outOfPlace ?? inPlace).not.toBeNull();
      }
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    expect(error.message).toMatch(/^expected /);
  }
}

describe("mutated logs", () => {
  const rows = Array.from({ length: 6 }, (_, index) => ({
    bytes: 1 << (12 + 2 * index),
    ns: 20_000 + 2 ** (12 + 2 * index) / 20,
  }));
  const seeds = [
    makeLog({ test: "all_reduce", hosts: ["a", "a", "b", "b"], rows }),
    makeLog({ test: "alltoall", hosts: ["a", "a"], rows }).replaceAll(/^/gm, "[1,0]<stdout>:"),
    `# bytes N type op time algbw busbw res time algbw busbw res\n 4194304 1048576 float sum 1.000 4.19 4.19 0e+00 1.000 4.19 4.19 0e+00\n`,
  ];

  test("runs or a UsageError", () => {
    const property = fc.property(fc.constantFrom(...seeds), mutations, (start, changes) =>
      survives(changes.reduce(mutate, start)),
    );
    fc.assert(property, { seed, numRuns: campaign(20_000) });
  });

  test("random text: a UsageError", () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), survives), { seed, numRuns: campaign(5_000) });
  });

  test("time linear in the text", () => {
    for (const line of [
      row,
      "#  Rank  0 Group  0 Pid 11 on alpha device  0 [0x0f] x",
      "1 2 float ",
      " ".repeat(4000),
      "a_perf -g ".repeat(300),
    ]) {
      const startMs = performance.now();
      survives(`${header}\n${`${line}\n`.repeat(Math.ceil(4e6 / line.length))}`);
      expect(performance.now() - startMs).toBeLessThan(5_000);
    }
  });
});

test("posted logs are read", (context) => {
  const folder = new URL("../../../shared/data/samples/nccl-tests/", import.meta.url);
  if (!existsSync(folder)) context.skip("no folder of posted samples beside the repository");
  for (const fileName of readdirSync(folder)) {
    const run = only(readFileSync(new URL(fileName, folder), "utf8"), fileName);
    expect(run.test, fileName).toBe(/all_reduce|all_gather|sendrecv|alltoall/.exec(fileName)![0]);
    if (run.numRanks !== null) expect(run.numRanks, fileName).toBe(Number(/(\d+)x/.exec(fileName)![1]));
    expect(run.notes, fileName).toEqual([]);
  }
});
