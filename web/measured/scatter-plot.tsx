import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatCount, formatNs } from "../../plan/units.ts";
import type { Theme } from "../theme/palette.ts";
import { beginDrawing } from "./canvas.ts";
import { fillOfKind } from "./kind-colors.ts";
import { kindOfRow, type OpTimes } from "./op-times.ts";
import {
  cellAt,
  decadesOf,
  dotRadiusPx,
  type LogAxis,
  logAxis,
  logPx,
  type ScatterCells,
  scatterCells,
} from "./scatter-cells.ts";
import { useWidth } from "../use-width.ts";
import { describeRow } from "./words.ts";

const MOST_PX = 320;
const LEAST_PX = 160;
const LEFT_PX = 64;
const BOTTOM_PX = 40;
/** Room for half of the last label. */
const RIGHT_PX = 24;
/** Room for dots on the edge. */
const EDGE_PX = 8;
const CELL_PX = 3;
const REACH_PX = 10;

interface ScatterPlotProps {
  readonly times: OpTimes;
  readonly theme: Theme;
  /** −1 for none. */
  readonly pickedRow: number;
  readonly onPick: (op: number) => void;
}

/** Predicted over measured durations of all ops: those on the line are as predicted. */
export function ScatterPlot({ times, theme, pickedRow, onPick }: ScatterPlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const sizePx = Math.min(MOST_PX, useWidth(frame, LEFT_PX + LEAST_PX + RIGHT_PX) - LEFT_PX - RIGHT_PX);
  const axis = useMemo(() => logAxis(times, sizePx), [times, sizePx]);
  const cells = useMemo(() => scatterCells(times, axis, CELL_PX), [times, axis]);
  const [hovered, setHovered] = useState(-1);
  useEffect(() => {
    if (canvas.current !== null) drawDots(canvas.current, times, cells, sizePx, theme);
  }, [times, cells, sizePx, theme]);
  const cell = hovered < cells.numCells ? hovered : -1;
  const row = cell >= 0 ? cells.worst[cell]! : pickedRow;
  const placeOf = (event: MouseEvent) =>
    cellAt(cells, event.offsetX - EDGE_PX, sizePx + EDGE_PX - event.offsetY, REACH_PX);
  return (
    <section class="measured-panel measured-scatter" aria-label="Predicted over measured durations">
      <h2>Predicted over measured, by op</h2>
      <p class="measured-note">On the dashed line: as measured. Times of 0 stand on the edge.</p>
      <div ref={frame} class="measured-scatter-plot">
        <Axes axis={axis} marked={row < 0 ? null : [times.measuredNs[row]!, times.predictedNs[row]!]} />
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Durations of ${formatCount(times.op.length)} ops, predicted over measured; the tables give the figures`}
          style={{
            left: `${LEFT_PX - EDGE_PX}px`,
            width: `${sizePx + 2 * EDGE_PX}px`,
            height: `${sizePx + 2 * EDGE_PX}px`,
          }}
          onPointerMove={(event) => setHovered(placeOf(event))}
          onPointerLeave={() => setHovered(-1)}
          onClick={(event) => {
            const found = placeOf(event);
            if (found >= 0) onPick(times.op[cells.worst[found]!]!);
          }}
        />
      </div>
      <p class="measured-readout">{readout(times, cells, cell, row)}</p>
    </section>
  );
}

function readout(times: OpTimes, { count }: ScatterCells, cell: number, row: number): string {
  if (row < 0) return "Point at a dot; larger dots stand for more ops.";
  const others = cell < 0 ? 0 : count[cell]! - 1;
  return `${describeRow(times, row)}${others > 0 ? ` and ${formatCount(others)} more there` : ""}`;
}

interface AxesProps {
  readonly axis: LogAxis;
  readonly marked: readonly [measuredNs: number, predictedNs: number] | null;
}

function Axes({ axis, marked }: AxesProps) {
  const { sizePx } = axis;
  const top = EDGE_PX;
  const bottom = EDGE_PX + sizePx;
  const height = bottom + BOTTOM_PX;
  return (
    <svg class="measured-axis" width={LEFT_PX + sizePx + RIGHT_PX} height={height} aria-hidden="true">
      {decadesOf(axis).map((ns) => {
        const place = logPx(axis, ns);
        return (
          <g key={ns}>
            <line class="measured-grid" x1={LEFT_PX + place} x2={LEFT_PX + place} y1={top} y2={bottom} />
            <line class="measured-grid" x1={LEFT_PX} x2={LEFT_PX + sizePx} y1={bottom - place} y2={bottom - place} />
            <text x={LEFT_PX + place} y={bottom + 14} text-anchor="middle">
              {formatNs(ns)}
            </text>
            <text x={LEFT_PX - 8} y={bottom - place} dy="0.32em" text-anchor="end">
              {formatNs(ns)}
            </text>
          </g>
        );
      })}
      <line class="measured-ideal" x1={LEFT_PX} y1={bottom} x2={LEFT_PX + sizePx} y2={top} />
      <text class="measured-axis-title" x={LEFT_PX + sizePx} y={bottom + 32} text-anchor="end">
        measured →
      </text>
      <text
        class="measured-axis-title"
        x={12}
        y={top + sizePx / 2}
        transform={`rotate(-90 12 ${top + sizePx / 2})`}
        text-anchor="middle"
      >
        predicted →
      </text>
      <text class="measured-axis-title" x={LEFT_PX + 8} y={top + 14}>
        predicted too slow
      </text>
      <text class="measured-axis-title" x={LEFT_PX + sizePx - 8} y={bottom - 8} text-anchor="end">
        predicted too fast
      </text>
      {marked !== null && (
        <circle
          class="measured-dot-picked"
          cx={LEFT_PX + logPx(axis, marked[0])}
          cy={bottom - logPx(axis, marked[1])}
          r={7}
        />
      )}
    </svg>
  );
}

function drawDots(canvas: HTMLCanvasElement, times: OpTimes, cells: ScatterCells, sizePx: number, theme: Theme): void {
  const size = sizePx + 2 * EDGE_PX;
  const context = beginDrawing(canvas, size, size);
  if (context === null) return;
  context.strokeStyle = theme === "dark" ? "rgb(255 255 255 / 45%)" : "rgb(0 0 0 / 45%)";
  context.lineWidth = 0.75;
  for (let cell = 0; cell < cells.numCells; cell++) {
    context.fillStyle = fillOfKind(kindOfRow(times, cells.worst[cell]!), theme);
    context.beginPath();
    const [x, y] = [EDGE_PX + cells.xPx[cell]!, EDGE_PX + sizePx - cells.yPx[cell]!];
    context.arc(x, y, dotRadiusPx(cells.count[cell]!), 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}
