import type { Theme } from "../theme/palette.ts";
import { classRates } from "./class-rates.ts";
import { laneWidth } from "./lane-path.ts";
import { dashes } from "./link-style.ts";
import { linkClassNames, type LinkModel } from "./links.ts";
import { NUM_STEPS, stepColor } from "./use-colors.ts";

interface LegendProps {
  readonly model: LinkModel;
  readonly theme: Theme;
  /** What the colors are: of a time or of the pass; null where there is no plan. */
  readonly colors: string | null;
}

/** What colors, widths and dashes mean, with the capacities that this topology has. */
export function Legend({ model, theme, colors }: LegendProps) {
  const parts = [0, 0.25, 0.5, 0.75, 1].map((part) => stepColor(theme, Math.round(part * NUM_STEPS)));
  return (
    <div class="topology-legend">
      <span class="topology-legend-part">
        <span>{colors ?? "Use of the links: no plan is shown yet"}</span>
        <span>0 %</span>
        <span class="topology-ramp" style={{ background: `linear-gradient(to right, ${parts.join(", ")})` }} />
        <span>100 %</span>
      </span>
      {classRates(model).map(({ linkClass, rates }) => (
        <span key={linkClass} class="topology-legend-part">
          <svg width="30" height="8" aria-hidden="true">
            <path class="topology-sample" d="M1 4H29" stroke-width={3} stroke-dasharray={dashes[linkClass]} />
          </svg>
          <span>
            {linkClassNames[linkClass]}, {rates}
          </span>
        </span>
      ))}
      <span class="topology-legend-part">
        {[1e9, 1e10, 1e11, 1e12].map((rate) => (
          <svg key={rate} width="14" height="8" aria-hidden="true">
            <path class="topology-sample" d="M1 4H13" stroke-width={laneWidth(rate)} />
          </svg>
        ))}
        <span>1, 10, 100, 1000 GB/s each way</span>
      </span>
    </div>
  );
}
