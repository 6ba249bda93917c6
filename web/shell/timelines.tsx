import { useMemo } from "preact/hooks";
import type { PlanDetail } from "../engine/protocol.ts";
import { sourceKey, traceSource } from "../measured/trace-source.ts";
import { Timeline, type TimelineProps } from "../timeline/index.ts";
import type { Store } from "./store.ts";
import { theme } from "./theme.ts";

type OwnProps = "source" | "label" | "fileName";

/** What timelines of all pages have of the state, and what they change of it. */
export function timelineProps(store: Store): Omit<TimelineProps, OwnProps> {
  const { window, cursorNs, op, pinned, folded } = store.state.value;
  return {
    window,
    onWindow: (next) => store.update({ window: next }),
    cursorNs,
    onCursor: (ns) => store.update({ cursorNs: ns }),
    selected: op,
    onSelect: (row) => store.update({ op: row }),
    pinned,
    onPinned: (lanes) => store.update({ pinned: lanes }),
    folded,
    onFolded: (groups) => store.update({ folded: groups }),
    theme: theme.value,
  };
}

type PlanTimelineProps = Omit<TimelineProps, OwnProps> & { readonly detail: PlanDetail };

/** A plan's predicted timeline. Its lanes are made once a plan, not whenever the cursor moves. */
export function PlanTimeline({ detail, ...others }: PlanTimelineProps) {
  const source = useMemo(() => traceSource(detail.trace, { detail, key: sourceKey(detail) }), [detail]);
  const { method, transport } = detail.candidate;
  return (
    <Timeline
      {...others}
      source={source}
      label={`Predicted timeline of ${method}, ${transport}`}
      fileName={`toroid-${method}`}
    />
  );
}
