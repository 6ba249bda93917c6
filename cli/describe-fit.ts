import type { NcclFit, RunResidual } from "../plan/formats/nccl-fit.ts";
import type { FittedLink, Spread } from "../plan/topology/fit-links.ts";
import { paint } from "./style.ts";
import { type Column, formatTable } from "./table.ts";
import { formatBytes, formatCount, formatNs, formatPercent, formatRate } from "../plan/units.ts";

const numWorst = 5;

/** What a fit to logs found: its runs, links by kind, the rows that it explains worst, and what was assumed. */
export function formatFit(fit: NcclFit): string {
  const parts = [formatRuns(fit), formatLinks(fit.links), formatWorst(fit)];
  if (fit.assumed.length > 0) {
    parts.push([paint("yellow", "assumed"), ...fit.assumed.map((sentence) => `  ${sentence}`)].join("\n"));
  }
  return parts.join("\n\n");
}

function formatRuns({ runs }: NcclFit): string {
  const columns: readonly Column[] = [
    { title: "log" },
    { title: "test" },
    { title: "ranks", align: "right" },
    { title: "machines", align: "right" },
    { title: "rows", align: "right" },
  ];
  const rows = runs.map(({ path, line, test, ranks, machines, rows: numRows }) => [
    `${path}:${line}`,
    test,
    formatCount(ranks),
    formatCount(machines),
    formatCount(numRows),
  ]);
  return formatTable(columns, rows);
}

const linkColumns: readonly Column[] = [
  { title: "links" },
  { title: "number", align: "right" },
  { title: "rate before", align: "right" },
  { title: "after", align: "right" },
  { title: "80 % of rows", align: "right" },
  { title: "latency before", align: "right" },
  { title: "after", align: "right" },
  { title: "80 % of rows", align: "right" },
  { title: "for example" },
];

/** Links of one kind and figure in one row. */
function formatLinks(links: readonly FittedLink[]): string {
  if (links.length === 0) return "no link's figures follow from these logs";
  const rows = new Map<string, { link: FittedLink; count: number }>();
  for (const link of links) {
    const key = `${link.kind} ${link.before.bytesPerSecond} ${link.before.latencyNs}`;
    const row = rows.get(key) ?? { link, count: 0 };
    row.count++;
    rows.set(key, row);
  }
  return formatTable(
    linkColumns,
    [...rows.values()].map(({ link, count }) => linkRow(link, count)),
  );
}

function linkRow(link: FittedLink, count: number): readonly string[] {
  const { kind, before, bytesPerSecond, latencyNs, evidence, spread, from, to } = link;
  const isRaised = evidence === "at least" && bytesPerSecond > before.bytesPerSecond;
  const rate = before.bytesPerSecond === bytesPerSecond ? "stays" : formatRate(bytesPerSecond);
  return [
    kind,
    formatCount(count),
    formatRate(before.bytesPerSecond),
    isRaised ? `at least ${rate}` : rate,
    formatSpread(spread.bytesPerSecond, formatRate),
    formatNs(before.latencyNs),
    before.latencyNs === latencyNs ? "stays" : formatNs(latencyNs),
    formatSpread(spread.latencyNs, formatNs),
    `${from}–${to}`,
  ];
}

function formatSpread(spread: Spread | null, format: (value: number) => string): string {
  return spread === null ? "–" : `${format(spread.low)} – ${format(spread.high)}`;
}

function formatWorst({ residuals, runs }: NcclFit): string {
  const worst = [...residuals].sort((a, b) => Math.abs(b.error) - Math.abs(a.error)).slice(0, numWorst);
  const columns: readonly Column[] = [
    { title: "worst rows" },
    { title: "size", align: "right" },
    { title: "measured", align: "right" },
    { title: "fitted", align: "right" },
    { title: "error", align: "right" },
  ];
  const row = ({ run, test, bytes, measuredNs, fittedNs, error }: RunResidual) => [
    runs.length === 1 ? test : `${test} (${runs[run]!.path})`,
    formatBytes(bytes),
    formatNs(measuredNs),
    formatNs(fittedNs),
    formatPercent(error, true),
  ];
  return formatTable(columns, worst.map(row));
}
