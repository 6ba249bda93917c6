import type { SummaryRow } from "../model-types.ts";

/** The summary of an area as tab-separated lines, as spreadsheets paste them. Times in ns. */
export function summaryText(rows: readonly SummaryRow[]): string {
  const head = ["kind", "count", "total ns", "mean ns", "max ns"];
  const lines = rows.map((row) => [row.kind, row.count, row.totalNs, row.meanNs, row.maxNs]);
  return [head, ...lines].map((cells) => cells.join("\t")).join("\n");
}
