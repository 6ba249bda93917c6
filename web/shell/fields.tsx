import { useEffect, useId, useRef, useState } from "preact/hooks";

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

/** How long typing must pause before the page follows, ms. */
const PAUSE_MS = 350;

/**
 * What is being typed: the page follows when typing pauses, is drawn anew meanwhile, and must not take the text away. It
 * stands until it is left (Enter, or the focus goes), and as long as it is wrong. `take` says whether a text is right;
 * while one still types (`isDone` false) it need not complain.
 */
function useDraft(value: string, take: (text: string, isDone: boolean) => boolean) {
  const [draft, setDraft] = useState<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => () => clearTimeout(timer.current), []);
  return {
    text: draft ?? value,
    onInput: (text: string) => {
      setDraft(text);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => latest.current(text, false), PAUSE_MS);
    },
    onDone: (text: string) => {
      clearTimeout(timer.current);
      setDraft(latest.current(text, true) ? null : text);
    },
  };
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
  const input = useRef<HTMLInputElement>(null);
  const take = (typed: string, isDone: boolean): boolean => {
    const text = typed.trim();
    const number = Number(text);
    const isRight = text === "" || (number >= least && number <= most && (!isWhole || Number.isInteger(number)));
    const range = most === Number.MAX_VALUE ? `from ${least}` : `from ${least} to ${most}`;
    if (isRight || isDone) {
      const expected = `expected ${isWhole ? "a whole number" : "a number"} ${range}`;
      input.current?.setCustomValidity(isRight ? "" : expected);
      input.current?.setAttribute("aria-invalid", String(!isRight));
    }
    const next = text === "" ? null : number;
    if (isRight && next !== value) onValue(next);
    else if (!isRight && isDone) input.current?.reportValidity();
    return isRight;
  };
  const draft = useDraft(String(value ?? ""), take);
  return (
    <div class="shell-field">
      <label for={id}>
        {label}
        {unit !== undefined && <span class="shell-unit"> {unit}</span>}
      </label>
      <input
        ref={input}
        id={id}
        inputMode={isWhole ? "numeric" : "decimal"}
        autocomplete="off"
        value={draft.text}
        title={hint ?? ""}
        placeholder={hint === undefined ? "" : "–"}
        onInput={(event) => draft.onInput(event.currentTarget.value)}
        onChange={(event) => draft.onDone(event.currentTarget.value)}
        onBlur={(event) => draft.onDone(event.currentTarget.value)}
        onKeyDown={(event) => {
          const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
          if (step === 0 || !isWhole) return;
          event.preventDefault();
          draft.onDone(String(Math.min(most, Math.max(least, (value ?? least) + step))));
        }}
      />
    </div>
  );
}

/** A text or nothing. */
export function TextField({ label, hint, value, onValue }: FieldProps<string | null>) {
  const id = useId();
  const draft = useDraft(value ?? "", (typed) => {
    const text = typed.trim();
    if (text !== (value ?? "")) onValue(text === "" ? null : text);
    return true;
  });
  return (
    <div class="shell-field">
      <label for={id}>{label}</label>
      <input
        id={id}
        autocomplete="off"
        spellcheck={false}
        value={draft.text}
        onInput={(event) => draft.onInput(event.currentTarget.value)}
        title={hint ?? ""}
        placeholder={hint ?? ""}
        onChange={(event) => draft.onDone(event.currentTarget.value)}
        onBlur={(event) => draft.onDone(event.currentTarget.value)}
      />
    </div>
  );
}
