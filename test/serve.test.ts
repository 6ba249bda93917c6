import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { RunRecord } from "../plan/http/run-api.ts";
import { scheduleHash } from "../plan/schedule/codec-packed.ts";
import { decodeTrace } from "../plan/trace/codec-packed.ts";
import { orderFor, smallSchedule } from "../runtime/server/server.test-support.ts";
import { temporaryFolder } from "./support/cli.ts";

const program = join(import.meta.dirname, "..", "bin", "toroid.js");

/** `toroid serve` as a process of its own, from the last build; `stop` sends what Ctrl-C sends. */
async function serve(folder: string): Promise<{ readonly url: URL; readonly stop: () => Promise<number | null> }> {
  const child = spawn(process.execPath, [program, "serve", "--port", "0", "--data", folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const url = new URL(await firstLine(child));
  const stop = () =>
    new Promise<number | null>((resolve) => {
      child.once("exit", (code) => resolve(code));
      child.kill("SIGINT");
    });
  return { url, stop };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout!.on("data", (bytes) => {
      text += bytes;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.stderr!.on("data", (bytes) => (text += bytes));
    child.once("exit", (code) => reject(new Error(`ended with ${code}: ${text}`)));
  });
}

test("the command serves the page, runs a schedule for real, keeps it, and ends with Ctrl-C", {
  timeout: 60_000,
}, async () => {
  const folder = temporaryFolder();
  const schedule = smallSchedule();
  const first = await serve(folder);
  const page = await (await fetch(first.url)).text();
  expect(page).toContain("<title>Toroid explorer</title>");
  const headers = (url: URL) => ({ authorization: `Bearer ${url.searchParams.get("token")}` });
  const ask = async (url: URL, path: string, init: RequestInit = {}) => {
    const answer = await fetch(new URL(path, url), { ...init, headers: headers(url) });
    expect(answer.status).toBeLessThan(300);
    return answer;
  };
  const order = JSON.stringify(orderFor(schedule, { repeats: 2 }));
  const { id } = (await (await ask(first.url, "/api/runs", { method: "POST", body: order })).json()) as RunRecord;
  let record: RunRecord;
  do {
    await new Promise((resolve) => setTimeout(resolve, 100));
    record = (await (await ask(first.url, `/api/runs/${id}`)).json()) as RunRecord;
  } while (record.state === "queued" || record.state === "running");
  expect(record).toMatchObject({ state: "done", error: null, ranks: 2, emulated: false });
  expect(record.result!.relativeError).toBeLessThan(1e-5);
  expect(record.result!.makespans).toHaveLength(2);
  expect(await first.stop()).toBe(0);

  const second = await serve(folder);
  expect(second.url.searchParams.get("token")).not.toBe(first.url.searchParams.get("token"));
  const bytes = await (await ask(second.url, `/api/runs/${id}/trace`)).arrayBuffer();
  expect(decodeTrace(new Uint8Array(bytes))).toMatchObject({
    source: "measured",
    scheduleHash: scheduleHash(schedule),
  });
  await ask(second.url, `/api/runs/${id}`, { method: "DELETE" });
  expect(existsSync(join(folder, "runs", id))).toBe(false);
  expect(await second.stop()).toBe(0);
  expect(existsSync(join(folder, "server.pid"))).toBe(false);
});
