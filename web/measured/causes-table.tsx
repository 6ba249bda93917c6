import type { Comparison } from "../../plan/trace/compare.ts";
import type { CauseShare } from "../../plan/trace/explain-difference.ts";
import { formatNs } from "../../plan/units.ts";
import { DifferenceBar } from "./difference-bar.tsx";
import { isSeen } from "../../plan/trace/difference-words.ts";
import { causeMeanings, describeOp, describeOrder, differenceText } from "./words.ts";

interface CausesTableProps {
  readonly comparison: Comparison;
  readonly onPick: (op: number) => void;
}

/** What the difference of the makespans is made of: time on the critical chain by cause, which adds up to it. */
export function CausesTable({ comparison, onPick }: CausesTableProps) {
  const { explanation, predictedNs, measuredNs } = comparison;
  const { causes } = explanation;
  const mostNs = Math.max(...causes.map(({ differenceNs }) => Math.abs(differenceNs)), 0);
  return (
    <section class="measured-panel" aria-label="What explains the difference">
      <table class="measured-table">
        <caption>What explains the difference</caption>
        <thead>
          <tr>
            <th scope="col">On the chain</th>
            <th scope="col" class="measured-number">
              Predicted
            </th>
            <th scope="col" class="measured-number">
              Measured
            </th>
            <th scope="col" class="measured-number" title="Measured − predicted">
              Difference
            </th>
            <th scope="col">Most at</th>
          </tr>
        </thead>
        <tbody>
          {causes.map((share) => (
            <CauseRow key={share.cause} share={share} mostNs={mostNs} onPick={onPick} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">makespan</th>
            <td class="measured-number">{formatNs(predictedNs)}</td>
            <td class="measured-number">{formatNs(measuredNs)}</td>
            <td class="measured-number">{differenceText(measuredNs - predictedNs)}</td>
            <td />
          </tr>
        </tfoot>
      </table>
      <p class="measured-note">{describeOrder(explanation)}</p>
    </section>
  );
}

interface CauseRowProps {
  readonly share: CauseShare;
  readonly mostNs: number;
  readonly onPick: (op: number) => void;
}

function CauseRow({ share, mostNs, onPick }: CauseRowProps) {
  const { cause, mostAt, differenceNs } = share;
  return (
    <tr>
      <th scope="row" title={causeMeanings[cause]}>
        {cause}
      </th>
      <td class="measured-number">{formatNs(share.predictedNs)}</td>
      <td class="measured-number">{formatNs(share.measuredNs)}</td>
      <td class="measured-number">
        {differenceText(differenceNs)}
        <DifferenceBar ns={differenceNs} mostNs={mostNs} />
      </td>
      <td>
        {mostAt !== null && isSeen(mostAt.differenceNs) && (
          <>
            <button type="button" class="measured-op" onClick={() => onPick(mostAt.op)}>
              {describeOp(mostAt)}
            </button>{" "}
            <span class="measured-nowrap">{differenceText(mostAt.differenceNs)}</span>
          </>
        )}
      </td>
    </tr>
  );
}
