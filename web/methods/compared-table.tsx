import type { ComponentChildren } from "preact";
import { formatBytes, formatNs, formatPercent } from "../../plan/units.ts";
import type { RankedCandidate } from "../engine/protocol.ts";
import type { PointKey } from "../state/explorer-state.ts";
import { palette, type Theme } from "../theme/palette.ts";
import { type ComparedRow, LEAST_COMPARED, nameOfKey } from "./compared.ts";
import { MethodMark } from "./method-mark.tsx";
import { methodName } from "../results/plan-words.ts";

interface ComparedTableProps {
  readonly rows: readonly ComparedRow[];
  readonly theme: Theme;
  readonly onRemove: (key: PointKey) => void;
}

const headings = [
  "Plan",
  "Makespan",
  "Above the best",
  "Where it goes",
  "Compute",
  "Exposed",
  "Idle",
  "Between machines",
  "Heap",
  "Remove",
];

/** The plans side by side. Times are means over the ranks of the whole run; bytes of one pass by the busiest machine. */
export function ComparedTable({ rows, theme, onRemove }: ComparedTableProps) {
  if (rows.length === 0) return <p class="methods-empty">No plan yet: the search has just begun, or nothing fits.</p>;
  const longest = rows.reduce((most, { candidate }) => Math.max(most, candidate?.makespanNs ?? 0), 0);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reached by keyboard
    <section class="methods-scroll" aria-label="Table of plans side by side" tabIndex={0}>
      <table class="methods-table">
        <thead>
          <tr>
            {headings.map((heading, i) => (
              <th key={heading} scope="col" class={i === 0 || i === 3 ? "" : "methods-number"}>
                {heading === "Remove" ? <span class="visually-hidden">Remove</span> : heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row
              key={row.key}
              row={row}
              longest={longest}
              theme={theme}
              onRemove={onRemove}
              isFixed={rows.length <= LEAST_COMPARED}
            />
          ))}
        </tbody>
      </table>
      <p class="methods-note">
        Compute, exposed communication and idle are means over the ranks and add up to the makespan. Between machines:
        what the busiest machine sends to others in a pass. Meshes are N_u×N_r×U×R.
      </p>
    </section>
  );
}

interface RowProps {
  readonly row: ComparedRow;
  readonly longest: number;
  readonly theme: Theme;
  readonly onRemove: (key: PointKey) => void;
  readonly isFixed: boolean;
}

function Row({ row, longest, theme, onRemove, isFixed }: RowProps) {
  const { key, method, plan, candidate, aboveBest, interMachineBytes } = row;
  const figure = (text: string | null) => <td class="methods-number">{text ?? "–"}</td>;
  const time = (ns: number | undefined) => figure(ns === undefined ? null : formatNs(ns));
  return (
    <tr>
      <th scope="row">
        <span class="methods-name">
          <MethodMark method={method} theme={theme} />
          {methodName(method)}
        </span>
        <span class="methods-plan">{candidate === null ? `${plan}: not among what is ranked now` : plan}</span>
      </th>
      {time(candidate?.makespanNs)}
      {figure(aboveBest === null ? null : aboveBest === 0 ? "best" : formatPercent(aboveBest, true))}
      <td>{candidate !== null && <TimeBar candidate={candidate} longest={longest} theme={theme} />}</td>
      {time(candidate?.computeNs)}
      {time(candidate?.exposedCommunicationNs)}
      {time(candidate?.idleNs)}
      {figure(interMachineBytes === null ? null : formatBytes(interMachineBytes))}
      {figure(candidate === null ? null : formatBytes(candidate.heapBytes))}
      <td>
        <button
          type="button"
          class="methods-remove"
          disabled={isFixed}
          aria-label={`Remove ${nameOfKey(key)}`}
          title={isFixed ? "Two plans at least are compared" : "Remove from the comparison"}
          onClick={() => onRemove(key)}
        >
          ×
        </button>
      </td>
    </tr>
  );
}

/** Compute, exposed communication (hatched) and idle, to the scale of the longest makespan; the figures stand beside it. */
function TimeBar({
  candidate,
  longest,
  theme,
}: {
  readonly candidate: RankedCandidate;
  readonly longest: number;
  readonly theme: Theme;
}): ComponentChildren {
  const { computeNs, exposedCommunicationNs, idleNs } = candidate;
  const colors = palette[theme];
  const parts = [
    [computeNs, colors.compute, ""],
    [exposedCommunicationNs, colors.transfer, " methods-hatched"],
    [idleNs, colors.wait, ""],
  ] as const;
  return (
    <div class="methods-bar" aria-hidden="true">
      {parts.map(([ns, color, hatch]) => (
        <span
          key={color}
          class={`methods-bar-part${hatch}`}
          style={{ width: `${(100 * ns) / longest}%`, backgroundColor: color }}
        />
      ))}
    </div>
  );
}
