import type { TimeWindow } from "../../state/explorer-state.ts";
import { clampWindow, NARROWEST_NS, nsAt, pxAt } from "./zoom.ts";

/** What a press on the minimap takes hold of. */
export type MinimapGrip = "start" | "end" | "window" | "outside";

const EDGE_PX = 5;

/** Edges win over the window between them, unless it is too narrow to have both: then it moves as a whole. */
export function minimapGrip(window: TimeWindow, whole: TimeWindow, widthPx: number, xPx: number): MinimapGrip {
  const left = pxAt(whole, widthPx, window.startNs);
  const right = pxAt(whole, widthPx, window.endNs);
  if (right - left >= 3 * EDGE_PX) {
    if (Math.abs(xPx - left) <= EDGE_PX) return "start";
    if (Math.abs(xPx - right) <= EDGE_PX) return "end";
  }
  return xPx >= left - EDGE_PX && xPx <= right + EDGE_PX ? "window" : "outside";
}

/** The window after a drag from `fromPx` to `toPx`; `window` is the one at the press. A press outside centers it there. */
export function dragMinimap(
  window: TimeWindow,
  whole: TimeWindow,
  widthPx: number,
  grip: MinimapGrip,
  fromPx: number,
  toPx: number,
): TimeWindow {
  const byNs = nsAt(whole, widthPx, toPx) - nsAt(whole, widthPx, fromPx);
  if (grip === "start") {
    const startNs = Math.min(Math.max(window.startNs + byNs, whole.startNs), window.endNs - NARROWEST_NS);
    return { startNs, endNs: window.endNs };
  }
  if (grip === "end") {
    const endNs = Math.max(Math.min(window.endNs + byNs, whole.endNs), window.startNs + NARROWEST_NS);
    return { startNs: window.startNs, endNs };
  }
  if (grip === "window") return clampWindow({ startNs: window.startNs + byNs, endNs: window.endNs + byNs }, whole);
  const halfNs = (window.endNs - window.startNs) / 2;
  const centerNs = nsAt(whole, widthPx, toPx);
  return clampWindow({ startNs: centerNs - halfNs, endNs: centerNs + halfNs }, whole);
}
