import { expect, test } from "vitest";
import { UsageError } from "../../../plan/errors.ts";
import type { ForeignTrace } from "../../engine/protocol.ts";
import {
  encode,
  loadSql,
  makeSqlite,
  nsightCsv as csv,
  nsightLines as lines,
  nsightTables as report,
} from "./formats.test-support.ts";
import { splitCsv } from "./nsight-stats.ts";
import { readForeignTrace } from "./read-foreign-trace.ts";

function spansOf(trace: ForeignTrace) {
  return [...trace.lane].map((lane, i) =>
    [trace.laneGroups[lane], trace.laneNames[lane], trace.names[trace.name[i]!], trace.startNs[i], trace.endNs[i]].join(
      "|",
    ),
  );
}

test("a SQLite export: kernels, copies, ranges and calls, times to the nanosecond, overlaps kept", async () => {
  const trace = (await readForeignTrace("a.sqlite", await makeSqlite(report), loadSql))!;
  expect(trace.tool).toBe("Nsight Systems (2 events that are no spans left out)");
  const group = "GPU 0, process 4242";
  expect(spansOf(trace)).toEqual([
    `${group}|stream 7|void flash::kernel<float, 128>()|1000|1501`,
    `${group}|stream 7|void flash::kernel<float, 128>()|1200|1203`,
    "GPU 1, process 4242|stream 13|kernel|1203|1204",
    `${group}|stream 7|Memcpy PtoP|7|9`,
    "process 4242|thread 4243 main NVTX|step|2|2000",
    "process 4242|thread 4243 main NVTX|attend|3|4",
    "process 4242|thread 4243 main|cudaLaunchKernel|0|5",
  ]);
  expect(trace.laneNames).toEqual(["stream 7", "stream 13", "thread 4243 main", "thread 4243 main NVTX"]);
});

test("an export without NVTX, process ids or strings is read for what it has", async () => {
  const bytes = await makeSqlite(`
    CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER, end INTEGER, deviceId INTEGER, streamId INTEGER);
    INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (10, 12, 0, 7), (5, 4, 0, 7);`);
  const trace = (await readForeignTrace("a.sqlite", bytes, loadSql))!;
  expect(spansOf(trace)).toEqual(["GPU 0|stream 7|kernel|0|2"]);
  expect(trace.tool).toContain("1 event that is no span left out");
});

test("other databases, damaged ones and reports of Nsight itself are refused", async () => {
  const other = await makeSqlite("CREATE TABLE books (id INTEGER)");
  await expect(readForeignTrace("a.db", other, loadSql)).rejects.toThrow(
    "expected tables of Nsight Systems, got books",
  );
  const empty = await makeSqlite("CREATE TABLE NVTX_EVENTS (start INTEGER, end INTEGER, globalTid INTEGER)");
  await expect(readForeignTrace("a.db", empty, loadSql)).rejects.toThrow("expected at least one span");
  const whole = await makeSqlite(report);
  await expect(readForeignTrace("a.db", whole.slice(0, 5000), loadSql)).rejects.toThrow(UsageError);
  await expect(readForeignTrace("run.nsys-rep", encode("QDSTRM"), loadSql)).rejects.toThrow(
    "only Nsight Systems itself",
  );
});

test("a JSON export, line by line", async () => {
  const trace = (await readForeignTrace("a.json", encode(lines.join("\n")), loadSql))!;
  expect(spansOf(trace)).toEqual([
    "GPU 0, process 4242|stream 7|void flash()|101|203",
    "GPU 0, process 4242|stream 7|Memcpy HtoD|150|151",
    "process 4242|thread 4243|cudaMemcpyAsync|100|102",
    "process 4242|thread 4243 NVTX|step|0|300",
  ]);
  expect(trace.tool).toBe("Nsight Systems (1 event that is no span left out)");
  const cut = encode(lines.join("\n").slice(0, -40));
  await expect(readForeignTrace("a.json", cut, loadSql)).rejects.toMatchObject({ code: "parse", path: "line 6" });
});

test("a report of nsys stats as CSV, with what nsys says before it", async () => {
  const trace = (await readForeignTrace("a.csv", encode(csv), loadSql))!;
  expect(trace.tool).toBe("Nsight Systems report");
  expect(spansOf(trace)).toEqual([
    'NVIDIA A100-SXM4-80GB (0)|stream 7|void kernel<float, "x">(int)|0|50500',
    "NVIDIA A100-SXM4-80GB (0)|stream 8|[CUDA memcpy Peer-to-Peer]|19999|22999",
  ]);
  const broken = csv.replace("120,3", "120,?");
  await expect(readForeignTrace("a.csv", encode(broken), loadSql)).rejects.toMatchObject({ path: "line 5" });
});

test("a report of nsys stats as JSON", async () => {
  const rows = [
    { "Start (ns)": "10", "End (ns)": 30, "Duration (ns)": 20, Name: "step", PID: 4242, TID: 4243 },
    { "Start (ns)": 12, "Duration (ns)": 1, Name: "attend", PID: 4242, TID: 4243 },
  ];
  const trace = (await readForeignTrace("a.json", encode(JSON.stringify(rows)), loadSql))!;
  expect(spansOf(trace)).toEqual(["process 4242|thread 4243|step|0|20", "process 4242|thread 4243|attend|2|3"]);
});

test("files of others are none", async () => {
  for (const text of ["{}", "[]", "a,b\n1,2\n", '{"data": 5}', "hosts: []", '{"machines":[]}\n{"links":[]}']) {
    expect(await readForeignTrace("a.json", encode(text), loadSql)).toBeNull();
  }
});

test("cells of CSV", () => {
  expect(splitCsv('a, "b, ""c""" ,,d')).toEqual(["a", 'b, "c"', "", "d"]);
  expect(splitCsv("")).toEqual([""]);
});
