import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../plan/errors.ts";
import type { RunRecord } from "../../plan/http/run-api.ts";
import { scheduleHash } from "../../plan/schedule/codec-packed.ts";
import { exportTopologyJson } from "../../plan/formats/topology-file.ts";
import { presetTopology } from "../../plan/topology/presets.ts";
import { readTrace } from "../../plan/trace/read-trace.ts";
import { RunFailed } from "../job.ts";
import { countPasses } from "./count-passes.ts";
import type { Runner } from "./run-queue.ts";
import {
  ask,
  emptyFolder,
  holdRuns,
  json,
  makePage,
  orderFor,
  post,
  recordOf,
  serveForTest,
  smallSchedule,
  until,
} from "./server.test-support.ts";
import { type RunningServer, startServer } from "./start-server.ts";

const schedule = smallSchedule();
const order = (title: string) => orderFor(schedule, { title });
const list = async (server: RunningServer) =>
  json<{ runs: RunRecord[] }>(await ask(server, { path: "/api/runs" })).runs;
const fetchRun = async (server: RunningServer, id: string) => recordOf(await ask(server, { path: `/api/runs/${id}` }));
const cancel = (server: RunningServer, id: string) => ask(server, { method: "POST", path: `/api/runs/${id}/cancel` });
const remove = (server: RunningServer, id: string) => ask(server, { method: "DELETE", path: `/api/runs/${id}` });

/** Title and state, the oldest first. */
const states = async (server: RunningServer) =>
  (await list(server)).reverse().map(({ title, state }) => `${title} ${state}`);

/** The trace's bytes as node:http gives them. */
function fetchTrace(server: RunningServer, id: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${server.token}` };
    const pieces: Buffer[] = [];
    request(new URL(`/api/runs/${id}/trace`, server.url), { headers, agent: false }, (response) => {
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.once("end", () => resolve(new Uint8Array(Buffer.concat(pieces))));
    })
      .once("error", reject)
      .end();
  });
}

/** Reads a stream of events as an EventSource does; `records` grows, `over` resolves when the server ends it. */
function follow(server: RunningServer, id: string) {
  const records: RunRecord[] = [];
  let text = "";
  let stop = () => {};
  const over = new Promise<void>((resolve) => {
    const path = `/api/runs/${id}/events?token=${server.token}`;
    const asked = request(new URL(path, server.url), { agent: false }, (response) => {
      expect(response.headers["content-type"]).toContain("text/event-stream");
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
        const events = text.split("\n\n");
        text = events.pop()!;
        for (const event of events) {
          expect(event).toMatch(/^event: progress\ndata: /);
          records.push(JSON.parse(event.slice("event: progress\ndata: ".length)) as RunRecord);
        }
      });
      response.once("close", () => resolve());
    });
    asked.once("error", () => resolve());
    asked.end();
    stop = () => void asked.destroy();
  });
  return { records, over, stop: () => stop() };
}

describe("a run", () => {
  test("is queued, runs, is done, and its trace is that of the schedule", async () => {
    const { runner, held } = holdRuns();
    const server = await serveForTest({ runner });
    const first = recordOf(await post(server, order("one")));
    expect(first).toMatchObject({
      title: "one",
      state: "running",
      ranks: 2,
      emulated: false,
      scheduleHash: scheduleHash(schedule),
      result: null,
      error: null,
    });
    const run = await until(() => held[0]);
    expect(run.job).toMatchObject({ repeats: 2, inputs: { seed: 1 }, isChecked: true, output: null, faults: [] });
    expect((await ask(server, { path: `/api/runs/${first.id}/trace` })).status).toBe(404);
    run.finish();
    const done = await until(async () => {
      const record = await fetchRun(server, first.id);
      return record.state === "done" && record;
    });
    expect(done.result).toMatchObject({ makespanNs: 100, makespans: [95, 105], spread: 0.1, relativeError: 1e-7 });
    expect(done.endedAt).toBeGreaterThanOrEqual(done.startedAt!);
    const trace = readTrace(await fetchTrace(server, first.id));
    expect([trace.source, trace.scheduleHash]).toEqual(["measured", scheduleHash(schedule)]);
  });

  test("may emulate the topology that it was planned for", async () => {
    const { runner, held } = holdRuns();
    const server = await serveForTest({ runner });
    const topology = presetTopology("threads:2");
    const answer = await post(
      server,
      orderFor(schedule, { emulated: JSON.parse(exportTopologyJson(topology)) as unknown }),
    );
    expect(recordOf(answer).emulated).toBe(true);
    const { job } = await until(() => held[0]);
    expect(job.emulated?.nodes.length).toBe(topology.nodes.length);
  });

  test.each([
    [new RunFailed("rank 1 failed", "Look."), { code: "run", message: "rank 1 failed", hint: "Look." }],
    [
      new UsageError("topology", "too fast", { path: "--emulate", hint: "Slow." }),
      { code: "topology", message: "--emulate: too fast", hint: "Slow." },
    ],
    [new Error("a bug"), { code: "run", message: "a bug", hint: null }],
  ])("that fails says why, and the next one starts: %s", async (error, expected) => {
    const { runner, held } = holdRuns();
    const server = await serveForTest({ runner });
    const { id } = recordOf(await post(server, order("bad")));
    await post(server, order("next"));
    (await until(() => held[0])).fail(error);
    await until(() => held[1]);
    expect((await fetchRun(server, id)).error).toEqual(expected);
    expect(await states(server)).toEqual(["bad failed", "next running"]);
  });

  test("one at a time, in the order in which they came", async () => {
    const { runner, held, numRunning } = holdRuns();
    const server = await serveForTest({ runner });
    const titles = ["a", "b", "c", "d"];
    for (const title of titles) await post(server, order(title));
    expect(await states(server)).toEqual(["a running", "b queued", "c queued", "d queued"]);
    for (const index of titles.keys()) {
      (await until(() => held[index])).finish();
      expect(numRunning()).toBeLessThanOrEqual(1);
    }
    await until(async () => (await list(server)).every(({ state }) => state === "done"));
    expect((await list(server)).map(({ title }) => title)).toEqual(["d", "c", "b", "a"]);
  });
});

describe("cancel and remove", () => {
  test("what waits never starts, what runs is stopped first, what has ended is gone from the disk", async () => {
    const dataFolder = emptyFolder();
    const { runner, held, numRunning } = holdRuns();
    const server = await serveForTest({ runner, dataFolder });
    const [a, b, c] = await Promise.all(
      ["a", "b", "c"].map(async (title) => recordOf(await post(server, order(title)))),
    );
    await until(() => held[0]);
    expect(recordOf(await cancel(server, b!.id)).state).toBe("cancelled");
    expect(recordOf(await cancel(server, a!.id)).state).toBe("cancelled");
    await until(() => held[1]);
    expect(numRunning()).toBe(1);
    expect(await states(server)).toEqual(["a cancelled", "b cancelled", "c running"]);
    expect((await remove(server, c!.id)).status).toBe(409);
    held[1]!.finish();
    await until(async () => (await fetchRun(server, c!.id)).state === "done");
    expect(readdirSync(join(dataFolder, "runs", c!.id)).sort()).toEqual([
      "record.json",
      "schedule.toroid",
      "settings.json",
      "trace.toroid",
    ]);
    // A cancel that comes too late takes nothing away.
    expect(recordOf(await cancel(server, c!.id)).state).toBe("done");
    for (const { id } of [a!, b!, c!]) expect((await remove(server, id)).status).toBe(200);
    expect(await list(server)).toEqual([]);
    expect(readdirSync(join(dataFolder, "runs"))).toEqual([]);
    expect((await remove(server, a!.id)).status).toBe(404);
  });
});

describe("events", () => {
  test("tell each change from now to the end, and end then", async () => {
    const { runner, held } = holdRuns();
    const server = await serveForTest({ runner });
    await post(server, order("before"));
    const { id } = recordOf(await post(server, order("followed")));
    const stream = follow(server, id);
    await until(() => stream.records.length === 1);
    (await until(() => held[0])).finish();
    const run = await until(() => held[1]);
    for (const fraction of [0.2, 0.9, 0.1, 0.8]) run.tell({ fraction });
    run.finish();
    await stream.over;
    expect(stream.records.map(({ state, progress }) => [state, progress?.done ?? null])).toEqual([
      ["queued", null],
      ["running", null],
      ["running", 0],
      ["running", 1],
      ["done", null],
    ]);
    expect(stream.records.at(-1)).toEqual(await fetchRun(server, id));
  });

  test("of a run that has ended are its record", async () => {
    const server = await serveForTest();
    const { id } = recordOf(await post(server, order("bad")));
    await until(async () => (await fetchRun(server, id)).state === "failed");
    const stream = follow(server, id);
    await stream.over;
    expect(stream.records.map(({ state }) => state)).toEqual(["failed"]);
  });

  test("need the token, and a reader who leaves disturbs nobody", async () => {
    const { runner, held } = holdRuns();
    const server = await serveForTest({ runner });
    const { id } = recordOf(await post(server, order("one")));
    const path = `/api/runs/${id}/events`;
    for (const query of ["", "?token=", "?token=wrong"]) {
      expect((await ask(server, { path: path + query, headers: { authorization: "" } })).status).toBe(401);
    }
    const [leaver, reader] = [follow(server, id), follow(server, id)];
    await until(() => leaver.records.length === 1 && reader.records.length === 1);
    leaver.stop();
    await leaver.over;
    held[0]!.finish();
    await reader.over;
    expect(reader.records.at(-1)!.state).toBe("done");
  });
});

describe("a restart", () => {
  test("keeps what was done, goes on with what was queued, and what ran has failed", async () => {
    const dataFolder = emptyFolder();
    const first = holdRuns();
    const before = await serveForTest({ runner: first.runner, dataFolder });
    for (const title of ["a", "b", "c", "d"]) await post(before, order(title));
    (await until(() => first.held[0])).finish();
    await until(() => first.held[1]);
    await before.close();
    expect(first.numRunning()).toBe(0);
    expect(first.held.length).toBe(2);
    const second = holdRuns();
    const after = await serveForTest({ runner: second.runner, dataFolder });
    await until(() => second.held[0]);
    expect(await states(after)).toEqual(["a done", "b failed", "c running", "d queued"]);
    const failed = (await list(after)).find(({ title }) => title === "b")!;
    expect(failed.error?.message).toBe("the server ended while this ran");
    const done = (await list(after)).find(({ title }) => title === "a")!;
    expect(readTrace(await fetchTrace(after, done.id)).source).toBe("measured");
    second.held[0]!.finish();
    expect((await until(() => second.held[1])).job.repeats).toBe(2);
  });

  test("after a crash: a record that says running has failed, scraps are cleared, what is no run is left alone", async () => {
    const dataFolder = emptyFolder();
    const { runner } = holdRuns();
    const before = await serveForTest({ runner, dataFolder });
    const { id } = recordOf(await post(before, order("a")));
    const file = join(dataFolder, "runs", id, "record.json");
    const running = readFileSync(file, "utf8");
    expect((JSON.parse(running) as RunRecord).state).toBe("running");
    await before.close();
    writeFileSync(file, running);
    for (const name of [".new-x", "notes", "aaaaaaaa-00000000"]) mkdirSync(join(dataFolder, "runs", name));
    writeFileSync(join(dataFolder, "runs", "aaaaaaaa-00000000", "record.json"), '{"id":');
    const after = await serveForTest({ runner, dataFolder });
    expect(await states(after)).toEqual(["a failed"]);
    expect((JSON.parse(readFileSync(file, "utf8")) as RunRecord).state).toBe("failed");
    expect(readdirSync(join(dataFolder, "runs")).sort()).toEqual(["aaaaaaaa-00000000", id, "notes"].sort());
  });

  test("waits for a run that takes its time to stop", async () => {
    let isOver = false;
    const runner: Runner = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () =>
          setTimeout(() => {
            isOver = true;
            reject(new RunFailed("the run was stopped"));
          }, 50),
        );
      });
    const server = await serveForTest({ runner });
    await post(server, order("slow"));
    await server.close();
    expect(isOver).toBe(true);
  });

  test("two servers do not share a folder", async () => {
    const dataFolder = emptyFolder();
    // The parent process lives as long as this one.
    writeFileSync(join(dataFolder, "server.pid"), `${process.ppid}\n`);
    const start = () => startServer({ version: "0", port: 0, dataFolder, pageFolder: makePage() });
    await expect(start()).rejects.toThrow(`process ${process.ppid} serves this folder`);
    writeFileSync(join(dataFolder, "server.pid"), "999999999\n");
    const server = await serveForTest({ dataFolder });
    expect(readFileSync(join(dataFolder, "server.pid"), "utf8")).toBe(`${process.pid}\n`);
    await server.close();
    expect(readdirSync(dataFolder)).toEqual(["runs"]);
  });
});

test("a port that is taken is refused where it was asked for", async () => {
  const server = await serveForTest();
  const port = Number(new URL(server.url).port);
  await expect(serveForTest({ port })).rejects.toThrow(`port ${port} is taken`);
});

test("passes are counted where a fraction falls back, never beyond the end", () => {
  const count = countPasses(2);
  const seen = [0, 0.5, 1, 0.2, 0.9, 0.1, 0.3, 0.2, 0.1].map(
    (fraction) => count({ phase: "running", fraction, ops: [] }).done,
  );
  expect(seen).toEqual([0, 0, 0, 1, 1, 2, 2, 2, 2]);
  expect(count({ phase: "checking", fraction: 0, ops: [] })).toEqual({ done: 3, total: 3 });
});
