import type { Sweep } from "../engine/protocol.ts";
import { formatValue } from "./axis-text.ts";
import { rankingAt } from "./sweep-text.ts";

/** The figures of all methods at the value under the pointer or focus. Its place is kept while there is none. */
export function Readout({ sweep, column }: { readonly sweep: Sweep; readonly column: number | null }) {
  const value = column === null ? undefined : sweep.x[column];
  return (
    <p class="methods-readout">
      {column === null || value === undefined ? (
        <span class="methods-note">
          Point at the chart, or move between its points with the arrow keys, for figures.
        </span>
      ) : (
        <>
          <strong>{formatValue(sweep.axis, value)}</strong>
          {rankingAt(sweep, column).map(([name, figures]) => (
            <span key={name}>
              {name} {figures ?? "–"}
            </span>
          ))}
        </>
      )}
    </p>
  );
}
