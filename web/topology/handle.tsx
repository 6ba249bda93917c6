import { useRef } from "preact/hooks";
import { formatRate } from "../../plan/units.ts";
import { linkMiddle } from "./lane-path.ts";
import type { PlacedLink } from "./layout-types.ts";
import { draggedRate, NUM_POSITIONS, positionOfRate, rateAtPosition } from "./rates.ts";

interface HandleProps {
  readonly link: PlacedLink;
  readonly name: string;
  readonly bytesPerSecond: number;
  onRate(bytesPerSecond: number): void;
}

/** The selected link's grip: up is more, down is less, by the logarithm. Arrow keys as on the slider. */
export function Handle({ link, name, bytesPerSecond, onRate }: HandleProps) {
  const from = useRef<{ readonly clientY: number; readonly rate: number } | null>(null);
  const [x, y] = linkMiddle(link);
  const position = positionOfRate(bytesPerSecond);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 50, PageDown: -50 }[event.key];
    if (step === undefined) return;
    onRate(rateAtPosition(position + step));
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <g
      class="topology-handle"
      role="slider"
      tabindex={0}
      aria-label={`Bandwidth of ${name}: drag up or down`}
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={NUM_POSITIONS}
      aria-valuenow={position}
      aria-valuetext={formatRate(bytesPerSecond)}
      transform={`translate(${x} ${y})`}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { clientY: event.clientY, rate: bytesPerSecond };
      }}
      onPointerMove={(event) => {
        if (from.current !== null) onRate(draggedRate(from.current.rate, event.clientY - from.current.clientY));
      }}
      onPointerUp={() => {
        from.current = null;
      }}
      onPointerCancel={() => {
        from.current = null;
      }}
    >
      <title>Drag up for more bandwidth, down for less</title>
      <g class="topology-grip">
        <circle r={9} />
        <path d="M-3.5 -2L0 -6L3.5 -2M-3.5 2L0 6L3.5 2" />
        <text x={14} y={4}>
          {formatRate(bytesPerSecond)}
        </text>
      </g>
    </g>
  );
}
