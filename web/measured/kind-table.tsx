import type { Comparison } from "../../plan/trace/compare.ts";
import type { StreamTimes } from "../../plan/trace/stream-times.ts";
import { formatCount, formatNs } from "../../plan/units.ts";
import type { Theme } from "../theme/palette.ts";
import { DifferenceBar } from "./difference-bar.tsx";
import { fillOfKind } from "./kind-colors.ts";
import { differenceText, errorText } from "./words.ts";

interface KindTableProps {
  readonly comparison: Comparison;
  readonly theme: Theme;
}

/** Sums over all ops of each kind: which part of the model is off. */
export function KindTable({ comparison, theme }: KindTableProps) {
  const { perKind } = comparison;
  const mostNs = Math.max(0, ...perKind.map(({ predictedNs, measuredNs }) => Math.abs(measuredNs - predictedNs)));
  return (
    <table class="measured-table">
      <caption>Error by kind of op</caption>
      <thead>
        <tr>
          <th scope="col">All ops of kind</th>
          <th scope="col" class="measured-number">
            Predicted
          </th>
          <th scope="col" class="measured-number">
            Measured
          </th>
          <th scope="col" class="measured-number" title="Measured − predicted">
            Difference
          </th>
          <th scope="col" class="measured-number" title="(predicted − measured) / measured">
            Error
          </th>
        </tr>
      </thead>
      <tbody>
        {perKind.map(({ kind, predictedNs, measuredNs, error }) => (
          <tr key={kind}>
            <th scope="row">
              <span class="measured-swatch" style={{ background: fillOfKind(kind, theme) }} />
              {kind}
            </th>
            <td class="measured-number">{formatNs(predictedNs)}</td>
            <td class="measured-number">{formatNs(measuredNs)}</td>
            <td class="measured-number">
              {differenceText(measuredNs - predictedNs)}
              <DifferenceBar ns={measuredNs - predictedNs} mostNs={mostNs} />
            </td>
            <td class="measured-number">{errorText(error)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** How long streams are busy, means over the ranks that have them. */
export function StreamTable({ comparison }: Pick<KindTableProps, "comparison">) {
  return (
    <table class="measured-table">
      <caption>Streams, mean of their ranks</caption>
      <thead>
        <tr>
          <th scope="col">Stream</th>
          <th scope="col" class="measured-number">
            Ranks
          </th>
          <th scope="col" class="measured-number">
            Busy predicted
          </th>
          <th scope="col" class="measured-number">
            Measured
          </th>
          <th scope="col" class="measured-number">
            Idle predicted
          </th>
          <th scope="col" class="measured-number">
            Measured
          </th>
        </tr>
      </thead>
      <tbody>
        {comparison.perStream.map(({ stream, numRanks, predicted, measured }) => (
          <tr key={stream}>
            <th scope="row">{stream}</th>
            <td class="measured-number">{formatCount(numRanks)}</td>
            <Cell times={predicted} of="busyNs" />
            <Cell times={measured} of="busyNs" />
            <Cell times={predicted} of="idleNs" />
            <Cell times={measured} of="idleNs" />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell({ times, of }: { readonly times: StreamTimes | null; readonly of: "busyNs" | "idleNs" }) {
  return <td class="measured-number">{times === null ? "–" : formatNs(times[of])}</td>;
}
