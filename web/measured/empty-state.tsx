import type { ForeignTrace } from "../engine/protocol.ts";

const simulateCommand = "npx toroid simulate plan.toroid --topology dgx-h100:2 --trace predicted.json";
const runCommand = "npx toroid run plan.toroid --trace measured.json";

interface EmptyStateProps {
  readonly hasPredicted: boolean;
  readonly hasMeasured: boolean;
  readonly foreign: ForeignTrace | null;
}

/** What is missing for a comparison, and the commands that make it. */
export function EmptyState({ hasPredicted, hasMeasured, foreign }: EmptyStateProps) {
  return (
    <section class="measured-panel measured-empty" aria-label="What is missing">
      <h2>{titleOf(hasPredicted, hasMeasured)}</h2>
      <p>
        Two traces of one schedule are compared op by op: how far the prediction is off, what explains it, and where.
        Drop both files anywhere on this page.
      </p>
      <ul>
        {!hasPredicted && (
          <li>
            Predict the schedule: <code>{simulateCommand}</code>
          </li>
        )}
        {!hasMeasured && (
          <li>
            Run the same schedule file: <code>{runCommand}</code> or open a run of the page “Runs”, which brings its
            prediction along.
          </li>
        )}
      </ul>
      <p class="measured-note">
        {foreign === null
          ? "Traces of other tools are shown as lanes beside a schedule: a PyTorch profile (.json, .json.gz), or an export of Nsight Systems, made by "
          : `The lanes of ${foreign.tool} have no op ids, so they are drawn and not compared. Others of Nsight Systems are made by `}
        <code>nsys export --type sqlite FILE.nsys-rep</code>.
      </p>
    </section>
  );
}

function titleOf(hasPredicted: boolean, hasMeasured: boolean): string {
  if (hasPredicted) return "Now the measured trace of the same schedule";
  return hasMeasured ? "Now the prediction of the same schedule" : "Lay a measured run over the prediction";
}
