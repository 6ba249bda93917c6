import { useEffect, useId, useRef, useState } from "preact/hooks";
import { formatCount, formatNs, formatPercent } from "../../plan/units.ts";
import type { RankedCandidate, Ranking } from "../engine/protocol.ts";
import type { PointKey } from "../state/explorer-state.ts";
import { type Theme, palette } from "../theme/palette.ts";
import { methodName, planText } from "./plan-words.ts";
import { shownCandidates } from "./shown-candidates.ts";
import "./results.css";

interface RankingBarsProps {
  readonly ranking: Ranking | null;
  readonly chosen: PointKey | null;
  readonly onChoose: (key: PointKey) => void;
  readonly isStale: boolean;
  /** It was made when the page was built. */
  readonly isPrebuilt: boolean;
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly theme: Theme;
}

/** Bars of plans slower than this times the best are cut: a very slow one must not make all others alike. */
const MAX_RATIO = 3;

/** Plans, best first, as bars of where their time goes. A list box: arrows move, what has the focus is chosen. */
export function RankingBars({ ranking, chosen, onChoose, isStale, isPrebuilt, progress, theme }: RankingBarsProps) {
  const [showsAll, setShowsAll] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const all = ranking?.candidates ?? [];
  const shown = showsAll ? all : shownCandidates(all, chosen);
  const index = Math.max(
    shown.findIndex(({ key }) => key === chosen),
    0,
  );
  useEffect(() => {
    list.current?.children[index]?.scrollIntoView({ block: "nearest" });
  }, [index, shown.length]);
  const longestNs = shown.reduce((most, { makespanNs }) => Math.max(most, makespanNs), 1);
  const fullNs = Math.min(longestNs, MAX_RATIO * (all[0]?.makespanNs ?? 1));
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      Home: 0,
      End: shown.length - 1,
    };
    const next = shown[steps[event.key] ?? -1];
    if (steps[event.key] === undefined) return;
    event.preventDefault();
    if (next !== undefined) onChoose(next.key);
  };
  return (
    <div class="results-ranking" data-stale={isStale}>
      <div class="results-head">
        <h2>Ranking</h2>
        <Legend theme={theme} />
        <span class="results-note" aria-live="off">
          {isPrebuilt
            ? `made when this page was built; ${progressText(null, isStale, progress)}`
            : progressText(ranking, isStale, progress)}
        </span>
      </div>
      {ranking === null ? (
        <Skeleton />
      ) : (
        <ul
          ref={list}
          class="results-list"
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a list of choices is a list box.
          role="listbox"
          aria-label="Plans, best first"
          aria-activedescendant={`${id}-${index}`}
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          {shown.map((candidate, at) => (
            <Bar
              key={candidate.key}
              id={`${id}-${at}`}
              candidate={candidate}
              bestNs={all[0]!.makespanNs}
              fullNs={fullNs}
              isChosen={candidate.key === chosen}
              theme={theme}
              onChoose={() => onChoose(candidate.key)}
            />
          ))}
        </ul>
      )}
      {all.length > shown.length || showsAll ? (
        <button type="button" class="results-more" onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? "Show the best of each method" : `Show all ${formatCount(all.length)}`}
        </button>
      ) : null}
    </div>
  );
}

interface BarProps {
  readonly id: string;
  readonly candidate: RankedCandidate;
  readonly bestNs: number;
  /** Makespan whose bar takes the whole width. */
  readonly fullNs: number;
  readonly isChosen: boolean;
  readonly theme: Theme;
  readonly onChoose: () => void;
}

function Bar({ id, candidate, bestNs, fullNs, isChosen, theme, onChoose }: BarProps) {
  const { makespanNs, computeNs, exposedCommunicationNs, idleNs } = candidate;
  const width = (ns: number) => `${(100 * ns) / fullNs}%`;
  const behind = makespanNs / bestNs - 1;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box has the keys.
    // biome-ignore lint/a11y/useFocusableInteractive: the list box has the focus.
    <li
      id={id}
      class="results-bar"
      // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: an option of the list box.
      role="option"
      aria-selected={isChosen}
      title={`limited by ${candidate.limitedBy}`}
      onClick={onChoose}
    >
      <span class="results-bar-name">
        <strong>{methodName(candidate.method)}</strong> {candidate.transport}
        <span class="results-bar-plan"> {planText(candidate)}</span>
      </span>
      <span class="results-bar-time">
        {formatNs(makespanNs)}
        <span class="results-bar-behind"> {behind < 1e-9 ? "best" : formatPercent(behind, true)}</span>
      </span>
      <span class={`results-bar-track${makespanNs > fullNs ? " results-bar-cut" : ""}`} aria-hidden="true">
        <span style={{ width: width(computeNs), background: palette[theme].compute }} />
        <span
          class="results-hatched"
          style={{ width: width(exposedCommunicationNs), "--hatch": palette[theme].transfer }}
        />
        <span style={{ width: width(idleNs), background: palette[theme].barrier }} />
      </span>
      <span class="visually-hidden">
        computes {formatPercent(computeNs / makespanNs)}, exposed communication{" "}
        {formatPercent(exposedCommunicationNs / makespanNs)}, idle {formatPercent(idleNs / makespanNs)}
      </span>
    </li>
  );
}

function Legend({ theme }: { readonly theme: Theme }) {
  const colors = palette[theme];
  return (
    <span class="results-legend">
      <i style={{ background: colors.compute }} /> compute
      <i class="results-hatched" style={{ "--hatch": colors.transfer }} /> exposed communication
      <i style={{ background: colors.barrier }} /> idle
    </span>
  );
}

/** Rows of the height of bars, so that nothing moves when they come. */
function Skeleton() {
  return (
    <div class="results-list" role="status" aria-label="planning and simulating">
      {[0, 1, 2, 3, 4, 5].map((row) => (
        <div key={row} class="results-bar results-skeleton" />
      ))}
    </div>
  );
}

function progressText(ranking: Ranking | null, isStale: boolean, progress: RankingBarsProps["progress"]): string {
  if (progress !== null && progress.total > 0) {
    return `searching: ${formatCount(progress.done)} of ${formatCount(progress.total)}`;
  }
  if (isStale) return ranking === null ? "planning…" : "searching…";
  const search = ranking?.search;
  if (search === null || search === undefined) return "";
  const verdict = search.proven ? "no other can be faster" : `within ${formatPercent(search.gap)} of the best possible`;
  return `${formatCount(search.space)} plans, ${formatCount(search.simulated)} simulated, ${formatCount(search.pruned)} ruled out by bounds: ${verdict}`;
}
