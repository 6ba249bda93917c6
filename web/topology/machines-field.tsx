import { useId, useState } from "preact/hooks";
import { formatCount } from "../../plan/units.ts";

interface MachinesFieldProps {
  readonly machines: number;
  readonly most: number;
  onMachines(count: number): void;
}

/** The number of machines, by number and by steps. */
export function MachinesField({ machines, most, onMachines }: MachinesFieldProps) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const isRight = (count: number) => Number.isInteger(count) && count >= 1 && count <= most;
  const isWrong = typed !== null && !isRight(Number(typed));
  return (
    <div class="topology-machines">
      <label for={id}>Machines</label>
      <button
        type="button"
        aria-label="One machine less"
        disabled={machines <= 1}
        onClick={() => onMachines(machines - 1)}
      >
        −
      </button>
      <input
        id={id}
        type="text"
        inputMode="numeric"
        aria-invalid={isWrong}
        title={`1 to ${formatCount(most)}`}
        value={typed ?? String(machines)}
        onInput={(event) => {
          const text = event.currentTarget.value.trim();
          setTyped(text);
          if (text !== "" && isRight(Number(text))) onMachines(Number(text));
        }}
        onBlur={() => setTyped(null)}
      />
      <button
        type="button"
        aria-label="One machine more"
        disabled={machines >= most}
        onClick={() => onMachines(machines + 1)}
      >
        +
      </button>
    </div>
  );
}
