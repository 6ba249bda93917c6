import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import AxeBuilder from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encodeTrace } from "../plan/trace/codec-packed.ts";
import type { Trace } from "../plan/trace/trace.ts";
import { startServer } from "../runtime/server/index.ts";
import { packedSchedule, planDetail } from "../web/engine/detail.ts";
import { explore } from "../web/engine/explore.ts";
import { firstPlanState } from "../web/engine/first-picture.ts";
import { defaultState } from "../web/state/explorer-state.ts";
import { encodeState } from "../web/state/url.ts";
import {
  dropFiles,
  findBrowser,
  launchBrowser,
  noBrowser,
  openPage,
  searched,
  serveBuiltPage,
  textOf,
} from "./support/browser.ts";

/** The browser is the same whatever Node runs the tests: once is enough where they run under several. */
const isQuick = process.env["TOROID_QUICK"] !== undefined;
const program = isQuick ? null : await findBrowser();
if (program === null && !isQuick && process.env["CI"] !== undefined && process.env["TOROID_NO_BROWSER"] === undefined) {
  throw new Error(`${noBrowser}; where CI cannot have one, TOROID_NO_BROWSER=1 skips these tests`);
}
const whyNot = isQuick ? "TOROID_QUICK leaves out what is the same on every Node" : noBrowser;

/** The page follows a moment after it was asked; a busy machine takes its time. */
const SOON = { timeout: 20_000 };

/** A dump of a machine of four GPUs on NVLink and two NICs. */
const smiDump = `\tGPU0\tGPU1\tGPU2\tGPU3\tNIC0\tNIC1\tCPU Affinity\tNUMA Affinity
GPU0\t X \tNV12\tNV12\tNV12\tPXB\tSYS\t0-31\t0
GPU1\tNV12\t X \tNV12\tNV12\tPXB\tSYS\t0-31\t0
GPU2\tNV12\tNV12\t X \tNV12\tSYS\tPXB\t32-63\t1
GPU3\tNV12\tNV12\tNV12\t X \tSYS\tPXB\t32-63\t1
NIC0\tPXB\tPXB\tSYS\tSYS\t X \tSYS
NIC1\tSYS\tSYS\tPXB\tPXB\tSYS\t X

Legend:

  X    = Self
  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes
  PXB  = Connection traversing multiple PCIe bridges
  NV#  = Connection traversing a bonded set of # NVLinks

NIC Legend:

  NIC0: mlx5_0
  NIC1: mlx5_1
`;

describe("the page", () => {
  const dataFolder = mkdtempSync(join(tmpdir(), "toroid-page-"));
  let browser: Browser;
  let site: Awaited<ReturnType<typeof serveBuiltPage>>;

  beforeEach((context) => {
    if (program === null) context.skip(whyNot);
  });

  beforeAll(async () => {
    if (program === null) return;
    browser = await launchBrowser(program);
    site = await serveBuiltPage();
  });

  afterAll(async () => {
    await browser?.close();
    await site?.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  });

  async function open(hash = "", options = {}): Promise<{ readonly page: Page; readonly complaints: string[] }> {
    const opened = await openPage(browser, options);
    await opened.page.goto(`${site.url}${hash}`);
    return opened;
  }

  test("from a dropped `nvidia-smi topo -m` to an exported picture", { timeout: 60_000 }, async () => {
    const { page, complaints } = await open("#view=explore");
    await dropFiles(page, { "topo.txt": smiDump });
    await page.getByText("opened topo.txt").waitFor();
    // A dump says neither the GPU nor what its NICs carry.
    await page.getByLabel("GPU", { exact: true }).fill("A100");
    await page.getByLabel("GPU", { exact: true }).press("Enter");
    await page.getByLabel("Machines").first().fill("2");
    await page.getByLabel("Machines").first().press("Enter");
    await page.getByLabel(/NICs of a machine/).fill("400");
    await page.getByLabel(/NICs of a machine/).press("Enter");
    await page.getByRole("heading", { name: "Topology" }).waitFor();
    await page.getByText("2 machines, 8 ranks").waitFor();
    await searched(page);
    await expect
      .poll(() => textOf(page, ".shell-command code"), SOON)
      .toContain("--topology topo.txt:2 --device A100 --inter 400");
    const best = await textOf(page, ".results-answer");
    const list = page.getByRole("listbox", { name: "Plans, best first" });
    await list.focus();
    await page.keyboard.press("ArrowDown");
    await page.getByText("Shown is").waitFor();
    await expect.poll(() => textOf(page, ".results-answer"), SOON).toBe(best);
    await page.waitForSelector(".shell-verdict[data-current=true]");
    const svg = await download(page, "Export SVG");
    expect(svg.name).toMatch(/^toroid-\w+\.svg$/);
    const text = svg.bytes.toString();
    expect(text).toContain("machine 1");
    expect(text).toContain("rank 7 compute");
    expect(text.match(/<rect /g)!.length).toBeGreaterThan(50);
    const png = await download(page, "Export PNG");
    expect([...png.bytes.subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("a first visit has a ranking, a timeline and a guide that ends", { timeout: 60_000 }, async () => {
    const { page, complaints } = await open();
    await page.getByText("made when this page was built").waitFor();
    await page.getByRole("region", { name: /Guide, step 1/ }).waitFor();
    for (let step = 0; step < 4; step++) await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("50 Gb/s together").waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    await searched(page);
    expect(await page.getByLabel(/NICs of a machine/).inputValue()).toBe("50");
    expect(await page.getByText("made when this page was built").count()).toBe(0);
    await page.reload();
    await page.getByRole("listbox").waitFor();
    expect(await page.getByRole("region", { name: /Guide/ }).count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("the first load is small, and all of it from one host", { timeout: 60_000 }, async () => {
    const { page } = await openPage(browser);
    const paths: string[] = [];
    page.on("request", (request) => paths.push(request.url()));
    await page.goto(site.url);
    await searched(page);
    expect(paths.every((url) => url.startsWith(site.url) || url.startsWith("blob:"))).toBe(true);
    const scripts = [...new Set(paths.filter((url) => url.endsWith(".js")))];
    expect(scripts.some((url) => url.includes("worker"))).toBe(true);
    const sizes = await Promise.all(
      scripts.map(async (url) => gzipSync(new Uint8Array(await (await fetch(url)).arrayBuffer())).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(350_000);
    await page.context().close();
  });

  test("a plan runs on the machine that serves the page, and is laid beside its prediction", {
    timeout: 90_000,
  }, async () => {
    const server = await startServer({ version: "0.0.0", port: 0, dataFolder });
    const { page, complaints } = await openPage(browser);
    await page.goto(`${server.url}#view=runs`);
    await page.getByRole("button", { name: "Plan a small one" }).click();
    const run = page.getByRole("button", { name: "Run", exact: true });
    await page.getByText(/4 ranks · on/).waitFor();
    await run.click();
    await page.getByText("done", { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByText("Open measured").click();
    await page.getByRole("region", { name: "Makespans" }).waitFor();
    await expect.poll(() => textOf(page, ".measured-headline"), SOON).toMatch(/Predicted makespan\n.+ ms/);
    expect(complaints).toEqual([]);
    await page.context().close();
    await server.close();
  });

  test("a link reproduces the view", { timeout: 60_000 }, async () => {
    const { page } = await open("#view=explore");
    await page.getByLabel("Tokens").fill("16384");
    await page.getByLabel("Tokens").press("Enter");
    await page.getByLabel("Transport").selectOption("one-sided");
    await searched(page);
    await page.keyboard.press("Tab");
    await page.getByRole("application").first().focus();
    for (const key of ["w", "w", "d", "."]) await page.keyboard.press(key);
    await page.waitForURL(/window=.*op=|op=.*window=/);
    const hash = await settledHash(page);
    const other = await open(hash);
    await searched(other.page);
    await expect.poll(() => textOf(other.page, ".results-verdict"), SOON).toBe(await textOf(page, ".results-verdict"));
    await expect.poll(() => textOf(other.page, ".timeline-span"), SOON).toBe(await textOf(page, ".timeline-span"));
    expect(await other.page.getByLabel("Tokens").inputValue()).toBe("16384");
    await other.page.context().close();
    await page.context().close();
  });

  test("a link to a plan that the search would rule out still shows it", { timeout: 60_000 }, async () => {
    const chosen = "usp one-sided 1 4 8 1 8 -";
    const { page, complaints } = await open(`#${await encodeState({ ...defaultState, chosen })}`);
    await searched(page);
    await expect
      .poll(() => textOf(page, ".results-verdict"), SOON)
      .toMatch(/Shown is USP, one-sided \(1×4×8×1, 8 sub-tiles\)/);
    expect(await textOf(page, "[role=option][aria-selected=true]")).toContain("USP one-sided 1×4×8×1, 8 sub-tiles");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("a slower link changes the answer, by number and by hand", { timeout: 60_000 }, async () => {
    const { page, complaints } = await open("#view=explore");
    await searched(page);
    const before = await textOf(page, ".results-answer");
    await page.getByRole("tab", { name: "Links" }).click();
    await page.getByLabel("Search links").fill("m0/efa0→net");
    await page.getByRole("button", { name: "m0/efa0→net" }).click();
    const slider = page.locator(".topology input[type=range]");
    await slider.focus();
    for (let step = 0; step < 5; step++) await page.keyboard.press("PageDown");
    await page.getByText("1 link has a rate of your own").waitFor();
    await searched(page);
    await expect.poll(() => textOf(page, ".results-answer"), SOON).not.toBe(before);
    await expect.poll(() => textOf(page, ".shell-command code"), SOON).toContain("--topology toroid-topology.json");
    const saved = await download(page, "Save topology");
    expect(saved.name).toBe("toroid-topology.json");
    const links = (JSON.parse(saved.bytes.toString()) as { links: { from: string; bytesPerSecond: number }[] }).links;
    const rates = new Set(links.filter(({ from }) => /efa\d$/.test(from)).map((link) => link.bytesPerSecond));
    expect(rates.size).toBe(2);
    await page.getByRole("button", { name: "Reset links" }).click();
    await searched(page);
    await expect.poll(() => textOf(page, ".results-answer"), SOON).toBe(before);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("the timeline is used by keyboard alone", { timeout: 60_000 }, async () => {
    const { page, complaints } = await open("#view=explore");
    await searched(page);
    const body = page.getByRole("application").first();
    await body.focus();
    const span = () => textOf(page, ".timeline-span");
    await page.keyboard.press(".");
    const first = await span();
    await page.keyboard.press(".");
    await expect.poll(span, SOON).not.toBe(first);
    await page.keyboard.press(",");
    await expect.poll(span, SOON).toBe(first);
    await page.keyboard.press("f");
    await page.waitForURL(/window=/);
    await page.keyboard.press("?");
    await page.getByRole("region", { name: "Keys of the timeline" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("attend");
    await page.getByText(/\d+ found/).waitFor();
    await page.keyboard.press("Enter");
    await expect.poll(span, SOON).toContain("attend");
    await page.keyboard.press("Escape");
    await page.getByText("Select a span").waitFor();
    await page.getByRole("button", { name: "machine 0", exact: false }).first().press("Enter");
    await page.locator(".timeline-head[aria-expanded=false]").waitFor();
    await page.getByRole("button", { name: "Pin rank 9 compute" }).press("Enter");
    await page.locator(".timeline-lane", { hasText: "rank 9 compute" }).nth(1).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("an area is summed up, wheel and drag zoom and pan", { timeout: 60_000 }, async () => {
    const { page } = await open("#view=explore");
    await searched(page);
    const box = (await page.getByRole("application").first().boundingBox())!;
    await page.mouse.move(box.x + 200, box.y + 60);
    await page.mouse.wheel(0, -400);
    await page.waitForURL(/window=/);
    const zoomed = page.url();
    await page.mouse.down();
    await page.mouse.move(box.x + 100, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL((url) => url.href !== zoomed);
    await page.keyboard.down("Shift");
    await page.mouse.down();
    await page.mouse.move(box.x + 500, box.y + 200, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up("Shift");
    await page.getByText("Selected area").waitFor();
    await expect.poll(() => textOf(page, ".timeline-area-panel table"), SOON).toMatch(/attend\s+\d+/);
    await page.context().close();
  });

  test("what is wrong is said, and nothing is lost", { timeout: 90_000 }, async () => {
    const { page, complaints } = await open("#view=explore");
    await searched(page);
    const answer = await textOf(page, ".results-answer");
    const cases: readonly (readonly [name: string, content: string | Uint8Array, says: RegExp])[] = [
      ["empty.json", "", /empty\.json.*the file is empty/],
      ["noise.bin", Uint8Array.from({ length: 4000 }, (_, i) => (i * 7919) & 255), /noise\.bin/],
      ["broken.json", '{"version": 1, "nodes": [', /broken\.json/],
      [
        "links.json",
        '{"version":1,"nodes":[{"id":"a","kind":"gpu"}],"links":[{"from":"a","to":"b"}]}',
        /links\.json.*links/,
      ],
      ["plan.toroid", packedSchedule(firstPlanState, planKey()), /has no times to show/],
    ];
    for (const [name, content, says] of cases) {
      await dropFiles(page, { [name]: content });
      await page.locator(".shell-error", { hasText: name }).waitFor();
      await expect.poll(() => textOf(page, ".shell-error"), SOON).toMatch(says);
      await expect.poll(() => textOf(page, ".results-answer"), SOON).toBe(answer);
    }
    await page.getByLabel("Image").fill("no size");
    await page.getByLabel("Image").press("Enter");
    await page.locator(".shell-error", { hasText: "--image" }).waitFor();
    await page.getByLabel("Image").fill("3072x3072");
    await page.getByLabel("Image").press("Enter");
    await searched(page);
    await expect.poll(() => textOf(page, ".results-answer"), SOON).toBe(answer);
    await page.getByLabel("Tokens").pressSequentially("5000", { delay: 150 });
    await page.locator(".shell-command", { hasText: "--tokens 5000" }).waitFor();
    expect(await page.getByLabel("Tokens").inputValue()).toBe("5000");
    await page.getByLabel("Tokens").fill("");
    await page.locator(".shell-command", { hasText: "--image" }).waitFor();
    await page.getByLabel("Machines").first().fill("many");
    await page.getByLabel("Machines").first().press("Enter");
    await page.locator("input[aria-invalid=true]").waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
    const strange = await open("#topology=nothing.like.it&tokens=-4&view=explore");
    await strange.page.locator(".shell-error, .results-answer").first().waitFor();
    expect(strange.complaints).toEqual([]);
    await strange.page.context().close();
  });

  test("a measured trace is laid beside the prediction, one of another schedule refused", {
    timeout: 60_000,
  }, async () => {
    const { page, complaints } = await open("#view=measured");
    const predicted = planDetail(firstPlanState, planKey()).trace;
    const measured = slower(predicted);
    await page.getByText("Lay a measured run over the prediction").waitFor();
    await dropFiles(page, { "predicted.trace": encodeTrace(predicted), "measured.trace": encodeTrace(measured) });
    await page.getByRole("region", { name: "Makespans" }).waitFor();
    await expect.poll(() => textOf(page, ".measured-headline"), SOON).toMatch(/-?9\.0/);
    await page.getByRole("heading", { name: "Residual by op, in the order of time" }).waitFor();
    await page.getByRole("region", { name: "Worst ops" }).waitFor();
    await page.getByText("↳ measured").first().waitFor();
    await dropFiles(page, { "other.trace": encodeTrace({ ...measured, scheduleHash: "f".repeat(64) }) });
    await page.getByText("These traces are of different schedules").waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("lanes of PyTorch stand beside a schedule", { timeout: 60_000 }, async () => {
    const { page, complaints } = await open("#view=measured");
    const event = (name: string, ts: number, tid: number) => ({
      ph: "X",
      cat: "kernel",
      name,
      pid: 0,
      tid,
      ts,
      dur: 40,
    });
    const kineto = {
      schemaVersion: 1,
      distributedInfo: { rank: 3 },
      traceEvents: [
        event("flash_fwd_kernel", 100, 7),
        event("ncclDevKernel_SendRecv", 120, 20),
        { ph: "s", name: "flow" },
      ],
    };
    await dropFiles(page, { "profile.json": JSON.stringify(kineto) });
    await page
      .getByText(/PyTorch profiler, rank 3/)
      .first()
      .waitFor();
    await page.getByRole("application").first().waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("methods are compared, with the crossovers of a sweep", { timeout: 120_000 }, async () => {
    const { page, complaints } = await open("#view=methods");
    await page.getByRole("table").first().waitFor();
    await page.getByRole("figure", { name: /over .*overtakes/ }).waitFor({ timeout: 90_000 });
    await page
      .getByText(/overtakes \w+ at/)
      .first()
      .waitFor();
    await page.getByRole("radio", { name: "machines", exact: true }).check();
    await page.getByRole("figure", { name: /over .*machines/ }).waitFor({ timeout: 90_000 });
    const chart = await download(page, "Save chart as SVG");
    expect(chart.bytes.toString()).toContain("Torus");
    const removed = page.getByRole("button", { name: /^Remove Ring/ });
    await removed.click();
    expect(await removed.count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test.each(["light", "dark"] as const)(
    "has no violation of accessibility, %s",
    { timeout: 180_000 },
    async (colorScheme) => {
      for (const view of ["explore", "methods", "measured", "runs"]) {
        const { page, complaints } = await open(`#view=${view}`, { colorScheme });
        if (view === "explore") await searched(page);
        if (view === "measured") {
          const trace = planDetail(firstPlanState, planKey()).trace;
          await dropFiles(page, { "p.trace": encodeTrace(trace), "m.trace": encodeTrace(slower(trace)) });
          await page.getByRole("region", { name: "Worst ops" }).waitFor();
        }
        if (view === "methods") await page.getByRole("application").first().waitFor({ timeout: 60_000 });
        await page.getByRole("main").locator("section, h2").first().waitFor();
        await page.evaluate(AxeBuilder.source);
        const found = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
          return (await axe.run()).violations;
        });
        const short = found.map(({ id, nodes }) => `${view}: ${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
        expect(short).toEqual([]);
        expect(complaints).toEqual([]);
        await page.context().close();
      }
    },
  );

  test("reads as it did", { timeout: 60_000 }, async () => {
    const { page } = await open("#view=explore");
    await searched(page);
    const parts = [
      await textOf(page, ".results-verdict"),
      await textOf(page, ".shell-command code"),
      await textOf(page, ".results-list"),
    ];
    for (const tab of ["Limits", "Ranks", "Links", "Proof"]) {
      await page.getByRole("tab", { name: tab }).click();
      if (tab === "Proof") await page.getByText("Proved:").waitFor();
      parts.push(`-- ${tab}`, await textOf(page, "[role=tabpanel]"));
    }
    parts.push("-- Topology", await textOf(page, ".topology"));
    await expect(`${parts.join("\n")}\n`).toMatchFileSnapshot(join(import.meta.dirname, "golden", "explore.txt"));
    const svg = await download(page, "Export SVG");
    const texts = [...svg.bytes.toString().matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text!);
    await expect(`${texts.join("\n")}\n`).toMatchFileSnapshot(join(import.meta.dirname, "golden", "timeline.txt"));
    await page.context().close();
  });

  test("works from a folder of any name", { timeout: 60_000 }, async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${site.url}some/folder/`);
    await page.getByText("made when this page was built").waitFor();
    await searched(page);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

let key: string | null = null;

/** The best of what was published, for the cluster and model of a first visit. */
function planKey(): string {
  const first = () =>
    explore(
      { state: firstPlanState, effort: "first", points: [] },
      () => 0,
      () => {},
    );
  key ??= first().candidates[0]!.key;
  return key;
}

/** The same run, a tenth slower. */
function slower(trace: Trace): Trace {
  return {
    ...trace,
    source: "measured",
    startNs: trace.startNs.map((ns) => 1.1 * ns),
    endNs: trace.endNs.map((ns) => 1.1 * ns),
  };
}

/** The address once it stands still: it follows the state a moment later. */
async function settledHash(page: Page): Promise<string> {
  for (let last = ""; ; ) {
    const { hash } = new URL(page.url());
    if (hash === last) return hash;
    last = hash;
    await page.waitForTimeout(500);
  }
}

async function download(page: Page, button: string): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).first().click(),
  ]);
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}
