import { useId, useState } from "preact/hooks";
import { formatNs } from "../../plan/units.ts";
import type { RankedCandidate } from "../engine/protocol.ts";
import type { PointKey } from "../state/explorer-state.ts";
import { addable, bestOfEach, describeKey, MOST_COMPARED } from "./compared.ts";
import { methodName } from "../results/plan-words.ts";

interface ChooserProps {
  readonly candidates: readonly RankedCandidate[];
  readonly shown: readonly PointKey[];
  /** The best of each method are shown, by no choice of anybody. */
  readonly isDefault: boolean;
  readonly onCompared: (keys: readonly PointKey[]) => void;
}

/** Adds a plan of the ranking to those that are shown, or goes back to the best of each method. */
export function Chooser({ candidates, shown, isDefault, onCompared }: ChooserProps) {
  const id = useId();
  const [wanted, setWanted] = useState<PointKey>("");
  const groups = addable(candidates, shown);
  const all = groups.flatMap(([, group]) => group);
  const isFull = shown.length >= MOST_COMPARED;
  const choice = all.find(({ key }) => key === wanted)?.key ?? all[0]?.key ?? null;
  const isOnlyMethod = bestOfEach(candidates).length < 2;
  return (
    <div class="methods-chooser">
      <label for={id}>Add a plan</label>
      <select
        id={id}
        value={choice ?? ""}
        disabled={isFull || choice === null}
        onChange={(event) => setWanted(event.currentTarget.value)}
      >
        {choice === null && <option value="">no other plan in the ranking</option>}
        {groups.map(([method, group]) => (
          <optgroup key={method} label={methodName(method)}>
            {group.map(({ key, makespanNs }) => (
              <option key={key} value={key} selected={key === choice}>
                {methodName(method)}, {describeKey(key)}: {formatNs(makespanNs)}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
      <button
        type="button"
        disabled={isFull || choice === null}
        onClick={() => choice !== null && onCompared([...shown, choice])}
      >
        Add
      </button>
      <button type="button" disabled={isDefault} onClick={() => onCompared([])}>
        Best of each method
      </button>
      <span class="methods-note">
        {isFull
          ? "Six plans at most: remove one to add another."
          : isOnlyMethod && candidates.length > 0
            ? "The ranking has one method only: choose method auto for the others."
            : ""}
      </span>
    </div>
  );
}
