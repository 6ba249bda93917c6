import { UsageError } from "../../plan/errors.ts";
import { type Candidate, firstPoints, type SearchRequest, search, simulatePoints } from "../../sim/search/index.ts";
import { parsePointKey, pointKey } from "../state/point-key.ts";
import type { PointKey } from "../state/explorer-state.ts";
import type { Effort, PlanState, RankedCandidate, Ranking } from "./protocol.ts";
import { requestOf } from "./resolve.ts";

export interface Exploration {
  readonly state: PlanState;
  readonly effort: Effort;
  /** For `quick`. */
  readonly points: readonly PointKey[];
}

/**
 * Ranks candidates: all that a search finds, or, quickly, each method as published or those that are given. `now` is a
 * clock in ms. Throws a UsageError, `infeasible` where nothing fits.
 */
export function explore(
  { state, effort, points }: Exploration,
  now: () => number,
  onProgress: (done: number, total: number) => void,
): Ranking {
  const started = now();
  const request = requestOf(state);
  if (effort === "full") {
    const found = search({ ...request, progress: onProgress });
    const candidates = [...found.candidates, ...missingMethods(request, found.candidates)];
    const summary = found.search;
    return { topology: request.topology, candidates: rank(candidates), search: summary, wallMs: now() - started };
  }
  const known = effort === "first" ? firstPoints(request) : points.flatMap((key) => parsePointKey(key) ?? []);
  const candidates = Array.from(simulatePoints(request, known), ({ candidate }) => candidate);
  if (candidates.length === 0) throw new UsageError("infeasible", "none of the plans fits");
  return { topology: request.topology, candidates: rank(candidates), search: null, wallMs: now() - started };
}

/** A method that the bounds ruled out before any plan of it was simulated has its published one, to be compared with. */
function missingMethods(request: SearchRequest, candidates: readonly Candidate[]): Candidate[] {
  const known = new Set(candidates.map(({ method }) => method));
  const missing = firstPoints(request).filter(({ method }) => !known.has(method));
  const points = missing.flatMap((point) => request.transports.map((transport) => ({ ...point, transport })));
  return Array.from(simulatePoints(request, points), ({ candidate }) => candidate);
}

export function rank(candidates: readonly Candidate[]): RankedCandidate[] {
  return candidates
    .map((candidate) => ({ ...candidate, key: pointKey(candidate) }))
    .sort((a, b) => a.makespanNs - b.makespanNs);
}
