import { formatNs, formatPercent } from "../../plan/units.ts";
import type { PlanDetail, RankedCandidate, Ranking } from "../engine/protocol.ts";
import { methodName, planText } from "./plan-words.ts";

interface VerdictProps {
  readonly ranking: Ranking | null;
  readonly detail: PlanDetail | null;
}

/** What should I run, and where does the time go? */
export function Verdict({ ranking, detail }: VerdictProps) {
  const best = ranking?.candidates[0];
  if (ranking === null || best === undefined) return <p class="results-verdict">Planning…</p>;
  const shown = detail?.candidate ?? best;
  const other = ranking.candidates.find(({ method }) => method !== best.method);
  return (
    <div class="results-verdict">
      <p class="results-answer">
        Run{" "}
        <strong>
          {methodName(best.method)}, {best.transport}
        </strong>{" "}
        ({planText(best)}): <strong>{formatNs(best.makespanNs)}</strong>
        {other === undefined ? "." : `, ${comparison(best, other)}.`}
      </p>
      <p>
        {shown.key === best.key || shown.makespanNs <= best.makespanNs ? "It " : `${shownText(shown, best)} It `}
        computes {share(shown.computeNs, shown)} of the time, {share(shown.exposedCommunicationNs, shown)} is
        communication with nothing to compute, {share(shown.idleNs, shown)} is idle. Limited by {shown.limitedBy}.
      </p>
    </div>
  );
}

function comparison(best: RankedCandidate, other: RankedCandidate): string {
  const ratio = other.makespanNs / best.makespanNs;
  const name = methodName(other.method);
  if (ratio < 1.0005) return `as fast as ${name}`;
  return `${ratio.toFixed(2)}× as fast as the next method, ${name} (${formatNs(other.makespanNs)})`;
}

function shownText(shown: RankedCandidate, best: RankedCandidate): string {
  const ratio = shown.makespanNs / best.makespanNs;
  return `Shown is ${methodName(shown.method)}, ${shown.transport} (${planText(shown)}): ${formatNs(shown.makespanNs)}, ${ratio.toFixed(2)} of the best.`;
}

function share(ns: number, { makespanNs }: RankedCandidate): string {
  return formatPercent(ns / makespanNs);
}
