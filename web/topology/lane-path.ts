import { scaleLog } from "d3-scale";
import type { PlacedLink } from "./layout-types.ts";

const width = scaleLog().domain([1e8, 1e12]).range([1.2, 5]).clamp(true);

/** Width of one direction of a link, px: by the logarithm of bytes per second, from 100 MB/s to 1 TB/s. */
export function laneWidth(bytesPerSecond: number): number {
  return width(bytesPerSecond);
}

/**
 * Path of one direction, `offset` px to the right of the way from a to b (of arcs: outside), so that the two directions
 * lie beside each other.
 */
export function lanePath({ x1, y1, x2, y2, bend }: PlacedLink, offset: number): string {
  if (bend !== 0) {
    const out = x1 < x2 ? -offset : offset;
    const height = bend + Math.sign(bend) * offset;
    const at = (y: number) => fixed(y + height);
    return `M${fixed(x1 + out)} ${fixed(y1)}C${fixed(x1 + out)} ${at(y1)} ${fixed(x2 - out)} ${at(y2)} ${fixed(x2 - out)} ${fixed(y2)}`;
  }
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [dx, dy] = [(-(y2 - y1) / length) * offset, ((x2 - x1) / length) * offset];
  return `M${fixed(x1 + dx)} ${fixed(y1 + dy)}L${fixed(x2 + dx)} ${fixed(y2 + dy)}`;
}

/** Middle of a link's line, where its handle is. */
export function linkMiddle({ x1, y1, x2, y2, bend }: PlacedLink): readonly [x: number, y: number] {
  return [(x1 + x2) / 2, (y1 + y2) / 2 + 0.75 * bend];
}

const fixed = (value: number): string => String(Math.round(value * 100) / 100);
