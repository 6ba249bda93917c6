import {
  allPaths,
  countPaths,
  defaultMesh,
  type Extent,
  meshesOf,
  meshOfDegrees,
  paperPath,
  parsePath,
  requireTiles,
  requireMesh,
} from "../../plan/methods/index.ts";
import { UsageError } from "../../plan/errors.ts";
import type { Mesh, Method, Transport } from "../../plan/schedule/schedule.ts";
import type { Workload } from "../../plan/workload/workload.ts";

/** One point of the space: everything that `planSchedule` needs beside the workload. */
export interface Point {
  readonly method: Method;
  readonly transport: Transport;
  readonly mesh: Mesh;
  readonly tiles: number;
  /** Torus' path; empty for every other method. */
  readonly path: string;
}

/** What bounds the space; what is not given is searched. */
export interface SpaceRequest {
  readonly methods: readonly Method[];
  readonly transports: readonly Transport[];
  readonly tiles: readonly number[];
  readonly mesh?: Mesh;
  readonly degrees?: { readonly ulysses?: number; readonly ring?: number };
  /** `paper`, letters, or `search` (the default). */
  readonly path?: string;
  /** The method's default mesh (for USP every one), whole tiles, the paper's path. */
  readonly published: boolean;
}

/** The points to consider, and how many more there are of which only a named set is taken. */
export interface Space {
  readonly points: readonly Point[];
  /** All points, those that are not enumerated among them. */
  readonly size: number;
  /** Meshes of Torus whose paths are not all among the points. */
  readonly openMeshes: readonly Mesh[];
}

/** Up to this many machines of an inter-machine Ulysses group all paths are tried. */
const EXHAUSTIVE_ULYSSES_INTER = 4;
/** And no more than this many for one mesh. */
const EXHAUSTIVE_PATHS = 10_000;

/**
 * Enumerates the space. Throws `UsageError('infeasible')` with what would work when no method has a mesh.
 */
export function enumerateSpace(request: SpaceRequest, extent: Extent, workload: Workload): Space {
  const points: Point[] = [];
  const openMeshes: Mesh[] = [];
  let size = 0;
  let refusal: unknown = null;
  const tiles = request.published ? [1] : request.tiles;
  for (const count of tiles) requireTiles(count);
  for (const method of request.methods) {
    if (workload.shardOrder === "zigzag" && method !== "ring" && method !== "usp") continue;
    try {
      for (const mesh of meshesToTry(request, method, extent, workload)) {
        const paths = method === "torus" ? pathsToTry(request, mesh) : { paths: [""], all: 1 };
        if (paths.paths.length < paths.all) openMeshes.push(mesh);
        size += paths.all * tiles.length * request.transports.length;
        for (const path of paths.paths)
          for (const transport of request.transports)
            for (const count of tiles) points.push({ method, transport, mesh, tiles: count, path });
      }
    } catch (error) {
      refusal ??= error;
    }
  }
  if (points.length > 0) return { points, size, openMeshes };
  if (refusal) throw refusal;
  throw new UsageError("infeasible", "no method fits the request", {
    hint: "Shard order zigzag is for ring and usp; every method takes the contiguous one.",
  });
}

function meshesToTry(request: SpaceRequest, method: Method, extent: Extent, workload: Workload): readonly Mesh[] {
  if (request.mesh) {
    requireMesh(method, request.mesh, extent, workload);
    return [request.mesh];
  }
  if (request.degrees) return [meshOfDegrees(method, extent, workload, request.degrees)];
  if (request.published && method !== "usp") return [defaultMesh(method, extent, workload)];
  const meshes = meshesOf(method, extent, workload);
  if (meshes.length === 0) defaultMesh(method, extent, workload);
  return meshes;
}

/** The paths to try of a mesh, the paper's first, and how many there are. */
function pathsToTry(request: SpaceRequest, mesh: Mesh): { paths: readonly string[]; all: number } {
  const path = request.published ? "paper" : (request.path ?? "search");
  if (path !== "search") return { paths: [parsePath(path, mesh)], all: 1 };
  const all = countPaths(mesh);
  if (mesh.ulyssesInter <= EXHAUSTIVE_ULYSSES_INTER && all <= EXHAUSTIVE_PATHS) return { paths: allPaths(mesh), all };
  return { paths: namedPaths(mesh), all };
}

/** The paper's path, its reverse, and even mixtures of both arrivals. */
export function namedPaths(mesh: Mesh): string[] {
  const paper = paperPath(mesh);
  const numQ = mesh.ulyssesInter - 1;
  const numKv = paper.length - numQ;
  const mixtures = [1, 2, 3].map((every) => mixedPath(numQ, numKv, every));
  return [...new Set([paper, "K".repeat(numKv) + "Q".repeat(numQ), ...mixtures])];
}

/** `every` KV arrivals after each Q arrival, then what is left. */
function mixedPath(numQ: number, numKv: number, every: number): string {
  let path = "";
  let kv = 0;
  for (let q = 0; q < numQ; q++) {
    const more = Math.min(every, numKv - kv);
    path += `Q${"K".repeat(more)}`;
    kv += more;
  }
  return path + "K".repeat(numKv - kv);
}

/** Paths that differ from one by a swap of neighbors. */
export function neighborPaths(path: string): string[] {
  const neighbors: string[] = [];
  for (let i = 0; i + 1 < path.length; i++) {
    if (path[i] !== path[i + 1]) neighbors.push(path.slice(0, i) + path[i + 1] + path[i] + path.slice(i + 2));
  }
  return neighbors;
}
