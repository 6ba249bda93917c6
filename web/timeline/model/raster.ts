import { palette } from "../../theme/palette.ts";
import { COLOR_CLASSES, SpanFlag } from "../timeline-source.ts";
import type { Frame, LayoutRow } from "../model-types.ts";
import { band, bad, fillsOf, ground, line, lit, mix, type Pixel, toPixel } from "./colors.ts";
import { type Cover, coverTrack, makeCover } from "./cover.ts";
import { groupDensity } from "./density.ts";
import { ROW_PADDING_PX } from "./layout.ts";
import { type MatchCounts, matchCounts } from "./matches.ts";

/** Least strength of a column that is hardly busy: it must be seen. */
const FAINTEST = 0.35;
/** Diagonal hatch of exposed communication: period and thickness, device pixels. */
const HATCH_PERIOD = 6;
const HATCH_LINE = 2;
/** How much of the ground a line of it shows: names over it stay readable. */
const HATCH_STRENGTH = 0.6;

/** A place for text: a span wide enough, device pixels. */
export interface LabelPlace {
  readonly span: number;
  readonly left: number;
  readonly right: number;
  readonly middleY: number;
  readonly fill: Pixel;
}

/**
 * Paints rows into memory, one pixel a number: a frame costs what the canvas has pixels, whatever the number of spans, and
 * needs no GPU. Text and lines come over it (renderer.ts).
 */
export class Raster {
  readonly #pixels: Uint32Array;
  readonly #widthPx: number;
  readonly #heightPx: number;
  readonly #line: Uint32Array;
  readonly #cover: Cover;

  constructor(pixels: Uint32Array, widthPx: number, heightPx: number) {
    this.#pixels = pixels;
    this.#widthPx = widthPx;
    this.#heightPx = heightPx;
    this.#line = new Uint32Array(widthPx);
    this.#cover = makeCover(widthPx);
  }

  /** Paints all rows in sight. Labels are of spans at least `labelPx` wide. Pixels are the device's, `ratio` a CSS pixel. */
  paint(frame: Frame, ratio: number, labelPx: number): LabelPlace[] {
    const { layout, scrollY, theme } = frame;
    const back = toPixel(ground[theme]);
    this.#pixels.fill(back);
    const labels: LabelPlace[] = [];
    const counts = matchCounts(frame.prepared, frame.matches);
    const { fill, faded } = fillsOf(frame.prepared.tracks.paints, theme, frame.isCriticalOnly);
    for (const row of layout.rows) {
      const top = row.y - scrollY;
      if (top + row.height <= 0) continue;
      if (top * ratio >= this.#heightPx) break;
      if (row.kind === "group") this.#paintHead(frame, row, ratio, back);
      else this.#paintLane(frame, row, ratio, back, fill, faded, counts, labelPx, labels);
    }
    return labels;
  }

  #paintHead(frame: Frame, row: LayoutRow, ratio: number, back: Pixel): void {
    const top = Math.round((row.y - frame.scrollY) * ratio);
    const bottom = Math.round((row.y + row.height - frame.scrollY) * ratio);
    this.#fillRows(top, bottom, toPixel(band[frame.theme]));
    this.#fillRows(top, top + 1, toPixel(line[frame.theme]));
    if (!row.isFolded) return;
    const classes = COLOR_CLASSES.length;
    const shares = groupDensity(frame.prepared, row.group, frame.window, this.#widthPx, this.#cover);
    const colors = COLOR_CLASSES.map((name) => toPixel(palette[frame.theme][name]));
    const height = bottom - top - 2;
    this.#fillRows(top + 2, bottom, back);
    for (let x = 0; x < this.#widthPx; x++) {
      let y = bottom;
      for (let color = 0; color < classes; color++) {
        const share = shares[x * classes + color]!;
        if (share === 0) continue;
        const to = Math.max(y - Math.max(Math.round(share * height), 1), top + 2);
        for (; y > to; y--) this.#set(x, y - 1, colors[color]!);
      }
    }
  }

  #paintLane(
    frame: Frame,
    row: LayoutRow,
    ratio: number,
    back: Pixel,
    fill: Uint32Array,
    faded: Uint32Array,
    counts: MatchCounts | null,
    labelPx: number,
    labels: LabelPlace[],
  ): void {
    const { tracks } = frame.prepared;
    const height = frame.layout.spanHeight;
    const firstTrack = tracks.ofLane[row.lane]!;
    const y = row.y + ROW_PADDING_PX - frame.scrollY;
    const from = Math.max(Math.floor(-y / height), 0);
    const to = Math.min(Math.ceil((this.#heightPx / ratio - y) / height), tracks.ofLane[row.lane + 1]! - firstTrack);
    for (let subRow = from; subRow < to; subRow++) {
      const top = Math.round((y + subRow * height) * ratio) + 1;
      const bottom = Math.round((y + (subRow + 1) * height) * ratio);
      coverTrack(tracks, firstTrack + subRow, frame.window, this.#widthPx, this.#cover);
      this.#paintCover(frame, top, bottom, back, fill, faded, counts, labelPx, labels);
    }
  }

  #paintCover(
    frame: Frame,
    top: number,
    bottom: number,
    back: Pixel,
    fill: Uint32Array,
    faded: Uint32Array,
    counts: MatchCounts | null,
    labelPx: number,
    labels: LabelPlace[],
  ): void {
    const cover = this.#cover;
    const { tracks } = frame.prepared;
    const pixels = this.#line.fill(back);
    let hasMarks = false;
    for (let item = 0; item < cover.count; item++) {
      const [left, right] = [cover.left[item]!, cover.right[item]!];
      const paint = cover.paint[item]!;
      const isFaded = counts !== null && counts[cover.to[item]!] === counts[cover.from[item]!];
      const color = isFaded ? faded[paint]! : fill[paint]!;
      const share = cover.share[item]!;
      if (share >= 1) {
        pixels.fill(color, left, right);
        // A line between spans that touch.
        if (right - left > 2) pixels[left] = mix(color, back, 0.45);
      } else pixels[left] = mix(color, back, FAINTEST + (1 - FAINTEST) * share);
      if (tracks.paints[paint]!.flags !== 0) hasMarks = true;
      if (right - left < labelPx || cover.at[item]! < 0) continue;
      labels.push({ span: tracks.span[cover.at[item]!]!, left, right, middleY: (top + bottom) / 2, fill: color });
    }
    for (let y = Math.max(top, 0); y < Math.min(bottom, this.#heightPx); y++) {
      this.#pixels.set(pixels, y * this.#widthPx);
    }
    if (hasMarks) this.#paintMarks(frame, top, bottom, back);
  }

  /** Hatches what is exposed, lights what is critical, and underlines findings. */
  #paintMarks(frame: Frame, top: number, bottom: number, back: Pixel): void {
    const cover = this.#cover;
    const { paints } = frame.prepared.tracks;
    const [glow, alarm] = [toPixel(lit[frame.theme]), toPixel(bad[frame.theme])];
    const band = Math.max(Math.round((bottom - top) / 5), 2);
    for (let item = 0; item < cover.count; item++) {
      const { flags } = paints[cover.paint[item]!]!;
      if (flags === 0) continue;
      const [left, right] = [cover.left[item]!, cover.right[item]!];
      if ((flags & SpanFlag.exposed) !== 0) this.#hatch(left, right, top, bottom, back);
      if ((flags & SpanFlag.critical) !== 0) this.#fillBox(left, right, top, top + band, glow);
      if ((flags & SpanFlag.finding) !== 0) this.#fillBox(left, right, bottom - band, bottom, alarm);
    }
  }

  #hatch(left: number, right: number, top: number, bottom: number, back: Pixel): void {
    for (let y = Math.max(top, 0); y < Math.min(bottom, this.#heightPx); y++) {
      for (let x = left; x < right; x++) {
        const at = y * this.#widthPx + x;
        if ((x + y) % HATCH_PERIOD < HATCH_LINE) this.#pixels[at] = mix(back, this.#pixels[at]!, HATCH_STRENGTH);
      }
    }
  }

  #fillBox(left: number, right: number, top: number, bottom: number, color: Pixel): void {
    for (let y = Math.max(top, 0); y < Math.min(bottom, this.#heightPx); y++) {
      this.#pixels.fill(color, y * this.#widthPx + left, y * this.#widthPx + right);
    }
  }

  #fillRows(top: number, bottom: number, color: Pixel): void {
    this.#fillBox(0, this.#widthPx, top, bottom, color);
  }

  #set(x: number, y: number, color: Pixel): void {
    if (y >= 0 && y < this.#heightPx) this.#pixels[y * this.#widthPx + x] = color;
  }
}
