import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { palette, type Theme } from "../../theme/palette.ts";
import { busyShares } from "../model/index.ts";
import type { PreparedTimeline } from "../model-types.ts";
import { dragMinimap, minimapGrip } from "./minimap-drag.ts";
import type { Stage } from "./stage.ts";
import { durationText } from "./ticks.ts";
import { panBy, zoomAt } from "./zoom.ts";

export const MINIMAP_HEIGHT_PX = 32;

export interface MinimapProps {
  readonly prepared: PreparedTimeline;
  readonly theme: Theme;
  /** Where the time ends: aligned timelines share it. */
  readonly endNs: number;
  readonly widthPx: number;
  readonly stage: RefObject<Stage | null>;
  readonly windowRef: RefObject<HTMLDivElement | null>;
  /** Middle of the window as last reported, ns, for screen readers. */
  readonly middleNs: number;
}

/** The whole run in small, busy shares by kind, with the window that can be dragged and stretched. */
export function Minimap({ prepared, theme, endNs, widthPx, stage, windowRef, middleNs }: MinimapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current) drawMinimap(canvas.current, prepared, theme, widthPx, endNs);
  }, [prepared, theme, widthPx, endNs]);

  const onPointerDown = (event: PointerEvent) => {
    const current = stage.current;
    if (!current || event.button !== 0) return;
    const target = event.currentTarget as HTMLElement;
    const place = (each: PointerEvent) => each.clientX - target.getBoundingClientRect().left;
    const fromPx = place(event);
    const [window, whole] = [current.window(), current.whole()];
    const grip = minimapGrip(window, whole, widthPx, fromPx);
    const move = (each: PointerEvent) =>
      current.setWindow(dragMinimap(window, whole, widthPx, grip, fromPx, place(each)));
    const aborter = new AbortController();
    const end = () => aborter.abort();
    target.setPointerCapture(event.pointerId);
    target.addEventListener("pointermove", move, { signal: aborter.signal });
    target.addEventListener("pointerup", end, { signal: aborter.signal });
    target.addEventListener("pointercancel", end, { signal: aborter.signal });
    move(event);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const current = stage.current;
    if (!current || event.ctrlKey || event.metaKey || event.altKey) return;
    const [window, whole] = [current.window(), current.whole()];
    const stepNs = (window.endNs - window.startNs) / 4;
    const middle = (window.startNs + window.endNs) / 2;
    if (event.key === "ArrowLeft") current.glideTo(panBy(window, whole, -stepNs));
    else if (event.key === "ArrowRight") current.glideTo(panBy(window, whole, stepNs));
    else if (event.key === "ArrowUp") current.glideTo(zoomAt(window, whole, middle, 0.5));
    else if (event.key === "ArrowDown") current.glideTo(zoomAt(window, whole, middle, 2));
    else if (event.key === "Home") current.glideTo(panBy(window, whole, whole.startNs - window.startNs));
    else if (event.key === "End") current.glideTo(panBy(window, whole, whole.endNs - window.endNs));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      class="timeline-minimap"
      role="slider"
      tabIndex={0}
      aria-label="Visible part of the run"
      aria-valuemin={Math.round(prepared.startNs)}
      aria-valuemax={Math.round(endNs)}
      aria-valuenow={Math.round(middleNs)}
      aria-valuetext={`around ${durationText(middleNs)}`}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    >
      <canvas ref={canvas} />
      <div ref={windowRef} class="timeline-minimap-window" />
    </div>
  );
}

function drawMinimap(
  canvas: HTMLCanvasElement,
  prepared: PreparedTimeline,
  theme: Theme,
  widthPx: number,
  endNs: number,
): void {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.max(Math.round(widthPx * ratio), 1);
  canvas.height = Math.round(MINIMAP_HEIGHT_PX * ratio);
  const context = canvas.getContext("2d");
  if (!context || widthPx < 2) return;
  context.scale(ratio, ratio);
  const bins = Math.floor(widthPx / 2);
  const { kinds } = prepared.source;
  const shares = busyShares(prepared, bins, endNs);
  for (let bin = 0; bin < bins; bin++) {
    let y = MINIMAP_HEIGHT_PX;
    for (const [kind, { color }] of kinds.entries()) {
      const height = shares[bin * kinds.length + kind]! * MINIMAP_HEIGHT_PX;
      context.fillStyle = palette[theme][color];
      context.fillRect((bin * widthPx) / bins, y - height, widthPx / bins, height);
      y -= height;
    }
  }
}
