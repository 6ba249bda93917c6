import type { Comparison, TraceSummary } from "../../plan/trace/compare.ts";
import { formatNs } from "../../plan/units.ts";
import { describePasses, errorText, explainInWords, remarksOn, verdictOn } from "./words.ts";

/** Both makespans and the signed error, large, and the sentence that explains them. */
export function Headline({ comparison }: { readonly comparison: Comparison }) {
  const { predicted, measured, predictedNs, measuredNs, makespanError } = comparison;
  return (
    <section class="measured-panel measured-headline" aria-label="Makespans">
      <dl class="measured-figures">
        <Figure title="Predicted makespan" value={formatNs(predictedNs)} trace={predicted} />
        <Figure title="Measured makespan" value={formatNs(measuredNs)} trace={measured} />
        <div>
          <dt>Prediction error</dt>
          <dd class="measured-figure">{errorText(makespanError)}</dd>
          <dd class="measured-note">{verdictOn(makespanError)}; (predicted − measured) / measured</dd>
        </div>
      </dl>
      <p class="measured-sentence">{explainInWords(comparison)}</p>
      {remarksOn(comparison).map((remark) => (
        <p key={remark} class="measured-remark">
          {remark}
        </p>
      ))}
    </section>
  );
}

interface FigureProps {
  readonly title: string;
  readonly value: string;
  readonly trace: TraceSummary;
}

function Figure({ title, value, trace }: FigureProps) {
  const passes = describePasses(trace);
  return (
    <div>
      <dt>{title}</dt>
      <dd class="measured-figure">{value}</dd>
      <dd class="measured-note">
        {trace.emulated && <span class="measured-mark">emulated</span>}
        {[passes, ...trace.notes].filter((note) => note !== "").join("; ")}
      </dd>
    </div>
  );
}
