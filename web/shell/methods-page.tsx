import { MethodsView } from "../methods/index.ts";
import type { PlanDetail } from "../engine/protocol.ts";
import { ErrorBox } from "./controls.tsx";
import type { Store } from "./store.ts";
import { theme } from "./theme.ts";
import { PlanTimeline, timelineProps } from "./timelines.tsx";

/** The same workload under several plans, and where one method overtakes another. */
export function MethodsPage({ store }: { readonly store: Store }) {
  const { compared, sweep, window } = store.state.value;
  const renderTimeline = (detail: PlanDetail, sharedEndNs: number) => (
    <PlanTimeline
      {...timelineProps(store)}
      detail={detail}
      window={window ?? { startNs: 0, endNs: sharedEndNs }}
      endNs={sharedEndNs}
      selected={null}
      onSelect={() => {}}
      pinned={[]}
      onPinned={() => {}}
      initialHeightPx={220}
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
