import { useId, useRef, useState } from "preact/hooks";
import type { Sweep } from "../engine/protocol.ts";
import { SWEEP_AXES, type SweepAxis } from "../state/explorer-state.ts";
import type { Theme } from "../theme/palette.ts";
import { axisChoices } from "./axis-text.ts";
import { Chart } from "./chart.tsx";
import { saveSvg } from "./export-chart.ts";
import { MethodMark } from "./method-mark.tsx";
import { methodName } from "../results/plan-words.ts";
import { describeChart, describeFindings } from "./sweep-text.ts";
import { Readout } from "./readout.tsx";
import { SweepTable } from "./sweep-table.tsx";

interface SweepPanelProps {
  readonly sweep: Sweep | null;
  readonly isSweeping: boolean;
  readonly axis: SweepAxis;
  readonly onAxis: (axis: SweepAxis) => void;
  readonly theme: Theme;
}

/** Makespans of the methods over an axis that one chooses: chart, legend, figures at the cursor, and the same as a table. */
export function SweepPanel({ sweep, isSweeping, axis, onAxis, theme }: SweepPanelProps) {
  const [column, setColumn] = useState<number | null>(null);
  const [isRelative, setRelative] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  // Of another axis or of nothing: the chart's place stays.
  const shown = sweep?.axis === axis ? sweep : null;
  const status = isSweeping ? "computing …" : shown === null ? "no chart" : "";
  const save = () => {
    const svg = frame.current?.querySelector<SVGSVGElement>("svg.methods-chart");
    if (svg != null) saveSvg(svg, `toroid-${axis}.svg`, describeChart(axis));
  };
  return (
    <>
      <div class="methods-sweep-head">
        <AxisChoice axis={axis} onAxis={onAxis} />
        <label class="methods-check">
          <input type="checkbox" checked={isRelative} onChange={(event) => setRelative(event.currentTarget.checked)} />
          relative to the best
        </label>
        <span class="methods-status" role="status">
          {status}
        </span>
        <button type="button" disabled={shown === null} onClick={save}>
          Save chart as SVG
        </button>
      </div>
      <div ref={frame} class={`methods-frame${isSweeping && shown !== null ? " methods-stale" : ""}`}>
        {shown === null ? (
          <p class="methods-empty">{isSweeping ? "Searching the best plan of each method …" : emptyText(axis)}</p>
        ) : (
          <Chart sweep={shown} theme={theme} isRelative={isRelative} column={column} onColumn={setColumn} />
        )}
      </div>
      {shown !== null && (
        <>
          <Legend sweep={shown} theme={theme} />
          <ul class="methods-findings">
            {describeFindings(shown).map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
          <Readout sweep={shown} column={column} />
          <SweepTable sweep={shown} />
          <p class="methods-note">
            The best plan of each method at every value, found by a short search with Torus’ published path; the ranking
            searches more. Between two values makespans are taken as straight lines on the chart’s logarithmic scales.
          </p>
        </>
      )}
    </>
  );
}

function emptyText(axis: SweepAxis): string {
  switch (axis) {
    case "tokens":
      return "No method fits this cluster and model at any length.";
    case "machines":
      return "The number of machines can be varied for presets and for files of one machine.";
    case "inter":
      return "Rates between machines can be varied where there are two machines or more.";
  }
}

function AxisChoice({ axis, onAxis }: Pick<SweepPanelProps, "axis" | "onAxis">) {
  const name = useId();
  return (
    <fieldset class="methods-axis">
      <legend>Makespan over</legend>
      {SWEEP_AXES.map((one) => (
        <label key={one}>
          <input type="radio" name={name} value={one} checked={one === axis} onChange={() => onAxis(one)} />
          {axisChoices[one]}
        </label>
      ))}
    </fieldset>
  );
}

function Legend({ sweep, theme }: { readonly sweep: Sweep; readonly theme: Theme }) {
  return (
    <ul class="methods-legend" aria-label="Methods of the chart">
      {sweep.series.map(({ method, makespanNs }) => (
        <li key={method}>
          <MethodMark method={method} theme={theme} />
          {methodName(method)}
          {makespanNs.every((ns) => ns === null) && <span class="methods-plan"> no plan fits</span>}
        </li>
      ))}
    </ul>
  );
}
