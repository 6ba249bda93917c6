import { formatNs, formatPercent } from "../../plan/units.ts";
import type { PlanDetail } from "../engine/protocol.ts";

/** What the critical path's time goes to, and how far the plan is from its bounds. */
export function LimitPanel({ detail }: { readonly detail: PlanDetail | null }) {
  if (detail === null) return <p class="results-note">No plan is shown yet.</p>;
  const { shares, ops } = detail.criticalPath;
  const total = shares.reduce((sum, { ns }) => sum + ns, 0);
  const { compute, network } = detail.lowerBoundNs;
  return (
    <>
      <table class="results-table results-shares">
        <caption>
          Critical path of one pass: {ops.length.toLocaleString("en-US")} ops, {formatNs(total)}
        </caption>
        <thead>
          <tr>
            <th scope="col">What binds it</th>
            <th scope="col">Time</th>
            <th scope="col">Share</th>
            <th scope="col" class="results-wide">
              <span class="visually-hidden">Bar</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shares.map(({ binding, ns, link }) => (
            <tr key={binding}>
              <th scope="row">
                {binding}
                {link !== undefined && <span class="results-note"> most {link.name}</span>}
              </th>
              <td>{formatNs(ns)}</td>
              <td>{formatPercent(ns / total)}</td>
              <td class="results-wide">
                <span class="results-meter" style={{ width: `${(100 * ns) / total}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <table class="results-table">
        <caption>How far it is from what no schedule of this method can beat</caption>
        <tbody>
          {(
            [
              ["makespan of a pass", detail.passNs],
              ["compute bound: its FLOPs at the devices' rate", compute],
              ["network bound: its bytes over the busiest links", network],
            ] as const
          ).map(([name, ns]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{formatNs(ns)}</td>
              <td>{formatPercent(ns / detail.passNs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {detail.repeats > 1 && (
        <p class="results-note">
          {detail.repeats.toLocaleString("en-US")} equal passes take {formatNs(detail.makespanNs)}.
        </p>
      )}
    </>
  );
}
