import type { OpKind } from "../../plan/schedule/schedule.ts";
import type { Comparison, TraceSummary } from "../../plan/trace/compare.ts";
import { differenceInWords, isSeen } from "../../plan/trace/difference-words.ts";
import type { CauseShare, Explanation } from "../../plan/trace/explain-difference.ts";
import type { NamedOp } from "../../plan/trace/op-facts.ts";
import { formatCount, formatNs, formatPercent } from "../../plan/units.ts";
import { kindOfRow, type OpTimes } from "./op-times.ts";

/** What explains the difference, in a sentence: `On the measured chain attend takes 412 µs longer, gaps …`. */
export function explainInWords({ explanation }: Pick<Comparison, "explanation">): string {
  const { causes, slack } = differenceInWords(explanation);
  if (causes.length === 0) return "Nothing on the critical chain differs.";
  return `On the critical chain of the ${explanation.chainOf} trace ${joinWords(causes)}${slack}.`;
}

/** What each kind of time on the chain is, as a hint beside its name. */
export const causeMeanings: Readonly<Record<CauseShare["cause"], string>> = {
  attend: "attention kernels, from start to end",
  "other kernels": "merge, finalize, copy and other computation",
  transfers: "put, get, notify; send and receive from the later start of the two",
  waits: "from the end of the awaited write to the end of the wait",
  barriers: "from the last rank's arrival to the end",
  gaps: "between the end of what had to end before an op and its start: launches, scheduling",
  slack: "time in which ops of the chain awaited others that are not on it",
};

/** Where the order of the chain's ops is from. */
export function describeOrder({ order, numOps, chainOf }: Explanation): string {
  const from = order === "schedule" ? "their order from the schedule" : "their order guessed from the times alone";
  return `Critical chain of the ${chainOf} trace, the longer one: ${formatCount(Math.round(numOps))} ops, ${from}.`;
}

/** What must be known to read the figures: emulation, and traces that are not what their place says. */
export function remarksOn({ predicted, measured, unmatchedOps }: Comparison): readonly string[] {
  const isAsNamed = predicted.source === "predicted" && measured.source === "measured";
  const isEmulated = predicted.emulated || measured.emulated;
  return [
    ...(isAsNamed ? [] : [`The first trace is ${predicted.source}, the second ${measured.source}.`]),
    ...(isEmulated ? ["An emulated trace is no measurement of the hardware that it stands in for."] : []),
    ...(unmatchedOps > 0
      ? [
          unmatchedOps === 1
            ? "1 op is in one of the traces only."
            : `${formatCount(unmatchedOps)} ops are in one of the traces only.`,
        ]
      : []),
  ];
}

/** How many passes the figures of a trace are means of; empty for one. */
export function describePasses({ passes }: Pick<TraceSummary, "passes">): string {
  return passes > 1 ? `mean of ${formatCount(passes)} passes` : "";
}

/** `attend 1234, rank 3 compute`. */
export function describeOp({ op, kind, rank, stream }: NamedOp): string {
  return `${kind} ${op}, rank ${rank} ${stream}`;
}

/** An op with both of its times: `attend 12, rank 0 compute: predicted 1.2 ms, measured 1.3 ms (−7.7 %)`. */
export function describeRow(times: OpTimes, row: number): string {
  const named: NamedOp = {
    op: times.op[row]!,
    kind: kindOfRow(times, row) as OpKind,
    rank: times.rank[row]!,
    stream: times.streams[times.stream[row]!]!,
  };
  const [predictedNs, measuredNs] = [times.predictedNs[row]!, times.measuredNs[row]!];
  const error = measuredNs === 0 ? null : (predictedNs - measuredNs) / measuredNs;
  return `${describeOp(named)}: predicted ${formatNs(predictedNs)}, measured ${formatNs(measuredNs)} (${errorText(error)})`;
}

export function errorText(error: number | null): string {
  return error === null ? "–" : formatPercent(error, true);
}

export function differenceText(ns: number): string {
  return `${isSeen(ns) && ns > 0 ? "+" : ""}${formatNs(ns)}`;
}

/** The prediction in plain words: where it errs and which way. */
export function verdictOn(error: number | null): string {
  if (error === null) return "nothing was measured";
  if (Math.abs(error) < 0.0005) return "predicted as measured";
  return error > 0 ? "predicted too slow" : "predicted too fast";
}

/** `1 span`, `12 spans`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function joinWords(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
