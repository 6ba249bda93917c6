import type { Trace } from "../../plan/trace/trace.ts";

interface RefusalProps {
  readonly predicted: Trace;
  readonly measured: Trace;
}

/** Two traces of different schedules: says so, by their hashes, in place of figures that would mean nothing. */
export function Refusal({ predicted, measured }: RefusalProps) {
  return (
    <section class="measured-panel measured-refusal" role="alert" aria-label="Refused">
      <h2>These traces are of different schedules</h2>
      <p>
        Ops are matched by their ids, which mean something else in another schedule: nothing is compared. The measured
        trace is not drawn beside the prediction either.
      </p>
      <dl>
        <dt>Predicted</dt>
        <dd>
          <code>{predicted.scheduleHash}</code>
        </dd>
        <dt>Measured</dt>
        <dd>
          <code>{measured.scheduleHash}</code>
        </dd>
      </dl>
      <p class="measured-note">Simulate and run the same schedule file, or remove one of the traces above.</p>
    </section>
  );
}
