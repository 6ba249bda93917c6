import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Comparison } from "../../plan/trace/compare.ts";
import type { Trace } from "../../plan/trace/trace.ts";
import type { EngineError, ForeignTrace } from "../engine/protocol.ts";
import type { Theme } from "../theme/palette.ts";
import type { TimelineSource } from "../timeline/timeline-source.ts";
import { CausesTable } from "./causes-table.tsx";
import { EmptyState } from "./empty-state.tsx";
import { Headline } from "./headline.tsx";
import { KindTable, StreamTable } from "./kind-table.tsx";
import { LanesPanel } from "./lanes-panel.tsx";
import { LoadedFiles } from "./loaded-files.tsx";
import { matchOpTimes, type OpTimes } from "./op-times.ts";
import { Refusal } from "./refusal.tsx";
import { ResidualStrip } from "./residual-strip.tsx";
import { ScatterPlot } from "./scatter-plot.tsx";
import { describeRow } from "./words.ts";
import { WorstOps } from "./worst-ops.tsx";
import "./measured.css";

export interface MeasuredViewProps {
  readonly predicted: Trace | null;
  readonly measured: Trace | null;
  readonly foreign: ForeignTrace | null;
  /** Null while it is worked out, and where a trace is missing or refused. */
  readonly comparison: Comparison | null;
  readonly error: EngineError | null;
  readonly theme: Theme;
  readonly onDropFiles: (files: readonly File[]) => void;
  readonly onClear: (which: "predicted" | "measured" | "foreign") => void;
  readonly renderTimeline: (sources: { source: TimelineSource; beside: TimelineSource | null }) => ComponentChildren;
  /** An op was picked in a chart or table. */
  readonly onSelectOp?: (op: number) => void;
}

/** A prediction beside what was measured: how far off it is, why, where, and both on one axis. */
export function MeasuredView(props: MeasuredViewProps) {
  const { predicted, measured, foreign, comparison, error, theme, onSelectOp } = props;
  const [picked, setPicked] = useState<number | null>(null);
  const hasBoth = predicted !== null && measured !== null;
  const isRefused = hasBoth && predicted.scheduleHash !== measured.scheduleHash;
  const isCompared = hasBoth && !isRefused && comparison !== null;
  const pick = (op: number) => {
    setPicked(op);
    onSelectOp?.(op);
  };
  return (
    <div class="measured-page">
      <LoadedFiles {...props} />
      {error !== null && !isRefused && <Failure error={error} />}
      {isRefused && <Refusal predicted={predicted} measured={measured} />}
      {!hasBoth && <EmptyState hasPredicted={predicted !== null} hasMeasured={measured !== null} foreign={foreign} />}
      {hasBoth && !isRefused && comparison === null && error === null && (
        <p class="measured-panel measured-waiting" role="status">
          Comparing the traces…
        </p>
      )}
      {isCompared && <Summary comparison={comparison} theme={theme} onPick={pick} />}
      {(predicted !== null || measured !== null || foreign !== null) && <LanesPanel {...props} isRefused={isRefused} />}
      {isCompared && (
        <ByOp
          predicted={predicted}
          measured={measured}
          comparison={comparison}
          theme={theme}
          picked={picked}
          onPick={pick}
        />
      )}
    </div>
  );
}

interface SummaryProps {
  readonly comparison: Comparison;
  readonly theme: Theme;
  readonly onPick: (op: number) => void;
}

/** How far off it is, and why. */
function Summary({ comparison, theme, onPick }: SummaryProps) {
  return (
    <>
      <Headline comparison={comparison} />
      <div class="measured-columns">
        <CausesTable comparison={comparison} onPick={onPick} />
        <div class="measured-panel">
          <KindTable comparison={comparison} theme={theme} />
          <StreamTable comparison={comparison} />
        </div>
      </div>
    </>
  );
}

interface ByOpProps extends SummaryProps {
  readonly predicted: Trace;
  readonly measured: Trace;
  readonly picked: number | null;
}

/** Which ops are off: in the order of time, by length, and the worst of them. */
function ByOp({ predicted, measured, comparison, theme, picked, onPick }: ByOpProps) {
  const times = useMemo(() => tryMatch(predicted, measured), [predicted, measured]);
  const row = picked === null || times === null ? -1 : times.op.indexOf(picked);
  if (times === null || times.op.length === 0) return null;
  return (
    <>
      <ResidualStrip times={times} theme={theme} pickedRow={row} onPick={onPick} />
      <div class="measured-columns measured-columns-scatter">
        <ScatterPlot times={times} theme={theme} pickedRow={row} onPick={onPick} />
        <WorstOps comparison={comparison} picked={picked} onPick={onPick} />
      </div>
      <p class="visually-hidden" role="status">
        {row < 0 ? "" : `Picked: ${describeRow(times, row)}`}
      </p>
    </>
  );
}

/** Null for op ids that no schedule has; the comparison says so. */
function tryMatch(predicted: Trace, measured: Trace): OpTimes | null {
  try {
    return matchOpTimes(predicted, measured);
  } catch {
    return null;
  }
}

function Failure({ error }: { readonly error: EngineError }) {
  return (
    <p class="measured-panel measured-error" role="alert">
      <strong>{error.path === null ? "" : `${error.path}: `}</strong>
      {error.message}
      {error.hint !== null && <span class="measured-note"> {error.hint}</span>}
    </p>
  );
}
