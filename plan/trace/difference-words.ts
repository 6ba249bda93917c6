import { formatNs } from "../units.ts";
import type { CauseShare, Explanation } from "./explain-difference.ts";

/** Causes of less than this share of the largest are not named. */
const leastShare = 0.1;
const maxCauses = 3;

/** What explains a difference, as phrases: `attend takes 412 µs longer`, the largest first; and what of it was hidden. */
export interface DifferenceWords {
  readonly causes: readonly string[];
  /** `; in the prediction its ops had 3 ms to spare`, or empty. */
  readonly slack: string;
}

export function differenceInWords(explanation: Explanation): DifferenceWords {
  return { causes: mainCauses(explanation).map(describeCause), slack: describeSlack(explanation) };
}

/** The largest differences, the largest first. Slack is what the others leave. */
function mainCauses({ causes }: Explanation): readonly CauseShare[] {
  const sorted = causes
    .filter(({ cause, differenceNs }) => cause !== "slack" && isSeen(differenceNs))
    .toSorted((a, b) => Math.abs(b.differenceNs) - Math.abs(a.differenceNs));
  const leastNs = leastShare * Math.abs(sorted[0]?.differenceNs ?? 0);
  return sorted.filter(({ differenceNs }) => Math.abs(differenceNs) >= leastNs).slice(0, maxCauses);
}

const verbs: Readonly<Record<CauseShare["cause"], string>> = {
  attend: "attend takes",
  "other kernels": "other kernels take",
  transfers: "transfers take",
  waits: "waits take",
  barriers: "barriers take",
  gaps: "gaps take",
  slack: "slack takes",
};

function describeCause({ cause, differenceNs }: CauseShare): string {
  return `${verbs[cause]} ${formatNs(Math.abs(differenceNs))} ${differenceNs > 0 ? "longer" : "less"}`;
}

/** Where another chain was critical in the other trace, it hid some of what ops of this one took longer here. */
function describeSlack({ causes, chainOf }: Explanation): string {
  const slackNs = Math.abs(causes.find(({ cause }) => cause === "slack")?.differenceNs ?? 0);
  if (!isSeen(slackNs)) return "";
  const other = chainOf === "measured" ? "prediction" : "measurement";
  return `; in the ${other} its ops had ${formatNs(slackNs)} to spare`;
}

/** Less than a thousandth of a nanosecond is the rounding of doubles. */
export function isSeen(ns: number): boolean {
  return Math.abs(ns) >= 1e-3;
}
