import { select } from "d3-selection";
import { type ZoomBehavior, zoom, zoomIdentity } from "d3-zoom";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface ZoomControls {
  /** Multiplies the scale about the middle. */
  zoomBy(factor: number): void;
  /** All of the drawing in view. */
  showAll(): void;
}

interface Sizes {
  readonly width: number;
  readonly height: number;
  readonly drawnWidth: number;
  readonly drawnHeight: number;
}

const MARGIN = 8;
const MOST_SCALE = 8;
const MOST_FIRST_SCALE = 1.35;

/** Scale and shift that bring a drawing into view, centered. */
export function fitTransform({ width, height, drawnWidth, drawnHeight }: Sizes): { k: number; x: number; y: number } {
  const scale = Math.min((width - 2 * MARGIN) / drawnWidth, (height - 2 * MARGIN) / drawnHeight);
  const k = Math.max(Math.min(scale, MOST_FIRST_SCALE), 0.01);
  return { k, x: (width - k * drawnWidth) / 2, y: (height - k * drawnHeight) / 2 };
}

/**
 * Zoom and pan of an SVG by d3-zoom: drag, pinch, and the wheel with Ctrl or ⌘ (without, the page scrolls). The transform is
 * written to the sheet, so nothing is rendered again. Fits anew when sizes change.
 */
export function useZoom(
  svg: RefObject<SVGSVGElement | null>,
  sheet: RefObject<SVGGElement | null>,
  sizes: Sizes,
): ZoomControls {
  const behavior = useRef<ZoomBehavior<SVGSVGElement, unknown> | null>(null);
  const latest = useRef(sizes);
  latest.current = sizes;
  const { width, height, drawnWidth, drawnHeight } = sizes;
  const apply = (act: (zooming: ZoomBehavior<SVGSVGElement, unknown>, target: SVGSVGElement) => void) => {
    if (behavior.current !== null && svg.current !== null) act(behavior.current, svg.current);
  };
  const fit = () =>
    apply((zooming, target) => {
      const { k, x, y } = fitTransform(latest.current);
      zooming.scaleExtent([Math.min(k, 0.2) / 2, MOST_SCALE]);
      zooming.transform(select(target), zoomIdentity.translate(x, y).scale(k));
    });
  useEffect(() => {
    const target = svg.current;
    if (target === null) return;
    const zooming = zoom<SVGSVGElement, unknown>()
      .filter((event: MouseEvent & WheelEvent) => {
        const isHandle = event.target instanceof Element && event.target.closest(".topology-handle") !== null;
        return !isHandle && !event.button && (event.type !== "wheel" || event.ctrlKey || event.metaKey);
      })
      .wheelDelta(wheelDelta)
      .clickDistance(4)
      .on("zoom", ({ transform }) => {
        sheet.current?.setAttribute("transform", transform.toString());
        sheet.current?.style.setProperty("--topology-unzoom", String(1 / transform.k));
      });
    behavior.current = zooming;
    select(target).call(zooming).on("dblclick.zoom", null);
    return () => {
      select(target).on(".zoom", null);
      behavior.current = null;
    };
  }, []);
  useEffect(fit, [width, height, drawnWidth, drawnHeight]);
  return {
    showAll: fit,
    zoomBy: (factor) => apply((zooming, target) => zooming.scaleBy(select(target), factor)),
  };
}

/** As d3-zoom has it, but faster with Ctrl only for pinching, which comes in small steps: a mouse wheel turns in large ones. */
function wheelDelta({ deltaY, deltaMode, ctrlKey }: WheelEvent): number {
  const unit = deltaMode === 1 ? 0.05 : deltaMode === 2 ? 1 : 0.002;
  return -deltaY * unit * (ctrlKey && Math.abs(deltaY) < 50 ? 10 : 1);
}
