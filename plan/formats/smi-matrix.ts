import { UsageError } from "../errors.ts";

/** Distance of two devices on PCIe, nearest first; the index is what code compares. */
export const pcieTokens = ["PIX", "PXB", "PHB", "NODE", "SYS"] as const;

/** A cell: `NV<n>` or one of `pcieTokens`. Null: not in the text. */
export type Cell = string | null;

/** A `nvidia-smi topo -m` matrix, made symmetric. */
export interface SmiMatrix {
  /** GPUs and NICs in order of column. */
  readonly labels: readonly string[];
  readonly isGpu: readonly boolean[];
  /** `cells[i][j] === cells[j][i]`; the diagonal is null. */
  readonly cells: readonly (readonly Cell[])[];
  /** By device, the NUMA affinity as printed (`0`, `0,2-17`), null where there is none. */
  readonly numa: readonly (string | null)[];
  /** Sentences about damage and contradictions that were bridged. */
  readonly notes: readonly string[];
}

/** Far above any machine; a bound for hostile input. */
const maxColumns = 512;

const tokenPattern = "NV[1-9]\\d{0,2}|NODE|SYS|SOC|PHB|PXB|PIX|X";
const rowPattern = new RegExp(`(?:^|[^\\w])(GPU\\d+)[ \\t]*(?:${tokenPattern})(?![a-z])`, "m");
const commandPattern = /\btopo(?:logy)?\s+(--?[a-z0-9_]+)/g;

/** The part of a text that is looked at: a matrix of some hundred devices fits. */
const maxText = 8 * 2 ** 20;

/** The text as a terminal would show it: no escape sequences, nor what is left of them when ESC got lost. */
export function stripTerminal(text: string): string {
  return (
    text
      .slice(0, maxText)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
      .replace(/\u001b\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b[@-Z\\^_]/g, "")
      .replace(/\[(?:\d{1,3}(?:;\d{1,3})*)?m/g, "")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would not show
      .replace(/[\u0007\u0008\u001b\u007f\u200b\u2060\ufeff]/g, "")
      .replace(/[\u00a0\u2000-\u200a\u3000]/g, " ")
  );
}

/** Whether a text stripped of terminal codes holds a row or a header of a `topo -m` (or `-mp`) matrix. */
export function hasSmiMatrix(text: string): boolean {
  return rowPattern.test(text) || text.split("\n").some((line) => line.includes("Affinity") && /GPU\d[ \t]/.test(line));
}

/**
 * Whether the matrix is that of `topo -mp`, which hides NVLink and else looks the same: the command before it says so,
 * or the file's name does, or it stands without NVLink above a legend that ends without the `NV#` line.
 */
export function isPcieOnlyMatrix(text: string, fileName: string): boolean {
  const start = rowPattern.exec(text)?.index ?? text.length;
  const option = [...text.slice(0, start).matchAll(commandPattern)].at(-1)?.[1];
  if (option !== undefined) return option === "-mp" || option === "--matrix_pci";
  if (/topo[-_ .]*mp\b|matrix_pci/i.test(fileName)) return true;
  const hasLegend = /^[ \t#>*|]*PIX[ \t]*=/m.test(text);
  return hasLegend && !/^[ \t#>*|]*NV#[ \t]*=/m.test(text) && !/\bNV\d+/.test(text);
}

/** One line of the text that is a row. */
interface Row {
  readonly label: string;
  readonly tokens: readonly string[];
  /** What follows the cells: affinities. */
  readonly rest: readonly string[];
  readonly line: number;
}

/**
 * Reads the first matrix of a text stripped of terminal codes. Survives prefixes, cut rows, lost tabs, missing NIC
 * rows and a missing header; throws a UsageError (`parse`) that names the line where the cells cannot be told apart.
 */
export function readSmiMatrix(text: string): SmiMatrix {
  const lines = text.split("\n");
  const notes: string[] = [];
  const headerLine = lines.findIndex((line) => readHeader(line) !== null);
  const header = headerLine < 0 ? null : readHeader(lines[headerLine]!);
  const rows = readRows(lines, headerLine + 1, header, notes);
  if (rows.length === 0) {
    throw new UsageError("parse", "expected a row for each GPU (GPU0 X …), found none", {
      path: headerLine < 0 ? "line 1" : `line ${headerLine + 1}`,
      hint: "Paste the whole output of `nvidia-smi topo -m`.",
    });
  }
  const labels = header ?? rows.map(({ label }) => label);
  checkLabels(labels, headerLine);
  for (const row of rows) checkRow(row, labels);
  return assemble(labels, rows, notes);
}

/** The names of the columns, or null if the line is no header. */
function readHeader(line: string): string[] | null {
  const first = line.search(/GPU\d/);
  if (first < 0 || /[^\s#>|*`/$]/.test(line.slice(0, first))) return null;
  // Affinities come last; of a cut header their first word may be all that is left.
  const affinity = line.slice(first).search(/CPU|NUMA|GPU(?!\d)/);
  const cells = affinity < 0 ? line.slice(first) : line.slice(first, first + affinity);
  const names: string[] = [];
  const left = cells.replace(/GPU\d+|NIC\d+|mlx\d+_(?:bond_)?\d+|[A-Za-z][\w.-]*/g, (name) => {
    names.push(name);
    return "";
  });
  const isName = (name: string) => /\d/.test(name) && !/^NV\d+$/.test(name) && !/^(?:SYS|NODE|P[HX]B|PIX|X)/.test(name);
  return /^[\s|`]*$/.test(left) && names.every(isName) && !rowPattern.test(line) ? names : null;
}

function readRows(lines: readonly string[], from: number, header: readonly string[] | null, notes: string[]): Row[] {
  const rows = new Map<string, Row>();
  const repeated: string[] = [];
  const known = new Set(header ?? []);
  for (let index = from; index < lines.length; index++) {
    if (rows.size > 0 && readHeader(lines[index]!) !== null) {
      notes.push(`Only the first matrix is read; another one begins in line ${index + 1}.`);
      break;
    }
    const row = readRow(lines[index]!, index + 1, known);
    if (row === null) continue;
    if (rows.has(row.label)) repeated.push(`${row.label} in line ${row.line}`);
    else rows.set(row.label, row);
  }
  if (repeated.length > 0) notes.push(`Only the first row of a device is read, not ${listSome(repeated)}.`);
  return [...rows.values()];
}

const labelPattern =
  /^(?:[\s#>|*`$]|\/\/|\[[^\]]*\]:?)*(GPU\d+|NIC\d+|[A-Za-z][\w.-]*)(?=[\sX]|$|SYS|NODE|P[HX]B|PIX|NV\d)/;
const loosePattern = new RegExp(`\\b(GPU\\d+|NIC\\d+)\\s+(?=(?:${tokenPattern})(?:\\s|$))`);

function readRow(line: string, number: number, known: ReadonlySet<string>): Row | null {
  const isLabel = (name: string | undefined) =>
    name !== undefined && (/^(?:GPU|NIC)\d+$/.test(name) || known.has(name));
  const strict = labelPattern.exec(line);
  const match = isLabel(strict?.[1]) ? strict : loosePattern.exec(line);
  if (match === null) return null;
  const words = line
    .slice(match.index + match[0].length)
    .replace(/\|/g, " ")
    .split(/\s+/)
    .filter((word) => word !== "");
  const tokens: string[] = [];
  let index = 0;
  for (; index < words.length; index++) {
    const [cells, left] = splitCells(words[index]!);
    tokens.push(...cells);
    if (left !== "") {
      words[index] = left;
      break;
    }
  }
  if (tokens.length === 0) return null;
  return { label: match[1]!, tokens, rest: words.slice(index), line: number };
}

/** A word as cells and what is left of it: a tab lost at the terminal's edge gives `PXBNODE` or `SYS0-55`. */
function splitCells(word: string): [cells: string[], left: string] {
  const cells: string[] = [];
  const pattern = new RegExp(tokenPattern, "y");
  let end = 0;
  for (let match = pattern.exec(word); match !== null; match = pattern.exec(word)) {
    cells.push(match[0] === "SOC" ? "SYS" : match[0]);
    end = pattern.lastIndex;
  }
  return [cells, word.slice(end)];
}

function checkLabels(labels: readonly string[], headerLine: number): void {
  const path = `line ${Math.max(headerLine, 0) + 1}`;
  if (labels.length > maxColumns) {
    throw new UsageError("limit", `expected at most ${maxColumns} devices, got ${labels.length}`, { path });
  }
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice !== undefined) throw new UsageError("parse", `expected each column once, got ${twice} twice`, { path });
  if (!labels.some(isGpuLabel)) throw new UsageError("parse", "expected a column for each GPU, found none", { path });
}

function isGpuLabel(label: string): boolean {
  return /^GPU\d+$/.test(label);
}

/** The cells of a row must lie under their columns: the X shows it, and affinities may follow only a full row. */
function checkRow(row: Row, labels: readonly string[]): void {
  const { label, tokens, rest, line } = row;
  const own = labels.indexOf(label);
  const path = `line ${line}`;
  const hint = "Paste the whole output of `nvidia-smi topo -m` again.";
  if (own < 0) throw new UsageError("parse", `expected a column for row ${label}, found none`, { path, hint });
  const stray = rest[0];
  if (tokens.length < labels.length && stray !== undefined && !/^[\d,N/A.-]+$/.test(stray)) {
    const message = `expected ${pcieTokens.join(", ")}, X or NV# in row ${label}, got ${JSON.stringify(stray.slice(0, 40))}`;
    throw new UsageError("parse", message, { path, hint });
  }
  if (tokens.length > labels.length) {
    const message = `expected ${labels.length} cells in row ${label}, as the header has, got ${tokens.length}`;
    throw new UsageError("parse", message, { path, hint });
  }
  const cross = tokens.indexOf("X");
  if (cross === own || (cross < 0 && tokens.length <= own)) {
    if (tokens.indexOf("X", cross + 1) < 0 || cross < 0) return;
  }
  const message = `expected the only X of row ${label} in column ${own + 1}, got ${JSON.stringify(tokens.join(" ").slice(0, 80))}`;
  throw new UsageError("parse", message, { path, hint });
}

function assemble(labels: readonly string[], rows: readonly Row[], damage: readonly string[]): SmiMatrix {
  const byLabel = new Map(rows.map((row) => [row.label, row]));
  const asymmetric: string[] = [];
  const cellAt = (i: number, j: number): Cell => byLabel.get(labels[i]!)?.tokens[j] ?? null;
  const cells = labels.map((_, i) =>
    labels.map((__, j): Cell => (i === j ? null : weaker(cellAt(i, j), cellAt(j, i)))),
  );
  for (const [i, label] of labels.entries()) {
    for (let j = i + 1; j < labels.length; j++) {
      const [there, back] = [cellAt(i, j), cellAt(j, i)];
      if (there === null || back === null || there === back) continue;
      asymmetric.push(`${label}–${labels[j]} (${there} one way, ${back} the other)`);
    }
  }
  const notes = [...damage];
  const cut = labels.filter(
    (label, i) => isGpuLabel(label) && (byLabel.get(label)?.tokens.length ?? 0) < numGpus(labels, i),
  );
  if (cut.length > 0)
    notes.push(`Rows cut off or missing: ${cut.join(", ")}; the other rows say what they can about them.`);
  if (asymmetric.length > 0) {
    notes.push(`The matrix is asymmetric at ${listSome(asymmetric)}; the weaker connection is taken for both ways.`);
  }
  fillUnknown(labels, cells, notes);
  const numa = labels.map((label) => numaOf(byLabel.get(label)));
  return { labels, isGpu: labels.map(isGpuLabel), cells, numa, notes };
}

/** Pairs of GPUs of which no row speaks are taken to be joined as the worst joined pair is. */
function fillUnknown(labels: readonly string[], cells: Cell[][], notes: string[]): void {
  const unknown: [number, number][] = [];
  let worst: Cell = null;
  for (const [i, label] of labels.entries()) {
    for (let j = i + 1; j < labels.length && isGpuLabel(label); j++) {
      if (!isGpuLabel(labels[j]!)) continue;
      worst = weaker(worst, cells[i]![j]!);
      if (cells[i]![j] === null) unknown.push([i, j]);
    }
  }
  if (unknown.length === 0) return;
  for (const [i, j] of unknown) {
    cells[i]![j] = worst;
    cells[j]![i] = worst;
  }
  const named = listSome(unknown.map(([i, j]) => `${labels[i]}–${labels[j]}`));
  notes.push(`No row says how ${named} are joined; ${worst ?? "SYS"} is taken.`);
}

/** The number of cells up to the last GPU other than device i. */
function numGpus(labels: readonly string[], i: number): number {
  const last = labels.findLastIndex((label, j) => j !== i && isGpuLabel(label));
  return last + 1;
}

/** The first few of a list for a sentence. */
export function listSome(items: readonly string[]): string {
  const shown = items.slice(0, 3).join(", ");
  return items.length > 3 ? `${shown} and ${items.length - 3} more` : shown;
}

function weaker(a: Cell, b: Cell): Cell {
  if (a === null || b === null) return a ?? b;
  return strength(a) <= strength(b) ? a : b;
}

/** Larger is better: the number of NVLinks, else by distance on PCIe. */
function strength(cell: string): number {
  const links = numNvlinks(cell);
  return links > 0 ? links : -pcieTokens.indexOf(cell as (typeof pcieTokens)[number]) - 1;
}

/** The n of `NV<n>`, 0 for other cells. */
export function numNvlinks(cell: Cell): number {
  return cell?.startsWith("NV") ? Number(cell.slice(2)) : 0;
}

/** The second affinity of a row; the first is that of the CPUs. */
function numaOf(row: Row | undefined): string | null {
  const text = row?.rest[1];
  return text !== undefined && /^\d[\d,-]*$/.test(text) ? text : null;
}
