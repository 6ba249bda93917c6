import { UsageError } from "../../plan/errors.ts";
import { defaultMesh, type Extent, paperPath, parsePath, planSchedule, requireMesh } from "../../plan/methods/index.ts";
import type { Mesh, Method, Schedule, Transport } from "../../plan/schedule/schedule.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import type { Workload } from "../../plan/workload/workload.ts";
import { type Constants, makeConstants } from "../constants.ts";
import { limitedBy } from "../critical-path.ts";
import { compileMachine, type Machine } from "../machine.ts";
import { type Prediction, simulate } from "../simulate.ts";
import type { RankSummary } from "../summary.ts";
import { boundOf, boundOfPaths } from "./bound.ts";
import { type Figures, figuresOf } from "./figures.ts";
import { hostBoundNs } from "./host-bound.ts";
import { requireMemory } from "./memory.ts";
import { linkBoundNs } from "./traffic.ts";
import { enumerateSpace, neighborPaths, type Point, type Space, type SpaceRequest } from "./space.ts";

export interface SearchRequest extends SpaceRequest {
  readonly topology: Topology;
  /** Topology ranks in the order of the schedule's ranks, all groups one after the other. */
  readonly placement: readonly number[];
  /** The workload of one group. */
  readonly workload: Workload;
  /** Sequence-parallel groups that run side by side. */
  readonly groups: number;
  readonly maxHeapBytes?: number;
  /** Stop simulating once this many ops have been. */
  readonly maxSimulatedOps: number;
  /** Simulate whatever cannot be pruned, however much it is. */
  readonly exhaustive: boolean;
  readonly constants?: Partial<Constants>;
  readonly progress?: (done: number, total: number) => void;
}

/** A point that was simulated. */
export interface Candidate {
  readonly method: Method;
  readonly transport: Transport;
  readonly mesh: Mesh;
  readonly tiles: number;
  readonly path: string;
  readonly makespanNs: number;
  readonly lowerBoundNs: number;
  /** One sentence. */
  readonly limitedBy: string;
  readonly heapBytes: number;
  /** Mean over the ranks; the three add up to the makespan. */
  readonly computeNs: number;
  readonly exposedCommunicationNs: number;
  readonly idleNs: number;
}

/** How the space was gone through. */
export interface SearchSummary {
  /** Points of the space; those that were simulated; those that a bound ruled out. */
  readonly space: number;
  readonly simulated: number;
  readonly pruned: number;
  /** No point of the space can beat the best one. */
  readonly proven: boolean;
  /** The best makespan over the least bound of what was not simulated, less 1; 0 when proven. */
  readonly gap: number;
}

export interface SearchResult {
  readonly schedule: Schedule;
  readonly prediction: Prediction;
  /** Best first. */
  readonly candidates: readonly Candidate[];
  /** Null where the request left nothing to search. */
  readonly search: SearchSummary | null;
}

/** Makespans that differ by less are equal. */
const TIE = 1e-12;

interface Work {
  readonly request: SearchRequest;
  readonly machine: Machine;
  readonly constants: Constants;
  readonly figures: Figures;
  readonly candidates: Candidate[];
  readonly simulated: Set<string>;
  /** Bounds of the links alone, by method, transport and mesh. */
  readonly linkBounds: Map<string, number>;
  best: { schedule: Schedule; prediction: Prediction; point: Point } | null;
  opsLeft: number;
  /** Why a point was left out: of those that a limit ruled out, the one that needs least. */
  refusal: UsageError | null;
}

/**
 * Simulates the points of a space in the order of their bounds until no other can be better, and ranks them.
 *
 * The answer is exact where all points are enumerated and `maxSimulatedOps` is not reached; for Torus meshes with too
 * many paths a named set is tried and improved by swaps of neighbors. Deterministic. Throws `UsageError('infeasible')`
 * when nothing fits heads, heap and memory.
 */
export function search(request: SearchRequest): SearchResult {
  const { work, extent } = prepare(request);
  const space = enumerateSpace(request, extent, request.workload);
  const open = exploreByBound(work, space.points);
  for (const mesh of space.openMeshes) improvePaths(work, mesh);
  return summarize(work, space, open);
}

/** A point with all that is known of it. */
export interface Planned {
  readonly schedule: Schedule;
  readonly prediction: Prediction;
  readonly candidate: Candidate;
}

/**
 * Plans and simulates some points of the request's ranks and workload, in their order; what else the request says of the
 * space is not asked. Points that do not fit are left out.
 */
export function* simulatePoints(request: SearchRequest, points: readonly Point[]): Generator<Planned> {
  const { work, extent } = prepare(request);
  for (const point of points) {
    if (!fits(point, extent, request.workload)) continue;
    const planned = tryPoint(work, point, 0);
    if (planned !== null) yield planned;
  }
}

/** One plan of each of the request's methods, on the mesh that the method's authors take: what is quick to rank first. */
export function firstPoints(request: SearchRequest): Point[] {
  const { extent } = prepare(request);
  const transport = request.transports[0] ?? "one-sided";
  return request.methods.flatMap((method) => {
    try {
      const mesh = defaultMesh(method, extent, request.workload);
      return [{ method, transport, mesh, tiles: 1, path: method === "torus" ? paperPath(mesh) : "" }];
    } catch (error) {
      if (error instanceof UsageError) return [];
      throw error;
    }
  });
}

function fits({ method, mesh, path }: Point, extent: Extent, workload: Workload): boolean {
  try {
    requireMesh(method, mesh, extent, workload);
    if (method === "torus") parsePath(path, mesh);
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

function prepare(request: SearchRequest): { work: Work; extent: Extent } {
  const machine = compileMachine(request.topology);
  const extent = extentOf(machine, request);
  const constants = makeConstants(request.constants);
  const ranks = request.placement.slice(0, extent.machines * extent.ranksPerMachine);
  const figures = figuresOf(machine, ranks, extent, request.workload, constants);
  const work: Work = {
    request,
    machine,
    constants,
    figures,
    candidates: [],
    simulated: new Set(),
    linkBounds: new Map(),
    best: null,
    opsLeft: request.exhaustive ? Number.POSITIVE_INFINITY : request.maxSimulatedOps,
    refusal: null,
  };
  return { work, extent };
}

/** Machines and ranks of one group: equal numbers of consecutive ranks on each machine that it touches. */
function extentOf(machine: Machine, { placement, groups }: SearchRequest): Extent {
  const ranks = placement.length / groups;
  const machines = new Map<number, number>();
  for (const rank of placement.slice(0, ranks)) {
    const host = machine.network.rankMachines[rank]!;
    machines.set(host, (machines.get(host) ?? 0) + 1);
  }
  const [first, ...others] = machines.values();
  if (first !== undefined && Number.isInteger(ranks) && others.every((count) => count === first))
    return { machines: machines.size, ranksPerMachine: first };
  throw new UsageError("infeasible", `ranks a machine differ: ${[...machines.values()].join(", ")}`, {
    hint: "Take the same number of ranks on every machine.",
  });
}

function keyOf({ method, transport, mesh, tiles, path }: Point): string {
  return [method, transport, ...Object.values(mesh), tiles, path].join(" ");
}

/** A bound of a point for the whole run (ns): what its launches must wait for, or the busiest link. */
function pointBoundNs(work: Work, point: Point): number {
  return Math.max(rankNs(work, point, boundOf), linkNs(work, point)) * work.request.workload.layers;
}

/** What a rank's launches must wait for, by `bound`; of ranks on hosts what all of them compute and copy. */
function rankNs({ request, machine, figures, constants }: Work, point: Point, bound: typeof boundOf): number {
  if (machine.hosts === null) return bound(point, request.workload, figures, constants);
  return hostBoundNs(point, request.workload, machine.hosts, request.placement);
}

/** `linkBoundNs`, computed once for each method, mesh and transport. */
function linkNs(work: Work, point: Point): number {
  const { request, machine, figures, constants, linkBounds } = work;
  const key = [point.method, point.transport, ...Object.values(point.mesh)].join(" ");
  const known =
    linkBounds.get(key) ?? linkBoundNs(point, request.workload, machine, request.placement, figures, constants);
  linkBounds.set(key, known);
  return known;
}

/**
 * Simulates in the order of bounds; returns the bounds (ns, whole run) of what was left. Whole tiles and the paper's path
 * come first: they are quick to simulate, and a good one rules out much of the rest.
 */
function exploreByBound(work: Work, points: readonly Point[]): number[] {
  const { request } = work;
  const bounds = Float64Array.from(points, (point) => pointBoundNs(work, point));
  const order = Uint32Array.from(points, (_, i) => i).sort((a, b) => bounds[a]! - bounds[b]! || a - b);
  const leastTiles = Math.min(...request.tiles);
  const isQuick = ({ tiles, mesh, path }: Point) => tiles === leastTiles && (path === "" || path === paperPath(mesh));
  for (const pass of [order.filter((index) => isQuick(points[index]!)), order]) {
    for (const [i, index] of pass.entries()) {
      const isBeaten = work.best !== null && bounds[index]! >= work.best.prediction.makespanNs;
      const isSpent = work.opsLeft <= 0 && work.best !== null;
      if (!request.published && (isBeaten || isSpent)) break;
      tryPoint(work, points[index]!, bounds[index]!);
      request.progress?.(i + 1, pass.length);
    }
  }
  return Array.from(
    order.filter((index) => !work.simulated.has(keyOf(points[index]!))),
    (index) => bounds[index]!,
  );
}

/** Plans and simulates a point unless that was done; null also for one that does not fit, which is remembered as a refusal. */
function tryPoint(work: Work, point: Point, boundNs: number): Planned | null {
  const { request, machine, figures } = work;
  const key = keyOf(point);
  if (work.simulated.has(key)) return null;
  work.simulated.add(key);
  try {
    const schedule = planPoint(work, point);
    requireMemory(schedule, figures.memoryBytes);
    const prediction = simulate(schedule, machine, { constants: request.constants ?? {} });
    work.opsLeft -= schedule.ops.kind.length;
    const candidate = describePoint(point, schedule, prediction, boundNs);
    work.candidates.push(candidate);
    if (work.best === null || isBetter(prediction, schedule, work.best)) work.best = { schedule, prediction, point };
    return { schedule, prediction, candidate };
  } catch (error) {
    if (!(error instanceof UsageError && error.code === "infeasible")) throw error;
    if (work.refusal === null || (error.least ?? 0) < (work.refusal.least ?? 0)) work.refusal = error;
    return null;
  }
}

function describePoint(point: Point, schedule: Schedule, prediction: Prediction, boundNs: number): Candidate {
  const { makespanNs, lowerBoundNs, criticalPath, ranks } = prediction;
  const mean = (of: (rank: RankSummary) => number) => ranks.reduce((sum, rank) => sum + of(rank), 0) / ranks.length;
  return {
    ...point,
    makespanNs,
    lowerBoundNs: Math.max(lowerBoundNs.compute, lowerBoundNs.network, boundNs),
    limitedBy: limitedBy(criticalPath),
    heapBytes: schedule.heapBytes,
    computeNs: mean((rank) => rank.computeNs),
    exposedCommunicationNs: mean((rank) => rank.exposedCommunicationNs),
    idleNs: mean((rank) => rank.idleNs),
  };
}

/** Shorter, or equal but for rounding and with less heap. */
function isBetter(
  prediction: Prediction,
  schedule: Schedule,
  best: { schedule: Schedule; prediction: Prediction },
): boolean {
  const ratio = prediction.makespanNs / best.prediction.makespanNs;
  return ratio < 1 - TIE || (ratio < 1 + TIE && schedule.heapBytes < best.schedule.heapBytes);
}

function planPoint({ request, figures }: Work, point: Point): Schedule {
  return planSchedule({
    ...point,
    workload: request.workload,
    groups: request.groups,
    placement: request.placement,
    lanes: Math.min(figures.intraLinks, 8),
    ...(request.maxHeapBytes === undefined ? {} : { maxHeapBytes: request.maxHeapBytes }),
  });
}

/**
 * Local search over the paths of a mesh that were not all enumerated: from its best path on, swaps of neighbors whose
 * bound leaves hope, as long as one is better.
 */
function improvePaths(work: Work, mesh: Mesh): void {
  let current = bestOnMesh(work, mesh);
  while (current !== null && work.opsLeft > 0) {
    for (const path of neighborPaths(current.path)) {
      const neighbor = { ...current, path };
      const boundNs = pointBoundNs(work, neighbor);
      const isHopeful = work.best !== null && boundNs < work.best.prediction.makespanNs;
      if (isHopeful && work.opsLeft > 0) tryPoint(work, neighbor, boundNs);
    }
    const better = bestOnMesh(work, mesh);
    if (better === null || better.makespanNs >= current.makespanNs) return;
    current = better;
  }
}

/** The best candidate of Torus on a mesh, if one was simulated. */
function bestOnMesh(work: Work, mesh: Mesh): Candidate | null {
  let best: Candidate | null = null;
  for (const candidate of work.candidates) {
    if (candidate.method !== "torus" || candidate.mesh !== mesh) continue;
    if (best === null || candidate.makespanNs < best.makespanNs) best = candidate;
  }
  return best;
}

function summarize(work: Work, space: Space, open: readonly number[]): SearchResult {
  const { best, request } = work;
  if (best === null) throw work.refusal ?? new Error("bug: no point was tried");
  const candidates = [...work.candidates].sort(byMakespan);
  const makespan = best.prediction.makespanNs;
  const openPaths = space.openMeshes.map((mesh) => leastPathBound(work, mesh));
  const least = Math.min(makespan, ...open, ...openPaths);
  const simulated = work.simulated.size;
  const summary = {
    space: space.size,
    simulated,
    pruned: open.filter((bound) => bound >= makespan).length,
    proven: least >= makespan,
    gap: makespan / least - 1,
  };
  return {
    schedule: best.schedule,
    prediction: best.prediction,
    candidates,
    search: request.published || space.size === 1 ? null : summary,
  };
}

function byMakespan(a: Candidate, b: Candidate): number {
  const isTie = Math.abs(a.makespanNs - b.makespanNs) < TIE * b.makespanNs;
  return isTie ? a.heapBytes - b.heapBytes : a.makespanNs - b.makespanNs;
}

/** The least bound of any path of a mesh, with any of the sub-tiles and transports that may be used. */
function leastPathBound(work: Work, mesh: Mesh): number {
  const { request } = work;
  const bounds = request.tiles.flatMap((tiles) =>
    request.transports.map((transport) => {
      const point: Point = { method: "torus", transport, mesh, tiles, path: "" };
      return Math.max(rankNs(work, point, boundOfPaths), linkNs(work, point));
    }),
  );
  return Math.min(...bounds) * request.workload.layers;
}
