import { expect, test } from "vitest";
import { presetTopology } from "../../plan/topology/presets.ts";
import { bundleUse } from "./bundle-use.ts";
import { classRates } from "./class-rates.ts";
import { lanePath, laneWidth, linkMiddle } from "./lane-path.ts";
import { layoutTopology } from "./layout.ts";
import { modelLinks } from "./links.ts";
import {
  clampRate,
  draggedRate,
  LEAST_RATE,
  MOST_RATE,
  NUM_POSITIONS,
  parseRate,
  positionOfRate,
  RATE_UNITS,
  rateAtPosition,
  rateFieldText,
  type RateUnit,
} from "./rates.ts";
import { NUM_STEPS, stepColor, useStep } from "./use-colors.ts";
import { fitTransform } from "./use-zoom.ts";

const units = Object.keys(RATE_UNITS) as RateUnit[];

test("every slider position is reached again from its rate, and its text reads back", () => {
  for (let position = 0; position <= NUM_POSITIONS; position++) {
    const rate = rateAtPosition(position);
    expect(positionOfRate(rate)).toBe(position);
    for (const unit of units) expect(parseRate(rateFieldText(rate, unit), unit)! / rate).toBeCloseTo(1, 3);
  }
  expect([rateAtPosition(-5), rateAtPosition(NUM_POSITIONS + 5)]).toEqual([LEAST_RATE, MOST_RATE]);
});

test("rates as typed", () => {
  expect(rateFieldText(12.5e9, "GB/s")).toBe("12.5");
  expect(rateFieldText(12.5e9, "Gb/s")).toBe("100");
  expect(rateFieldText(230e9, "GB/s")).toBe("230");
  expect(parseRate("100", "Gb/s")).toBe(12.5e9);
  expect(parseRate(" 2e2 ", "GB/s")).toBe(200e9);
  for (const wrong of ["", "  ", "x", "-1", "0", "1e9", "NaN", "Infinity", "1,5"]) {
    expect(parseRate(wrong, "GB/s"), wrong).toBe(null);
  }
});

test("dragging is logarithmic and stops at the ends", () => {
  expect(draggedRate(10e9, 0)).toBe(10e9);
  expect(draggedRate(10e9, -120)).toBe(100e9);
  expect(draggedRate(10e9, 120)).toBe(1e9);
  expect(draggedRate(10e9, 1e5)).toBe(LEAST_RATE);
  expect(clampRate(1e15)).toBe(MOST_RATE);
});

test("colors go one way in lightness, from idle to full", () => {
  for (const [theme, sign] of [
    ["light", -1],
    ["dark", 1],
  ] as const) {
    const lightness = Array.from({ length: NUM_STEPS + 1 }, (_, step) => luminance(stepColor(theme, step)));
    for (let step = 1; step <= NUM_STEPS; step++) {
      expect(sign * (lightness[step]! - lightness[step - 1]!)).toBeGreaterThan(0);
    }
  }
  expect([0, 1e-9, 0.5, 1, 1.3].map(useStep)).toEqual([0, 1, NUM_STEPS / 2, NUM_STEPS, NUM_STEPS]);
});

function luminance(color: string): number {
  const parts = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(color)!.slice(1);
  const [x, y, z] = parts.map((one) => (Number(one) / 255) ** 2.2) as [number, number, number];
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}

test("links by class, both directions paired", () => {
  const model = modelLinks(presetTopology("dgx-h100:2"));
  expect(classRates(model)).toEqual([
    { linkClass: "fabric", rates: "370 GB/s" },
    { linkClass: "pcie", rates: "55.4 GB/s" },
    { linkClass: "nic", rates: "48.5 GB/s" },
    { linkClass: "network", rates: "97 GB/s" },
  ]);
  for (const { a, b, forth, back } of model.pairs) {
    expect(model.links[forth]).toMatchObject({ from: a, to: b });
    expect(model.links[back!]).toMatchObject({ from: b, to: a, edited: { from: a, to: b } });
  }
  expect(2 * model.pairs.length).toBe(model.links.length);
});

test("parallel and simplex links", () => {
  const base = presetTopology("threads:1");
  const [first] = base.links;
  const simplex = { ...first!, from: "memory", to: "cpu1", duplex: "simplex" as const };
  const rest = base.links.slice(2);
  const model = modelLinks({ ...base, links: [first!, { ...first!, latencyNs: 7 }, simplex, ...rest] });
  const both = model.links[model.indices.get("cpu0→memory")!]!;
  expect(both).toMatchObject({ bytesPerSecond: 2 * first!.bytesPerSecond, latencyNs: 7, numParallel: 2 });
  const alone = model.pairs.find(({ b }) => b === "cpu1")!;
  expect(alone.back).toBe(null);
});

test("a folded machine shows the highest use of what it stands for", () => {
  const topology = presetTopology("p4d.24xlarge:20");
  const model = modelLinks(topology);
  const layout = layoutTopology(topology, model);
  const bundle = layout.bundles[3]!;
  const [machine] = layout.machines[bundle.at]!.machines;
  const use = new Float64Array(model.links.length);
  use[model.indices.get(`m${machine}/gpu2→m${machine}/nvswitch`)!] = 0.4;
  use[model.indices.get(`net→m${machine}/efa1`)!] = 0.7;
  expect(bundleUse(bundle, model, use)).toEqual({ outwards: 0.7, inside: 0.4 });
  expect(bundleUse(layout.bundles[4]!, model, use)).toEqual({ outwards: 0, inside: 0 });
});

test("lanes: wider for more, beside each other, arcs inside each other", () => {
  expect(laneWidth(1e9)).toBeLessThan(laneWidth(1e10));
  expect(laneWidth(1e15)).toBe(laneWidth(1e12));
  const line = { pair: 0, x1: 10, y1: 0, x2: 10, y2: 100, bend: 0, dots: [] };
  expect([lanePath(line, 2), lanePath(line, -2)]).toEqual(["M8 0L8 100", "M12 0L12 100"]);
  const arc = { ...line, x2: 110, y2: 0, bend: -40 };
  expect(lanePath(arc, 2)).toBe("M8 0C8 -42 112 -42 112 0");
  expect(linkMiddle(arc)).toEqual([60, -30]);
});

test("the first view shows all of the drawing", () => {
  for (const [drawnWidth, drawnHeight] of [
    [100, 50],
    [5000, 300],
    [300, 5000],
  ] as const) {
    const { k, x, y } = fitTransform({ width: 800, height: 440, drawnWidth, drawnHeight });
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(x + k * drawnWidth).toBeLessThanOrEqual(800);
    expect(y + k * drawnHeight).toBeLessThanOrEqual(440);
  }
});
