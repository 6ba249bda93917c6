import type { Theme } from "../theme/palette.ts";

/** One hue from faint to strong: order is read from lightness alone. */
const ramps: Readonly<Record<Theme, readonly [string, string, string]>> = {
  light: ["#d6e9f8", "#4a9bd1", "#00345c"],
  dark: ["#1f3a52", "#3a9ad9", "#d9efff"],
};
const lines: Readonly<Record<Theme, string>> = { light: "#55606c", dark: "#a0abb7" };

export interface MatrixScale {
  /** Least and most bytes of the cells that have any; 0 where none has. */
  readonly least: number;
  readonly most: number;
  readonly stops: readonly string[];
  readonly line: string;
  /** Null for no bytes. */
  readonly colorOf: (bytes: number) => string | null;
}

/** Logarithmic from the least to the most bytes; all alike are drawn in the middle. */
export function matrixScale(matrix: Float64Array, theme: Theme): MatrixScale {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const bytes of matrix) {
    if (bytes > most) most = bytes;
    if (bytes > 0 && bytes < least) least = bytes;
  }
  const span = Math.log(most / least);
  const stops = ramps[theme];
  const colorOf = (bytes: number) => {
    if (!(bytes > 0)) return null;
    const share = span > 0 ? Math.log(bytes / least) / span : 0.5;
    return share <= 0.5 ? blend(stops[0], stops[1], 2 * share) : blend(stops[1], stops[2], 2 * share - 1);
  };
  return { least: most > 0 ? least : 0, most, stops, line: lines[theme], colorOf };
}

function blend(one: string, other: string, share: number): string {
  const part = (color: string, at: number) => Number.parseInt(color.slice(at, at + 2), 16);
  const channel = (at: number) => Math.round(part(one, at) + (part(other, at) - part(one, at)) * share);
  return `rgb(${channel(1)}, ${channel(3)}, ${channel(5)})`;
}
