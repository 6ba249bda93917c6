import { expect, test } from "vitest";
import { Kind } from "../../plan/schedule/schedule.ts";
import type { PlanDetail } from "../engine/protocol.ts";
import { linkLoad, scheduleRanks } from "./flows.ts";
import type { LinkModel } from "./links.ts";
import { makeRandom } from "./random.test-support.ts";
import { mapUse, shownUse } from "./shown-use.ts";
import { indexUse, meanUse, peakUse, transfersAt, transfersOf, useAt } from "./utilization.ts";

/** What of a plan the use of links depends on: random transfers over random links. */
function randomDetail(seed: number, numOps: number, isWeighted: boolean): PlanDetail {
  const random = makeRandom(seed);
  const numLinks = 7;
  const moved = new Float64Array(numLinks);
  const start = new Uint32Array(numOps + 1);
  const linkIds: number[] = [];
  const opBytes = new Float64Array(numOps);
  const startNs = new Float64Array(numOps);
  const endNs = new Float64Array(numOps);
  for (let op = 0; op < numOps; op++) {
    start[op] = linkIds.length;
    startNs[op] = Math.floor(random() * 100);
    endNs[op] = startNs[op]! + Math.floor(random() * 30);
    if (random() < 0.2) continue;
    opBytes[op] = Math.floor(random() * 1000);
    for (let link = 0; link < numLinks; link++) {
      if (random() > 0.3) continue;
      linkIds.push(link);
      moved[link]! += opBytes[op]!;
    }
  }
  start[numOps] = linkIds.length;
  const links = Array.from(moved, (bytes, link) => ({
    from: `a${link}`,
    to: `b${link}`,
    bytesPerSecond: 1e9 * (1 + link),
    bytes: isWeighted ? bytes * (link === 3 ? 2 : 1) : bytes,
  }));
  const trace = {
    op: Uint32Array.from({ length: numOps }, (_, op) => op),
    kind: new Uint8Array(numOps).fill(Kind.put),
    rank: new Uint16Array(numOps),
    startNs,
    endNs,
  };
  const opPeer = new Uint16Array(numOps).fill(1);
  const detail = { trace, links, opBytes, opPeer, opLinks: { start, linkIds: Uint32Array.from(linkIds) }, passNs: 130 };
  return { ...detail, ranks: [{}, {}] } as unknown as PlanDetail;
}

/** Slow twin: every transfer looked at. */
function bruteUse(detail: PlanDetail, ns: number, link: number): number {
  const { trace, opLinks, opBytes, links } = detail;
  let rate = 0;
  let moved = 0;
  for (let op = 0; op < opBytes.length; op++) {
    const uses = opLinks.linkIds.slice(opLinks.start[op], opLinks.start[op + 1]).includes(link);
    if (!uses) continue;
    moved += opBytes[op]!;
    const [start, end] = [trace.startNs[op]!, trace.endNs[op]!];
    if (start <= ns && ns < end) rate += opBytes[op]! / ((end - start) / 1e9);
  }
  const { bytes, bytesPerSecond } = links[link]!;
  return moved === 0 ? 0 : ((bytes / moved) * rate) / bytesPerSecond;
}

test("use at a time is that of brute force", () => {
  for (let seed = 0; seed < 40; seed++) {
    const detail = randomDetail(seed, seed * 3, seed % 2 === 1);
    const index = indexUse(detail);
    for (let ns = -1; ns < 135; ns += 0.5) {
      const use = useAt(index, ns);
      for (let link = 0; link < detail.links.length; link++) {
        expect(use.get(link) ?? 0).toBeCloseTo(bruteUse(detail, ns, link), 9);
      }
    }
  }
});

test("the transfers under way are found in the order of their starts, each once", () => {
  const index = indexUse(randomDetail(5, 200, false));
  for (let ns = 0; ns < 130; ns += 0.7) {
    const found = transfersAt(index, ns);
    const wanted = [...index.startNs.keys()].filter((at) => index.startNs[at]! <= ns && ns < index.endNs[at]!);
    expect(found).toEqual(wanted);
  }
});

test("the mean over the pass is that of the use at all times", () => {
  const detail = randomDetail(11, 80, true);
  const index = indexUse(detail);
  const mean = meanUse(detail);
  const points = [...new Set([0, 130, ...index.startNs, ...index.endNs])].sort((a, b) => a - b);
  for (let link = 0; link < detail.links.length; link++) {
    let sum = 0;
    for (let i = 1; i < points.length; i++) {
      sum += (useAt(index, points[i - 1]!).get(link) ?? 0) * (points[i]! - points[i - 1]!);
    }
    // Transfers without duration count as bytes, but at no time.
    const instant = instantShare(detail, link);
    expect(sum / 130 + instant * mean[link]!).toBeCloseTo(mean[link]!, 9);
  }
});

function instantShare({ trace, opLinks, opBytes }: PlanDetail, link: number): number {
  let [instant, all] = [0, 0];
  for (let op = 0; op < opBytes.length; op++) {
    if (!opLinks.linkIds.slice(opLinks.start[op], opLinks.start[op + 1]).includes(link)) continue;
    all += opBytes[op]!;
    if (trace.endNs[op] === trace.startNs[op]) instant += opBytes[op]!;
  }
  return all === 0 ? 0 : instant / all;
}

test("the peak is the highest use at any start, and there", () => {
  for (let seed = 0; seed < 20; seed++) {
    const detail = randomDetail(seed, 60, true);
    const index = indexUse(detail);
    for (let link = 0; link < detail.links.length; link++) {
      const transfers = transfersOf(index, link);
      const { use, atNs } = peakUse(index, link, transfers);
      const highest = transfers.reduce(
        (most, at) => Math.max(most, useAt(index, index.startNs[at]!).get(link) ?? 0),
        0,
      );
      expect(use).toBeCloseTo(highest, 9);
      if (transfers.length > 0) expect(useAt(index, atNs).get(link)).toBeCloseTo(use, 9);
    }
  }
});

test("flows of a link have ranks in the direction of the bytes", () => {
  const detail = randomDetail(3, 40, false);
  detail.trace.kind[0] = Kind.get;
  const index = indexUse(detail);
  for (const { from, to, bytes } of detail.links) {
    const load = linkLoad(detail, index, from, to)!;
    expect(load.bytes).toBe(bytes);
    for (const flow of load.flows) {
      expect([flow.fromRank, flow.toRank]).toEqual(flow.kind === "get" ? [1, 0] : [0, 1]);
      expect(flow.endNs).toBeGreaterThan(flow.startNs);
    }
    const starts = load.flows.map(({ startNs }) => startNs);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  }
  expect(linkLoad(detail, index, "a0", "nowhere")).toBe(null);
});

test("ranks are found at the ends of paths", () => {
  const detail = randomDetail(3, 0, false);
  const one = {
    ...detail,
    trace: { ...detail.trace, op: Uint32Array.of(0), kind: Uint8Array.of(Kind.get), rank: Uint16Array.of(4) },
    opPeer: Uint16Array.of(7),
    opLinks: { start: Uint32Array.of(0, 2), linkIds: Uint32Array.of(1, 2) },
  };
  expect([...scheduleRanks(one)]).toEqual([
    ["a1", 7],
    ["b2", 4],
  ]);
});

test("use of a plan for a topology that has changed goes to the links that are left, parallel ones together", () => {
  const base = randomDetail(8, 50, false);
  const first = base.links[0]!;
  const links = base.links.map((link, i) => (i === 1 ? { ...link, from: first.from, to: first.to } : link));
  const detail = { ...base, links };
  const indices = new Map([
    [`${first.from}→${first.to}`, 0],
    ["a2→b2", 1],
  ]);
  const model = { indices, links: [{}, {}], pairs: [] } as unknown as LinkModel;
  const index = indexUse(detail);
  for (let ns = 0; ns < 130; ns += 3) {
    const shown = shownUse(detail, index, mapUse(detail, model), ns);
    const use = useAt(index, ns);
    expect(shown.length).toBe(2);
    expect(shown[1]).toBeCloseTo(use.get(2) ?? 0, 9);
    const capacity = links[0]!.bytesPerSecond + links[1]!.bytesPerSecond;
    const rate = (use.get(0) ?? 0) * links[0]!.bytesPerSecond + (use.get(1) ?? 0) * links[1]!.bytesPerSecond;
    expect(shown[0]).toBeCloseTo(rate / capacity, 9);
  }
});
