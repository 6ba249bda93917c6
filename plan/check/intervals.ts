/** Ascending, disjoint, non-touching intervals `[start, end)` of tokens as `start, end, start, end, …` */
export type Intervals = number[];

/**
 * Adds `[start, end)`. Returns null, or the first `[start, end)` of it that was there already (it is then there once).
 */
export function addInterval(intervals: Intervals, start: number, end: number): [number, number] | null {
  if (start >= end) return null;
  let first = 0;
  while (first < intervals.length && intervals[first + 1]! < start) first += 2;
  let last = first;
  let [from, to] = [start, end];
  let twice: [number, number] | null = null;
  while (last < intervals.length && intervals[last]! <= end) {
    const [a, b] = [Math.max(start, intervals[last]!), Math.min(end, intervals[last + 1]!)];
    if (a < b) twice ??= [a, b];
    from = Math.min(from, intervals[last]!);
    to = Math.max(to, intervals[last + 1]!);
    last += 2;
  }
  if (last === first + 2) {
    intervals[first] = from;
    intervals[first + 1] = to;
  } else intervals.splice(first, last - first, from, to);
  return twice;
}

/** The first `[start, end)` of `[0, limit)` that is in none of the intervals; null where all is covered. */
export function firstGap(intervals: Intervals, limit: number): [number, number] | null {
  let covered = 0;
  for (let i = 0; i < intervals.length && intervals[i]! <= covered; i += 2) covered = intervals[i + 1]!;
  if (covered >= limit) return null;
  const next = intervals.find((value, i) => i % 2 === 0 && value > covered);
  return [covered, Math.min(limit, next ?? limit)];
}
