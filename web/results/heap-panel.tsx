import { scaleLinear } from "d3-scale";
import { area, curveStepAfter } from "d3-shape";
import { formatBytes, formatNs, formatPercent } from "../../plan/units.ts";
import type { PlanDetail } from "../engine/protocol.ts";

interface HeapPanelProps {
  readonly detail: PlanDetail | null;
  readonly cursorNs: number | null;
}

const WIDTH = 560;
const HEIGHT = 150;
const LEFT = 64;
const BOTTOM = 20;

/** Bytes of the symmetric heap in use over a pass, at the rank that needs most. */
export function HeapPanel({ detail, cursorNs }: HeapPanelProps) {
  if (detail === null) return <p class="results-note">No plan is shown yet.</p>;
  const { rank, timeNs, bytes, limitBytes } = detail.heap;
  const peak = bytes.reduce((most, value) => Math.max(most, value), 0);
  const reserved = detail.candidate.heapBytes;
  const x = scaleLinear([0, detail.passNs], [LEFT, WIDTH - 8]);
  const y = scaleLinear([0, Math.max(reserved, peak, 1)], [HEIGHT - BOTTOM, 8]).nice(4);
  const points = Array.from(timeNs, (ns, index) => [ns, bytes[index]!] as const);
  const shape = area<readonly [number, number]>()
    .x(([ns]) => x(ns))
    .y0(y(0))
    .y1(([, value]) => y(value))
    .curve(curveStepAfter);
  const at = cursorNs === null ? null : bytesAt(timeNs, bytes, cursorNs);
  return (
    <>
      <svg
        class="results-heap"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`Heap of rank ${rank} over a pass: at most ${formatBytes(peak)} of ${formatBytes(reserved)} reserved`}
      >
        {y.ticks(4).map((value) => (
          <g key={value}>
            <path class="results-grid" d={`M${LEFT} ${y(value)}H${WIDTH - 8}`} />
            <text x={LEFT - 6} y={y(value) + 4} text-anchor="end">
              {formatBytes(value)}
            </text>
          </g>
        ))}
        {x.ticks(5).map((ns) => (
          <text key={ns} x={x(ns)} y={HEIGHT - 5} text-anchor="middle">
            {formatNs(ns)}
          </text>
        ))}
        <path class="results-compute" d={shape(points) ?? ""} />
        <path class="results-reserved" d={`M${LEFT} ${y(reserved)}H${WIDTH - 8}`} />
        {cursorNs !== null && cursorNs <= detail.passNs && (
          <path class="results-cursor" d={`M${x(cursorNs)} 8V${HEIGHT - BOTTOM}`} />
        )}
      </svg>
      <p>
        Rank {rank} needs most: at its peak {formatBytes(peak)} hold data, of {formatBytes(reserved)} that the schedule
        reserves (dashed), {formatPercent(reserved / limitBytes)} of the device's {formatBytes(limitBytes)}.
        {at !== null && ` At the cursor: ${formatBytes(at)}.`}
      </p>
    </>
  );
}

function bytesAt(timeNs: Float64Array, bytes: Float64Array, ns: number): number {
  let value = 0;
  for (let index = 0; index < timeNs.length && timeNs[index]! <= ns; index++) value = bytes[index]!;
  return value;
}
