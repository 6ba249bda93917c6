import type { Comparison } from "../../plan/trace/compare.ts";
import { formatNs } from "../../plan/units.ts";
import { describeOp, differenceText, errorText } from "./words.ts";

interface WorstOpsProps {
  readonly comparison: Comparison;
  readonly picked: number | null;
  readonly onPick: (op: number) => void;
}

/** Ops whose times differ most, and what released each of them. */
export function WorstOps({ comparison, picked, onPick }: WorstOpsProps) {
  const { worstOps } = comparison;
  return (
    <section class="measured-panel measured-worst" aria-label="Worst ops">
      <table class="measured-table">
        <caption>Worst ops, largest difference first</caption>
        <thead>
          <tr>
            <th scope="col">Op</th>
            <th scope="col" class="measured-number">
              Predicted
            </th>
            <th scope="col" class="measured-number">
              Measured
            </th>
            <th scope="col" class="measured-number" title="Measured − predicted">
              Difference
            </th>
            <th scope="col" class="measured-number">
              Error
            </th>
            <th scope="col">Released by</th>
          </tr>
        </thead>
        <tbody>
          {worstOps.map((row) => (
            <tr key={row.op} class={row.op === picked ? "measured-row-picked" : ""}>
              <th scope="row">
                <button
                  type="button"
                  class="measured-op"
                  aria-pressed={row.op === picked}
                  onClick={() => onPick(row.op)}
                >
                  {describeOp(row)}
                </button>
              </th>
              <td class="measured-number">{formatNs(row.predictedNs)}</td>
              <td class="measured-number">{formatNs(row.measuredNs)}</td>
              <td class="measured-number">{differenceText(row.measuredNs - row.predictedNs)}</td>
              <td class="measured-number">{errorText(row.error)}</td>
              <td>{row.awaited === null ? "" : describeOp(row.awaited)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
