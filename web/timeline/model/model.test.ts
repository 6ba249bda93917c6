import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Frame, PreparedTimeline } from "../model-types.ts";
import type { TimelineSource } from "../timeline-source.ts";
import { coverTrack, makeCover } from "./cover.ts";
import { middleOf } from "./layout.ts";
import {
  busyShares,
  frameSvg,
  layoutTimeline,
  neighborSpan,
  prepareTimeline,
  rowOfSpan,
  searchSpans,
  spanAt,
  summarizeArea,
} from "./index.ts";
import { sourceOf, spansArbitrary } from "./model.test-support.ts";
import { Raster } from "./raster.ts";
import { addBusy, seekStart } from "./tracks.ts";

const windowArbitrary = fc
  .tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 1, max: 2900 }))
  .map(([startNs, length]) => ({ startNs, endNs: startNs + length }));

function frameOf(prepared: PreparedTimeline, window = { startNs: prepared.startNs, endNs: prepared.endNs }): Frame {
  return {
    prepared,
    layout: layoutTimeline(prepared, { folded: [], pinned: [] }),
    window: { startNs: window.startNs, endNs: Math.max(window.endNs, window.startNs + 1) },
    scrollY: 0,
    theme: "light",
    selected: -1,
    hovered: -1,
    matches: null,
    arrows: "none",
    isCriticalOnly: false,
  };
}

/** Most spans of a lane that run at once; one of no length takes no time. */
function mostAtOnce({ lane, startNs, endNs, numSpans }: TimelineSource, which: number): number {
  let most = 1;
  for (let one = 0; one < numSpans; one++) {
    if (lane[one] !== which || startNs[one] === endNs[one]) continue;
    let count = 0;
    for (let other = 0; other < numSpans; other++) {
      const isInside = startNs[other]! <= startNs[one]! && endNs[other]! > startNs[one]!;
      if (lane[other] === which && isInside) count++;
    }
    most = Math.max(most, count);
  }
  return most;
}

describe("sub-rows", () => {
  test("hold no two spans that overlap, and are as few as can be", () => {
    fc.assert(
      fc.property(spansArbitrary, (spans) => {
        const source = sourceOf(spans);
        const { tracks, subRows, subRow } = prepareTimeline(source);
        expect([...tracks.span].sort((a, b) => a - b)).toEqual(spans.map((_, row) => row));
        for (let track = 0; track + 1 < tracks.first.length; track++) {
          for (let at = tracks.first[track]! + 1; at < tracks.first[track + 1]!; at++) {
            expect(tracks.startNs[at]!).toBeGreaterThanOrEqual(tracks.endNs[at - 1]!);
          }
        }
        for (const row of spans.keys()) expect(subRow[row]).toBeLessThan(subRows[source.lane[row]!]!);
        // A span of no length inside another needs a row of its own: one more at most.
        for (let lane = 0; lane < 4; lane++) {
          expect(subRows[lane]! - mostAtOnce(source, lane)).toBeOneOf([0, 1]);
        }
      }),
    );
  });

  test("keep ten thousand spans that all overlap", () => {
    const spans = Array.from({ length: 10_000 }, (_, row) => ({
      lane: 0,
      startNs: row,
      lengthNs: 20_000,
      kind: 0,
      flags: 0,
    }));
    expect(prepareTimeline(sourceOf(spans)).subRows[0]).toBe(10_000);
  });

  test("of an empty source are one a lane", () => {
    const prepared = prepareTimeline(sourceOf([]));
    expect([...prepared.subRows]).toEqual([1, 1, 1, 1]);
    expect(frameSvg(frameOf(prepared), 300, 200, "nothing")).toContain("<title>nothing</title>");
  });
});

describe("what is seen of a track", () => {
  test("stands for every span in the window, where it is, without two items in a column", () => {
    fc.assert(
      fc.property(spansArbitrary, windowArbitrary, fc.integer({ min: 3, max: 200 }), (spans, window, width) => {
        const { tracks } = prepareTimeline(sourceOf(spans));
        const cover = makeCover(width);
        const nsPerPx = (window.endNs - window.startNs) / width;
        for (let track = 0; track + 1 < tracks.first.length; track++) {
          coverTrack(tracks, track, window, width, cover);
          for (let item = 0; item < cover.count; item++) {
            expect(cover.left[item]!).toBeGreaterThanOrEqual(item === 0 ? 0 : cover.right[item - 1]!);
            expect(cover.right[item]!).toBeGreaterThan(cover.left[item]!);
            expect(cover.right[item]!).toBeLessThanOrEqual(width);
          }
          for (let at = tracks.first[track]!; at < tracks.first[track + 1]!; at++) {
            const [startNs, endNs] = [tracks.startNs[at]!, tracks.endNs[at]!];
            if (startNs < window.startNs || endNs > window.endNs || startNs >= window.endNs) continue;
            const items = Array.from({ length: cover.count }, (_, item) => item).filter(
              (item) => cover.from[item]! <= at && at < cover.to[item]!,
            );
            expect(items).toHaveLength(1);
            const [item] = items as [number];
            expect(cover.left[item]! - 1).toBeLessThanOrEqual((endNs - window.startNs) / nsPerPx);
            expect(cover.right[item]! + 1).toBeGreaterThanOrEqual((startNs - window.startNs) / nsPerPx);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("has the paint that takes most of a column, and the share that is busy", () => {
    fc.assert(
      fc.property(spansArbitrary, (spans) => {
        const { tracks, startNs, endNs } = prepareTimeline(sourceOf(spans));
        const [window, width] = [{ startNs, endNs: Math.max(endNs, startNs + 1) }, 12];
        const cover = makeCover(width);
        for (let track = 0; track + 1 < tracks.first.length; track++) {
          coverTrack(tracks, track, window, width, cover);
          for (let item = 0; item < cover.count; item++) {
            if (cover.at[item]! >= 0) continue;
            const sums = tracks.paints.map((_, paint) => {
              let ns = 0;
              for (let at = cover.from[item]!; at < cover.to[item]!; at++) {
                if (tracks.paint[at] === paint) ns += tracks.endNs[at]! - tracks.startNs[at]!;
              }
              return ns;
            });
            const total = sums.reduce((sum, ns) => sum + ns, 0);
            const nsPerPx = (window.endNs - window.startNs) / width;
            // An item may also stand for a span that gave way to it.
            expect(sums[cover.paint[item]!]!).toBeGreaterThanOrEqual(0);
            expect(cover.share[item]!).toBeLessThanOrEqual(Math.min(total / nsPerPx, 1) + 1e-6);
          }
        }
      }),
    );
  });

  test("sums busy time by blocks as a loop does", () => {
    const spans = Array.from({ length: 500 }, (_, row) => ({
      lane: 0,
      startNs: 10 * row,
      lengthNs: row % 9,
      kind: row % 3,
      flags: 0,
    }));
    const { tracks } = prepareTimeline(sourceOf(spans));
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), (one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const sums = new Float64Array(tracks.paints.length);
        addBusy(tracks, 0, from, to, sums);
        const expected = new Float64Array(tracks.paints.length);
        for (let at = from; at < to; at++) expected[tracks.paint[at]!]! += spans[at]!.lengthNs;
        expect(sums).toEqual(expected);
        expect(seekStart(tracks.startNs, from, 500, 10 * to - 5)).toBe(to);
      }),
    );
  });
});

describe("layout", () => {
  const prepared = prepareTimeline(sourceOf([{ lane: 0, startNs: 0, lengthNs: 5, kind: 0, flags: 0 }]));

  test("has pinned lanes first, then each machine's head and lanes, without a gap", () => {
    const layout = layoutTimeline(prepared, { folded: [1], pinned: ["rank 3 compute", "gone"] });
    expect(layout.rows.map(({ kind, name, isPinned }) => `${kind} ${name}${isPinned ? " pinned" : ""}`)).toEqual([
      "lane rank 3 pinned",
      "group machine 0",
      "lane rank 0",
      "lane rank 1",
      "group machine 1",
    ]);
    let y = 0;
    for (const row of layout.rows) {
      expect(row.y).toBe(y);
      y += row.height;
    }
    expect(layout.height).toBe(y);
  });

  test("shows a span of a folded machine at its head", () => {
    const other = prepareTimeline(sourceOf([{ lane: 3, startNs: 0, lengthNs: 5, kind: 0, flags: 0 }]));
    const layout = layoutTimeline(other, { folded: [1], pinned: [] });
    expect(rowOfSpan({ prepared: other, layout }, 0)).toMatchObject({ kind: "group", group: 1 });
  });
});

describe("questions", () => {
  test("a span is found where it is drawn", () => {
    fc.assert(
      fc.property(spansArbitrary, fc.nat(), (spans, pick) => {
        if (spans.length === 0) return;
        const prepared = prepareTimeline(sourceOf(spans));
        const frame = frameOf(prepared);
        const row = pick % spans.length;
        const widthPx = 800;
        const { startNs, endNs } = prepared.source;
        const middleNs = (startNs[row]! + endNs[row]!) / 2;
        const x = ((middleNs - frame.window.startNs) / (frame.window.endNs - frame.window.startNs)) * widthPx;
        const found = spanAt(frame, widthPx, x, middleOf(frame, row));
        expect(found).toBeGreaterThanOrEqual(0);
        // Another span may touch it there, or share the time where both have no length.
        expect(prepared.subRow[found]).toBe(prepared.subRow[row]);
        expect(startNs[found]!).toBeLessThanOrEqual(middleNs);
        expect(endNs[found]!).toBeGreaterThanOrEqual(middleNs);
      }),
    );
  });

  test("an area is summed up as a loop over all spans sums it up", () => {
    fc.assert(
      fc.property(spansArbitrary, windowArbitrary, (spans, window) => {
        const prepared = prepareTimeline(sourceOf(spans));
        const lanes = new Set([0, 2]);
        const rows = summarizeArea(prepared, window, lanes);
        const expected = new Map<string, { count: number; totalNs: number; maxNs: number }>();
        for (const { lane, startNs, lengthNs, kind } of spans) {
          const endNs = startNs + lengthNs;
          const isInside =
            startNs < window.endNs && (endNs > window.startNs || (lengthNs === 0 && startNs === window.startNs));
          if (!lanes.has(lane) || !isInside) continue;
          const ns = Math.min(endNs, window.endNs) - Math.max(startNs, window.startNs);
          const name = prepared.source.kinds[kind]!.name;
          const sum = expected.get(name) ?? { count: 0, totalNs: 0, maxNs: 0 };
          expected.set(name, {
            count: sum.count + 1,
            totalNs: sum.totalNs + ns,
            maxNs: Math.max(sum.maxNs, ns),
          });
        }
        expect(rows).toHaveLength(expected.size);
        for (const { kind, count, totalNs, maxNs, meanNs } of rows) {
          expect({ count, totalNs, maxNs }).toEqual(expected.get(kind));
          expect(meanNs).toBeCloseTo(totalNs / count);
        }
      }),
    );
  });

  test("neighbors walk a whole lane, there and back", () => {
    fc.assert(
      fc.property(spansArbitrary, (spans) => {
        const prepared = prepareTimeline(sourceOf(spans));
        const inLane = spans.flatMap(({ lane }, row) => (lane === 1 ? [row] : []));
        const sorted = inLane.sort((a, b) => spans[a]!.startNs - spans[b]!.startNs || a - b);
        sorted.forEach((row, index) => {
          expect(neighborSpan(prepared, row, 1)).toBe(sorted[index + 1] ?? -1);
          expect(neighborSpan(prepared, row, -1)).toBe(sorted[index - 1] ?? -1);
        });
      }),
    );
  });

  test("a search finds kinds, lanes, op ids and labels, whatever the case", () => {
    const prepared = prepareTimeline(
      sourceOf([0, 1, 2].map((kind) => ({ lane: kind, startNs: 10 * kind, lengthNs: 5, kind, flags: 0 }))),
    );
    expect([...searchSpans(prepared, "PUT")]).toEqual([1]);
    expect([...searchSpans(prepared, "rank 2")]).toEqual([2]);
    expect([...searchSpans(prepared, "102")]).toEqual([2]);
    expect([...searchSpans(prepared, "<0>")]).toEqual([0]);
    expect([...searchSpans(prepared, "nothing")]).toEqual([]);
  });

  test("the minimap's shares add up to the time of all spans", () => {
    const spans = [0, 1, 2].map((lane) => ({ lane, startNs: 100 * lane, lengthNs: 150, kind: lane, flags: 0 }));
    const prepared = prepareTimeline(sourceOf(spans));
    const [bins, lanes, wholeNs] = [7, 4, 350];
    const total = busyShares(prepared, bins).reduce((sum, share) => sum + share, 0);
    expect((total * lanes * wholeNs) / bins).toBeCloseTo(450, 3);
  });
});

describe("pictures", () => {
  const spans = [
    { lane: 0, startNs: 0, lengthNs: 400, kind: 0, flags: 1 },
    { lane: 0, startNs: 400, lengthNs: 200, kind: 1, flags: 2 },
    ...Array.from({ length: 50 }, (_, i) => ({ lane: 1, startNs: 10 * i, lengthNs: 1, kind: 2, flags: 0 })),
  ];
  const prepared = prepareTimeline(sourceOf(spans));

  test("the raster paints spans where they are, and nothing elsewhere", () => {
    const [width, height] = [600, 80];
    const pixels = new Uint32Array(width * height);
    const frame = frameOf(prepared);
    const labels = new Raster(pixels, width, height).paint(frame, 1, 34);
    const at = (ns: number, span: number) => pixels[Math.round(middleOf(frame, span)) * width + ns]!;
    const blue = 0xffb27200;
    expect(at(200, 0).toString(16)).toBe(blue.toString(16));
    const hatched = new Set(Array.from({ length: 100 }, (_, i) => at(450 + i, 1).toString(16)));
    expect(hatched).toEqual(new Set(["ff009fe6", "ff99d8f5"]));
    expect(at(595, 2).toString(16)).toBe("ffffffff");
    expect(labels.map(({ span }) => span)).toEqual([0, 1]);
  });

  test("an SVG stands alone: names, axis, spans, legend, and text that is escaped", () => {
    const svg = frameSvg({ ...frameOf(prepared), selected: 0 }, 600, 80, `<"plan" & more>`);
    expect(svg).toContain("<title>&lt;&quot;plan&quot; &amp; more&gt;</title>");
    expect(svg).toContain("attend &lt;0&gt;");
    expect(svg).toContain("machine 1");
    expect(svg).toContain("critical path");
    const open = [...svg.matchAll(/<([a-zA-Z]+)[^>]*?(\/?)>/g)].filter(([, , isClosed]) => isClosed === "").length;
    expect(open).toBe([...svg.matchAll(/<\/[a-zA-Z]+>/g)].length);
  });

  test("folded machines are drawn by the share of their lanes that is busy", () => {
    const layout = layoutTimeline(prepared, { folded: [0, 1], pinned: [] });
    const [width, height] = [600, 64];
    const pixels = new Uint32Array(width * height);
    new Raster(pixels, width, height).paint({ ...frameOf(prepared), layout }, 1, 34);
    const colors = new Set(pixels.subarray(31 * width, 32 * width));
    expect(colors.has(0xffb27200)).toBe(true);
    expect(new Set(pixels.subarray(63 * width)).has(0xffb27200)).toBe(false);
  });
});
