import type { Workload } from "../workload/workload.ts";

/** Op kinds; an op's code in the `kind` column is its index here, and the order is part of the packed form. */
export const OP_KINDS = [
  "barrier",
  "attend",
  "merge",
  "finalize",
  "copy",
  "put",
  "get",
  "notify",
  "send",
  "receive",
  "wait",
  "compute",
] as const;
export type OpKind = (typeof OP_KINDS)[number];

/** Code of each op kind, derived from `OP_KINDS`. */
export const Kind = Object.fromEntries(OP_KINDS.map((name, code) => [name, code])) as Readonly<Record<OpKind, number>>;

/** Tensors a tile can be of; `KV` is K then V and moves as one. Codes as in `OP_KINDS`. */
export const TENSORS = ["Q", "KV", "O"] as const;
export type Tensor = (typeof TENSORS)[number];
export const TensorCode = Object.fromEntries(TENSORS.map((name, code) => [name, code])) as Readonly<
  Record<Tensor, number>
>;

export const METHODS = ["ulysses", "ring", "usp", "tas", "torus"] as const;
export type Method = (typeof METHODS)[number];
export type Transport = "one-sided" | "two-sided";

/**
 * The logical grid: `N = ulyssesInter·ringInter` machines of `M = ulyssesIntra·ringIntra` ranks (`N_u, N_r, U, R`).
 * Machine `m = g·N_u + n`, rank `m·M + r·U + u`, within one group of ranks that share a sequence.
 */
export interface Mesh {
  readonly ulyssesInter: number;
  readonly ringInter: number;
  readonly ulyssesIntra: number;
  readonly ringIntra: number;
}

export const SLOT_ROLES = ["input", "output", "scratch", "accumulator"] as const;
export type SlotRole = (typeof SLOT_ROLES)[number];

/**
 * A named region that every rank has: in the symmetric heap at the same offset, or, for role `accumulator`, in the
 * rank's private memory (offsets of the two do not mix). Layout `[planes, rows, columns, D]`: rows are tokens, columns
 * heads, planes `B`, or `2B` where it holds KV. An accumulator is fp32 with one more element a head and row, the LSE.
 * Slots may overlap in bytes.
 */
export interface Slot {
  readonly name: string;
  readonly role: SlotRole;
  readonly planes: number;
  readonly rows: number;
  readonly columns: number;
  /** Bytes from the start of the heap (of the private accumulator memory), a multiple of `SLOT_ALIGNMENT`. */
  readonly offset: number;
  readonly bytes: number;
}

/** Bytes at which slots start. */
export const SLOT_ALIGNMENT = 256;

/** A column of `compute` work: what one op of it costs. */
export interface ComputeWork {
  readonly name: string;
  readonly flops: number;
  readonly bytes: number;
}

/**
 * Operands: a tile (what it means) at a place (where it is). Ops refer to them by index; several ops share one.
 * Heads of a `KV` tile count KV heads. Row and column are those of the tile's first token and head in its slot.
 */
export interface OperandColumns {
  readonly slot: Uint16Array;
  readonly row: Uint32Array;
  readonly column: Uint16Array;
  readonly tensor: Uint8Array;
  readonly head: Uint16Array;
  readonly numHeads: Uint16Array;
  readonly token: Uint32Array;
  readonly numTokens: Uint32Array;
}

/** Signal words: the rank that holds (and waits on) the word, its index there, and the one stream that writes it. */
export interface SignalColumns {
  readonly rank: Uint16Array;
  readonly word: Uint32Array;
  readonly writerRank: Uint16Array;
  readonly writerStream: Uint8Array;
}

/**
 * Ops, structure of arrays; an op's id is its index, and the order respects happens-before.
 * `deps`, `from` and `to` are compressed rows: those of op i are `[start[i], start[i+1])`.
 *
 * | kind | from | to | peer | signal |
 * |---|---|---|---|---|
 * | attend | Q operands, then KV operands | one accumulator operand for each Q operand, in order | | |
 * | merge | accumulators | accumulators, pairwise | | |
 * | finalize | accumulators | O operands, pairwise; the accumulators are the identity again | | |
 * | copy | operands | operands, pairwise | | |
 * | put | operands of this rank | operands of the peer, pairwise | target | written at the peer, optional |
 * | get | operands of the peer | operands of this rank, pairwise | owner | |
 * | notify | | | target | written at the peer |
 * | send, receive | operands of this rank | operands of this rank | other end | |
 * | wait | | | | awaited: word ≥ value |
 * | compute | | | | |
 *
 * A send has only `from`, a receive only `to`.
 */
export interface OpColumns {
  readonly kind: Uint8Array;
  readonly rank: Uint16Array;
  readonly stream: Uint8Array;
  /** The other rank of put, get, notify, send and receive; the op's own rank for every other kind. */
  readonly peer: Uint16Array;
  /** Ops of one stream with equal non-zero group are posted together (two-sided); 0 is no group. */
  readonly group: Uint32Array;
  /** Index of the signal; meaningful where `signalValue` is not 0. */
  readonly signal: Uint32Array;
  /** Value that is written (its k-th write sets k) or awaited; 0 is no signal. */
  readonly signalValue: Uint32Array;
  /** Index into `computes`, for kind `compute`. */
  readonly work: Uint16Array;
  readonly depsStart: Uint32Array;
  readonly deps: Uint32Array;
  readonly fromStart: Uint32Array;
  readonly from: Uint32Array;
  readonly toStart: Uint32Array;
  readonly to: Uint32Array;
}

/** What is planned, proved, predicted and run. Readonly plain data; see ARCHITECTURE.md for the semantics. */
export interface Schedule {
  readonly version: 1;
  readonly method: Method;
  readonly transport: Transport;
  /** Sub-tiles of each tile. */
  readonly tiles: number;
  /** Torus' order of arrivals, one letter an arrival (`Q` or `K`); empty for every other method. */
  readonly path: string;
  /** The workload of one group. */
  readonly workload: Workload;
  readonly mesh: Mesh;
  /** Groups of ranks that run side by side, each with its own data; rank `r` belongs to group `⌊r·groups/ranks⌋`. */
  readonly groups: number;
  /** All ranks, of all groups. */
  readonly ranks: number;
  /** The topology's rank for each rank. */
  readonly placement: readonly number[];
  /** How often a run goes through the ops, barrier to barrier: the layers of a step. */
  readonly repeats: number;
  /** Streams of each rank, the same on all. The first is `compute`. */
  readonly streams: readonly string[];
  readonly slots: readonly Slot[];
  /** Peak of the symmetric heap and of the accumulators, a rank. */
  readonly heapBytes: number;
  readonly accumulatorBytes: number;
  readonly computes: readonly ComputeWork[];
  readonly signals: SignalColumns;
  readonly operands: OperandColumns;
  readonly ops: OpColumns;
}

/** Ranks of one group: the SP degree. */
export function ranksPerGroup(schedule: Pick<Schedule, "ranks" | "groups">): number {
  return schedule.ranks / schedule.groups;
}

/** Ranks of a machine in the mesh, `M`. */
export function ranksPerMachine(mesh: Mesh): number {
  return mesh.ulyssesIntra * mesh.ringIntra;
}

/** Machines of the mesh, `N`. */
export function machinesOfMesh(mesh: Mesh): number {
  return mesh.ulyssesInter * mesh.ringInter;
}

/** Number of ops. */
export function numOps(schedule: Schedule): number {
  return schedule.ops.kind.length;
}
