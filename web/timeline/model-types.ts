import type { TimeWindow } from "../state/explorer-state.ts";
import type { Theme } from "../theme/palette.ts";
import type { Tracks } from "./model/tracks.ts";
import type { TimelineSource } from "./timeline-source.ts";

/**
 * Coordinates, named once: *ns* are times of the trace; *px* are CSS pixels from the canvas's left or top edge; *sheet y* are
 * CSS pixels from the top of all rows, so `px = sheet y − scrollY`. The canvas holds spans only: lane names stand beside it.
 */

/** What is worked out once for a source: spans sorted by lane and start, sub-rows, levels of detail. */
export interface PreparedTimeline {
  readonly source: TimelineSource;
  readonly startNs: number;
  readonly endNs: number;
  /** By lane: its sub-rows, at least one. */
  readonly subRows: Uint16Array;
  /** By span (row of the source): its sub-row. */
  readonly subRow: Uint16Array;
  readonly tracks: Tracks;
}

/** A row of the sheet: the head of a group (click folds it) or a lane. A folded group has its head only, drawn as one lane. */
export interface LayoutRow {
  readonly kind: "group" | "lane";
  readonly name: string;
  /** Index of the group; of the lane, −1 for a head. */
  readonly group: number;
  readonly lane: number;
  readonly isPinned: boolean;
  readonly isFolded: boolean;
  /** Sheet y of its top edge, and its height. */
  readonly y: number;
  readonly height: number;
}

export interface TimelineLayout {
  readonly rows: readonly LayoutRow[];
  readonly height: number;
  /** Height of one sub-row. */
  readonly spanHeight: number;
}

export interface LayoutOptions {
  /** Indices of groups. */
  readonly folded: readonly number[];
  /** Lane ids, in the order in which they stand at the top. */
  readonly pinned: readonly string[];
}

/** All that one picture depends on. */
export interface Frame {
  readonly prepared: PreparedTimeline;
  readonly layout: TimelineLayout;
  readonly window: TimeWindow;
  readonly scrollY: number;
  readonly theme: Theme;
  /** Rows of the source; −1 for none. */
  readonly selected: number;
  readonly hovered: number;
  /** Rows that match a search, ascending; null where nothing is searched. All others are faded. */
  readonly matches: Uint32Array | null;
  /** Draw arrows: of the selected span, of all that are seen (few enough), or none. */
  readonly arrows: "selected" | "all" | "none";
  /** Fade all but the critical path. */
  readonly isCriticalOnly: boolean;
}

export interface TimelineRenderer {
  resize(widthPx: number, heightPx: number, pixelRatio: number): void;
  draw(frame: Frame): void;
  /** Milliseconds of main-thread work of the last `draw`. */
  readonly lastDrawMs: number;
  dispose(): void;
}

/** One line of the summary of an area. */
export interface SummaryRow {
  readonly kind: string;
  readonly count: number;
  /** Time inside the area, ns: sum, mean, largest. */
  readonly totalNs: number;
  readonly meanNs: number;
  readonly maxNs: number;
}

/** What `web/timeline/model/index.ts` exports. */
export interface TimelineModel {
  /** O(n log n); a million spans in well under a second. */
  prepareTimeline(source: TimelineSource): PreparedTimeline;
  layoutTimeline(prepared: PreparedTimeline, options: LayoutOptions): TimelineLayout;
  createTimelineRenderer(canvas: HTMLCanvasElement): TimelineRenderer;
  /** The span (row of the source) at a place of the canvas, −1 for none; among spans narrower than 2 px the nearest. */
  spanAt(frame: Frame, widthPx: number, xPx: number, yPx: number): number;
  /** Spans of some lanes (null: all) in a window, by kind, longest first; `hasMore` rows are never dropped. */
  summarizeArea(prepared: PreparedTimeline, window: TimeWindow, lanes: ReadonlySet<number> | null): SummaryRow[];
  /** Rows whose label, kind, lane or op id contains the text (case does not matter), ascending. */
  searchSpans(prepared: PreparedTimeline, text: string): Uint32Array;
  /** The span after (1) or before (−1) another on its lane, −1 at the end. */
  neighborSpan(prepared: PreparedTimeline, span: number, step: 1 | -1): number;
  /** The layout row that shows a span (the head where its group is folded), for scrolling to it. */
  rowOfSpan(frame: Pick<Frame, "prepared" | "layout">, span: number): LayoutRow;
  /** For a minimap: of each of `numBins` equal parts of the whole time, the share of lanes busy with each kind, `bin·kinds + kind`. */
  busyShares(prepared: PreparedTimeline, numBins: number, endNs?: number): Float32Array;
  /** The frame as a standing SVG document with lane names and a time axis, exact vectors, level of detail as on screen. */
  frameSvg(frame: Frame, widthPx: number, heightPx: number, title: string): string;
}
