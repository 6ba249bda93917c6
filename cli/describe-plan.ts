import { scheduleHash } from "../plan/schedule/codec-packed.ts";
import { type Mesh, machinesOfMesh, numOps, ranksPerMachine, type Schedule } from "../plan/schedule/schedule.ts";
import { volumeOf } from "../plan/schedule/volume.ts";
import type { Candidate } from "../sim/search/index.ts";
import type { Found } from "./find-plan.ts";
import { createNodeHasher } from "./node-hasher.ts";
import { paint } from "./style.ts";
import { type Column, formatFields, formatTable } from "./table.ts";
import { formatBytes, formatCount, formatNs, formatPercent } from "./units.ts";

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
  const { mesh, ranks, groups, heapBytes, accumulatorBytes } = schedule;
  const volume = volumeOf(schedule);
  const each = `${machinesOfMesh(mesh)} × ${ranksPerMachine(mesh)}`;
  const { compute, network } = prediction.lowerBoundNs;
  return formatFields([
    ["ranks", groups === 1 ? `${ranks} (${each})` : `${ranks} (${groups} groups of ${each})`],
    ["ops", formatCount(numOps(schedule))],
    ["hash", scheduleHash(schedule, createNodeHasher)],
    ["between machines", `${formatBytes(volume.interMachineBytesPerMachine)} sent by each machine`],
    ["inside a machine", `${formatBytes(volume.intraMachineBytesPerRank)} sent by each rank`],
    ["memory a rank", `${formatBytes(heapBytes)} symmetric heap, ${formatBytes(accumulatorBytes)} accumulators`],
    ["proved", "no findings"],
    ["predicted", `${formatNs(prediction.makespanNs)} (at least ${formatNs(compute)} compute, ${formatNs(network)} network)`],
    ["limited by", candidates[0]?.limitedBy ?? "–"],
  ]);
}

function formatSearch({ space, simulated, pruned, proven, gap }: NonNullable<Found["search"]>): string {
  const verdict = proven ? "the best of them, proven" : `at most ${formatPercent(gap)} above the best of them`;
  return `searched ${formatCount(space)} schedules (${formatCount(simulated)} simulated, ${formatCount(pruned)} ruled out by bounds): ${verdict}`;
}

/** `4,1,2,4`: the mesh as `--mesh` takes it. */
function formatMesh({ ulyssesInter, ringInter, ulyssesIntra, ringIntra }: Mesh): string {
  return [ulyssesInter, ringInter, ulyssesIntra, ringIntra].join(",");
}

/** `QQQKKK` as it is; a long one by runs: `7Q 15K`. */
function formatPath(path: string): string {
  if (path.length <= 12) return path === "" ? "–" : path;
  return path.replace(/Q+|K+/g, (run) => `${run.length}${run[0]} `).trimEnd();
}

const shownCandidates = 12;

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

/** The ranking of a search, best first. */
function formatCandidates(candidates: readonly Candidate[]): string {
  const best = candidates[0]?.makespanNs ?? 0;
  const rows = candidates.slice(0, shownCandidates).map((candidate, index) => [
    String(index + 1),
    candidate.method,
    candidate.transport,
    formatMesh(candidate.mesh),
    String(candidate.tiles),
    formatPath(candidate.path),
    formatNs(candidate.makespanNs),
    index === 0 ? "" : formatPercent(candidate.makespanNs / best - 1, true),
    formatBytes(candidate.heapBytes),
    candidate.limitedBy,
  ]);
  const more = candidates.length - rows.length;
  return formatTable(candidateColumns, rows) + (more > 0 ? `\n… and ${more} more (--json has them all)` : "");
}
