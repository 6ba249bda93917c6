import { palette } from "../../theme/palette.ts";
import { timeTicks } from "../view/ticks.ts";
import { COLOR_CLASSES, SpanFlag } from "../timeline-source.ts";
import type { Frame, LayoutRow } from "../model-types.ts";
import { arrowsOf, curveOf } from "./arrows.ts";
import { bad, band, fillsOf, ground, ink, inkOn, line, lit, toColor } from "./colors.ts";
import { type Cover, coverTrack, makeCover } from "./cover.ts";
import { groupDensity } from "./density.ts";
import { ROW_PADDING_PX } from "./layout.ts";
import { matchCounts } from "./matches.ts";
import { fitText } from "./renderer.ts";

const GUTTER_PX = 150;
const TITLE_PX = 26;
const AXIS_PX = 24;
const LEGEND_PX = 26;
const LETTER_PX = 6;
/** Sheets up to this height are drawn whole, others as far as they are in sight. */
const WHOLE_SHEET_PX = 6000;

/**
 * A standing SVG document of the frame's window: title, axis, lane names, rows, arrows of the frame and a legend. All rows
 * are drawn, unless the sheet is very tall; detail is that of the screen.
 */
export function frameSvg(frame: Frame, widthPx: number, heightPx: number, title: string): string {
  const { layout, theme } = frame;
  const isWhole = layout.height <= WHOLE_SHEET_PX;
  const sheet: Frame = isWhole ? { ...frame, scrollY: 0 } : frame;
  const height = isWhole ? Math.ceil(layout.height) : heightPx;
  const width = Math.max(Math.round(widthPx), 1);
  const cover = makeCover(width);
  const rows = layout.rows.filter((row) => row.y + row.height > sheet.scrollY && row.y < sheet.scrollY + height);
  const full = { width: GUTTER_PX + width, height: TITLE_PX + AXIS_PX + height + LEGEND_PX };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${full.width}" height="${full.height}"`,
    ` viewBox="0 0 ${full.width} ${full.height}" font-family="system-ui, sans-serif" font-size="11">`,
    `<title>${escapeText(title)}</title>`,
    `<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">`,
    `<rect width="2" height="6" fill="${ground[theme]}"/></pattern>`,
    `<clipPath id="sheet"><rect width="${width}" height="${height}"/></clipPath></defs>`,
    `<rect width="100%" height="100%" fill="${ground[theme]}"/>`,
    `<text x="8" y="17" font-size="13" font-weight="600" fill="${ink[theme]}">${escapeText(title)}</text>`,
    axis(frame, width),
    `<g transform="translate(0,${TITLE_PX + AXIS_PX})">`,
    ...rows.map((row) => rowName(sheet, row)),
    `<g transform="translate(${GUTTER_PX},0)" clip-path="url(#sheet)">`,
    ...rows.map((row) =>
      row.kind === "group" ? headBody(sheet, row, width, cover) : laneBody(sheet, row, width, cover),
    ),
    arrows(sheet, width, height),
    "</g></g>",
    legend(frame, full.height),
    "</svg>",
  ].join("");
}

function axis({ window, theme }: Frame, width: number): string {
  const { ns, text } = timeTicks(window, Math.floor(width / 110));
  const x = (at: number) => round(GUTTER_PX + ((at - window.startNs) / (window.endNs - window.startNs)) * width);
  const marks = ns.map(
    (at) =>
      `<path d="M${x(at)} ${TITLE_PX + AXIS_PX - 6}v6" stroke="${ink[theme]}"/>` +
      `<text x="${x(at)}" y="${TITLE_PX + 13}" text-anchor="middle" fill="${ink[theme]}">${escapeText(text(at))}</text>`,
  );
  return marks.join("");
}

function rowName({ theme, scrollY, layout }: Frame, row: LayoutRow): string {
  const y = row.y - scrollY;
  const isHead = row.kind === "group";
  const ground = isHead ? `<rect y="${y}" width="100%" height="${row.height}" fill="${band[theme]}"/>` : "";
  const middle = y + (isHead ? row.height / 2 : ROW_PADDING_PX + layout.spanHeight / 2) + 4;
  const name = fitText(row.name, GUTTER_PX - (isHead ? 12 : 24), LETTER_PX);
  const weight = isHead ? ' font-weight="600"' : "";
  return `${ground}<text x="${isHead ? 8 : 20}" y="${middle}"${weight} fill="${ink[theme]}">${escapeText(name)}</text>`;
}

function headBody(frame: Frame, row: LayoutRow, width: number, cover: Cover): string {
  const { theme, scrollY } = frame;
  const top = row.y - scrollY;
  const parts = [`<path d="M0 ${top}h${width}" stroke="${line[theme]}"/>`];
  if (!row.isFolded) return parts[0]!;
  const classes = COLOR_CLASSES.length;
  const shares = groupDensity(frame.prepared, row.group, frame.window, width, cover);
  const height = row.height - 2;
  const below = new Float64Array(width);
  COLOR_CLASSES.forEach((name, color) => {
    const points: string[] = [];
    for (let x = 0; x < width; x++) {
      const share = shares[x * classes + color]!;
      if (share > 0) points.push(`M${x} ${round(top + row.height - below[x]!)}h1v${round(-share * height)}h-1z`);
      below[x]! += share * height;
    }
    if (points.length > 0) parts.push(`<path d="${points.join("")}" fill="${palette[theme][name]}"/>`);
  });
  return parts.join("");
}

function laneBody(frame: Frame, row: LayoutRow, width: number, cover: Cover): string {
  const { prepared, layout, theme } = frame;
  const { tracks } = prepared;
  const counts = matchCounts(prepared, frame.matches);
  const { fill, faded } = fillsOf(tracks.paints, theme, frame.isCriticalOnly);
  const parts: string[] = [];
  for (let track = tracks.ofLane[row.lane]!; track < tracks.ofLane[row.lane + 1]!; track++) {
    coverTrack(tracks, track, frame.window, width, cover);
    const subRow = track - tracks.ofLane[row.lane]!;
    const y = row.y + ROW_PADDING_PX + subRow * layout.spanHeight - frame.scrollY + 1;
    const height = layout.spanHeight - 1;
    for (let item = 0; item < cover.count; item++) {
      const isFaded = counts !== null && counts[cover.to[item]!] === counts[cover.from[item]!];
      const pixel = isFaded ? faded[cover.paint[item]!]! : fill[cover.paint[item]!]!;
      const [x, wide] = [cover.left[item]!, cover.right[item]! - cover.left[item]!];
      const box = `x="${x}" y="${y}" width="${wide}"`;
      const opacity = cover.share[item]! < 1 ? ` opacity="${round(0.35 + 0.65 * cover.share[item]!)}"` : "";
      const name = cover.at[item]! < 0 ? "" : prepared.source.label(tracks.span[cover.at[item]!]!);
      const tip = name === "" ? "/>" : `><title>${escapeText(name)}</title></rect>`;
      parts.push(`<rect ${box} height="${height}" fill="${toColor(pixel)}"${opacity}${tip}`);
      const { flags } = tracks.paints[cover.paint[item]!]!;
      if ((flags & SpanFlag.exposed) !== 0) parts.push(`<rect ${box} height="${height}" fill="url(#hatch)"/>`);
      if ((flags & SpanFlag.critical) !== 0) parts.push(`<rect ${box} height="3" fill="${lit[theme]}"/>`);
      if ((flags & SpanFlag.finding) !== 0) {
        parts.push(`<rect x="${x}" y="${y + height - 3}" width="${wide}" height="3" fill="${bad[theme]}"/>`);
      }
      const label = wide < 34 ? "" : fitText(name, wide - 8, LETTER_PX);
      if (label !== "") {
        parts.push(`<text x="${x + 4}" y="${y + 11.5}" fill="${inkOn(pixel)}">${escapeText(label)}</text>`);
      }
    }
  }
  return parts.join("");
}

function arrows(frame: Frame, width: number, height: number): string {
  if (frame.arrows === "none") return "";
  const color = ink[frame.theme];
  const lines = arrowsOf(frame, width, height).lines.map((each) => {
    const [fromX, fromY, toX, toY] = [each.fromX, each.fromY, each.toX, each.toY].map(round);
    const bend = curveOf(each);
    return (
      `<path d="M${fromX} ${fromY}C${round(each.fromX + bend)} ${fromY} ${round(each.toX - bend)} ${toY} ${toX} ${toY}"` +
      ` fill="none" stroke="${color}"/><path d="M${toX} ${toY}l-6 -3.5v7z" fill="${color}"/>`
    );
  });
  return lines.join("");
}

function legend({ prepared, theme }: Frame, fullHeight: number): string {
  const seen = new Set(prepared.tracks.paints.map(({ color }) => color));
  const flags = prepared.tracks.paints.reduce((all, paint) => all | paint.flags, 0);
  const y = fullHeight - 16;
  let x = GUTTER_PX;
  const parts: string[] = [];
  const add = (name: string, mark: string) => {
    parts.push(`<g transform="translate(${x},${y})">${mark}<text x="16" y="9" fill="${ink[theme]}">${name}</text></g>`);
    x += 30 + name.length * LETTER_PX;
  };
  const box = (fill: string) => `<rect width="12" height="10" fill="${fill}"/>`;
  for (const name of COLOR_CLASSES) if (seen.has(name)) add(name, box(palette[theme][name]));
  if ((flags & SpanFlag.critical) !== 0) add("critical path", `<rect width="12" height="3" fill="${lit[theme]}"/>`);
  if ((flags & SpanFlag.exposed) !== 0) add("exposed", `${box(palette[theme].transfer)}${box("url(#hatch)")}`);
  return parts.join("");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Text that is safe inside an element; characters that XML forbids are left out. */
function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out.
  const legal = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "");
  return legal.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
