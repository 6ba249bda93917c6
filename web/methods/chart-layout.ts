import { ticks } from "d3-array";
import { scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { formatNs } from "../../plan/units.ts";
import type { Sweep } from "../engine/protocol.ts";
import { describeCrossover, formatTick } from "./axis-text.ts";
import { leastAt } from "./sweep-text.ts";
import { placeInRows, spreadApart } from "./place-labels.ts";

/** Where everything of the chart stands, CSS px from its left top corner; both scales are logarithmic. */
export interface ChartLayout {
  readonly width: number;
  readonly height: number;
  readonly plot: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
  /** By index into the sweep's `x`. */
  readonly columns: readonly number[];
  readonly xTicks: readonly { readonly at: number; readonly text: string }[];
  readonly yTicks: readonly { readonly at: number; readonly text: string }[];
  readonly lines: readonly ChartLine[];
  readonly crossovers: readonly {
    /** Where the two lines meet. */
    readonly at: number;
    readonly y: number;
    readonly text: string;
    readonly textX: number;
    readonly textY: number;
  }[];
}

export interface ChartLine {
  readonly method: string;
  /** Path data; a gap where there is no plan. */
  readonly path: string;
  readonly points: readonly ChartPoint[];
  /** Left end and middle height of the name beside the line's end. */
  readonly label: { readonly x: number; readonly y: number };
}

interface ChartPoint {
  /** Into the sweep's `x`. */
  readonly index: number;
  readonly makespanNs: number;
  readonly x: number;
  readonly y: number;
  /** Marks of other methods that lie on this one: it is drawn larger, so that it is still seen. */
  readonly covered: number;
}

const margin = { left: 66, right: 70, top: 10, bottom: 44 };
const TEXT_ROW = 17;
const LABEL_HEIGHT = 15;
/** Mean advance of a character of 12 px, generous. */
const CHARACTER = 6.6;

/**
 * Lays a sweep out in `width` × `height`; `isRelative`: makespans over the least at the same x, where lines cross at the same
 * places. Methods without any plan have no line. Lines stand in the order of drawing, broken ones above unbroken ones.
 */
export function layoutChart(sweep: Sweep, width: number, height: number, isRelative = false): ChartLayout {
  const { axis, x, series, crossovers } = sweep;
  const [left, right] = [margin.left, Math.max(margin.left + 40, width - margin.right)];
  const scaleX = scaleLog([x[0]!, x.at(-1)!], [left + 10, right - 10]);
  const marks = placeCrossovers(axis, crossovers, scaleX, left, width);
  const numRows = marks.reduce((most, { row }) => Math.max(most, row + 1), 0);
  const [top, bottom] = [margin.top + numRows * TEXT_ROW, height - margin.bottom];
  const least = x.map((_, index) => (isRelative ? leastAt(sweep, index) : 1));
  const all = series.flatMap(({ makespanNs }) => makespanNs.flatMap((ns, i) => (ns === null ? [] : [ns / least[i]!])));
  const [low, high] = widen(Math.min(...all), Math.max(...all));
  const scaleY = scaleLog([low, high], [bottom, top]);
  const columns = x.map((value) => scaleX(value));
  const drawn = [...series].reverse().flatMap(({ method, makespanNs }) => {
    const points = makespanNs.map((ns, index) =>
      ns === null ? null : { index, makespanNs: ns, x: columns[index]!, y: scaleY(ns / least[index]!) },
    );
    return points.every((point) => point === null) ? [] : [{ method, points }];
  });
  const lines = drawn.map(({ method, points }, at) => {
    const above = drawn.slice(at + 1);
    const covered = ({ index, y }: { readonly index: number; readonly y: number }) =>
      above.filter(({ points: others }) => Math.abs((others[index]?.y ?? Number.NaN) - y) < 4).length;
    const there = points.filter((point) => point !== null);
    return { method, path: pathOf(points), points: there.map((point) => ({ ...point, covered: covered(point) })) };
  });
  const labels = placeLabels(
    lines.map(({ points }) => points.at(-1)!),
    right,
    top,
    bottom,
  );
  return {
    width,
    height,
    plot: { left, top, right, bottom },
    columns,
    xTicks: thinOut(x.map((value, i) => ({ at: columns[i]!, text: formatTick(axis, value) }))),
    yTicks: logTicks(low, high, 8).map((value) => ({
      at: scaleY(value),
      text: isRelative ? `${Number(value.toPrecision(3))}×` : formatNs(value),
    })),
    lines: lines.map((one, i) => ({ ...one, label: labels[i]! })),
    crossovers: marks.map(({ at, text, textX, row }, i) => ({
      at,
      y: heightAt(lines.find(({ method }) => method === crossovers[i]!.to)!.points, at),
      text,
      textX,
      textY: margin.top + row * TEXT_ROW + 10,
    })),
  };
}

type Place = Pick<ChartPoint, "x" | "y">;

function pathOf(points: readonly (Place | null)[]): string {
  const draw = line<Place | null>()
    .defined((point) => point !== null)
    .x((point) => point!.x)
    .y((point) => point!.y);
  return draw([...points]) ?? "";
}

/** Height of a line at `x`, between the points on both sides of it. */
function heightAt(points: readonly Place[], x: number): number {
  const next = points.findIndex((point) => point.x >= x);
  const after = points[next] ?? points.at(-1)!;
  const before = points[next - 1] ?? after;
  return before.x === after.x ? after.y : before.y + ((after.y - before.y) * (x - before.x)) / (after.x - before.x);
}

/** A little room above and below, in the logarithm. */
function widen(low: number, high: number): [number, number] {
  const room = Math.max((high / low) ** 0.06, 1.03);
  return [low / room, high * room];
}

function placeCrossovers(
  axis: Sweep["axis"],
  crossovers: Sweep["crossovers"],
  scaleX: (x: number) => number,
  left: number,
  width: number,
) {
  const marks = crossovers.map((crossover) => {
    const text = describeCrossover(axis, crossover);
    const at = scaleX(crossover.x);
    const textWidth = text.length * CHARACTER;
    // Right of its line where there is room.
    const textX = Math.max(Math.min(at + 5, width - textWidth - 2), Math.min(left, at));
    return { at, text, textX, textWidth };
  });
  const rows = placeInRows(marks.map(({ textX, textWidth }) => ({ start: textX, end: textX + textWidth + 8 })));
  return marks.map((mark, i) => ({ ...mark, row: rows[i]! }));
}

/** Names right of the plot for lines that reach its end, kept apart; of others just behind their last point. */
function placeLabels(ends: readonly ChartPoint[], right: number, top: number, bottom: number) {
  const reaches = ends.map(({ x }) => x >= right - 11);
  const outside = spreadApart(
    ends.filter((_, i) => reaches[i]).map(({ y }) => y),
    LABEL_HEIGHT,
    top + LABEL_HEIGHT / 2,
    bottom - LABEL_HEIGHT / 2,
  );
  let next = 0;
  return ends.map(({ x, y }, i) => (reaches[i] ? { x: right + 6, y: outside[next++]! } : { x: x + 9, y }));
}

/** Ticks whose texts do not touch: from the left each that has room. */
function thinOut(all: readonly { readonly at: number; readonly text: string }[]) {
  let end = Number.NEGATIVE_INFINITY;
  return all.filter(({ at, text }) => {
    const half = (text.length * CHARACTER) / 2;
    if (at - half < end) return false;
    end = at + half + 6;
    return true;
  });
}

/** Round values of a logarithmic axis, at most `most`: of each decade as many as fit, and linear ones in a narrow range. */
export function logTicks(low: number, high: number, most: number): number[] {
  const fits = [[1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]
    .map((steps) => decadeTicks(low, high, steps))
    .find((values) => values.length <= most);
  if (fits !== undefined && fits.length >= 3) return fits;
  return high / low < 20
    ? ticks(low, high, Math.min(5, most))
    : scaleLog([low, high], [0, 1]).ticks(most).slice(0, most);
}

function decadeTicks(low: number, high: number, steps: readonly number[]): number[] {
  const values: number[] = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++)
    for (const step of steps) {
      const value = step * 10 ** power;
      if (value >= low && value <= high) values.push(value);
    }
  return values;
}
