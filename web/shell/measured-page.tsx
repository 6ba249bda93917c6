import { MeasuredView } from "../measured/index.ts";
import { Timeline } from "../timeline/index.ts";
import type { TimelineSource } from "../timeline/timeline-source.ts";
import type { Store } from "./store.ts";
import { theme } from "./theme.ts";

/** Two traces of one schedule on one axis, and lanes of other tools. */
export function MeasuredPage({ store }: { readonly store: Store }) {
  const { state } = store;
  const { window, cursorNs, op, pinned, folded } = state.value;
  const renderTimeline = ({ source, beside }: { source: TimelineSource; beside: TimelineSource | null }) => (
    <Timeline
      source={source}
      beside={beside}
      window={window}
      onWindow={(next) => store.update({ window: next })}
      cursorNs={cursorNs}
      onCursor={(ns) => store.update({ cursorNs: ns })}
      selected={op}
      onSelect={(row) => store.update({ op: row })}
      pinned={pinned}
      onPinned={(lanes) => store.update({ pinned: lanes })}
      folded={folded}
      onFolded={(groups) => store.update({ folded: groups })}
      theme={theme.value}
      label="Predicted and measured timeline"
      fileName="toroid-measured"
    />
  );
  return (
    <MeasuredView
      predicted={store.predicted.value}
      measured={store.measured.value}
      foreign={store.foreign.value}
      comparison={store.comparison.value}
      error={store.fileError.value}
      theme={theme.value}
      onDropFiles={(files) => void store.openFiles(files)}
      onClear={(which) => {
        store[which].value = null;
        store.fileError.value = null;
      }}
      onSelectOp={(selected) => store.update({ op: selected })}
      renderTimeline={renderTimeline}
    />
  );
}
