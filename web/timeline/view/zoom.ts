import type { TimeWindow } from "../../state/explorer-state.ts";

/** Narrowest window, ns: one nanosecond over the whole width is already finer than any clock. */
export const NARROWEST_NS = 1;

/** `window` as wide as it was, or as `whole` where it is wider, moved inside `whole`. */
export function clampWindow(window: TimeWindow, whole: TimeWindow): TimeWindow {
  const wholeNs = Math.max(whole.endNs - whole.startNs, NARROWEST_NS);
  const widthNs = Math.min(Math.max(window.endNs - window.startNs, NARROWEST_NS), wholeNs);
  const startNs = Math.min(Math.max(window.startNs, whole.startNs), whole.startNs + wholeNs - widthNs);
  return { startNs, endNs: startNs + widthNs };
}

/** `factor` below 1 zooms in; the time `anchorNs` stays where it is on the screen, unless that leaves `whole`. */
export function zoomAt(window: TimeWindow, whole: TimeWindow, anchorNs: number, factor: number): TimeWindow {
  const oldNs = window.endNs - window.startNs;
  const wholeNs = Math.max(whole.endNs - whole.startNs, NARROWEST_NS);
  const newNs = Math.min(Math.max(oldNs * factor, NARROWEST_NS), wholeNs);
  const share = oldNs > 0 ? (anchorNs - window.startNs) / oldNs : 0.5;
  const startNs = anchorNs - share * newNs;
  return clampWindow({ startNs, endNs: startNs + newNs }, whole);
}

/** Moves the window later by `byNs`, no further than `whole`. */
export function panBy(window: TimeWindow, whole: TimeWindow, byNs: number): TimeWindow {
  return clampWindow({ startNs: window.startNs + byNs, endNs: window.endNs + byNs }, whole);
}

/** A window that shows `startNs … endNs` with a fifth of its length free on each side. */
export function windowAround(startNs: number, endNs: number, whole: TimeWindow): TimeWindow {
  const marginNs = Math.max((endNs - startNs) / 5, NARROWEST_NS);
  return clampWindow({ startNs: startNs - marginNs, endNs: endNs + marginNs }, whole);
}

/** The window moved as little as needed to show `startNs … endNs`, or its start where it is longer than the window. */
export function panTo(window: TimeWindow, whole: TimeWindow, startNs: number, endNs: number): TimeWindow {
  if (startNs >= window.startNs && endNs <= window.endNs) return window;
  const widthNs = window.endNs - window.startNs;
  if (startNs < window.startNs || endNs - startNs > widthNs) return panBy(window, whole, startNs - window.startNs);
  return panBy(window, whole, endNs - window.endNs);
}

/** Time at `xPx` of a canvas `widthPx` wide. */
export function nsAt(window: TimeWindow, widthPx: number, xPx: number): number {
  return window.startNs + (xPx / Math.max(widthPx, 1)) * (window.endNs - window.startNs);
}

/** Place of a time on a canvas `widthPx` wide. */
export function pxAt(window: TimeWindow, widthPx: number, ns: number): number {
  return ((ns - window.startNs) / Math.max(window.endNs - window.startNs, Number.MIN_VALUE)) * widthPx;
}

/** Zoom factor of a turn of the wheel: `deltaMode` 1 counts lines, 2 pages. */
export function wheelFactor(delta: number, deltaMode: number): number {
  const pixels = delta * (deltaMode === 1 ? 16 : deltaMode === 2 ? 400 : 1);
  return 2 ** (Math.min(Math.max(pixels, -400), 400) / 250);
}

/** Two fingers moved from `before` to `after` (px): the times under them stay under them. */
export function pinch(
  window: TimeWindow,
  whole: TimeWindow,
  widthPx: number,
  before: readonly [number, number],
  after: readonly [number, number],
): TimeWindow {
  const spread = (pair: readonly [number, number]) => Math.max(Math.abs(pair[1] - pair[0]), 8);
  const middle = (pair: readonly [number, number]) => (pair[0] + pair[1]) / 2;
  const zoomed = zoomAt(window, whole, nsAt(window, widthPx, middle(before)), spread(before) / spread(after));
  const nsPerPx = (zoomed.endNs - zoomed.startNs) / Math.max(widthPx, 1);
  return panBy(zoomed, whole, (middle(before) - middle(after)) * nsPerPx);
}
