import { MeasuredView } from "../measured/index.ts";
import { Timeline } from "../timeline/index.ts";
import type { TimelineSource } from "../timeline/timeline-source.ts";
import type { Store } from "./store.ts";
import { theme } from "./theme.ts";
import { timelineProps } from "./timelines.tsx";

/** Two traces of one schedule on one axis, and lanes of other tools. */
export function MeasuredPage({ store }: { readonly store: Store }) {
  const renderTimeline = ({ source, beside }: { source: TimelineSource; beside: TimelineSource | null }) => (
    <Timeline
      {...timelineProps(store)}
      source={source}
      beside={beside}
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
