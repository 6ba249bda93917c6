import type { Comparison, TraceSummary } from "../plan/trace/compare.ts";
import { differenceInWords, isSeen } from "../plan/trace/difference-words.ts";
import type { NamedOp } from "../plan/trace/op-facts.ts";
import type { StreamTimes } from "../plan/trace/stream-times.ts";
import { paint } from "./style.ts";
import { type Column, formatFields, formatTable } from "./table.ts";
import { formatCount, formatNs, formatPercent } from "../plan/units.ts";

const timeColumns: readonly Column[] = [
  { title: "predicted", align: "right" },
  { title: "measured", align: "right" },
  { title: "error", align: "right" },
];

const causeColumns: readonly Column[] = [
  { title: "on the chain" },
  { title: "predicted", align: "right" },
  { title: "measured", align: "right" },
  { title: "difference", align: "right" },
  { title: "most at" },
];

const streamColumns: readonly Column[] = [
  { title: "stream" },
  { title: "rank" },
  { title: "busy predicted", align: "right" },
  { title: "measured", align: "right" },
  { title: "idle predicted", align: "right" },
  { title: "measured", align: "right" },
  { title: "ends predicted", align: "right" },
  { title: "measured", align: "right" },
];

const opColumns: readonly Column[] = [
  { title: "op", align: "right" },
  { title: "kind" },
  { title: "rank", align: "right" },
  { title: "stream" },
  ...timeColumns,
  { title: "released by" },
];

/** The whole comparison for people: a sentence, what explains it, kinds, streams and the worst ops. */
export function formatComparison(comparison: Comparison): string {
  const { perKind, unmatchedOps } = comparison;
  const kinds = perKind.map((row) => [row.kind, ...timesOf(row)]);
  const parts = [
    `${describeDifference(comparison)}\nmakespan error: ${formatError(comparison.makespanError)}`,
    formatTraces(comparison),
    formatCauses(comparison),
    formatTable([{ title: "all ops of kind" }, ...timeColumns], kinds),
    formatStreams(comparison),
    formatWorstOps(comparison),
    ...(unmatchedOps > 0 ? [`${formatCount(unmatchedOps)} ops are in one of the traces only`] : []),
  ];
  return parts.join("\n\n");
}

/** One sentence: `measured 12.3 ms, predicted 11.8 ms (-4.07 %): on its chain attend takes 412 µs longer, gaps …`. */
export function describeDifference({ predictedNs, measuredNs, makespanError, explanation }: Comparison): string {
  const times = `measured ${formatNs(measuredNs)}, predicted ${formatNs(predictedNs)} (${formatError(makespanError)})`;
  const { causes, slack } = differenceInWords(explanation);
  if (causes.length === 0) return `${paint("bold", times)}: nothing on the chain differs`;
  return `${paint("bold", times)}: on the ${explanation.chainOf} chain ${causes.join(", ")}${slack}`;
}

function formatTraces({ predicted, measured }: Comparison): string {
  const rows: [string, string][] = [
    ["predicted", describeTrace(predicted)],
    ["measured", describeTrace(measured)],
    ...remarks(predicted, measured).map((remark): [string, string] => ["note", remark]),
  ];
  return formatFields(rows);
}

function describeTrace({ notes, passes, emulated }: TraceSummary): string {
  const several = passes > 1 ? [`means over ${formatCount(passes)} passes`] : [];
  return [...(emulated ? ["emulated"] : []), ...notes, ...several].join("; ") || "nothing is noted";
}

function remarks(predicted: TraceSummary, measured: TraceSummary): readonly string[] {
  const isAsNamed = predicted.source === "predicted" && measured.source === "measured";
  const emulated = [predicted, measured].some((trace) => trace.emulated);
  return [
    ...(isAsNamed ? [] : [describeSources(predicted.source, measured.source)]),
    ...(emulated ? ["an emulated trace is no measurement of the hardware that it stands in for"] : []),
  ];
}

function describeSources(first: TraceSummary["source"], second: TraceSummary["source"]): string {
  const which = first === second ? `both traces are ${first}` : "the first trace is measured and the second predicted";
  return `${which}: "predicted" means the first of them here, "measured" the second`;
}

function formatCauses({ explanation, predictedNs, measuredNs }: Comparison): string {
  const { causes, chainOf, numOps, order } = explanation;
  const rows = causes.map(({ cause, predictedNs: predicted, measuredNs: measured, differenceNs, mostAt }) => [
    cause,
    formatNs(predicted),
    formatNs(measured),
    formatDifference(differenceNs),
    mostAt === null || !isSeen(mostAt.differenceNs)
      ? ""
      : `${describeOp(mostAt)}, ${formatDifference(mostAt.differenceNs)}`,
  ]);
  const sum = ["makespan", formatNs(predictedNs), formatNs(measuredNs), formatDifference(measuredNs - predictedNs)];
  const from = order === "schedule" ? "the schedule" : "times alone: --schedule FILE is exact";
  const size = `${formatCount(Math.round(numOps))} ops`;
  return [
    formatTable(causeColumns, [...rows, sum]),
    paint("dim", `critical chain of the ${chainOf} trace, the longer one: ${size}, their order from ${from}`),
  ].join("\n");
}

/** The mean of all ranks that have the stream, and the rank whose busy time differs most. */
function formatStreams({ perStream }: Comparison): string {
  const rows = perStream.flatMap(({ stream, numRanks, predicted, measured, worst }) => [
    [stream, `mean of ${formatCount(numRanks)}`, ...streamCells(predicted, measured)],
    ...(numRanks > 1 ? [["", `${worst.rank}, differs most`, ...streamCells(worst.predicted, worst.measured)]] : []),
  ]);
  return formatTable(streamColumns, rows);
}

function streamCells(predicted: StreamTimes | null, measured: StreamTimes | null): readonly string[] {
  const keys = ["busyNs", "idleNs", "lastEndNs"] as const;
  const cell = (times: StreamTimes | null, key: (typeof keys)[number]) => (times === null ? "–" : formatNs(times[key]));
  return keys.flatMap((key) => [cell(predicted, key), cell(measured, key)]);
}

function formatWorstOps({ worstOps }: Comparison): string {
  const rows = worstOps.map(({ op, kind, rank, stream, awaited, ...times }) => [
    ...[`${op}`, kind, `${rank}`, stream, ...timesOf(times)],
    awaited === null ? "" : describeOp(awaited),
  ]);
  return formatTable(opColumns, rows);
}

function describeOp({ op, kind, rank, stream }: NamedOp): string {
  return `${kind} ${op}, rank ${rank} ${stream}`;
}

function timesOf(row: { predictedNs: number; measuredNs: number; error: number | null }): readonly string[] {
  return [formatNs(row.predictedNs), formatNs(row.measuredNs), formatError(row.error)];
}

function formatError(error: number | null): string {
  return error === null ? "–" : formatPercent(error, true);
}

function formatDifference(ns: number): string {
  return `${isSeen(ns) && ns > 0 ? "+" : ""}${formatNs(ns)}`;
}
