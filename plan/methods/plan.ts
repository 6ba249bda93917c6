import { UsageError } from "../errors.ts";
import {
  type ComputeWork,
  type Mesh,
  type Method,
  machinesOfMesh,
  ranksPerMachine,
  type Schedule,
  type Slot,
  type Transport,
} from "../schedule/schedule.ts";
import { countTokens } from "../workload/shards.ts";
import type { LayerWork, Workload } from "../workload/workload.ts";
import { createBuilder } from "./builder.ts";
import { type Dimensions, dimensionsOf, peakBytes, placeSlots } from "./layout.ts";
import { type Extent, requireMesh } from "./meshes.ts";
import type { PlanContext } from "./plan-context.ts";
import { planTorus, torusSlots } from "./torus.ts";
import { arrivalsOfPath, parsePath } from "./torus-path.ts";
import { storageOptions, type TorusStorage } from "./torus-storage.ts";
import { planUlyssesRing, ulyssesRingSlots } from "./ulysses-ring.ts";

/** Everything that makes one schedule; nothing is searched. */
export interface PlanRequest {
  /** The workload of one group. */
  readonly workload: Workload;
  readonly method: Method;
  readonly transport: Transport;
  readonly mesh: Mesh;
  /** Sub-tiles of each tile, 1 or more. */
  readonly tiles: number;
  /** Torus' path, `paper` or letters; ignored by every other method. */
  readonly path?: string;
  /** Groups that run side by side; default 1. */
  readonly groups?: number;
  /** The topology's rank for each rank of all groups; default 0, 1, 2, … */
  readonly placement?: readonly number[];
  /** Bytes that the symmetric heap may take on a rank. */
  readonly maxHeapBytes?: number;
  /** Streams for the all-to-all inside a machine; default 1. More let transfers to several ranks share several links. */
  readonly lanes?: number;
}

/** Sub-tiles of a tile at most: beyond it launches cost more than overlap can gain. */
export const MAX_TILES = 64;
const MAX_RANKS = 16384;

/**
 * Makes the schedule of a method. Throws `UsageError('infeasible')` when the mesh does not fit the ranks or heads, or
 * no storage fits the heap.
 */
export function planSchedule(request: PlanRequest): Schedule {
  const { workload, method, mesh, transport, tiles } = request;
  const groups = request.groups ?? 1;
  const d = checkedDimensions(request, groups);
  const path = method === "torus" ? parsePath(request.path ?? "paper", mesh) : "";
  const { slots, storage } = chooseSlots(request, d, path);
  const lanes = transport === "two-sided" ? 1 : (request.lanes ?? 1);
  const streams = [
    "compute",
    "intra",
    "inter",
    "credit",
    ...Array.from({ length: lanes - 1 }, (_, i) => `intra${i + 2}`),
  ];
  const builder = createBuilder(d.ranks * groups, streams, slots, transport, workload.after.length > 0);
  const works = layerWorks(workload, d);
  const slotOf = new Map(slots.map((slot, index) => [slot.name, index]));

  builder.barrier();
  for (let group = 0; group < groups; group++) {
    const context: PlanContext = {
      builder,
      dimensions: d,
      tiles,
      slots,
      slotOf,
      base: group * d.ranks,
      lanes,
      isOutputAwaited: workload.after.length > 0,
      before: works.before,
      after: works.after,
    };
    if (storage) planTorus(context, path, storage);
    else planUlyssesRing(context, method === "tas" ? "nested" : "flat");
  }
  builder.barrier();

  return {
    version: 1,
    method,
    transport,
    tiles,
    path,
    workload,
    mesh,
    groups,
    ranks: d.ranks * groups,
    placement: request.placement ?? Array.from({ length: d.ranks * groups }, (_, rank) => rank),
    repeats: workload.layers,
    streams,
    slots,
    heapBytes: peakBytes(slots, false),
    accumulatorBytes: peakBytes(slots, true),
    computes: works.computes,
    ...builder.finish(),
  };
}

function checkedDimensions(request: PlanRequest, groups: number): Dimensions {
  const { workload, method, mesh, tiles } = request;
  const extent: Extent = { machines: machinesOfMesh(mesh), ranksPerMachine: ranksPerMachine(mesh) };
  requireMesh(method, mesh, extent, workload);
  requireTiles(tiles);
  if (workload.shardOrder === "zigzag" && method !== "ring" && method !== "usp") {
    throw new UsageError("infeasible", `shard order zigzag is for ring and usp, not for ${method}`, {
      hint: "Use the contiguous order; an all-to-all over all ranks balances a causal mask by itself.",
    });
  }
  const ranks = extent.machines * extent.ranksPerMachine * groups;
  if (ranks > MAX_RANKS) throw new UsageError("limit", `${ranks} ranks; at most ${MAX_RANKS} can be planned`);
  return dimensionsOf(workload, mesh);
}

/** Stops with a `UsageError` where the number of sub-tiles is not possible. */
export function requireTiles(tiles: number): void {
  if (Number.isInteger(tiles) && tiles >= 1 && tiles <= MAX_TILES) return;
  throw new UsageError("infeasible", `${tiles} sub-tiles a tile; 1 to ${MAX_TILES} are possible`, { path: "--tiles" });
}

/** The slots of the method; for Torus the largest storage that fits the heap. */
function chooseSlots(
  request: PlanRequest,
  d: Dimensions,
  path: string,
): { slots: Slot[]; storage: TorusStorage | null } {
  const { method, tiles, workload } = request;
  const limit = request.maxHeapBytes ?? Number.POSITIVE_INFINITY;
  const options: (TorusStorage | null)[] = method === "torus" ? storageOptions(arrivalsOfPath(path)) : [null];
  let least = Number.POSITIVE_INFINITY;
  for (const storage of options) {
    const shapes = storage
      ? torusSlots(d, tiles, storage)
      : ulyssesRingSlots(d, tiles, method === "tas" ? "nested" : "flat");
    const slots = placeSlots(shapes, workload);
    const bytes = peakBytes(slots, false);
    if (bytes <= limit) return { slots, storage };
    least = Math.min(least, bytes);
  }
  throw new UsageError("infeasible", `${method} needs ${least} bytes of symmetric heap a rank, ${limit} are allowed`, {
    path: "--max-heap",
    least,
    hint: `Allow at least ${least}, use more ranks, or another method or mesh.`,
  });
}

/** The `compute` work of a layer by rank: shards of one size share their entries. */
function layerWorks(workload: Workload, d: Dimensions) {
  const computes: ComputeWork[] = [];
  const known = new Map<string, number>();
  const shardTokens = d.pieces.map(countTokens);
  const indexOf = (work: LayerWork, tokens: number): number => {
    const key = `${work.name} ${tokens}`;
    let index = known.get(key);
    if (index === undefined) {
      index = computes.length;
      const rows = tokens * workload.batch;
      computes.push({
        name: work.name,
        flops: work.flopsPerToken * rows,
        bytes: work.weightBytes + work.bytesPerToken * rows,
      });
      known.set(key, index);
    }
    return index;
  };
  const of = (works: readonly LayerWork[]) => (rank: number) =>
    shardTokens[rank] === 0 ? [] : works.map((work) => indexOf(work, shardTokens[rank]!));
  return { computes, before: of(workload.before), after: of(workload.after) };
}
