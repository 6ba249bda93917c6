import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import type { RunOrder, RunRecord } from "../../plan/http/run-api.ts";
import { defaultMesh, planSchedule } from "../../plan/methods/index.ts";
import { decodeSchedule, encodeSchedule } from "../../plan/schedule/codec-packed.ts";
import { numOps, type Schedule } from "../../plan/schedule/schedule.ts";
import type { DType } from "../../plan/workload/workload.ts";
import { makeWorkload } from "../../plan/workload/make-workload.ts";
import { describeHardware } from "../hardware.ts";
import { RunFailed, type RunJob, type RunProgress, type RunResult } from "../job.ts";
import type { Runner } from "./run-queue.ts";
import { type RunningServer, type ServeOptions, startServer } from "./start-server.ts";

const folders: string[] = [];
const servers = new Set<RunningServer>();

afterEach(async () => {
  for (const server of servers) await server.close();
  servers.clear();
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "toroid-server-"));
  folders.push(folder);
  return folder;
}

/** A built page: two files, and a secret beside it. */
export function makePage(): string {
  const folder = emptyFolder();
  mkdirSync(join(folder, "web", "assets"), { recursive: true });
  writeFileSync(join(folder, "secret.txt"), "secret");
  writeFileSync(join(folder, "web", "index.html"), "<!doctype html><title>page</title>");
  writeFileSync(join(folder, "web", "assets", "main-1a2b.js"), "export {};");
  return join(folder, "web");
}

/** A server on a free port that is closed after the test. */
export async function serveForTest(options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  const server = await startServer({
    version: "0.0.0",
    port: 0,
    dataFolder: emptyFolder(),
    pageFolder: makePage(),
    runner: () => Promise.reject(new RunFailed("no runner in this test")),
    ...options,
  });
  const close = (): Promise<void> => {
    servers.delete(closing);
    return server.close();
  };
  const closing: RunningServer = { ...server, close };
  servers.add(closing);
  return closing;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Iterable<Uint8Array>;
}

/** One request as it is written: node:http changes neither path nor Host. The token is sent unless `headers` says another. */
export function ask(server: RunningServer, question: Question = {}): Promise<Answer> {
  const { method = "GET", path = "/api/status", headers = {}, body } = question;
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, method, path, headers: { authorization: `Bearer ${server.token}`, ...headers }, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        response.once("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
        response.once("error", reject);
      },
    );
    sent.once("error", reject);
    if (typeof body === "string") sent.end(body);
    else if (body === undefined) sent.end();
    else {
      for (const piece of body) sent.write(piece);
      sent.end();
    }
  });
}

export function json<T>({ text }: Answer): T {
  return JSON.parse(text) as T;
}

export const recordOf = (answer: Answer) => json<RunRecord>(answer);
export const errorOf = (answer: Answer) =>
  json<{ error: { code: string; message: string; path: string | null; hint: string | null } }>(answer).error;

/** Bytes on the wire and what comes back until the server ends it or `ms` have passed. */
export function talk(server: RunningServer, text: string, ms = 300): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect(Number(port), hostname, () => socket.write(text));
    const timer = setTimeout(() => socket.destroy(), ms);
    socket.on("data", (bytes) => (heard += bytes.toString()));
    socket.once("error", reject);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(heard);
    });
  });
}

export function smallSchedule(dtype: DType = "fp32", ranks = 2): Schedule {
  const workload = makeWorkload({ tokens: 64, heads: ranks, headDim: 32, dtype });
  const shape = { machines: 1, ranksPerMachine: ranks };
  return planSchedule({
    workload,
    method: "ring",
    transport: "one-sided",
    mesh: defaultMesh("ring", shape, workload),
    tiles: 1,
    path: "paper",
    placement: Array.from({ length: ranks }, (_, rank) => rank),
  });
}

export function orderFor(schedule: Schedule, changes: Partial<RunOrder> = {}): RunOrder {
  return {
    schedule: Buffer.from(encodeSchedule(schedule)).toString("base64"),
    backend: "threads",
    repeats: 2,
    seed: 1,
    emulated: null,
    title: "a small ring",
    ...changes,
  };
}

export function post(server: RunningServer, order: unknown): Promise<Answer> {
  return ask(server, { method: "POST", path: "/api/runs", body: JSON.stringify(order) });
}

/** A run that a test holds in its hand. */
export interface HeldRun {
  readonly job: RunJob;
  tell(progress: Partial<RunProgress>): void;
  finish(): void;
  fail(error: Error): void;
}

/** A runner whose runs end when the test says so, or when they are stopped. */
export function holdRuns(): { readonly runner: Runner; readonly held: HeldRun[]; numRunning(): number } {
  const held: HeldRun[] = [];
  let running = 0;
  const runner: Runner = (job, { signal, onProgress }) => {
    running++;
    return new Promise<RunResult>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new RunFailed("the run was stopped")));
      held.push({
        job,
        tell: (progress) => onProgress?.({ phase: "running", fraction: 0, ops: [], ...progress }),
        finish: () => resolve(resultOf(job)),
        fail: reject,
      });
    }).finally(() => running--);
  };
  return { runner, held, numRunning: () => running };
}

function resultOf({ schedule: packed, repeats }: RunJob): RunResult {
  const schedule = decodeSchedule(packed);
  const times = (ns: number) => new Float64Array(numOps(schedule)).fill(ns);
  return {
    backend: "threads",
    ranks: schedule.ranks,
    makespanNs: 100,
    makespans: Array.from({ length: repeats }, (_, repeat) => 95 + 10 * repeat),
    relativeError: 1e-7,
    rowsChecked: 1,
    rows: 1,
    isRepeatable: true,
    isEmulated: false,
    timer: null,
    stagedBytes: 0,
    hardware: describeHardware("onnx"),
    notes: [],
    startNs: times(0),
    endNs: times(100),
    medianNs: times(100),
    leastNs: times(100),
  };
}

/** Waits until something holds; fails after two seconds. */
export async function until<T>(
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
): Promise<T> {
  const endMs = performance.now() + 2000;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error("waited for two seconds");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
