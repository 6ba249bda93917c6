import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Trace } from "../../plan/trace/trace.ts";
import { formatNs } from "../../plan/units.ts";
import type { ForeignTrace } from "../engine/protocol.ts";
import type { TimelineSource } from "../timeline/timeline-source.ts";
import { listPasses, medianPass, shiftForeign, tracePass } from "./trace-pass.ts";
import { foreignSource, traceSource } from "./trace-source.ts";

interface LanesPanelProps {
  readonly predicted: Trace | null;
  readonly measured: Trace | null;
  readonly foreign: ForeignTrace | null;
  readonly isRefused: boolean;
  readonly renderTimeline: (sources: { source: TimelineSource; beside: TimelineSource | null }) => ComponentChildren;
}

/** The traces on one axis; of a run with several passes one of them, which begins where the prediction does. */
export function LanesPanel({ predicted, measured, foreign, isRefused, renderTimeline }: LanesPanelProps) {
  const [wantsForeign, setWantsForeign] = useState(false);
  const [beginMs, setBeginMs] = useState(0);
  const shownMeasured = isRefused ? null : measured;
  const predictedLanes = usePass(predicted);
  const measuredLanes = usePass(shownMeasured);
  const foreignLanes = useMemo(
    () =>
      foreign === null ? null : foreignSource(shiftForeign(foreign, 1e6 * beginMs), `${keyOf(foreign)}:${beginMs}`),
    [foreign, beginMs],
  );
  const isForeign = foreignLanes !== null && (wantsForeign || measuredLanes.source === null);
  const beside = isForeign ? foreignLanes : measuredLanes.source;
  const source = predictedLanes.source ?? beside;
  return (
    <section class="measured-panel measured-lanes" aria-label="Traces on one axis">
      <div class="measured-controls">
        <h2>{titleOf(predictedLanes.source !== null, beside !== null, isForeign)}</h2>
        {foreign !== null && measuredLanes.source !== null && (
          <label>
            Beside the prediction{" "}
            <select
              value={isForeign ? "foreign" : "measured"}
              onChange={(event) => setWantsForeign(event.currentTarget.value === "foreign")}
            >
              <option value="measured">the measured trace</option>
              <option value="foreign">lanes of {foreign.tool}</option>
            </select>
          </label>
        )}
        {!isForeign && <PassChoice {...measuredLanes} name="Measured pass" />}
        <PassChoice {...predictedLanes} name="Predicted pass" />
        {isForeign && (
          <label>
            Their axis begins at{" "}
            <input
              type="number"
              step="any"
              value={beginMs}
              class="measured-begin"
              onChange={(event) => {
                const value = event.currentTarget.valueAsNumber;
                setBeginMs(Number.isFinite(value) ? value : 0);
              }}
            />{" "}
            ms
          </label>
        )}
      </div>
      {source !== null && renderTimeline({ source, beside: source === beside ? null : beside })}
    </section>
  );
}

function titleOf(hasPredicted: boolean, hasBeside: boolean, isForeign: boolean): string {
  if (!hasPredicted) return isForeign ? "Lanes of another tool" : "Measured";
  if (!hasBeside) return "Predicted";
  return isForeign ? "Predicted, and lanes of another tool" : "Predicted and measured on one axis";
}

interface PassLanes {
  readonly source: TimelineSource | null;
  /** Makespans of the passes, ns. */
  readonly makespansNs: readonly number[];
  /** −1 for all passes. */
  readonly pass: number;
  readonly setPass: (pass: number) => void;
}

/** Lanes of one pass of a trace, at first of that which stands for all. */
function usePass(trace: Trace | null): PassLanes {
  const passes = useMemo(() => (trace === null ? [] : listPasses(trace)), [trace]);
  const [choice, setChoice] = useState<{ readonly trace: Trace | null; readonly pass: number } | null>(null);
  const pass = choice !== null && choice.trace === trace ? choice.pass : medianPass(passes);
  const source = useMemo(() => {
    if (trace === null) return null;
    const chosen = passes[pass];
    return traceSource(chosen === undefined ? trace : tracePass(trace, chosen), { key: `${keyOf(trace)}:${pass}` });
  }, [trace, passes, pass]);
  return {
    source,
    makespansNs: passes.map(({ makespanNs }) => makespanNs),
    pass,
    setPass: (next) => setChoice({ trace, pass: next }),
  };
}

const numbers = new WeakMap<object, number>();
let numTraces = 0;

/** A name of its own for each trace that was opened. */
function keyOf(trace: Trace | ForeignTrace): string {
  let number = numbers.get(trace);
  if (number === undefined) {
    number = ++numTraces;
    numbers.set(trace, number);
  }
  return `trace ${number}`;
}

function PassChoice({ name, makespansNs, pass, setPass }: PassLanes & { readonly name: string }) {
  if (makespansNs.length < 2) return null;
  return (
    <label>
      {name}{" "}
      <select value={String(pass)} onChange={(event) => setPass(Number(event.currentTarget.value))}>
        {makespansNs.map((ns, i) => (
          <option key={i} value={String(i)}>
            {i + 1}: {formatNs(ns)}
          </option>
        ))}
        <option value="-1">all, one after the other</option>
      </select>
    </label>
  );
}
