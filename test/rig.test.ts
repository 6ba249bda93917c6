import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addonObstacle } from "../runtime/openshmem/addon.ts";
import { createRig, type Rig, rigObstacle } from "../scripts/rig.mjs";
import { quickRun } from "./support/campaign.ts";

/**
 * OpenSHMEM between machines: network namespaces joined by slow links. Skipped where the system or the build does not
 * allow it.
 */
const quick = "TOROID_QUICK leaves out what is the same on every Node";
const rigless = quickRun ? quick : rigObstacle();
const obstacle = rigless ?? addonObstacle();

describe("a rig of two machines", () => {
  let rig: Rig;
  beforeAll(() => {
    if (obstacle === null) rig = createRig({ machines: 2, gigabits: 1 });
  });
  beforeEach(({ skip }) => {
    if (obstacle !== null) skip(obstacle);
  });
  afterAll(() => rig?.close());

  const argvOf = (flags: readonly string[]) =>
    rig.command(0, [process.execPath, resolve("bin/toroid.js"), "run", "--backend", "openshmem", ...flags]);
  const env = () => ({ ...process.env, ...rig.env });
  const shape = ["--tokens", "512", "--heads", "4", "--head-dim", "32"];

  function run(flags: readonly string[]) {
    const [program = "", ...args] = argvOf(flags);
    return spawnSync(program, args, { encoding: "utf8", env: env(), timeout: 60_000 });
  }

  /** Command lines of what runs on the hosts, but for the process that keeps each alive. */
  function leftovers(): string[] {
    const pids = rig.hosts.flatMap(({ namespace }) => {
      const { stdout } = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
      return stdout.split("\n").filter((pid) => pid !== "");
    });
    return pids.map(commandOf).filter((line) => line !== "" && !line.startsWith("sleep infinity"));
  }

  test("has hosts with names of their own", () => {
    const [program = "", ...args] = rig.command(1, ["hostname"]);
    expect(spawnSync(program, args, { encoding: "utf8" }).stdout).toBe("h1\n");
  });

  test.each([
    ["ulysses", "one-sided"],
    ["ring", "two-sided"],
    ["usp", "one-sided"],
    ["tas", "two-sided"],
    ["torus", "one-sided"],
  ])("runs %s %s across them", { timeout: 120_000 }, (method, transport) => {
    const flags = ["--hosts", "h0:2,h1:2", "--method", method, "--transport", transport, ...shape, "--repeat", "2"];
    const { status, stdout, stderr } = run([...flags, "--json"]);
    expect(stderr.replace(/npm warn.*\n/g, "")).not.toContain("error");
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as { relativeError: number; rowsChecked: number; notes: string[] };
    expect(result.relativeError).toBeLessThanOrEqual(1e-5);
    expect(result.rowsChecked).toBe(512 * 4);
    // Namespaces of one kernel have one clock: the true offset is 0.
    const clock = result.notes.find((text) => text.startsWith("clock of h1"));
    expect(clock).toMatch(/clock of h1: .* off, drift .* ppm, known to ± /);
    expect(result.notes).toContain("ranks by host: h0 0–1, h1 2–3");
  });

  test("names ranks whose host never starts, and leaves nothing", { timeout: 60_000 }, () => {
    const { status, stderr } = run(["--hosts", "h0:2,h7:2", ...shape]);
    expect(stderr).toContain("rank 2 on h7, rank 3 on h7 did not start");
    expect(status).toBe(5);
    expect(leftovers()).toEqual([]);
  });

  test("names a rank behind a link that is cut, and leaves nothing", { timeout: 120_000 }, async () => {
    const [program = "", ...args] = argvOf(["--hosts", "h0:2,h1:2", ...shape, "--repeat", "10000"]);
    const child = spawn(program, [...args, "--method", "ring"], { env: env(), stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const ended = new Promise<number | null>((done) => child.once("close", done));
    // The ranks are there, and compute: some seconds of them are left.
    while (leftovers().filter((line) => /node.*pe\.js/.test(line)).length < 4) await sleep(100);
    await sleep(3000);
    rig.cutLink(1);
    try {
      expect(await ended).toBe(5);
      expect(said).toMatch(/rank [23] on h1 has not been heard of for \d+ s: its machine or the link to it is down/);
      for (let i = 0; i < 50 && leftovers().length > 0; i++) await sleep(200);
      expect(leftovers()).toEqual([]);
    } finally {
      rig.restoreLink(1);
    }
  });
});

describe("a rig", () => {
  beforeEach(({ skip }) => {
    if (rigless !== null) skip(rigless);
  });

  test("refuses what makes no sense, and leaves nothing behind", () => {
    expect(() => createRig({ machines: 1, gigabits: 1 })).toThrow("expected 2 to 16 machines");
    expect(() => createRig({ machines: 2, gigabits: 0 })).toThrow("expected 0.01 to 40 Gb/s, got 0");
    expect(() => createRig({ machines: 4, gigabits: 1, leaves: 2 })).toThrow("expected a rate of the uplinks");
  });

  test("with leaves and a slow machine is gone once it is closed", () => {
    const rig = createRig({
      machines: 4,
      gigabits: 1,
      leaves: 2,
      uplinkGigabits: 0.5,
      degraded: { machine: 1, gigabits: 0.2 },
    });
    const spaces = () => spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout;
    expect(spaces()).toContain(rig.name);
    const rates = rig.command(1, ["tc", "qdisc", "show", "dev", "eth0"]);
    expect(spawnSync(rates[0]!, rates.slice(1), { encoding: "utf8" }).stdout).toContain("rate 200Mbit");
    rig.close();
    expect(spaces()).not.toContain(rig.name);
  });
});

/** Empty if the process has ended meanwhile. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
