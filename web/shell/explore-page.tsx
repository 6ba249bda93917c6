import { useState } from "preact/hooks";
import {
  FindingsPanel,
  HeapPanel,
  LimitPanel,
  LinksPanel,
  MatrixPanel,
  planCommand,
  RanksPanel,
  RankingBars,
  Verdict,
} from "../results/index.ts";
import { TopologyView } from "../topology/index.ts";
import { ErrorBox } from "./controls.tsx";
import { openInPerfetto } from "./perfetto.ts";
import type { Store } from "./store.ts";
import { TabPanel } from "./tab-panel.tsx";
import { theme } from "./theme.ts";
import { PlanTimeline, timelineProps } from "./timelines.tsx";

/** What to run and where the time goes: ranking, timeline, topology, and what limits the plan that is shown. */
export function ExplorePage({ store }: { readonly store: Store }) {
  const [link, setLink] = useState<string | null>(null);
  const detail = store.detail.value;
  const { state, ranking } = store;
  const { cursorNs, topology } = state.value;
  const key = store.shownKey.value;
  const shown = store.ranking.value?.topology ?? store.topology.value;
  return (
    <div class="shell-explore">
      <section aria-label="Answer" class="shell-verdict" data-current={detail !== null && detail.key === key}>
        {store.rankingError.value === null ? (
          <Verdict ranking={ranking.value} detail={detail} />
        ) : (
          <p class="shell-no-plan">No plan for what is asked: the left column says why.</p>
        )}
        {key !== null && <Command text={planCommand(store.planState.value, key)} store={store} />}
      </section>
      <section aria-label="Ranking" class="shell-panel shell-ranking">
        <RankingSection store={store} />
      </section>
      <section aria-label="What limits it" class="shell-panel shell-limits">
        <TabPanel
          label="Where the time goes"
          tabs={[
            ["Limits", () => <LimitPanel detail={detail} />],
            ["Ranks", () => <RanksPanel detail={detail} />],
            ["Heap", () => <HeapPanel detail={detail} cursorNs={cursorNs} />],
            ["Links", () => <LinksPanel detail={detail} onSelectLink={setLink} selectedLink={link} />],
            ["Matrix", () => <MatrixPanel detail={detail} theme={theme.value} />],
            ["Proof", () => <FindingsPanel detail={detail} onOp={(id) => store.update({ op: id })} />],
          ]}
        />
      </section>
      <section aria-label="Topology" class="shell-panel shell-topology">
        {shown !== null && (
          <TopologyView
            topology={shown}
            detail={detail}
            cursorNs={cursorNs}
            theme={theme.value}
            selectedLink={link}
            onSelectLink={setLink}
            machines={topology.machines}
            onMachines={(machines) => store.updatePlan({ topology: { ...state.peek().topology, machines } })}
            onLinkRate={(from, to, bytesPerSecond) => {
              const others = state.peek().topology.links.filter((edit) => !isSame(edit, from, to));
              const links = [...others, { from, to, bytesPerSecond }];
              store.updatePlan({ topology: { ...state.peek().topology, links } });
            }}
          />
        )}
      </section>
      <section aria-label="Timeline" class="shell-panel shell-timeline">
        <ErrorBox error={store.rankingError.value === null ? store.detailError.value : null} />
        {detail !== null && (
          <PlanTimeline
            {...timelineProps(store)}
            detail={detail}
            onPerfetto={() => {
              const isOpen = openInPerfetto(detail.trace, `toroid-${detail.candidate.method}`);
              store.status.value = isOpen ? "handed to Perfetto" : "the browser did not allow a new window";
            }}
          />
        )}
      </section>
    </div>
  );
}

/** Apart, because the search's progress changes often and the rest of the page does not. */
function RankingSection({ store }: { readonly store: Store }) {
  return (
    <RankingBars
      ranking={store.ranking.value}
      chosen={store.shownKey.value}
      onChoose={(chosen) => store.update({ chosen, window: null, cursorNs: null, op: null })}
      isStale={store.isStale.value}
      isPrebuilt={store.isPrebuilt.value}
      progress={store.progress.value}
      theme={theme.value}
    />
  );
}

function isSame(edit: { readonly from: string; readonly to: string }, from: string, to: string): boolean {
  return (edit.from === from && edit.to === to) || (edit.from === to && edit.to === from);
}

function Command({ text, store }: { readonly text: string; readonly store: Store }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      store.status.value = "command copied";
    } catch {
      store.status.value = "the clipboard is closed to pages here: select the command by hand";
    }
  };
  return (
    <p class="shell-command">
      <code>{text}</code>
      <button type="button" onClick={() => void copy()}>
        Copy command
      </button>
    </p>
  );
}
