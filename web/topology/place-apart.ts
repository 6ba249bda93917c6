/**
 * Left edges of boxes that want to stand at `centers` (ascending), `gap` apart and inside `[0, width]`: the least sum of
 * squared shifts, by pooling neighbors that collide (isotonic regression). Where they need more than `width`, they end
 * beyond it.
 */
export function placeApart(
  centers: readonly number[],
  widths: readonly number[],
  gap: number,
  width: number,
): Float64Array {
  const offsets = new Float64Array(centers.length);
  for (let i = 1; i < centers.length; i++) offsets[i] = offsets[i - 1]! + widths[i - 1]! + gap;
  const blocks: { sum: number; count: number }[] = [];
  for (const [i, center] of centers.entries()) {
    let block = { sum: center - widths[i]! / 2 - offsets[i]!, count: 1 };
    for (let last = blocks.at(-1); last !== undefined && mean(last) > mean(block); last = blocks.at(-1)) {
      block = { sum: last.sum + block.sum, count: last.count + block.count };
      blocks.pop();
    }
    blocks.push(block);
  }
  const most = Math.max(0, width - needed(widths, gap));
  const lefts = new Float64Array(centers.length);
  let next = 0;
  for (const block of blocks) {
    const shift = Math.min(Math.max(mean(block), 0), most);
    for (let i = 0; i < block.count; i++, next++) lefts[next] = shift + offsets[next]!;
  }
  return lefts;
}

/** Width that boxes take side by side. */
export function needed(widths: readonly number[], gap: number): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1);
}

const mean = ({ sum, count }: { sum: number; count: number }): number => sum / count;
