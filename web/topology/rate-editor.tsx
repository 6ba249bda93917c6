import { useId, useState } from "preact/hooks";
import { formatRate } from "../../plan/units.ts";
import {
  LEAST_RATE,
  MOST_RATE,
  NUM_POSITIONS,
  parseRate,
  positionOfRate,
  RATE_UNITS,
  rateAtPosition,
  rateFieldText,
  type RateUnit,
} from "./rates.ts";

interface RateEditorProps {
  readonly name: string;
  readonly bytesPerSecond: number;
  onRate(bytesPerSecond: number): void;
}

/** A link's bandwidth by slider (logarithmic) and by number. */
export function RateEditor({ name, bytesPerSecond, onRate }: RateEditorProps) {
  const id = useId();
  const [unit, setUnit] = useState<RateUnit>("GB/s");
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null && parseRate(typed, unit) === null;
  const take = (text: string) => {
    setTyped(text);
    const rate = parseRate(text, unit);
    if (rate !== null) onRate(rate);
  };
  return (
    <div class="topology-rate">
      <label for={`${id}-slider`}>Bandwidth</label>
      <input
        id={`${id}-slider`}
        type="range"
        min={0}
        max={NUM_POSITIONS}
        step={1}
        value={positionOfRate(bytesPerSecond)}
        aria-valuetext={formatRate(bytesPerSecond)}
        onInput={(event) => {
          setTyped(null);
          onRate(rateAtPosition(Number(event.currentTarget.value)));
        }}
      />
      <div class="topology-rate-number">
        <input
          type="text"
          inputMode="decimal"
          aria-label={`Bandwidth of ${name} in ${unit}`}
          aria-invalid={isWrong}
          aria-describedby={`${id}-wrong`}
          value={typed ?? rateFieldText(bytesPerSecond, unit)}
          onInput={(event) => take(event.currentTarget.value)}
          onBlur={() => setTyped(null)}
        />
        <select
          aria-label="Unit of the bandwidth"
          value={unit}
          onChange={(event) => {
            setTyped(null);
            setUnit(event.currentTarget.value as RateUnit);
          }}
        >
          {Object.keys(RATE_UNITS).map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </div>
      <p id={`${id}-wrong`} class="topology-wrong" aria-live="polite">
        {isWrong ? `A number from ${formatRate(LEAST_RATE)} to ${formatRate(MOST_RATE)}.` : ""}
      </p>
    </div>
  );
}
