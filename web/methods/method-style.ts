import {
  type SymbolType,
  symbol,
  symbolCircle,
  symbolDiamond,
  symbolSquare,
  symbolTriangle,
  symbolWye,
} from "d3-shape";
import { methodColors, type Theme } from "../theme/palette.ts";

/** What tells a method apart in charts, with color and without: the dash of its line, the shape of its marks. */
interface MethodStyle {
  /** `stroke-dasharray`, in px; `none` for an unbroken line. */
  readonly dash: string;
  readonly shape: SymbolType;
}

const styles: Readonly<Record<string, MethodStyle>> = {
  ulysses: { dash: "2 3", shape: symbolSquare },
  ring: { dash: "9 4", shape: symbolDiamond },
  usp: { dash: "9 3 2 3", shape: symbolTriangle },
  tas: { dash: "5 3", shape: symbolWye },
  torus: { dash: "none", shape: symbolCircle },
};

export function methodDash(method: string): string {
  return styles[method]?.dash ?? "1 2";
}

export function methodColor(method: string, theme: Theme): string {
  return methodColors[theme][method] ?? "currentColor";
}

/** Path data of a method's mark around the origin; `area` in px². */
export function methodMark(method: string, area = 70): string {
  return symbol(styles[method]?.shape ?? symbolCircle, area)() ?? "";
}
