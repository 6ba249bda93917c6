import { formatNs } from "../../plan/units.ts";
import type { Sweep } from "../engine/protocol.ts";
import { axisNames, formatTick } from "./axis-text.ts";
import { methodName } from "../results/plan-words.ts";
import { leastAt } from "./sweep-text.ts";

/** The chart's figures as a table; the best at each value stands out by weight and by a word. */
export function SweepTable({ sweep }: { readonly sweep: Sweep }) {
  const { axis, x, series } = sweep;
  return (
    <details class="methods-details">
      <summary>The chart as a table</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reached by keyboard */}
      <section class="methods-scroll" aria-label="Makespans of the methods" tabIndex={0}>
        <table class="methods-table">
          <thead>
            <tr>
              <th scope="col">{axisNames[axis]}</th>
              {series.map(({ method }) => (
                <th key={method} scope="col" class="methods-number">
                  {methodName(method)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {x.map((value, i) => (
              <tr key={value}>
                <th scope="row">{formatTick(axis, value)}</th>
                {series.map(({ method, makespanNs }) => (
                  <Cell key={method} ns={makespanNs[i] ?? null} least={leastAt(sweep, i)} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

function Cell({ ns, least }: { readonly ns: number | null; readonly least: number }) {
  if (ns === null) return <td class="methods-number">no plan</td>;
  const isBest = ns <= least * (1 + 1e-9);
  return (
    <td class={`methods-number${isBest ? " methods-best" : ""}`}>
      {formatNs(ns)}
      {isBest && <span class="visually-hidden"> best</span>}
    </td>
  );
}
