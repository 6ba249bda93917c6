/**
 * Positions as near to the wanted ones as keeps them `gap` apart and, where there is room for all, within `low` to `high`:
 * blocks of neighbors that would touch are moved together to their mean (least squares). Order is kept.
 */
export function spreadApart(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = Array.from(wanted.keys()).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  // Without the gaps, order is all that is asked: pool what runs backward.
  const blocks: { sum: number; count: number }[] = [];
  for (const [i, at] of order.entries()) {
    blocks.push({ sum: wanted[at]! - i * gap, count: 1 });
    for (
      let last = blocks.at(-1)!, before = blocks.at(-2);
      before && mean(before) >= mean(last);
      before = blocks.at(-2)
    ) {
      blocks.pop();
      before.sum += last.sum;
      before.count += last.count;
      last = before;
    }
  }
  const most = Math.max(low, high - (wanted.length - 1) * gap);
  const positions = new Array<number>(wanted.length);
  let next = 0;
  for (const block of blocks)
    for (let i = 0; i < block.count; i++, next++)
      positions[order[next]!] = Math.min(Math.max(mean(block), low), most) + next * gap;
  return positions;
}

function mean({ sum, count }: { readonly sum: number; readonly count: number }): number {
  return sum / count;
}

/** The first row for each interval, in their order, in which it overlaps none that came before. */
export function placeInRows(intervals: readonly { readonly start: number; readonly end: number }[]): number[] {
  const rows: { start: number; end: number }[][] = [];
  return intervals.map((interval) => {
    const isFree = (row: readonly { start: number; end: number }[]) =>
      row.every(({ start, end }) => end <= interval.start || interval.end <= start);
    const free = rows.findIndex(isFree);
    const row = free < 0 ? rows.push([]) - 1 : free;
    rows[row]!.push(interval);
    return row;
  });
}
