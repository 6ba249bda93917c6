import type { TimeWindow } from "../../state/explorer-state.ts";
import type { Stage } from "./stage.ts";
import { nsAt, panBy, pinch, wheelFactor, zoomAt } from "./zoom.ts";

export interface PointerReports {
  onClick(span: number): void;
  onDoubleClick(span: number): void;
  /** Times in ns and sheet y of an area that was dragged out. */
  onArea(window: TimeWindow, fromY: number, toY: number): void;
}

/** A press that moves no further than this is a click. */
const CLICK_PX = 4;

/** Wheel, drag, area drag and touch on the canvas; returns what takes the listeners away. */
export function listenToPointer(
  body: HTMLElement,
  gutter: HTMLElement,
  stage: Stage,
  reports: PointerReports,
): () => void {
  const held = new Map<number, readonly [number, number]>();
  let press: { x: number; y: number; isArea: boolean; isMoved: boolean } | null = null;
  const place = (event: MouseEvent): readonly [number, number] => {
    const box = body.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    const isPan = !event.ctrlKey && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY));
    const window = stage.window();
    if (isPan) {
      const delta = event.deltaX || event.deltaY;
      const nsPerPx = (window.endNs - window.startNs) / stage.widthPx();
      stage.setWindow(panBy(window, stage.whole(), delta * nsPerPx));
      return;
    }
    const anchorNs = nsAt(window, stage.widthPx(), place(event)[0]);
    // A pinch on a touch pad comes as small wheel steps with ctrl.
    const delta = event.ctrlKey ? event.deltaY * 4 : event.deltaY;
    stage.setWindow(zoomAt(window, stage.whole(), anchorNs, wheelFactor(delta, event.deltaMode)));
  };

  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const [x, y] = place(event);
    held.set(event.pointerId, [x, y]);
    body.setPointerCapture(event.pointerId);
    press = { x, y, isArea: event.shiftKey, isMoved: held.size > 1 };
  };

  const onMove = (event: PointerEvent) => {
    const [x, y] = place(event);
    if (event.pointerType !== "touch") stage.setHover(x, y, true);
    const before = held.get(event.pointerId);
    if (!before || !press) return;
    if (!press.isMoved && Math.hypot(x - press.x, y - press.y) < CLICK_PX) return;
    press.isMoved = true;
    if (held.size === 2) movePinch(event.pointerId, before, x);
    else if (press.isArea) stage.setArea(areaTo(x, y));
    else movePan(before, x, y);
    held.set(event.pointerId, [x, y]);
  };

  const movePinch = (id: number, before: readonly [number, number], x: number) => {
    const other = [...held].find(([each]) => each !== id)![1];
    stage.setWindow(pinch(stage.window(), stage.whole(), stage.widthPx(), [before[0], other[0]], [x, other[0]]));
  };

  const movePan = (before: readonly [number, number], x: number, y: number) => {
    const window = stage.window();
    const nsPerPx = (window.endNs - window.startNs) / stage.widthPx();
    stage.setWindow(panBy(window, stage.whole(), (before[0] - x) * nsPerPx));
    gutter.scrollTop += before[1] - y;
  };

  const areaTo = (x: number, y: number) => ({
    fromX: nsAt(stage.window(), stage.widthPx(), press!.x),
    toX: nsAt(stage.window(), stage.widthPx(), x),
    fromY: press!.y + gutter.scrollTop,
    toY: y + gutter.scrollTop,
  });

  const onUp = (event: PointerEvent) => {
    if (!held.delete(event.pointerId) || !press) return;
    const [x, y] = place(event);
    if (press.isArea && press.isMoved) {
      const { fromX, toX, fromY, toY } = areaTo(x, y);
      const window = { startNs: Math.min(fromX, toX), endNs: Math.max(fromX, toX) };
      reports.onArea(window, Math.min(fromY, toY), Math.max(fromY, toY));
    } else if (!press.isMoved) reports.onClick(stage.spanAt(x, y));
    if (held.size === 0) press = null;
  };

  const onCancel = (event: PointerEvent) => {
    held.delete(event.pointerId);
    if (held.size === 0) press = null;
  };
  const onLeave = () => stage.setHover(0, 0, false);
  const onDouble = (event: MouseEvent) => reports.onDoubleClick(stage.spanAt(...place(event)));

  const aborter = new AbortController();
  const { signal } = aborter;
  body.addEventListener("wheel", onWheel, { passive: false, signal });
  body.addEventListener("pointerdown", onDown, { signal });
  body.addEventListener("pointermove", onMove, { signal });
  body.addEventListener("pointerup", onUp, { signal });
  body.addEventListener("pointercancel", onCancel, { signal });
  body.addEventListener("pointerleave", onLeave, { signal });
  body.addEventListener("dblclick", onDouble, { signal });
  return () => aborter.abort();
}
