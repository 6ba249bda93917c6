import { useMemo, useRef, useState } from "preact/hooks";
import type { Sweep } from "../engine/protocol.ts";
import type { Theme } from "../theme/palette.ts";
import { axisNames } from "./axis-text.ts";
import { type ChartLayout, type ChartLine, layoutChart } from "./chart-layout.ts";
import { methodName } from "../results/plan-words.ts";
import { methodColor, methodDash, methodMark } from "./method-style.ts";
import { firstPoint, hasPoint, nearestColumn, nextPoint, type PointPlace } from "./next-point.ts";
import { describeChart, describeFindings, describePoint } from "./sweep-text.ts";
import { useWidth } from "../use-width.ts";

const HEIGHT = 360;

interface ChartProps {
  readonly sweep: Sweep;
  readonly theme: Theme;
  /** Makespans over the least at the same value, instead of times. */
  readonly isRelative: boolean;
  /** Index of the value under the pointer or focus. */
  readonly column: number | null;
  readonly onColumn: (column: number | null) => void;
}

/** Makespan over the axis, both scales logarithmic. One tab stop; arrow keys move between the points. */
export function Chart({ sweep, theme, isRelative, column, onColumn }: ChartProps) {
  const frame = useRef<HTMLElement>(null);
  const width = useWidth(frame, 760);
  const layout = useMemo(() => layoutChart(sweep, width, HEIGHT, isRelative), [sweep, width, isRelative]);
  const [wanted, setWanted] = useState<PointPlace | null>(null);
  const place = wanted !== null && hasPoint(sweep, wanted) ? wanted : firstPoint(sweep);
  const onKey = (event: KeyboardEvent) => {
    const next = place === null ? null : nextPoint(sweep, place, event.key);
    if (next === null) return;
    event.preventDefault();
    setWanted(next);
    onColumn(next.index);
    frame.current?.querySelector<HTMLButtonElement>(`[data-point="${next.series} ${next.index}"]`)?.focus();
  };
  const onMove = (event: PointerEvent) => {
    const box = frame.current!.getBoundingClientRect();
    onColumn(nearestColumn(layout.columns, event.clientX - box.left));
  };
  const current = column === null ? undefined : layout.columns[column];
  return (
    <figure
      ref={frame}
      class="methods-figure"
      aria-label={`${describeChart(sweep.axis)} ${describeFindings(sweep).join(" ")}`}
    >
      <svg
        class="methods-chart"
        aria-hidden="true"
        width={width}
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        onPointerMove={onMove}
        onPointerLeave={() => onColumn(null)}
      >
        <rect class="methods-ground" width={width} height={HEIGHT} />
        <Axes layout={layout} title={axisNames[sweep.axis]} isRelative={isRelative} />
        {current !== undefined && (
          <path class="methods-cursor" data-cursor="" d={`M${current},${layout.plot.top}V${layout.plot.bottom}`} />
        )}
        {layout.lines.map((one) => (
          <Line key={one.method} line={one} theme={theme} column={column} />
        ))}
        <Crossovers layout={layout} />
      </svg>
      {layout.lines.map((one) => {
        const series = sweep.series.findIndex(({ method }) => method === one.method);
        return one.points.map(({ index, makespanNs, x, y }) => (
          <button
            key={`${series} ${index}`}
            type="button"
            class="methods-point"
            data-point={`${series} ${index}`}
            aria-label={describePoint(sweep, one.method, index, makespanNs)}
            tabIndex={place?.series === series && place.index === index ? 0 : -1}
            style={{ left: `${x}px`, top: `${y}px` }}
            onKeyDown={onKey}
            onFocus={() => {
              setWanted({ series, index });
              onColumn(index);
            }}
            onBlur={() => onColumn(null)}
          />
        ));
      })}
    </figure>
  );
}

interface LineProps {
  readonly line: ChartLine;
  readonly theme: Theme;
  readonly column: number | null;
}

function Line({ line, theme, column }: LineProps) {
  const color = methodColor(line.method, theme);
  return (
    <g>
      <path class="methods-line" d={line.path} stroke={color} stroke-dasharray={methodDash(line.method)} />
      {line.points.map(({ index, x, y, covered }) => (
        <path
          key={index}
          class="methods-dot"
          transform={`translate(${x},${y})`}
          d={methodMark(line.method, (index === column ? 120 : 70) + 55 * covered)}
          fill={color}
        />
      ))}
      <text class="methods-text" x={line.label.x} y={line.label.y} dy="0.35em">
        {methodName(line.method)}
      </text>
    </g>
  );
}

interface AxesProps {
  readonly layout: ChartLayout;
  readonly title: string;
  readonly isRelative: boolean;
}

function Axes({ layout, title, isRelative }: AxesProps) {
  const { left, top, right, bottom } = layout.plot;
  return (
    <g>
      {layout.yTicks.map(({ at, text }) => (
        <g key={at}>
          <path class="methods-grid" d={`M${left},${at}H${right}`} />
          <text class="methods-muted" x={left - 6} y={at} dy="0.35em" text-anchor="end">
            {text}
          </text>
        </g>
      ))}
      {layout.xTicks.map(({ at, text }) => (
        <g key={at}>
          <path class="methods-grid" d={`M${at},${bottom}v5`} />
          <text class="methods-muted" x={at} y={bottom + 17} text-anchor="middle">
            {text}
          </text>
        </g>
      ))}
      <path class="methods-axis-line" d={`M${left},${top}V${bottom}H${right}`} />
      <text class="methods-text" x={(left + right) / 2} y={layout.height - 8} text-anchor="middle">
        {title}
      </text>
      <text class="methods-text" x={-(top + bottom) / 2} y={12} text-anchor="middle" transform="rotate(-90)">
        {isRelative ? "Makespan over the best" : "Makespan"}
      </text>
    </g>
  );
}

function Crossovers({ layout }: { readonly layout: ChartLayout }) {
  return (
    <g>
      {layout.crossovers.map(({ at, y, text, textX, textY }) => (
        <g key={at}>
          <path class="methods-crossing" d={`M${at},${textY - 8}V${layout.plot.bottom}`} />
          <circle class="methods-meeting" cx={at} cy={y} r="7" />
          <text class="methods-text methods-crossing-text" x={textX} y={textY}>
            {text}
          </text>
        </g>
      ))}
    </g>
  );
}
