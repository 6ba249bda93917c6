import type { TimeWindow } from "../../state/explorer-state.ts";
import type { Frame, LayoutRow, PreparedTimeline, SummaryRow } from "../model-types.ts";
import { ROW_PADDING_PX, rowAt, rowOfLane } from "./layout.ts";
import { seekEnd, seekStart } from "./tracks.ts";

/** How far from a narrow span the pointer may be, CSS pixels. */
const NEAR_PX = 2;

/** The span (row of the source) at a place of the canvas, −1 for none; where none is exactly there, one within 2 px. */
export function spanAt(frame: Frame, widthPx: number, xPx: number, yPx: number): number {
  const { prepared, layout, window } = frame;
  const { tracks } = prepared;
  const y = yPx + frame.scrollY;
  const row = layout.rows[rowAt(layout, y)];
  if (row === undefined || row.kind === "group") return -1;
  const subRow = Math.floor((y - row.y - ROW_PADDING_PX) / layout.spanHeight);
  const track = tracks.ofLane[row.lane]! + subRow;
  if (subRow < 0 || track >= tracks.ofLane[row.lane + 1]!) return -1;
  const nsPerPx = (window.endNs - window.startNs) / widthPx;
  const ns = window.startNs + xPx * nsPerPx;
  const [from, end] = [tracks.first[track]!, tracks.first[track + 1]!];
  // The last that starts at or before the place, and its neighbors.
  const next = seekStart(tracks.startNs, from, end, ns);
  let best = -1;
  let bestNs = NEAR_PX * nsPerPx;
  for (let at = Math.max(next - 1, from); at < Math.min(next + 1, end); at++) {
    const away = Math.max(tracks.startNs[at]! - ns, ns - tracks.endNs[at]!, 0);
    if (away > bestNs || (away === bestNs && best >= 0)) continue;
    best = at;
    bestNs = away;
  }
  return best < 0 ? -1 : tracks.span[best]!;
}

/** Spans of some lanes (null: all) that touch a window, by kind: their time inside it, longest first. */
export function summarizeArea(
  { source, tracks }: PreparedTimeline,
  window: TimeWindow,
  lanes: ReadonlySet<number> | null,
): SummaryRow[] {
  const sums = source.kinds.map(({ name }) => ({ kind: name, count: 0, totalNs: 0, meanNs: 0, maxNs: 0 }));
  for (let lane = 0; lane < source.lanes.length; lane++) {
    if (lanes !== null && !lanes.has(lane)) continue;
    for (let track = tracks.ofLane[lane]!; track < tracks.ofLane[lane + 1]!; track++) {
      const end = tracks.first[track + 1]!;
      let at = seekEnd(tracks, tracks.first[track]!, end, window.startNs);
      for (; at < end && tracks.startNs[at]! < window.endNs; at++) {
        const ns = Math.min(tracks.endNs[at]!, window.endNs) - Math.max(tracks.startNs[at]!, window.startNs);
        const sum = sums[source.kind[tracks.span[at]!]!]!;
        sum.count++;
        sum.totalNs += ns;
        sum.maxNs = Math.max(sum.maxNs, ns);
      }
    }
  }
  const rows = sums.filter(({ count }) => count > 0).map((sum) => ({ ...sum, meanNs: sum.totalNs / sum.count }));
  return rows.sort((a, b) => b.totalNs - a.totalNs || a.kind.localeCompare(b.kind));
}

/**
 * Rows whose label, kind or op id contains the text, or whose lane has it as whole words (`put` is not `compute`, `rank 2`
 * not `rank 20`); case does not matter. Ascending.
 */
export function searchSpans({ source }: PreparedTimeline, text: string): Uint32Array {
  const sought = text.toLowerCase();
  const isKind = source.kinds.map(({ name }) => name.toLowerCase().includes(sought));
  const isLane = source.lanes.map(({ id, name }) => hasWords(`${id}\n${name}`.toLowerCase(), sought));
  const isNumber = /^\d+$/.test(sought);
  const found: number[] = [];
  for (let row = 0; row < source.numSpans; row++) {
    const isMatch =
      isKind[source.kind[row]!]! ||
      isLane[source.lane[row]!]! ||
      (isNumber && String(source.op[row]!).includes(sought)) ||
      source.label(row).toLowerCase().includes(sought);
    if (isMatch) found.push(row);
  }
  return Uint32Array.from(found);
}

function hasWords(text: string, words: string): boolean {
  const isLetter = (at: number) => /[\p{L}\p{N}]/u.test(text[at] ?? " ");
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + 1)) {
    if (!isLetter(at - 1) && !isLetter(at + words.length)) return true;
  }
  return false;
}

/** The span after (1) or before (−1) another on its lane, by start and then row; −1 at the end. */
export function neighborSpan({ source, tracks }: PreparedTimeline, span: number, step: 1 | -1): number {
  const lane = source.lane[span]!;
  const startNs = source.startNs[span]!;
  let best = -1;
  const isAfter = (one: number, other: number) => source.startNs[one]! - source.startNs[other]! || one - other;
  for (let track = tracks.ofLane[lane]!; track < tracks.ofLane[lane + 1]!; track++) {
    const [from, end] = [tracks.first[track]!, tracks.first[track + 1]!];
    let at = seekStart(tracks.startNs, from, end, startNs);
    if (step > 0) while (at < end && isAfter(tracks.span[at]!, span) <= 0) at++;
    else {
      while (at < end && tracks.startNs[at]! === startNs) at++;
      at--;
      while (at >= from && isAfter(tracks.span[at]!, span) >= 0) at--;
    }
    if (at < from || at >= end) continue;
    const row = tracks.span[at]!;
    if (best < 0 || step * isAfter(row, best) < 0) best = row;
  }
  return best;
}

/** The topmost layout row that shows a span; the head where its group is folded. */
export function rowOfSpan(frame: Pick<Frame, "prepared" | "layout">, span: number): LayoutRow {
  return rowOfLane(frame, frame.prepared.source.lane[span]!);
}
