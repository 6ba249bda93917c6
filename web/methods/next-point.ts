import type { Sweep } from "../engine/protocol.ts";

/** A point of the chart, by index into `series` and `x`. */
export interface PointPlace {
  readonly series: number;
  readonly index: number;
}

/** The first point there is: that of the first method with a plan; null in an empty chart. */
export function firstPoint({ series }: Pick<Sweep, "series">): PointPlace | null {
  const at = series.findIndex(({ makespanNs }) => makespanNs.some((ns) => ns !== null));
  return at < 0 ? null : { series: at, index: series[at]!.makespanNs.findIndex((ns) => ns !== null) };
}

/** Whether a point is there. */
export function hasPoint({ series }: Pick<Sweep, "series">, place: PointPlace): boolean {
  return (series[place.series]?.makespanNs[place.index] ?? null) !== null;
}

/**
 * Where a key leads: left, right, Home and End along a line, over its gaps; up to the next longer makespan at the same x and
 * down to the next shorter one. The same place where there is none, null for other keys.
 */
export function nextPoint({ series }: Pick<Sweep, "series">, place: PointPlace, key: string): PointPlace | null {
  const along = series[place.series]!.makespanNs.flatMap((ns, index) => (ns === null ? [] : [index]));
  const here = along.indexOf(place.index);
  const moved = (at: number) => ({ ...place, index: along[Math.min(Math.max(at, 0), along.length - 1)]! });
  switch (key) {
    case "ArrowLeft":
      return moved(here - 1);
    case "ArrowRight":
      return moved(here + 1);
    case "Home":
      return moved(0);
    case "End":
      return moved(along.length - 1);
    case "ArrowUp":
      return across(series, place, 1);
    case "ArrowDown":
      return across(series, place, -1);
    default:
      return null;
  }
}

function across(series: Sweep["series"], place: PointPlace, step: 1 | -1): PointPlace {
  const column = series
    .flatMap(({ makespanNs }, at) => {
      const ns = makespanNs[place.index] ?? null;
      return ns === null ? [] : [{ at, ns }];
    })
    .sort((a, b) => a.ns - b.ns || a.at - b.at);
  const next = column[column.findIndex(({ at }) => at === place.series) + step];
  return next === undefined ? place : { ...place, series: next.at };
}

/** Index of the column nearest to `x`; columns ascend. */
export function nearestColumn(columns: readonly number[], x: number): number {
  let best = 0;
  for (const [i, at] of columns.entries()) if (Math.abs(at - x) < Math.abs(columns[best]! - x)) best = i;
  return best;
}
