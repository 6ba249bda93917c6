import type { Mesh } from "../plan/schedule/schedule.ts";
import type { Candidate } from "../sim/search/index.ts";
import { type Column, formatTable } from "./table.ts";
import { formatBytes, formatNs, formatPercent } from "./units.ts";

/** `4,1,2,4`: the mesh as `--mesh` takes it. */
export function formatMesh({ ulyssesInter, ringInter, ulyssesIntra, ringIntra }: Mesh): string {
  return [ulyssesInter, ringInter, ulyssesIntra, ringIntra].join(",");
}

/** `QQQKKK` as it is; a long one by runs: `7Q 15K`. */
export function formatPath(path: string): string {
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
export function formatCandidates(candidates: readonly Candidate[]): string {
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
