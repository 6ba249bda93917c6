import { limitedBy, type Prediction, type RankSummary } from "../sim/index.ts";
import { paint } from "./style.ts";
import { type Column, formatFields, formatTable } from "./table.ts";
import { formatNs, formatPercent } from "../plan/units.ts";

const rankColumns: readonly Column[] = [
  { title: "rank" },
  { title: "compute", align: "right" },
  { title: "communication", align: "right" },
  { title: "exposed", align: "right" },
  { title: "idle", align: "right" },
  { title: "overlap", align: "right" },
];

const shareColumns: readonly Column[] = [
  { title: "critical path" },
  { title: "time", align: "right" },
  { title: "share", align: "right" },
  { title: "most at" },
];

/** What takes less of the critical path is not listed. */
const leastShare = 0.001;

/** The figures of a prediction as tables. */
export function formatPrediction(prediction: Prediction, name: string): string {
  return [formatTimes(prediction, name), formatShares(prediction), formatRanks(prediction.ranks)].join("\n\n");
}

function formatTimes({ makespanNs, passNs, repeats, lowerBoundNs, criticalPath }: Prediction, name: string): string {
  const passes = repeats === 1 ? "" : ` (${repeats} passes of ${formatNs(passNs)})`;
  const { compute, network } = lowerBoundNs;
  return formatFields([
    ["predicted", `${paint("bold", formatNs(makespanNs))}${passes} on ${name}`],
    ["lower bounds", `${formatNs(compute)} compute, ${formatNs(network)} network`],
    ["limited by", limitedBy(criticalPath)],
  ]);
}

function formatShares({ criticalPath, passNs }: Prediction): string {
  const shares = criticalPath.shares.filter(({ ns }) => ns >= leastShare * passNs);
  const rows = shares.map(({ binding, ns, link }) => [
    binding,
    formatNs(ns),
    formatPercent(ns / passNs),
    link === undefined ? "" : link.name,
  ]);
  return formatTable(shareColumns, rows);
}

/** The mean, and the ranks that differ most: the one that computes longest and the one that waits longest. */
function formatRanks(ranks: readonly RankSummary[]): string {
  const busiest = ranks.reduce((most, rank) => (rank.computeNs > most.computeNs ? rank : most));
  const exposed = ranks.reduce((most, rank) =>
    rank.exposedCommunicationNs > most.exposedCommunicationNs ? rank : most,
  );
  const rows = [
    rankRow("mean of all", meanOf(ranks)),
    rankRow(`${busiest.rank}, most compute`, busiest),
    rankRow(`${exposed.rank}, most exposed`, exposed),
  ];
  return formatTable(rankColumns, rows);
}

function rankRow(title: string, rank: Omit<RankSummary, "rank">): readonly string[] {
  const { computeNs, communicationNs, exposedCommunicationNs, idleNs } = rank;
  const overlap = communicationNs === 0 ? "–" : formatPercent(1 - exposedCommunicationNs / communicationNs);
  return [
    title,
    formatNs(computeNs),
    formatNs(communicationNs),
    formatNs(exposedCommunicationNs),
    formatNs(idleNs),
    overlap,
  ];
}

function meanOf(ranks: readonly RankSummary[]): Omit<RankSummary, "rank"> {
  const mean = (key: Exclude<keyof RankSummary, "rank">) =>
    ranks.reduce((sum, rank) => sum + rank[key], 0) / ranks.length;
  return {
    computeNs: mean("computeNs"),
    communicationNs: mean("communicationNs"),
    exposedCommunicationNs: mean("exposedCommunicationNs"),
    idleNs: mean("idleNs"),
  };
}
