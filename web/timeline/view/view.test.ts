import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layoutTimeline, prepareTimeline } from "../model/index.ts";
import { sourceOf, spansArbitrary } from "../model/model.test-support.ts";
import { interleaveSources } from "./interleave.ts";
import { commandOf } from "./keys.ts";
import { lanesBetween, nearestOnLane, nextMatch, stepLane } from "./lane-step.ts";
import { dragMinimap, minimapGrip } from "./minimap-drag.ts";
import { summaryText } from "./summary-text.ts";
import { durationText, timeTicks } from "./ticks.ts";
import { clampWindow, nsAt, panBy, panTo, pinch, pxAt, wheelFactor, windowAround, zoomAt } from "./zoom.ts";

const whole = { startNs: 0, endNs: 1000 };
const windowArbitrary = fc
  .tuple(fc.double({ min: 0, max: 990, noNaN: true }), fc.double({ min: 1, max: 1000, noNaN: true }))
  .map(([startNs, length]) => clampWindow({ startNs, endNs: startNs + length }, whole));
const isInside = ({ startNs, endNs }: typeof whole) => startNs >= -1e-9 && endNs <= 1000 + 1e-9 && endNs > startNs;

describe("windows", () => {
  test("stay within the run, whatever moves them", () => {
    fc.assert(
      fc.property(
        windowArbitrary,
        fc.double({ min: -5000, max: 5000, noNaN: true }),
        fc.double({ min: 0.001, max: 100, noNaN: true }),
        (window, ns, factor) => {
          expect(isInside(panBy(window, whole, ns))).toBe(true);
          expect(isInside(zoomAt(window, whole, ns, factor))).toBe(true);
          expect(isInside(windowAround(Math.abs(ns) % 900, (Math.abs(ns) % 900) + 50, whole))).toBe(true);
          expect(isInside(pinch(window, whole, 800, [100, 300], [ns, 500]))).toBe(true);
          for (const grip of ["start", "end", "window", "outside"] as const) {
            expect(isInside(dragMinimap(window, whole, 800, grip, 400, ns))).toBe(true);
          }
        },
      ),
    );
  });

  test("keep the time beneath the pointer when they zoom in", () => {
    fc.assert(
      fc.property(windowArbitrary, fc.double({ min: 0, max: 1, noNaN: true }), (window, share) => {
        const ns = window.startNs + share * (window.endNs - window.startNs);
        const zoomed = zoomAt(window, whole, ns, 0.5);
        if (zoomed.endNs - zoomed.startNs <= 1) return;
        expect(pxAt(zoomed, 800, ns)).toBeCloseTo(pxAt(window, 800, ns), 3);
        expect(nsAt(zoomed, 800, pxAt(zoomed, 800, ns))).toBeCloseTo(ns, 6);
      }),
    );
  });

  test("move no further than needed to show a span", () => {
    const window = { startNs: 200, endNs: 400 };
    expect(panTo(window, whole, 250, 300)).toBe(window);
    expect(panTo(window, whole, 100, 150)).toEqual({ startNs: 100, endNs: 300 });
    expect(panTo(window, whole, 450, 500)).toEqual({ startNs: 300, endNs: 500 });
    expect(panTo(window, whole, 500, 900)).toEqual({ startNs: 500, endNs: 700 });
  });

  test("take the wheel in pixels, lines and pages alike", () => {
    expect(wheelFactor(100, 0)).toBeGreaterThan(1);
    expect(wheelFactor(-100, 0) * wheelFactor(100, 0)).toBeCloseTo(1);
    expect(wheelFactor(3, 1)).toBe(wheelFactor(48, 0));
    expect(wheelFactor(1e9, 0)).toBe(wheelFactor(400, 0));
  });
});

test("the minimap is held at its edges, in its window, or beside it", () => {
  const window = { startNs: 250, endNs: 500 };
  expect([198, 300, 402, 700].map((x) => minimapGrip(window, whole, 800, x))).toEqual([
    "start",
    "window",
    "end",
    "outside",
  ]);
  expect(minimapGrip({ startNs: 250, endNs: 251 }, whole, 800, 200)).toBe("window");
  expect(dragMinimap(window, whole, 800, "start", 200, 160)).toEqual({ startNs: 200, endNs: 500 });
});

describe("times", () => {
  test("no two ticks read the same, and all have a unit", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.double({ min: 1, max: 1e10, noNaN: true }),
        (startNs, length) => {
          const { ns, text } = timeTicks({ startNs, endNs: startNs + length }, 8);
          const texts = ns.map(text);
          expect(new Set(texts).size).toBe(texts.length);
          for (const each of texts) expect(each).toMatch(/ (?:ns|µs|ms|s)$/);
        },
      ),
    );
  });

  test("durations have four digits and the unit that suits", () => {
    expect([0, 12, 1234, 5_678_901, 2.5e9].map(durationText)).toEqual([
      "0 ns",
      "12 ns",
      "1.234 µs",
      "5.679 ms",
      "2.5 s",
    ]);
  });
});

describe("lanes", () => {
  const source = sourceOf([
    { lane: 0, startNs: 0, lengthNs: 10, kind: 0, flags: 0 },
    { lane: 0, startNs: 90, lengthNs: 10, kind: 0, flags: 0 },
    { lane: 2, startNs: 50, lengthNs: 10, kind: 1, flags: 0 },
  ]);
  const layout = layoutTimeline(prepareTimeline(source), { folded: [], pinned: [] });

  test("are stepped over where they are empty", () => {
    expect(nearestOnLane(source, 0, 80)).toBe(1);
    expect(stepLane(source, layout, 1, 1, 95)).toBe(2);
    expect(stepLane(source, layout, 2, -1, 95)).toBe(1);
    expect(stepLane(source, layout, 2, 1, 0)).toBe(-1);
    expect(stepLane(source, layout, -1, 1, 0)).toBe(0);
  });

  test("of an area are those that it touches, all of a folded machine by its head", () => {
    const row = layout.rows.find(({ lane }) => lane === 1)!;
    expect([...lanesBetween(source, layout, row.y + 1, row.y + 2)]).toEqual([1]);
    const folded = layoutTimeline(prepareTimeline(source), { folded: [1], pinned: [] });
    const head = folded.rows.at(-1)!;
    expect([...lanesBetween(source, folded, head.y, head.y + 1)]).toEqual([2, 3]);
  });

  test("matches go round", () => {
    const matches = Uint32Array.of(2, 5, 9);
    expect([-1, 2, 5, 9].map((span) => nextMatch(matches, span, 1))).toEqual([2, 5, 9, 2]);
    expect([2, 9].map((span) => nextMatch(matches, span, -1))).toEqual([9, 5]);
    expect(nextMatch(new Uint32Array(), 3, 1)).toBe(-1);
  });
});

test("interleaved sources keep every span, its times and its lane's name", () => {
  fc.assert(
    fc.property(spansArbitrary, spansArbitrary, (one, other) => {
      const [first, second] = [sourceOf(one), sourceOf(other)];
      const both = interleaveSources(first, second, "measured");
      expect(both.numSpans).toBe(one.length + other.length);
      for (let row = 0; row < both.numSpans; row++) {
        const isFirst = row < one.length;
        const [source, at] = isFirst ? [first, row] : [second, row - one.length];
        expect(both.startNs[row]).toBe(source.startNs[at]);
        expect(both.label(row)).toBe(source.label(at));
        expect(both.kinds[both.kind[row]!]!.color).toBe(source.kinds[source.kind[at]!]!.color);
        const id = source.lanes[source.lane[at]!]!.id;
        expect(both.lanes[both.lane[row]!]!.id).toBe(isFirst ? id : `${id} measured`);
      }
      expect(new Set(both.lanes.map(({ id }) => id)).size).toBe(both.lanes.length);
    }),
  );
});

test("keys that belong to the browser are left to it", () => {
  const key = (name: string, ctrlKey = false) => commandOf({ key: name, ctrlKey, altKey: false, metaKey: false });
  expect([key("W"), key("."), key("Escape"), key("x"), key("f", true)]).toEqual([
    "zoom-in",
    "next",
    "clear",
    null,
    null,
  ]);
});

test("a summary is copied as a table", () => {
  const text = summaryText([{ kind: "attend", count: 2, totalNs: 30, meanNs: 15, maxNs: 20 }]);
  expect(text.split("\n")[1]).toMatch(/^attend\t2\t30\t15\t20$/);
});
