import { scaleLinear } from "d3-scale";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatCount, formatNs } from "../../plan/units.ts";
import type { Theme } from "../theme/palette.ts";
import { beginDrawing } from "./canvas.ts";
import { fillOfKind } from "./kind-colors.ts";
import { kindOfRow, type OpTimes } from "./op-times.ts";
import { columnAt, columnOfRow, type ResidualColumns, residualColumns } from "./residual-columns.ts";
import { useWidth } from "../use-width.ts";
import { describeRow } from "./words.ts";

const HEIGHT_PX = 132;
const GUTTER_PX = 72;

interface ResidualStripProps {
  readonly times: OpTimes;
  readonly theme: Theme;
  /** −1 for none. */
  readonly pickedRow: number;
  readonly onPick: (op: number) => void;
}

/** Predicted − measured of each op in the order of time: where on the way a prediction goes wrong. */
export function ResidualStrip({ times, theme, pickedRow, onPick }: ResidualStripProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const widthPx = useWidth(frame, 320) - GUTTER_PX;
  const columns = useMemo(() => residualColumns(times, widthPx), [times, widthPx]);
  const [hovered, setHovered] = useState(-1);
  const numOps = times.op.length;
  const picked = pickedRow < 0 ? -1 : columnOfRow(pickedRow, numOps, columns.numColumns);
  useEffect(() => {
    if (canvas.current !== null) drawColumns(canvas.current, times, columns, widthPx, theme);
  }, [times, columns, widthPx, theme]);
  const shown = hovered >= 0 && hovered < columns.numColumns ? hovered : picked;
  const row = shown < 0 ? -1 : shown === picked && hovered < 0 ? pickedRow : columns.worst[shown]!;
  const text = row < 0 ? "Point at a bar, or move along with the arrow keys." : describeRow(times, row);
  const placeOf = (event: MouseEvent) => columnAt(columns, event.offsetX, widthPx);
  const onKeyDown = (event: KeyboardEvent) => {
    const next = stepColumn(event.key, picked, columns.numColumns);
    if (next === null) return;
    event.preventDefault();
    setHovered(-1);
    onPick(times.op[columns.worst[next]!]!);
  };
  return (
    <section class="measured-panel" aria-label="Residual by op">
      <h2>Residual by op, in the order of time</h2>
      <p class="measured-note">{describeBars(numOps, columns.numColumns)}</p>
      <div ref={frame} class="measured-strip">
        <Axis mostNs={columns.mostNs} widthPx={widthPx} />
        <div
          class="measured-strip-plot"
          role="slider"
          tabIndex={0}
          aria-label="Op, in the order of time"
          aria-valuemin={1}
          aria-valuemax={Math.max(1, columns.numColumns)}
          aria-valuenow={Math.max(1, picked + 1)}
          aria-valuetext={text}
          onKeyDown={onKeyDown}
          onPointerMove={(event) => setHovered(placeOf(event))}
          onPointerLeave={() => setHovered(-1)}
          onClick={(event) => {
            const column = placeOf(event);
            if (column >= 0) onPick(times.op[columns.worst[column]!]!);
          }}
        >
          <canvas ref={canvas} style={{ width: `${widthPx}px`, height: `${HEIGHT_PX}px` }} />
          {shown >= 0 && (
            <span
              class="measured-strip-cursor"
              style={{ left: `${((shown + 0.5) * widthPx) / columns.numColumns}px` }}
            />
          )}
        </div>
      </div>
      <p class="measured-readout">{text}</p>
    </section>
  );
}

function describeBars(numOps: number, numColumns: number): string {
  const bars = numOps > numColumns ? `${formatCount(numOps)} ops, each bar the extremes of several` : "a bar an op";
  return `Upward the prediction was too long, downward too short; ${bars}, in the color of its worst.`;
}

/** The bar that a key leads to, null for other keys. */
function stepColumn(key: string, column: number, numColumns: number): number | null {
  const clamp = (next: number) => Math.min(numColumns - 1, Math.max(0, next));
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return clamp(column - 1);
    case "ArrowRight":
    case "ArrowUp":
      return clamp(column + 1);
    case "PageDown":
      return clamp(column - Math.ceil(numColumns / 10));
    case "PageUp":
      return clamp(column + Math.ceil(numColumns / 10));
    case "Home":
      return 0;
    case "End":
      return numColumns - 1;
    default:
      return null;
  }
}

function yScale(mostNs: number) {
  const most = mostNs === 0 ? 1 : mostNs;
  return scaleLinear([-most, most], [HEIGHT_PX - 6, 6]);
}

function Axis({ mostNs, widthPx }: { readonly mostNs: number; readonly widthPx: number }) {
  const scale = yScale(mostNs);
  return (
    <svg class="measured-axis" width={GUTTER_PX + widthPx} height={HEIGHT_PX} aria-hidden="true">
      {scale.ticks(5).map((ns) => (
        <g key={ns} transform={`translate(0 ${scale(ns)})`}>
          <line x1={GUTTER_PX} x2={GUTTER_PX + widthPx} class={ns === 0 ? "measured-zero" : "measured-grid"} />
          <text x={GUTTER_PX - 6} dy="0.32em" text-anchor="end">
            {ns > 0 ? "+" : ""}
            {formatNs(ns)}
          </text>
        </g>
      ))}
    </svg>
  );
}

function drawColumns(
  canvas: HTMLCanvasElement,
  times: OpTimes,
  { numColumns, highNs, lowNs, worst, mostNs }: ResidualColumns,
  widthPx: number,
  theme: Theme,
): void {
  const context = beginDrawing(canvas, widthPx, HEIGHT_PX);
  if (context === null) return;
  const scale = yScale(mostNs);
  const stepPx = widthPx / Math.max(1, numColumns);
  const barPx = Math.max(1, stepPx > 3 ? stepPx - 1 : stepPx);
  for (let column = 0; column < numColumns; column++) {
    const [top, bottom] = [scale(highNs[column]!), scale(lowNs[column]!)];
    context.fillStyle = fillOfKind(kindOfRow(times, worst[column]!), theme);
    context.fillRect(column * stepPx, top, barPx, Math.max(1, bottom - top));
  }
}
