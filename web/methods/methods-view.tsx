import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { PlanDetail, Ranking, Sweep } from "../engine/protocol.ts";
import type { PointKey, SweepAxis } from "../state/explorer-state.ts";
import type { Theme } from "../theme/palette.ts";
import { Chooser } from "./chooser.tsx";
import { comparedRows, shownKeys } from "./compared.ts";
import { ComparedTable } from "./compared-table.tsx";
import { SweepPanel } from "./sweep-panel.tsx";
import { Timelines } from "./timelines.tsx";
import "./methods.css";

interface MethodsViewProps {
  readonly ranking: Ranking | null;
  readonly details: ReadonlyMap<PointKey, PlanDetail>;
  /** Empty for the best of each method. */
  readonly compared: readonly PointKey[];
  readonly onCompared: (keys: readonly PointKey[]) => void;
  readonly sweep: Sweep | null;
  readonly isSweeping: boolean;
  readonly axis: SweepAxis;
  readonly onAxis: (axis: SweepAxis) => void;
  readonly theme: Theme;
  /** A timeline whose axis ends at `sharedEndNs`. */
  readonly renderTimeline: (detail: PlanDetail, sharedEndNs: number) => ComponentChildren;
}

/** The same workload under two to six plans: a table, timelines on one axis, and makespans over an axis. */
export function MethodsView(props: MethodsViewProps) {
  const { ranking, details, compared, onCompared, theme } = props;
  const candidates = ranking?.candidates ?? [];
  const keys = useMemo(() => shownKeys(compared, candidates), [compared, candidates]);
  const rows = useMemo(() => comparedRows(keys, ranking, details), [keys, ranking, details]);
  return (
    <div class="methods-view">
      <section aria-label="Plans side by side" class="methods-panel methods-plans">
        <h2>Plans side by side</h2>
        <ComparedTable rows={rows} theme={theme} onRemove={(key) => onCompared(keys.filter((one) => one !== key))} />
        <Chooser candidates={candidates} shown={keys} isDefault={compared.length === 0} onCompared={onCompared} />
      </section>
      <section aria-label="Where one method overtakes another" class="methods-panel">
        <h2>Where one method overtakes another</h2>
        <SweepPanel
          sweep={props.sweep}
          isSweeping={props.isSweeping}
          axis={props.axis}
          onAxis={props.onAxis}
          theme={theme}
        />
      </section>
      <section aria-label="Timelines on one axis" class="methods-panel">
        <h2>Timelines on one axis</h2>
        <Timelines rows={rows} theme={theme} render={props.renderTimeline} />
      </section>
    </div>
  );
}
