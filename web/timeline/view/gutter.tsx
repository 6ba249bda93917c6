import type { RefObject } from "preact";
import type { TimelineLayout, TimelineModel } from "../model-types.ts";

type Prepared = ReturnType<TimelineModel["prepareTimeline"]>;

export interface GutterProps {
  readonly prepared: Prepared;
  readonly layout: TimelineLayout;
  readonly gutterRef: RefObject<HTMLElement | null>;
  readonly label: string;
  onFold(group: number): void;
  onPin(laneId: string): void;
}

/** Names beside the rows: heads of machines fold, lanes are pinned. It scrolls by itself; the canvas follows. */
export function Gutter({ prepared, layout, gutterRef, label, onFold, onPin }: GutterProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section ref={gutterRef} class="timeline-gutter" aria-label={label} tabIndex={0}>
      <div class="timeline-gutter-sheet" style={{ height: `${layout.height}px` }}>
        {layout.rows.map((row) => {
          const style = { top: `${row.y}px`, height: `${row.height}px` };
          if (row.kind === "group") {
            return (
              <button
                key={`group ${row.group}`}
                type="button"
                class="timeline-head"
                style={style}
                aria-expanded={!row.isFolded}
                onClick={() => onFold(row.group)}
              >
                <span aria-hidden="true">{row.isFolded ? "▸" : "▾"}</span> {row.name}
              </button>
            );
          }
          const { id } = prepared.source.lanes[row.lane]!;
          return (
            <div key={`lane ${id} ${row.isPinned}`} class="timeline-lane" style={style}>
              <span class="timeline-lane-name" title={row.name}>
                {row.name}
              </span>
              <button
                type="button"
                class="timeline-pin"
                aria-pressed={row.isPinned}
                aria-label={`Pin ${id}`}
                title={row.isPinned ? "Unpin" : "Pin to the top"}
                onClick={() => onPin(id)}
              >
                <span aria-hidden="true">{row.isPinned ? "●" : "○"}</span>
              </button>
            </div>
          );
        })}
      </div>
    </section>
  );
}
