import {
  type Mesh,
  machinesOfMesh,
  ranksPerMachine,
  SLOT_ALIGNMENT,
  type Slot,
  type SlotRole,
} from "../schedule/schedule.ts";
import { ringDegree, ulyssesDegree } from "./meshes.ts";
import { countTokens, type Piece, shardPieces } from "../workload/shards.ts";
import { elementBytes, type Workload } from "../workload/workload.ts";

/** Sizes that a method works with; `U, R, N_u, N_r, M, N, P_u, P_r` of DESIGN's mesh, heads of one part. */
export interface Dimensions {
  readonly mesh: Mesh;
  readonly machines: number;
  readonly ranksPerMachine: number;
  readonly ranks: number;
  readonly ulysses: number;
  readonly ring: number;
  /** Q heads and KV heads of one Ulysses part, `h = H/P_u`. */
  readonly partHeads: number;
  readonly partKvHeads: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly batch: number;
  readonly causal: boolean;
  /** Token ranges of each rank's shard. */
  readonly pieces: readonly (readonly Piece[])[];
  /** Rows of the largest shard. */
  readonly shardRows: number;
}

/** Sizes of a workload on a mesh whose degrees divide its heads. */
export function dimensionsOf(workload: Workload, mesh: Mesh): Dimensions {
  const machines = machinesOfMesh(mesh);
  const perMachine = ranksPerMachine(mesh);
  const ulysses = ulyssesDegree(mesh);
  const pieces = shardPieces(workload, machines * perMachine);
  return {
    mesh,
    machines,
    ranksPerMachine: perMachine,
    ranks: machines * perMachine,
    ulysses,
    ring: ringDegree(mesh),
    partHeads: workload.heads / ulysses,
    partKvHeads: workload.kvHeads / ulysses,
    heads: workload.heads,
    kvHeads: workload.kvHeads,
    batch: workload.batch,
    causal: workload.mask === "causal",
    pieces,
    shardRows: Math.max(...pieces.map(countTokens)),
  };
}

/** Rank of machine `g·N_u + n`, place `(r, u)` in it. */
export function rankAt(mesh: Mesh, g: number, n: number, r: number, u: number): number {
  return (g * mesh.ulyssesInter + n) * mesh.ulyssesIntra * mesh.ringIntra + r * mesh.ulyssesIntra + u;
}

/** Index of head part `(n, u)`: its heads are `[index·h, (index+1)·h)`. */
export function partIndex(mesh: Mesh, n: number, u: number): number {
  return u * mesh.ulyssesInter + n;
}

export interface SlotShape {
  readonly name: string;
  readonly role: SlotRole;
  readonly planes: number;
  readonly rows: number;
  readonly columns: number;
  /** Lies in the bytes of an earlier slot, which is at least as large. */
  readonly within?: string;
}

/** Bytes of a slot; an accumulator holds fp32 and the LSE. */
export function slotBytes(
  shape: Omit<SlotShape, "name" | "within">,
  workload: Pick<Workload, "headDim" | "dtype">,
): number {
  const elements = shape.planes * shape.rows * shape.columns;
  return shape.role === "accumulator"
    ? elements * (workload.headDim + 1) * 4
    : elements * workload.headDim * elementBytes(workload.dtype);
}

/** Places slots one after the other, aligned: the symmetric heap, and apart from it the accumulators. */
export function placeSlots(shapes: readonly SlotShape[], workload: Workload): Slot[] {
  let heap = 0;
  let accumulators = 0;
  const placed = new Map<string, Slot>();
  for (const { within, ...shape } of shapes) {
    const bytes = slotBytes(shape, workload);
    const host = within === undefined ? undefined : placed.get(within);
    const isAccumulator = shape.role === "accumulator";
    const offset = host ? host.offset : isAccumulator ? accumulators : heap;
    placed.set(shape.name, { ...shape, offset, bytes });
    if (host) continue;
    const end = Math.ceil((offset + bytes) / SLOT_ALIGNMENT) * SLOT_ALIGNMENT;
    if (isAccumulator) accumulators = end;
    else heap = end;
  }
  return [...placed.values()];
}

/** End of the last byte that any slot of the heap (or of the accumulators) occupies. */
export function peakBytes(slots: readonly Slot[], accumulators: boolean): number {
  return slots
    .filter((slot) => (slot.role === "accumulator") === accumulators)
    .reduce((peak, slot) => Math.max(peak, slot.offset + slot.bytes), 0);
}
