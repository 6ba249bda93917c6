import { useMemo, useState } from "preact/hooks";
import { formatBytes, formatCount, formatNs, formatPercent, formatRate } from "../../plan/units.ts";
import type { PlanDetail } from "../engine/protocol.ts";
import { flowText, linkLoad, type LinkLoad } from "./flows.ts";
import { type DirectedLink, linkClassNames } from "./links.ts";
import { RateEditor } from "./rate-editor.tsx";
import type { UseIndex } from "./utilization.ts";

interface LinkPanelProps {
  readonly link: DirectedLink | null;
  /** The other direction, null for a simplex link. */
  readonly opposite: DirectedLink | null;
  readonly bytesPerSecond: number;
  readonly detail: PlanDetail | null;
  readonly index: UseIndex | null;
  readonly cursorNs: number | null;
  readonly useNow: number;
  /** Makespan when the link was first changed, null where it was not. */
  readonly makespanBeforeNs: number | null;
  onSelect(name: string | null): void;
  onRate(bytesPerSecond: number): void;
}

const FEW_FLOWS = 50;

/** The selected link: what it is, what crosses it, and its bandwidth to change. */
export function LinkPanel(props: LinkPanelProps) {
  const { link, opposite, bytesPerSecond, detail, index, cursorNs, useNow, makespanBeforeNs, onSelect, onRate } = props;
  const load = useMemo(
    () => (link === null || detail === null || index === null ? null : linkLoad(detail, index, link.from, link.to)),
    [link?.name, detail, index],
  );
  if (link === null) {
    return (
      <section class="topology-panel" aria-label="Selected link">
        <p class="topology-hint">
          Select a link to see what crosses it and to change its bandwidth. Arrow keys move from link to link, Enter
          selects; Ctrl and the wheel zoom, dragging pans.
        </p>
      </section>
    );
  }
  const parallel = link.numParallel > 1 ? `, ${formatCount(link.numParallel)} in parallel` : "";
  return (
    <section class="topology-panel" aria-label="Selected link">
      <div class="topology-panel-head">
        <h3>{link.name.replace("→", " → ")}</h3>
        <span class="topology-panel-buttons">
          {opposite !== null && (
            <button
              type="button"
              aria-label="Show the other direction"
              title="Show the other direction"
              onClick={() => onSelect(opposite.name)}
            >
              ⇄
            </button>
          )}
          <button type="button" aria-label="Close the link" title="Close" onClick={() => onSelect(null)}>
            ×
          </button>
        </span>
      </div>
      <RateEditor key={link.name} name={link.name} bytesPerSecond={bytesPerSecond} onRate={onRate} />
      {detail !== null && <Makespan nowNs={detail.makespanNs} beforeNs={makespanBeforeNs} />}
      <dl class="topology-facts">
        <Fact name="Kind" value={`${linkClassNames[link.linkClass]}${parallel}`} />
        <Fact name="Capacity" value={formatRate(bytesPerSecond)} />
        <Fact name="Latency" value={formatNs(link.latencyNs)} />
        {load !== null && (
          <>
            <Fact name="Bytes in a pass" value={formatBytes(load.bytes)} />
            <Fact name="Mean use" value={formatPercent(load.meanUse)} />
            <Fact name="Peak use" value={peakText(load)} />
            <Fact
              name={cursorNs === null ? "Use at the cursor" : `Use at ${formatNs(cursorNs)}`}
              value={cursorNs === null ? "no cursor" : formatPercent(Math.min(useNow, 1))}
            />
          </>
        )}
      </dl>
      {load === null ? (
        <p class="topology-hint">
          {detail === null ? "No plan is shown yet." : "The plan does not know this link yet."}
        </p>
      ) : (
        <Flows key={link.name} load={load} cursorNs={cursorNs} />
      )}
    </section>
  );
}

function peakText({ peakUse, peakNs }: LinkLoad): string {
  return peakUse === 0 ? formatPercent(0) : `${formatPercent(Math.min(peakUse, 1))} at ${formatNs(peakNs)}`;
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Makespan({ nowNs, beforeNs }: { readonly nowNs: number; readonly beforeNs: number | null }) {
  const change =
    beforeNs === null || beforeNs === 0
      ? ""
      : `, was ${formatNs(beforeNs)} (${formatPercent((nowNs - beforeNs) / beforeNs, true)})`;
  return (
    <p class="topology-makespan" aria-live="polite">
      Makespan <strong>{formatNs(nowNs)}</strong>
      {change}
    </p>
  );
}

function Flows({ load, cursorNs }: { readonly load: LinkLoad; readonly cursorNs: number | null }) {
  const [isAll, setIsAll] = useState(false);
  const { flows } = load;
  if (flows.length === 0) {
    const text = load.bytes > 0 ? "Only other groups of ranks use it." : "Nothing of this plan crosses it.";
    return <p class="topology-hint">{text}</p>;
  }
  const shown = isAll ? flows : flows.slice(0, FEW_FLOWS);
  const isNow = (startNs: number, endNs: number) => cursorNs !== null && startNs <= cursorNs && cursorNs < endNs;
  return (
    <>
      <table class="topology-table">
        <caption>{formatCount(flows.length)} flows of one pass, by start; ranks from → to</caption>
        <thead>
          <tr>
            {["Flow", "Bytes", "Start", "Time"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((flow) => (
            <tr key={`${flow.op} ${flow.startNs}`} class={isNow(flow.startNs, flow.endNs) ? "topology-now" : ""}>
              <th scope="row">
                {flowText(flow)}
                {isNow(flow.startNs, flow.endNs) && <span class="topology-badge"> now</span>}
              </th>
              <td>{formatBytes(flow.bytes)}</td>
              <td>{formatNs(flow.startNs)}</td>
              <td>{formatNs(flow.endNs - flow.startNs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {flows.length > shown.length && (
        <button type="button" onClick={() => setIsAll(true)}>
          Show {formatCount(flows.length - shown.length)} more
        </button>
      )}
    </>
  );
}
