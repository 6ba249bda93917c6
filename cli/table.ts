import { paint } from "./style.ts";

/** A column of a table: its title, and on which side its cells stand. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Aligned rows under their titles; the last column is not padded. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => (row[at] ?? "").length)));
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, at) => pad(cells[at] ?? "", widths[at]!, align ?? "left"))
      .join("  ")
      .trimEnd();
  const titles = line(columns.map(({ title }) => title));
  return [paint("bold", titles), ...rows.map(line)].join("\n");
}

/** `name  value` lines with their values aligned. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${paint("dim", name.padEnd(width))}  ${value}`).join("\n");
}

function pad(text: string, width: number, align: "left" | "right"): string {
  return align === "left" ? text.padEnd(width) : text.padStart(width);
}
