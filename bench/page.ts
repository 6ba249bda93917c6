import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { OP_KINDS } from "../plan/schedule/schedule.ts";
import { median } from "../plan/statistics.ts";
import { encodeChromeTrace } from "../plan/trace/codec-chrome.ts";
import { encodeTrace } from "../plan/trace/codec-packed.ts";
import type { Trace } from "../plan/trace/trace.ts";
import { defaultState, type ExplorerState } from "../web/state/explorer-state.ts";
import { encodeState } from "../web/state/url.ts";
import { findBrowser, launchBrowser, noBrowser, openPage, serveBuiltPage } from "../test/support/browser.ts";

/**
 * The page in a real browser, headless: first visit; a trace of a million spans from its file to the picture, packed and as
 * Chrome JSON; panning and zooming it (main-thread work of each frame, frames that came late); a plan of more than 100,000
 * ops from its link to the picture; and the NICs' rate changed for 4×8 ranks, until the best candidates are ranked and
 * drawn anew. Medians of three, of twenty for the last. `npm run build` first.
 */
const SPANS = 1_000_000;
const CHANGES = 20;
/** Torus on 16 machines of 8: 126,208 ops. */
const manyOps = { machines: 16, image: "4096x4096", point: "torus one-sided 4 4 2 4 4 QQQKKKKKKKKKKKKKKK" };
const ROUNDS = 3;
const FRAMES = 120;

interface Frame {
  readonly startTime: number;
  readonly duration: number;
  /** Of the source that was drawn. */
  readonly key: string;
}

interface Observed {
  readonly timelineFrames: Frame[];
}

const program = await findBrowser();
if (program === null) throw new Error(noBrowser);
const folder = mkdtempSync(join(tmpdir(), "toroid-bench-"));
const site = await serveBuiltPage();
const browser = await launchBrowser(program);
try {
  const trace = makeTrace(SPANS);
  const packed = join(folder, "million.trace");
  writeFileSync(packed, encodeTrace(trace));
  const chrome = join(folder, "million.trace.json");
  writeFileSync(chrome, [...encodeChromeTrace(trace)].join(""));
  const visits: number[] = [];
  const packedLoads: number[] = [];
  const chromeLoads: number[] = [];
  const frames: number[] = [];
  const late: number[] = [];
  const plans: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    visits.push(await visit());
    const page = await openObserved();
    await page.goto(`${site.url}#view=measured`);
    packedLoads.push(await load(page, packed));
    const motion = await move(page);
    frames.push(motion.workMs);
    late.push(motion.lateShare);
    await page.context().close();
    const other = await openObserved();
    await other.goto(`${site.url}#view=measured`);
    chromeLoads.push(await load(other, chrome));
    await other.context().close();
    plans.push(await largePlan());
  }
  const changes = await changeRate();
  print("first visit to a ranking with its timeline", median(visits), 1500);
  print(`${SPANS} spans, packed, to the picture`, median(packedLoads), 3000);
  print(`${SPANS} spans, Chrome JSON, to the picture`, median(chromeLoads), 12_000);
  print("main-thread work of a frame, 95th percentile", median(frames), 10);
  print("a plan of 126,208 ops, simulated, to the picture", median(plans), 3000);
  print(`a NIC's rate changed to all drawn anew, median of ${CHANGES}`, median(changes), 300);
  console.log(`late frames ${(100 * median(late)).toFixed(1)} %, limit 5 %`);
} finally {
  await browser.close();
  await site.stop();
  rmSync(folder, { recursive: true, force: true });
}

function print(what: string, ms: number, limitMs: number): void {
  console.log(`${what.padEnd(52)} ${ms.toFixed(1).padStart(9)} ms, ${(ms / limitMs).toFixed(2)} of the limit`);
}

/** 64 ranks of three streams that go on from span to span, with waits in between. */
function makeTrace(numSpans: number): Trace {
  const [ranks, streams] = [64, ["compute", "intra", "inter"]];
  const lanes = ranks * streams.length;
  const kinds = ["attend", "put", "put"].map((name) => OP_KINDS.indexOf(name as "attend"));
  const clock = new Float64Array(lanes);
  let seed = 1;
  const next = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const laneOf = (span: number) => span % lanes;
  const startNs = new Float64Array(numSpans);
  const endNs = new Float64Array(numSpans);
  for (let span = 0; span < numSpans; span++) {
    const lane = laneOf(span);
    startNs[span] = clock[lane]! + Math.floor(next() * 2000);
    endNs[span] = startNs[span]! + 500 + Math.floor(next() * 20_000);
    clock[lane] = endNs[span]!;
  }
  return {
    version: 1,
    source: "measured",
    emulated: false,
    scheduleHash: "0".repeat(64),
    notes: ["made for a benchmark"],
    streams,
    ranksPerMachine: 8,
    op: Uint32Array.from({ length: numSpans }, (_, span) => span),
    kind: Uint8Array.from({ length: numSpans }, (_, span) => kinds[laneOf(span) % streams.length]!),
    rank: Uint16Array.from({ length: numSpans }, (_, span) => Math.floor(laneOf(span) / streams.length)),
    stream: Uint8Array.from({ length: numSpans }, (_, span) => laneOf(span) % streams.length),
    startNs,
    endNs,
  };
}

/** From the request to the first frame of a timeline, ms. */
async function visit(): Promise<number> {
  const page = await openObserved();
  await page.goto(site.url);
  const ms = await firstFrame(page, 0);
  await page.context().close();
  return ms;
}

/** A page that keeps what it measured of its frames: the timeline itself forgets them. */
async function openObserved(): Promise<Page> {
  const { page } = await openPage(browser);
  await page.addInitScript(() => {
    const frames: Frame[] = [];
    Object.assign(globalThis, { timelineFrames: frames });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntriesByName("timeline-frame")) {
        const { startTime, duration, detail } = entry as PerformanceMeasure;
        frames.push({ startTime, duration, key: detail as string });
      }
    }).observe({ entryTypes: ["measure"] });
  });
  return page;
}

/** From the link of a large plan to its timeline, ms. */
async function largePlan(): Promise<number> {
  const page = await openObserved();
  const state: ExplorerState = {
    ...defaultState,
    topology: { ...defaultState.topology, machines: manyOps.machines },
    workload: { model: "flux.1-dev", image: manyOps.image },
    plan: { method: "torus", transport: "one-sided", ranks: null },
    chosen: manyOps.point,
  };
  await page.goto(`${site.url}#${await encodeState(state)}`);
  const ms = await firstFrame(page, 0);
  await page.context().close();
  return ms;
}

/** From typing a rate to the ranking and the timeline of the new plan, ms each time; the whole search follows later. */
async function changeRate(): Promise<number[]> {
  const page = await openObserved();
  await page.goto(site.url);
  await page.waitForFunction(() => document.querySelector(".results-ranking")?.getAttribute("data-stale") === "false");
  const times: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    times.push(await page.evaluate(changeOnce, 100 + 7 * change));
    // The whole search goes on beside it, as it does for a person who drags.
    await page.waitForTimeout(400);
  }
  await page.context().close();
  return times;
}

async function changeOnce(rate: number): Promise<number> {
  const { timelineFrames } = globalThis as unknown as Observed;
  const field = [...document.querySelectorAll("label")].find((label) => label.textContent?.startsWith("NICs"))!;
  const input = document.getElementById(field.htmlFor) as HTMLInputElement;
  const answer = () => document.querySelector(".results-answer")?.textContent;
  const before = answer();
  const key = timelineFrames.at(-1)?.key;
  const started = performance.now();
  input.value = String(rate);
  input.dispatchEvent(new Event("change", { bubbles: true }));
  for (;;) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const drawn = timelineFrames.find((frame) => frame.startTime > started && frame.key !== key);
    if (answer() !== before && drawn !== undefined) return performance.now() - started;
    if (performance.now() - started > 10_000) return Number.NaN;
  }
}

/** From the file's choice to the first frame that shows it, ms. */
async function load(page: Page, path: string): Promise<number> {
  await page.waitForSelector("input[type=file]", { state: "attached" });
  const before = await page.evaluate(() => performance.now());
  await page.setInputFiles("input[type=file] >> nth=0", path);
  return (await firstFrame(page, before)) - before;
}

function firstFrame(page: Page, afterMs: number): Promise<number> {
  return page
    .waitForFunction(
      (after) => (globalThis as unknown as Observed).timelineFrames.find(({ startTime }) => startTime > after),
      afterMs,
      { timeout: 60_000, polling: 20 },
    )
    .then((handle) => handle.evaluate((entry) => (entry === undefined ? 0 : entry.startTime + entry.duration)));
}

/** Pans and zooms by wheel, one event a frame: work of each frame, and the share that came more than half a frame late. */
async function move(page: Page): Promise<{ workMs: number; lateShare: number }> {
  const canvas = page.locator(".timeline-body").first();
  const box = (await canvas.boundingBox())!;
  return page.evaluate(
    async ({ x, y, count }) => {
      const { timelineFrames } = globalThis as unknown as Observed;
      timelineFrames.length = 0;
      const target = document.elementFromPoint(x, y)!;
      const times: number[] = [];
      for (let frame = 0; frame < count; frame++) {
        const isZoom = frame % 40 < 20;
        const deltaY = isZoom ? (frame % 80 < 40 ? -120 : 120) : 0;
        const deltaX = isZoom ? 0 : 60;
        target.dispatchEvent(
          new WheelEvent("wheel", { bubbles: true, cancelable: true, clientX: x, clientY: y, deltaX, deltaY }),
        );
        times.push(await new Promise((resolve) => requestAnimationFrame(resolve)));
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      const work = timelineFrames.map(({ duration }) => duration).sort((a, b) => a - b);
      const gaps = times.slice(1).map((time, i) => time - times[i]!);
      const late = gaps.filter((gap) => gap > 25).length;
      return { workMs: work[Math.floor(0.95 * work.length)] ?? Number.NaN, lateShare: late / gaps.length };
    },
    { x: box.x + box.width / 2, y: box.y + Math.min(100, box.height / 2), count: FRAMES },
  );
}
