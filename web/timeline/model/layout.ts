import type { Frame, LayoutOptions, LayoutRow, PreparedTimeline, TimelineLayout } from "../model-types.ts";

const SPAN_HEIGHT_PX = 16;
const GAP_PX = 2;
const HEAD_HEIGHT_PX = 20;
const FOLDED_HEIGHT_PX = 32;

/** Rows from the top: pinned lanes, then each group's head and its lanes. A pinned lane also stands in its group. */
export function layoutTimeline(prepared: PreparedTimeline, { folded, pinned }: LayoutOptions): TimelineLayout {
  const { lanes, groups } = prepared.source;
  const rows: LayoutRow[] = [];
  let y = 0;
  const add = (row: Omit<LayoutRow, "y" | "height">, height: number) => {
    rows.push({ ...row, y, height });
    y += height;
  };
  const addLane = (lane: number, isPinned: boolean) => {
    const { name, group } = lanes[lane]!;
    const height = prepared.subRows[lane]! * SPAN_HEIGHT_PX + GAP_PX;
    add({ kind: "lane", name, group, lane, isPinned, isFolded: false }, height);
  };
  const laneOfId = new Map(lanes.map(({ id }, lane) => [id, lane]));
  for (const id of pinned) {
    const lane = laneOfId.get(id);
    if (lane !== undefined) addLane(lane, true);
  }
  const isPinnedLane = new Set(pinned);
  const byGroup: number[][] = groups.map(() => []);
  for (const [lane, { group }] of lanes.entries()) byGroup[group]!.push(lane);
  groups.forEach((name, group) => {
    const isFolded = folded.includes(group);
    const height = isFolded ? FOLDED_HEIGHT_PX : HEAD_HEIGHT_PX;
    add({ kind: "group", name, group, lane: -1, isPinned: false, isFolded }, height);
    if (!isFolded) for (const lane of byGroup[group]!) addLane(lane, isPinnedLane.has(lanes[lane]!.id));
  });
  return { rows, height: y, spanHeight: SPAN_HEIGHT_PX };
}

/** Index of the row at a sheet y; −1 outside. */
export function rowAt({ rows }: TimelineLayout, y: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.y + rows[middle]!.height > y) high = middle;
    else low = middle + 1;
  }
  return low < rows.length && y >= rows[low]!.y ? low : -1;
}

const rowsByLane = new WeakMap<TimelineLayout, ReadonlyMap<number, LayoutRow>>();

/** The row that shows a lane, pinned or not: the topmost; the head where its group is folded. */
export function rowOfLane({ prepared, layout }: Pick<Frame, "prepared" | "layout">, lane: number): LayoutRow {
  let byLane = rowsByLane.get(layout);
  if (byLane === undefined) {
    const made = new Map<number, LayoutRow>();
    for (const row of layout.rows) {
      const key = row.kind === "lane" ? row.lane : -1 - row.group;
      if (!made.has(key)) made.set(key, row);
    }
    rowsByLane.set(layout, made);
    byLane = made;
  }
  return byLane.get(lane) ?? byLane.get(-1 - prepared.source.lanes[lane]!.group)!;
}

/** Sheet y of the middle of a span. */
export function middleOf(frame: Pick<Frame, "prepared" | "layout">, span: number): number {
  const row = rowOfLane(frame, frame.prepared.source.lane[span]!);
  if (row.kind === "group") return row.y + row.height / 2;
  return row.y + GAP_PX / 2 + (frame.prepared.subRow[span]! + 0.5) * frame.layout.spanHeight;
}

/** Pixels between a row's edges and its spans. */
export const ROW_PADDING_PX = GAP_PX / 2;
