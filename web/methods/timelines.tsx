import type { ComponentChildren } from "preact";
import { formatNs } from "../../plan/units.ts";
import type { PlanDetail } from "../engine/protocol.ts";
import { methodName } from "../results/plan-words.ts";
import type { Theme } from "../theme/palette.ts";
import { type ComparedRow, sharedEndNs } from "./compared.ts";
import { MethodMark } from "./method-mark.tsx";

interface TimelinesProps {
  readonly rows: readonly ComparedRow[];
  readonly theme: Theme;
  readonly render: (detail: PlanDetail, sharedEndNs: number) => ComponentChildren;
}

/** The timelines of one pass each, below each other, all to the same scale. Those that are not there yet keep their place. */
export function Timelines({ rows, theme, render }: TimelinesProps) {
  if (rows.length === 0) return <p class="methods-empty">Timelines follow the ranking.</p>;
  const end = sharedEndNs(rows.flatMap(({ detail }) => detail ?? []));
  return (
    <>
      <p class="methods-note">
        {end > 0
          ? `One pass of each; all axes end at ${formatNs(end)}, the longest of them. Zoom and pan move all together.`
          : "One pass of each, on axes of the same length."}
      </p>
      {rows.map(({ key, method, plan, detail, isOld }) => (
        <div key={key} class="methods-timeline">
          <h3>
            <MethodMark method={method} theme={theme} />
            {methodName(method)} <span class="methods-plan">{plan}</span>
            {detail !== null && <span class="methods-pass">{formatNs(detail.passNs)} a pass</span>}
            {isOld && <span class="methods-plan">before the last change</span>}
          </h3>
          {detail === null ? (
            <p class="methods-empty methods-waiting">The timeline of this plan is being computed, where it fits.</p>
          ) : (
            render(detail, end)
          )}
        </div>
      ))}
    </>
  );
}
