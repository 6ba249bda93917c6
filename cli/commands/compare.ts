import type { Command } from "commander";
import { type Comparison, compareTraces } from "../../plan/trace/compare.ts";
import { print, printJson } from "../output.ts";
import { formatTable } from "../table.ts";
import { readTraceFile } from "../trace-files.ts";
import { formatCount, formatNs, formatPercent } from "../units.ts";

const examples = `
Errors are (predicted − measured) / measured, signed.

Examples:
  toroid compare predicted.trace measured.trace
  toroid compare predicted.json measured.json --json`;

/** Adds `toroid compare`. */
export function addCompareCommand(program: Command): void {
  program
    .command("compare")
    .summary("lay two traces of one schedule side by side, op by op")
    .description("Compares a predicted with a measured trace (or any two) of the same schedule.")
    .argument("<predicted>", "trace, packed or Chrome JSON")
    .argument("<measured>", "trace, packed or Chrome JSON")
    .option("--json", "print one JSON document")
    .addHelpText("after", examples)
    .action(async (predicted: string, measured: string, flags: { readonly json?: boolean }) => {
      const comparison = compareTraces(await readTraceFile(predicted), await readTraceFile(measured));
      if (flags.json === true) printJson(comparison);
      else print(formatComparison(comparison));
    });
}

const timeColumns = [
  { title: "predicted", align: "right" },
  { title: "measured", align: "right" },
  { title: "error", align: "right" },
] as const;

function formatComparison({ makespanError, perKind, worstOps, unmatchedOps }: Comparison): string {
  const kinds = perKind.map((row) => [row.kind, ...timesOf(row)]);
  const ops = worstOps.map((row) => [`${row.op}`, row.kind, `${row.rank}`, ...timesOf(row)]);
  const parts = [
    `makespan error: ${formatError(makespanError)}`,
    formatTable([{ title: "all ops of kind" }, ...timeColumns], kinds),
    formatTable(
      [{ title: "op", align: "right" }, { title: "kind" }, { title: "rank", align: "right" }, ...timeColumns],
      ops,
    ),
  ];
  if (unmatchedOps > 0) parts.push(`${formatCount(unmatchedOps)} ops are in one of the traces only`);
  return parts.join("\n\n");
}

function timesOf(row: { predictedNs: number; measuredNs: number; error: number | null }): readonly string[] {
  return [formatNs(row.predictedNs), formatNs(row.measuredNs), formatError(row.error)];
}

function formatError(error: number | null): string {
  return error === null ? "–" : formatPercent(error, true);
}
