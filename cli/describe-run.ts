import type { Schedule } from "../plan/schedule/schedule.ts";
import type { RunResult } from "../runtime/job.ts";
import { formatMesh } from "./describe-plan.ts";
import { paint } from "./style.ts";
import { formatFields } from "./table.ts";
import { formatCount, formatNs, formatPercent } from "../plan/units.ts";

/** The figures of a run as a table; `predictedNs` null where the topology is not what it was run on. */
export function formatRun(schedule: Schedule, result: RunResult, predictedNs: number | null): string {
  const { makespanNs, makespans, hardware, isEmulated, timer, backend, ranks } = result;
  const least = Math.min(...makespans);
  const most = Math.max(...makespans);
  const error = predictedNs === null ? 0 : (predictedNs - makespanNs) / makespanNs;
  return formatFields([
    ["ran", `${schedule.method}, ${schedule.transport}, mesh ${formatMesh(schedule.mesh)}, on ${ranks} ranks`],
    [
      isEmulated ? "measured, emulated links" : "measured",
      `${paint("bold", formatNs(makespanNs))} (median of ${makespans.length}, ${formatNs(least)} to ${formatNs(most)})`,
    ],
    ...(predictedNs === null
      ? []
      : ([["predicted", `${formatNs(predictedNs)} (${formatPercent(error, true)})`]] as const)),
    ...accuracyOf(result),
    ...(timer === null || timer.count === 0
      ? []
      : ([["timer", `${formatNs(timer.meanNs)} late on average, at most ${formatNs(timer.maxNs)}`]] as const)),
    ["on", `${backend}: ${hardware.cpu}, ${hardware.cores} cores, Node ${hardware.node}, ${hardware.kernel}`],
  ]);
}

function accuracyOf({ relativeError, rowsChecked, rows, isRepeatable }: RunResult): [string, string][] {
  if (relativeError === null) return [["error", "not checked"]];
  const which =
    rowsChecked === rows ? `all ${formatCount(rows)}` : `${formatCount(rowsChecked)} of ${formatCount(rows)}`;
  const bits = isRepeatable ? "same bits in every repeat" : "bits differ between repeats";
  return [["error", `${relativeError.toExponential(2)} against attention in float64, ${which} rows; ${bits}`]];
}
