import type { TimeWindow } from "../../state/explorer-state.ts";
import type { PreparedTimeline, SummaryRow } from "../model-types.ts";
import { KEY_HELP } from "./keys.ts";
import { summaryText } from "./summary-text.ts";
import { durationText } from "./ticks.ts";

export interface SpanPanelProps {
  readonly prepared: PreparedTimeline;
  readonly span: number;
}

/** Fields of the selected span and what the checker says about it. */
export function SpanPanel({ prepared, span }: SpanPanelProps) {
  if (span < 0) return <p class="timeline-hint">Select a span to see what it is; press ? for the keys.</p>;
  const { source } = prepared;
  const finding = source.finding(span);
  return (
    <div class="timeline-span">
      <strong>{source.label(span)}</strong>
      {finding !== "" && <p class="timeline-finding">{finding}</p>}
      <dl>
        {source.describe(span).map(([field, value]) => (
          <div key={field}>
            <dt>{field}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

export interface AreaPanelProps {
  readonly window: TimeWindow;
  readonly rows: readonly SummaryRow[];
  onClose(): void;
}

/** What an area holds, by kind. */
export function AreaPanel({ window, rows, onClose }: AreaPanelProps) {
  return (
    <div class="timeline-area-panel">
      <div class="timeline-area-head">
        <strong>Selected area: {durationText(window.endNs - window.startNs)}</strong>
        <button type="button" onClick={() => navigator.clipboard?.writeText(summaryText(rows))}>
          Copy table
        </button>
        <button type="button" onClick={onClose}>
          Clear
        </button>
      </div>
      <table>
        <thead>
          <tr>
            {["Kind", "Count", "Total", "Mean", "Largest"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.kind}>
              <th scope="row">{row.kind}</th>
              <td>{row.count.toLocaleString("en-US")}</td>
              <td>{durationText(row.totalNs)}</td>
              <td>{durationText(row.meanNs)}</td>
              <td>{durationText(row.maxNs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Keys and what they do. */
export function HelpPanel({ onClose }: { onClose(): void }) {
  return (
    <section class="timeline-help" aria-label="Keys of the timeline">
      <dl>
        {KEY_HELP.map(([keys, does]) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={onClose}>
        Close
      </button>
    </section>
  );
}
