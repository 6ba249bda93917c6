import { useId, useState } from "preact/hooks";
import type { RunOrder } from "../../plan/http/run-api.ts";
import { mostRepeats, obstacleOf, orderOf, type RunnableSchedule, readRepeats } from "./order.ts";

const usualRepeats = 5;

interface StartFormProps {
  readonly schedule: RunnableSchedule | null;
  readonly maxRanks: number;
  readonly hardware: string;
  readonly onStart: (order: RunOrder) => Promise<void>;
}

/** Queues the plan that is shown. */
export function StartForm({ schedule, maxRanks, hardware, onStart }: StartFormProps) {
  const id = useId();
  const [repeats, setRepeats] = useState(String(usualRepeats));
  const [isEmulated, setEmulated] = useState(false);
  const [isSending, setSending] = useState(false);
  const numRepeats = readRepeats(repeats);
  const obstacle = obstacleOf(schedule, maxRanks);
  const topology = schedule?.topology ?? null;
  const start = async (): Promise<void> => {
    if (schedule === null || obstacle !== "" || numRepeats === null || isSending) return;
    setSending(true);
    await onStart(orderOf(schedule, numRepeats, isEmulated ? topology : null));
    setSending(false);
  };
  const onSubmit = (event: Event) => {
    event.preventDefault();
    void start();
  };
  return (
    <section class="runs-panel" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>Run this plan here</h2>
      <p class="runs-note">
        {schedule === null ? "No plan is shown yet." : schedule.title}
        {hardware === "" ? "" : ` · on ${hardware}`}
      </p>
      <form class="runs-form" onSubmit={onSubmit}>
        <label class="runs-field">
          Repeats
          <input
            type="number"
            min={1}
            max={mostRepeats}
            step={1}
            value={repeats}
            aria-invalid={numRepeats === null}
            aria-describedby={`${id}-repeats`}
            onInput={(event) => setRepeats(event.currentTarget.value)}
          />
        </label>
        <span id={`${id}-repeats`} class="runs-note">
          timed, after a warm-up; the median counts (1 to {mostRepeats})
        </span>
        {topology !== null && (
          <label class="runs-check">
            <input
              type="checkbox"
              checked={isEmulated}
              onChange={(event) => setEmulated(event.currentTarget.checked)}
            />
            slow transfers between machines down to the cluster’s links
          </label>
        )}
        <button
          type="submit"
          class="runs-primary"
          disabled={obstacle !== "" || numRepeats === null || isSending}
          aria-describedby={`${id}-why`}
        >
          Run
        </button>
      </form>
      <p id={`${id}-why`} class="runs-why">
        {obstacle}
      </p>
    </section>
  );
}
