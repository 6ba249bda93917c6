import type { TimeWindow } from "../../state/explorer-state.ts";
import { createTimelineRenderer, spanAt } from "../model/index.ts";
import type { Frame, TimelineRenderer } from "../model-types.ts";
import { drawAxis } from "./axis.ts";
import { clampWindow, pxAt } from "./zoom.ts";

/** Elements that the stage moves by itself, outside of preact's render. */
export interface StageElements {
  readonly canvas: HTMLCanvasElement;
  readonly body: HTMLElement;
  readonly gutter: HTMLElement;
  readonly axis: SVGSVGElement;
  readonly cursor: HTMLElement;
  readonly area: HTMLElement;
  readonly tooltip: HTMLElement;
  readonly minimapWindow: HTMLElement;
}

/** What a frame has of the component; the rest (window, scroll, pointer) is the stage's own. */
export type StageInput = Omit<Frame, "window" | "scrollY" | "hovered">;

export interface StageReports {
  onWindow(window: TimeWindow | null): void;
  onCursor(ns: number | null): void;
  onWidth(widthPx: number): void;
}

export interface Area {
  readonly fromX: number;
  readonly toX: number;
  /** Sheet y. */
  readonly fromY: number;
  readonly toY: number;
}

export interface Stage {
  setInput(input: StageInput): void;
  /** From outside (URL, another timeline): not reported back. */
  acceptWindow(window: TimeWindow | null): void;
  acceptCursor(ns: number | null): void;
  setWindow(window: TimeWindow): void;
  glideTo(window: TimeWindow): void;
  setHover(xPx: number, yPx: number, isInside: boolean): void;
  setArea(area: Area | null): void;
  scrollTo(y: number, height: number): void;
  spanAt(xPx: number, yPx: number): number;
  window(): TimeWindow;
  whole(): TimeWindow;
  widthPx(): number;
  heightPx(): number;
  frame(): Frame | null;
  dispose(): void;
}

const REPORT_AFTER_MS = 160;
const GLIDE_MS = 120;

/** The imperative half of the timeline: one window, one animation frame a change, everything else follows from them. */
export function createStage(elements: StageElements, reports: StageReports): Stage {
  const renderer: TimelineRenderer = createTimelineRenderer(elements.canvas);
  let input: StageInput | null = null;
  let shown: TimeWindow | null = null;
  let widthPx = 1;
  let heightPx = 1;
  /** Timelines that are aligned are given a window that may end after their own run. */
  let sharedEndNs = 0;
  let hovered = -1;
  let pointer: readonly [number, number] | null = null;
  let outerCursorNs: number | null = null;
  let area: Area | null = null;
  let requested = 0;
  let reportTimer: ReturnType<typeof setTimeout> | undefined;
  let isCursorReported = true;
  let glide: { from: TimeWindow; to: TimeWindow; startMs: number } | null = null;

  const whole = (): TimeWindow => {
    const startNs = input?.prepared.startNs ?? 0;
    return { startNs, endNs: Math.max(input?.prepared.endNs ?? 1, startNs + 1, sharedEndNs) };
  };
  const window = () => clampWindow(shown ?? whole(), whole());
  const request = () => {
    requested ||= requestAnimationFrame(paint);
  };
  const frame = (): Frame | null =>
    input && { ...input, window: window(), scrollY: elements.gutter.scrollTop, hovered: pointer ? hovered : -1 };

  function report(): void {
    reportTimer = undefined;
    const all = whole();
    const now = window();
    reports.onWindow(now.startNs === all.startNs && now.endNs === all.endNs ? null : now);
  }

  function change(next: TimeWindow): void {
    shown = clampWindow(next, whole());
    clearTimeout(reportTimer);
    reportTimer = setTimeout(report, REPORT_AFTER_MS);
    request();
  }

  function paint(nowMs: number): void {
    requested = 0;
    if (!input) return;
    const startMs = performance.now();
    if (glide) advanceGlide(nowMs);
    if (pointer) hovered = spanAt(frame()!, widthPx, pointer[0], pointer[1]);
    const current = frame()!;
    renderer.draw(current);
    drawAxis(elements.axis, current.window, widthPx);
    placeOverlays(current);
    const detail = current.prepared.source.key;
    performance.measure("timeline-frame", { start: startMs, end: performance.now(), detail });
    // Observers have it; the browser's own list would grow for as long as the page is open.
    performance.clearMeasures("timeline-frame");
  }

  function advanceGlide(nowMs: number): void {
    const { from, to, startMs } = glide!;
    const share = Math.min(Math.max((nowMs - startMs) / GLIDE_MS, 0), 1);
    const eased = 1 - (1 - share) ** 2;
    const between = (one: number, other: number) => (share === 1 ? other : one + (other - one) * eased);
    if (share === 1) glide = null;
    change({ startNs: between(from.startNs, to.startNs), endNs: between(from.endNs, to.endNs) });
  }

  function placeOverlays(current: Frame): void {
    const { startNs, endNs } = current.window;
    const pointerNs = pointer ? startNs + (pointer[0] / widthPx) * (endNs - startNs) : null;
    const cursorNs = pointerNs ?? outerCursorNs;
    if (!isCursorReported) {
      isCursorReported = true;
      reports.onCursor(pointerNs);
    }
    const x = cursorNs === null ? -1 : pxAt(current.window, widthPx, cursorNs);
    elements.cursor.hidden = x < 0 || x > widthPx;
    elements.cursor.style.transform = `translateX(${x}px)`;
    placeArea(current);
    placeTooltip(current);
    const all = whole();
    const left = pxAt(all, widthPx, startNs);
    elements.minimapWindow.style.transform = `translateX(${left}px)`;
    elements.minimapWindow.style.width = `${Math.max(pxAt(all, widthPx, endNs) - left, 3)}px`;
  }

  function placeArea(current: Frame): void {
    elements.area.hidden = !area;
    if (!area) return;
    const left = pxAt(current.window, widthPx, Math.min(area.fromX, area.toX));
    const right = pxAt(current.window, widthPx, Math.max(area.fromX, area.toX));
    elements.area.style.transform = `translate(${left}px, ${Math.min(area.fromY, area.toY) - current.scrollY}px)`;
    elements.area.style.width = `${right - left}px`;
    elements.area.style.height = `${Math.abs(area.toY - area.fromY)}px`;
  }

  function placeTooltip(current: Frame): void {
    const { tooltip } = elements;
    const isShown = pointer !== null && hovered >= 0;
    tooltip.hidden = !isShown;
    if (!isShown || !pointer) return;
    if (tooltip.dataset["span"] !== `${current.prepared.source.key}:${hovered}`) fillTooltip(tooltip, current, hovered);
    const x = Math.max(Math.min(pointer[0] + 14, widthPx - tooltip.offsetWidth - 4), 0);
    const below = pointer[1] + 18;
    const isAbove = below + tooltip.offsetHeight > heightPx;
    const y = isAbove ? Math.max(pointer[1] - tooltip.offsetHeight - 8, 0) : below;
    tooltip.style.transform = `translate(${x}px, ${y}px)`;
  }

  const observer = new ResizeObserver(() => {
    const box = elements.body.getBoundingClientRect();
    if (box.width < 1 || box.height < 1) return;
    widthPx = Math.floor(box.width);
    heightPx = Math.floor(box.height);
    renderer.resize(widthPx, heightPx, devicePixelRatio || 1);
    reports.onWidth(widthPx);
    request();
  });
  observer.observe(elements.body);
  elements.gutter.addEventListener("scroll", request, { passive: true });

  return {
    setInput(next) {
      if (input && input.prepared !== next.prepared) hovered = -1;
      input = next;
      request();
    },
    acceptWindow(next) {
      // While the user moves it, what comes back from outside is older than what is shown.
      if (reportTimer !== undefined) return;
      glide = null;
      shown = next;
      sharedEndNs = next ? Math.max(sharedEndNs, next.endNs) : 0;
      request();
    },
    acceptCursor(ns) {
      outerCursorNs = ns;
      request();
    },
    setWindow(next) {
      glide = null;
      change(next);
    },
    glideTo(next) {
      const to = clampWindow(next, whole());
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return change(to);
      glide = { from: window(), to, startMs: performance.now() };
      request();
    },
    setHover(xPx, yPx, isInside) {
      pointer = isInside ? [xPx, yPx] : null;
      isCursorReported = false;
      request();
    },
    setArea(next) {
      area = next;
      request();
    },
    scrollTo(y, height) {
      const { gutter } = elements;
      if (y < gutter.scrollTop) gutter.scrollTop = y;
      else if (y + height > gutter.scrollTop + heightPx) gutter.scrollTop = y + height - heightPx;
      request();
    },
    spanAt: (xPx, yPx) => (input ? spanAt(frame()!, widthPx, xPx, yPx) : -1),
    // Steps that follow each other quickly go on from where the last one leads.
    window: () => glide?.to ?? window(),
    whole,
    widthPx: () => widthPx,
    heightPx: () => heightPx,
    frame,
    dispose() {
      cancelAnimationFrame(requested);
      clearTimeout(reportTimer);
      observer.disconnect();
      elements.gutter.removeEventListener("scroll", request);
      renderer.dispose();
    },
  };
}

function fillTooltip(tooltip: HTMLElement, frame: Frame, span: number): void {
  const { source } = frame.prepared;
  tooltip.dataset["span"] = `${source.key}:${span}`;
  const lines = source.describe(span).map(([field, value]) => {
    const line = document.createElement("div");
    line.textContent = `${field}: ${value}`;
    return line;
  });
  const title = document.createElement("strong");
  title.textContent = source.label(span);
  const finding = document.createElement("div");
  finding.className = "timeline-finding";
  finding.textContent = source.finding(span);
  tooltip.replaceChildren(title, ...lines, finding);
}
