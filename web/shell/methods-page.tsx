import { MethodsView } from "../methods/index.ts";
import { sourceKey, traceSource } from "../measured/trace-source.ts";
import { Timeline } from "../timeline/index.ts";
import type { PlanDetail } from "../engine/protocol.ts";
import { ErrorBox } from "./controls.tsx";
import type { Store } from "./store.ts";
import { theme } from "./theme.ts";

/** The same workload under several plans, and where one method overtakes another. */
export function MethodsPage({ store }: { readonly store: Store }) {
  const { state } = store;
  const { compared, sweep, window, cursorNs, folded } = state.value;
  const renderTimeline = (detail: PlanDetail, sharedEndNs: number) => (
    <Timeline
      source={traceSource(detail.trace, { detail, key: sourceKey(detail) })}
      window={window ?? { startNs: 0, endNs: sharedEndNs }}
      onWindow={(next) => store.update({ window: next })}
      cursorNs={cursorNs}
      onCursor={(ns) => store.update({ cursorNs: ns })}
      selected={null}
      onSelect={() => {}}
      pinned={[]}
      onPinned={() => {}}
      folded={folded}
      onFolded={(groups) => store.update({ folded: groups })}
      theme={theme.value}
      label={`Predicted timeline of ${detail.candidate.method}, ${detail.candidate.transport}`}
      fileName={`toroid-${detail.candidate.method}`}
      initialHeightPx={220}
      endNs={sharedEndNs}
    />
  );
  return (
    <>
      <ErrorBox error={store.rankingError.value} />
      <MethodsView
        ranking={store.ranking.value}
        details={store.details.value}
        compared={compared}
        onCompared={(keys) => store.update({ compared: keys })}
        sweep={store.sweep.value}
        isSweeping={store.isSweeping.value}
        axis={sweep}
        onAxis={(axis) => store.update({ sweep: axis })}
        theme={theme.value}
        renderTimeline={renderTimeline}
      />
    </>
  );
}
