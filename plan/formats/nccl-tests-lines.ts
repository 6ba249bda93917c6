import { elementSizeOf, type NcclTestRank, type NcclTestRow, type NcclTestTiming } from "./nccl-tests-run.ts";
import { stripTerminal } from "./smi-matrix.ts";

/** Rows and lines of devices are far shorter; what is longer is a library's chatter. */
const maxLine = 2000;
/** Ranks are 16-bit elsewhere. */
const maxRank = 65_535;

/**
 * What launchers and collectors write before a line: `[1,0]<stdout>:`, a date and time, `0: ` of `srun -l`, `host: `
 * of pdsh. The last two only before what can begin a line of a log.
 */
const prefixes =
  /^\s*(?:[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]{8} \d{4}|\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?(?=\s))?\s*(?:\[[^\]\s]{1,80}\]\s?<std(?:out|err)>:?|[\w.-]{1,64}:(?= *#| +\d+ +\d+ +[a-z]))?/;

/** The line without what a launcher wrote before it, nor terminal codes. */
export function stripPrefix(line: string): string {
  const text = stripTerminal(line.length > maxLine ? line.slice(0, maxLine) : line);
  return text.replace(prefixes, "");
}

const rankPattern =
  /\bRank +(\d{1,9}) +(?:Group +(\d{1,9}) +)?(?:Pid +\d+ +)?on +(\S+) +device +(\d{1,9}) +\[ *([\da-fx:.]{1,32}) *\] *(.*)$/i;

/** The rank that a line of the list of devices describes, or null. */
export function readRank(text: string): NcclTestRank | null {
  const match = rankPattern.exec(text);
  if (match === null) return null;
  const [, rank, group, host, device, bus, name] = match;
  if (Number(rank) > maxRank || Number(device) > maxRank) return null;
  return {
    rank: Number(rank),
    group: Number(group ?? 0),
    host: host!,
    device: Number(device),
    bus: bus!,
    name: name!.trim() === "" ? null : name!.trim(),
  };
}

/** The columns of a table, after size, count, type and operation. */
export interface Layout {
  readonly hasRoot: boolean;
  /** Columns of out-of-place; as many follow for in-place. */
  readonly width: number;
  /** Where in those stand the bandwidths and the number of wrong values; null for none or for a deviation. */
  readonly alg: number;
  readonly bus: number;
  readonly wrong: number | null;
  readonly isCpuTime: boolean;
  readonly nsPerUnit: number;
}

/** What is taken where a log is cut before its header: the columns of all versions since 2022. */
export const usualLayout: Layout = {
  hasRoot: true,
  width: 4,
  alg: 1,
  bus: 2,
  wrong: 3,
  isCpuTime: false,
  nsPerUnit: 1000,
};

/**
 * The columns that a header names, or null if the line is none. Before 2019 sizes were titled `bytes`, and times were
 * milliseconds without a line of units.
 */
export function readHeader(text: string): Layout | null {
  const titles = text.replace(/^[\s#]+/, "").split(/\s+/);
  if (!/^(?:size|bytes)$/.test(titles[0]!)) return null;
  const type = titles.indexOf("type");
  const time = titles.findIndex((title) => title === "time" || title === "cputime");
  if (type < 0 || time <= type) return null;
  const columns = titles.slice(time);
  const next = columns.indexOf(columns[0]!, 1);
  const width = next > 0 ? next : columns.filter((title) => title !== "timestamp").length;
  const [alg, bus, wrong] = ["algbw", "busbw", "#wrong"].map((title) => columns.indexOf(title));
  if (alg! < 0 || bus! < 0 || alg! >= width || bus! >= width) return null;
  return {
    hasRoot: titles.slice(type, time).includes("root"),
    width,
    alg: alg!,
    bus: bus!,
    wrong: wrong! < 0 || wrong! >= width ? null : wrong!,
    isCpuTime: columns[0] === "cputime",
    nsPerUnit: titles[0] === "bytes" ? 1e6 : 1000,
  };
}

/** The beginning of a row and as many of its figures as are there yet. */
export interface RowDraft {
  readonly line: number;
  readonly bytes: number;
  readonly count: number;
  readonly type: string;
  readonly redop: string | null;
  readonly figures: readonly string[];
  /** Whether the columns of out-of-place are blank. */
  readonly hasGap: boolean;
}

const figure = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|N\/A|-?nan|-?inf)$/i;
const whole = /^\d{1,16}$/;

/** The beginning of a row, or null if the line is none. Types that are not known need a header before them. */
export function readRowStart(text: string, line: number, hasHeader: boolean): RowDraft | null {
  const tokens = text.split(/\s+/).filter((token) => token !== "");
  const [bytes, count, type] = tokens;
  if (bytes === undefined || count === undefined || type === undefined) return null;
  if (!whole.test(bytes) || !whole.test(count) || !/^[a-z]\w{0,20}$/i.test(type)) return null;
  if (!hasHeader && elementSizeOf(type) === null) return null;
  const redop = tokens[3] !== undefined && /^[a-z]\w{0,20}$/i.test(tokens[3]) && !figure.test(tokens[3]);
  return {
    line,
    bytes: Number(bytes),
    count: Number(count),
    type,
    redop: redop ? tokens[3]! : null,
    figures: leadingFigures(tokens.slice(redop ? 4 : 3)),
    hasGap: /\S\s{30,}\S/.test(text.trim()),
  };
}

/** The row with the figures of a line that holds nothing else: other output came between. Null if the line does. */
export function continueRow(draft: RowDraft, text: string): RowDraft | null {
  const tokens = text.split(/\s+/).filter((token) => token !== "");
  const figures = leadingFigures(tokens);
  if (figures.length === 0 || figures.length !== tokens.length) return null;
  return { ...draft, figures: [...draft.figures, ...figures] };
}

function leadingFigures(tokens: readonly string[]): readonly string[] {
  const end = tokens.findIndex((token) => !figure.test(token));
  return end < 0 ? tokens : tokens.slice(0, end);
}

/** Whether the figures of both out-of-place and in-place are there. */
export function isWhole({ figures, hasGap }: RowDraft, { width }: Layout): boolean {
  return figures.length >= 2 * width || (hasGap && figures.length >= width);
}

/** The row, or null where not even its first time is whole. */
export function finishRow(draft: RowDraft, layout: Layout): NcclTestRow | null {
  const { line, bytes, count, type, redop, figures, hasGap } = draft;
  const { width } = layout;
  // Where other output swallowed the root, the figures are a multiple of the width; a blank operation looks the same.
  const extra = figures.length % width;
  const hasRoot = figures.length > 2 * width ? layout.hasRoot : extra === 1 && figures.length > 1;
  const body = figures.slice(hasRoot ? 1 : 0);
  if (body.length < width || !Number.isSafeInteger(bytes) || !Number.isSafeInteger(count)) return null;
  const first = readTiming(body.slice(0, width), layout);
  const second = body.length >= 2 * width ? readTiming(body.slice(width, 2 * width), layout) : null;
  const isInPlaceOnly = hasGap && body.length < 2 * width;
  const outOfPlace = isInPlaceOnly ? null : first;
  const inPlace = isInPlaceOnly ? first : second;
  if (outOfPlace === null && inPlace === null) return null;
  const root = hasRoot && /^-?\d{1,9}$/.test(figures[0]!) ? Number(figures[0]) : null;
  return { line, bytes, count, type, redop, root, outOfPlace, inPlace };
}

function readTiming(figures: readonly string[], layout: Layout): NcclTestTiming | null {
  const timeNs = Number(figures[0]) * layout.nsPerUnit;
  const [alg, bus] = [Number(figures[layout.alg]), Number(figures[layout.bus])];
  if (!(timeNs > 0 && timeNs < 1e15 && alg >= 0 && bus >= 0)) return null;
  if (!Number.isFinite(alg) || !Number.isFinite(bus)) return null;
  const wrong = layout.wrong === null ? Number.NaN : Number(figures[layout.wrong]);
  return {
    timeNs,
    algBytesPerSecond: alg * 1e9,
    busBytesPerSecond: bus * 1e9,
    wrong: Number.isFinite(wrong) ? wrong : null,
  };
}
