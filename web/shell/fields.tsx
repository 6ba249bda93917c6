import { useId, useState } from "preact/hooks";

interface FieldProps<T> {
  readonly label: string;
  readonly hint?: string;
  readonly unit?: string;
  readonly value: T;
  readonly onValue: (value: T) => void;
}

/** One of some choices: value and text. */
export function ChoiceField({
  label,
  value,
  choices,
  onValue,
}: FieldProps<string> & { readonly choices: readonly (readonly [value: string, text: string])[] }) {
  const id = useId();
  return (
    <div class="shell-field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {choices.map(([choice, text]) => (
          <option key={choice} value={choice} selected={choice === value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

/**
 * What is being typed: the page may be drawn anew meanwhile, and must not take it away. It is taken over when it is
 * changed for good (Enter, or the focus leaves), and stands as long as it is wrong.
 */
function useDraft(value: string): { readonly text: string; readonly setDraft: (text: string | null) => void } {
  const [draft, setDraft] = useState<{ readonly text: string; readonly of: string } | null>(null);
  const text = draft === null || draft.of !== value ? value : draft.text;
  return { text, setDraft: (next) => setDraft(next === null ? null : { text: next, of: value }) };
}

/** A number or nothing. What is no number, or out of range, is marked and not taken over. */
export function NumberField({
  label,
  hint,
  unit,
  value,
  least,
  most = Number.MAX_VALUE,
  isWhole = false,
  onValue,
}: FieldProps<number | null> & { readonly least: number; readonly most?: number; readonly isWhole?: boolean }) {
  const id = useId();
  const { text: shown, setDraft } = useDraft(String(value ?? ""));
  const take = (input: HTMLInputElement) => {
    const text = input.value.trim();
    const number = Number(text);
    const isRight = text === "" || (number >= least && number <= most && (!isWhole || Number.isInteger(number)));
    const kind = isWhole ? "a whole number" : "a number";
    const range = most === Number.MAX_VALUE ? `from ${least}` : `from ${least} to ${most}`;
    input.setCustomValidity(isRight ? "" : `expected ${kind} ${range}`);
    input.setAttribute("aria-invalid", String(!isRight));
    setDraft(isRight ? null : input.value);
    if (isRight) onValue(text === "" ? null : number);
    else input.reportValidity();
  };
  return (
    <div class="shell-field">
      <label for={id}>
        {label}
        {unit !== undefined && <span class="shell-unit"> {unit}</span>}
      </label>
      <input
        id={id}
        inputMode={isWhole ? "numeric" : "decimal"}
        autocomplete="off"
        value={shown}
        title={hint ?? ""}
        placeholder={hint === undefined ? "" : "–"}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onChange={(event) => take(event.currentTarget)}
        onKeyDown={(event) => {
          const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
          if (step === 0 || !isWhole) return;
          event.preventDefault();
          event.currentTarget.value = String(Math.min(most, Math.max(least, (value ?? least) + step)));
          take(event.currentTarget);
        }}
      />
    </div>
  );
}

/** A text or nothing. */
export function TextField({ label, hint, value, onValue }: FieldProps<string | null>) {
  const id = useId();
  const { text: shown, setDraft } = useDraft(value ?? "");
  return (
    <div class="shell-field">
      <label for={id}>{label}</label>
      <input
        id={id}
        autocomplete="off"
        spellcheck={false}
        value={shown}
        onInput={(event) => setDraft(event.currentTarget.value)}
        title={hint ?? ""}
        placeholder={hint ?? ""}
        onChange={(event) => {
          const text = event.currentTarget.value.trim();
          setDraft(null);
          onValue(text === "" ? null : text);
        }}
      />
    </div>
  );
}
