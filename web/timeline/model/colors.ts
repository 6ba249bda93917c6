import { palette, type Theme } from "../../theme/palette.ts";
import { SpanFlag } from "../timeline-source.ts";
import type { Paint } from "./tracks.ts";

/** Colors as the canvas has them in memory on every platform that browsers run on: `0xAABBGGRR`. */
export type Pixel = number;

/** What stands behind spans, and what is drawn over them; as `--panel`, `--ink`, `--bad` of the theme's style sheet. */
export const ground: Readonly<Record<Theme, string>> = { light: "#ffffff", dark: "#1c2128" };
export const ink: Readonly<Record<Theme, string>> = { light: "#1a2028", dark: "#e4e8ed" };
export const bad: Readonly<Record<Theme, string>> = { light: "#b3261e", dark: "#ff9a92" };
export const line: Readonly<Record<Theme, string>> = { light: "#d5dae0", dark: "#38414c" };
export const band: Readonly<Record<Theme, string>> = { light: "#f4f5f7", dark: "#14181d" };
/** The critical path: vermilion of Okabe and Ito, which no class has. */
export const lit: Readonly<Record<Theme, string>> = { light: "#d55e00", dark: "#ff8a3d" };

/** How much of a faded span's color is left. */
const FADED = 0.25;

export function toPixel(color: string): Pixel {
  const rgb = Number.parseInt(color.slice(1), 16);
  return (0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}

export function toColor(pixel: Pixel): string {
  const rgb = ((pixel & 255) << 16) | (pixel & 0xff00) | ((pixel >> 16) & 255);
  return `#${rgb.toString(16).padStart(6, "0")}`;
}

/** `share` of one color and the rest of another. */
export function mix(one: Pixel, other: Pixel, share: number): Pixel {
  const part = Math.round(256 * share);
  const rest = 256 - part;
  const red = ((one & 255) * part + (other & 255) * rest) >> 8;
  const green = (((one >> 8) & 255) * part + ((other >> 8) & 255) * rest) >> 8;
  const blue = (((one >> 16) & 255) * part + ((other >> 16) & 255) * rest) >> 8;
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Fill of each paint, and of each where it is faded. */
export function fillsOf(
  paints: readonly Paint[],
  theme: Theme,
  isCriticalOnly: boolean,
): { readonly fill: Uint32Array; readonly faded: Uint32Array } {
  const back = toPixel(ground[theme]);
  const full = paints.map(({ color }) => toPixel(palette[theme][color]));
  const isFaded = ({ flags }: Paint) =>
    (flags & SpanFlag.dim) !== 0 || (isCriticalOnly && (flags & SpanFlag.critical) === 0);
  const faded = Uint32Array.from(full, (pixel) => mix(pixel, back, FADED));
  return { fill: Uint32Array.from(paints, (paint, i) => (isFaded(paint) ? faded[i]! : full[i]!)), faded };
}

/** Black or white, whichever reads better on a fill (relative luminance, WCAG 2.2). */
export function inkOn(fill: Pixel): string {
  const linear = (shift: number) => {
    const value = ((fill >> shift) & 255) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * linear(0) + 0.7152 * linear(8) + 0.0722 * linear(16);
  return luminance > 0.179 ? "#000000" : "#ffffff";
}
