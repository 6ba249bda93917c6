import { axisTop } from "d3-axis";
import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import type { TimeWindow } from "../../state/explorer-state.ts";
import { timeTicks } from "./ticks.ts";

export const AXIS_HEIGHT_PX = 24;
const PX_PER_TICK = 110;

/** The time axis above the canvas. */
export function drawAxis(svg: SVGSVGElement, window: TimeWindow, widthPx: number): void {
  const { ns, text } = timeTicks(window, Math.floor(widthPx / PX_PER_TICK));
  const scale = scaleLinear([window.startNs, window.endNs], [0, widthPx]);
  const axis = axisTop<number>(scale)
    .tickValues(ns)
    .tickFormat((value) => text(value))
    .tickSizeOuter(0);
  const known =
    svg.querySelector<SVGGElement>("g") ??
    svg.appendChild(document.createElementNS(svg.namespaceURI!, "g") as SVGGElement);
  known.setAttribute("transform", `translate(0,${AXIS_HEIGHT_PX - 1})`);
  select(known).call(axis);
}
