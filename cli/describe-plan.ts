import { meshNote } from "../plan/methods/index.ts";
import { scheduleHash } from "../plan/schedule/codec-packed.ts";
import { type Mesh, machinesOfMesh, numOps, ranksPerMachine, type Schedule } from "../plan/schedule/schedule.ts";
import { volumeOf } from "../plan/schedule/volume.ts";
import type { Candidate } from "../sim/search/index.ts";
import type { Found } from "./find-plan.ts";
import { createNodeHasher } from "../runtime/node-hasher.ts";
import { paint } from "./style.ts";
import { type Column, formatFields, formatTable } from "./table.ts";
import { formatBytes, formatCount, formatNs, formatPercent } from "../plan/units.ts";

/** What a plan is, what it costs, and how it stands among the candidates. */
export function formatPlan(found: Found): string {
  const parts = [formatHeadline(found.schedule), formatFacts(found)];
  if (found.search !== null) parts.push(formatSearch(found.search), formatCandidates(found.candidates));
  return parts.join("\n\n");
}

function formatHeadline({ method, transport, mesh, tiles, path }: Schedule): string {
  const extra = path === "" ? "" : `, path ${formatPath(path)}`;
  const subTiles = tiles === 1 ? "whole tiles" : `${tiles} sub-tiles`;
  return paint("bold", `${method}, ${transport}, mesh N_u,N_r,U,R = ${formatMesh(mesh)}, ${subTiles}${extra}`);
}

function formatFacts({ schedule, prediction, candidates }: Found): string {
  const { mesh, ranks, groups, repeats, heapBytes, accumulatorBytes } = schedule;
  const volume = volumeOf(schedule);
  const each = `${machinesOfMesh(mesh)} × ${ranksPerMachine(mesh)}`;
  const { compute, network } = prediction.lowerBoundNs;
  const note = meshNote(schedule.method, mesh);
  return formatFields([
    ...(note === null ? [] : ([["mesh", note]] as const)),
    ["ranks", groups === 1 ? `${ranks} (${each})` : `${ranks} (${groups} groups of ${each})`],
    ["ops", formatCount(numOps(schedule)) + (repeats === 1 ? "" : ` a pass, ${repeats} passes`)],
    ["hash", scheduleHash(schedule, createNodeHasher)],
    ["between machines", `${formatBytes(volume.interMachineBytesPerMachine)} sent by each machine`],
    ["inside a machine", `${formatBytes(volume.intraMachineBytesPerRank)} sent by each rank`],
    ["memory a rank", `${formatBytes(heapBytes)} symmetric heap, ${formatBytes(accumulatorBytes)} accumulators`],
    ["proved", "no findings"],
    [
      "predicted",
      `${formatNs(prediction.makespanNs)} (at least ${formatNs(compute)} compute, ${formatNs(network)} network)`,
    ],
    ["limited by", candidates[0]?.limitedBy ?? "–"],
  ]);
}

function formatSearch({ space, simulated, pruned, proven, gap }: NonNullable<Found["search"]>): string {
  const verdict = proven ? "the best of them, proven" : `at most ${formatPercent(gap)} above the best of them`;
  return (
    `searched ${formatCount(space)} schedules (${formatCount(simulated)} simulated, ${formatCount(pruned)} ruled out by bounds): ${verdict}\n` +
    "ranked below is what was simulated; a method's best may be among what was ruled out"
  );
}

/** `4,1,2,4`: the mesh as `--mesh` takes it. */
export function formatMesh({ ulyssesInter, ringInter, ulyssesIntra, ringIntra }: Mesh): string {
  return [ulyssesInter, ringInter, ulyssesIntra, ringIntra].join(",");
}

/** `QQQKKK` as it is; a long one by runs: `7Q 15K`. */
function formatPath(path: string): string {
  if (path.length <= 12) return path === "" ? "–" : path;
  return path.replace(/Q+|K+/g, (run) => `${run.length}${run[0]} `).trimEnd();
}

const shownBest = 3;

const candidateColumns: readonly Column[] = [
  { title: "#", align: "right" },
  { title: "method" },
  { title: "transport" },
  { title: "N_u,N_r,U,R" },
  { title: "tiles", align: "right" },
  { title: "path" },
  { title: "predicted", align: "right" },
  { title: "vs best", align: "right" },
  { title: "heap", align: "right" },
  { title: "limited by" },
];

/** The ranking of a search: the first few, and the best of each method and transport. */
function formatCandidates(candidates: readonly Candidate[]): string {
  const best = candidates[0]?.makespanNs ?? 0;
  const kindOf = ({ method, transport }: Candidate) => `${method} ${transport}`;
  const firsts = new Map([...candidates].reverse().map((candidate) => [kindOf(candidate), candidate]));
  const rows = candidates.flatMap((candidate, index) =>
    index < shownBest || firsts.get(kindOf(candidate)) === candidate ? [candidateRow(candidate, index, best)] : [],
  );
  const more = candidates.length - rows.length;
  return (
    formatTable(candidateColumns, rows) +
    (more > 0 ? `\n${formatCount(more)} others are in between (--json has all)` : "")
  );
}

/** Candidates in a table as they come, the first one the best. */
export function formatRanking(candidates: readonly Candidate[]): string {
  const best = candidates[0]?.makespanNs ?? 0;
  return formatTable(
    candidateColumns,
    candidates.map((candidate, index) => candidateRow(candidate, index, best)),
  );
}

function candidateRow(candidate: Candidate, index: number, bestNs: number): readonly string[] {
  const { method, transport, mesh, tiles, path, makespanNs, heapBytes, limitedBy } = candidate;
  const behind = index === 0 ? "" : formatPercent(makespanNs / bestNs - 1, true);
  return [
    String(index + 1),
    method,
    transport,
    formatMesh(mesh),
    String(tiles),
    formatPath(path),
    formatNs(makespanNs),
    behind,
    formatBytes(heapBytes),
    limitedBy,
  ];
}
