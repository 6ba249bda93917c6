import type { Schedule, Slot, Transport } from "../schedule/schedule.ts";
import type { Workload } from "../workload/workload.ts";
import { type Draft, type DraftOp, type DraftOperand, freeze } from "./draft.test-support.ts";

/** Two tokens a rank and two heads; with four ranks the first of two ring places is used twice. */
const RANKS = 4;
const ROWS = 2;
const HEADS = 2;
const CELL = 16;
const PLACES = 2;

/** Indices of the ring's slots. */
export const RingSlot = { Q: 0, KV: 1, O: 2, ring: 3, accumulator: 4 } as const;
/** Its streams. */
export const RingStream = { compute: 0, intra: 1, credit: 2 } as const;

const workload: Workload = {
  model: null,
  batch: 1,
  tokens: RANKS * ROWS,
  heads: HEADS,
  kvHeads: HEADS,
  headDim: CELL / 4,
  dtype: "fp32",
  mask: "full",
  shardOrder: "contiguous",
  scope: "layer",
  guidance: "none",
  before: [{ name: "qkv", flopsPerToken: 1, bytesPerToken: 2, weightBytes: 3 }],
  after: [{ name: "mlp", flopsPerToken: 4, bytesPerToken: 5, weightBytes: 6 }],
  layers: 1,
  modelBytes: 0,
  activationBytesPerToken: 0,
};

const planeBytes = ROWS * HEADS * CELL;
const slots: Slot[] = [
  { name: "Q", role: "input", planes: 1, rows: ROWS, columns: HEADS, offset: 0, bytes: planeBytes },
  { name: "KV", role: "input", planes: 2, rows: ROWS, columns: HEADS, offset: 256, bytes: 2 * planeBytes },
  { name: "O", role: "output", planes: 1, rows: ROWS, columns: HEADS, offset: 512, bytes: planeBytes },
  {
    name: "ring",
    role: "scratch",
    planes: 2,
    rows: PLACES * ROWS,
    columns: HEADS,
    offset: 768,
    bytes: 2 * PLACES * planeBytes,
  },
  {
    name: "accumulator",
    role: "accumulator",
    planes: 1,
    rows: ROWS,
    columns: HEADS,
    offset: 0,
    bytes: ROWS * HEADS * (CELL + 4),
  },
];

/** A new op of the draft, with what is not given left out. */
export function newOp(op: Partial<DraftOp> & Pick<DraftOp, "kind" | "rank">): DraftOp {
  return {
    stream: 0,
    peer: op.rank,
    group: 0,
    signal: 0,
    signalValue: 0,
    work: 0,
    deps: [],
    from: [],
    to: [],
    origin: -1,
    ...op,
  };
}

/** All of the shard of `owner` in a slot that holds nothing else, or at a row of the ring slot. */
export function ringTile(tensor: "Q" | "KV" | "O", owner: number, slot: number, row = 0): DraftOperand {
  return { slot, row, column: 0, tensor, head: 0, numHeads: HEADS, token: owner * ROWS, numTokens: ROWS };
}

/** What the steps of the ring leave for the next: by rank, the last op of a kind. */
interface RingState {
  readonly draft: Draft;
  readonly first: DraftOp[];
  readonly attends: DraftOp[];
  readonly moves: DraftOp[];
  /** The op that says that the current block is there. */
  arrivals: DraftOp[];
}

function add(state: RingState, op: Partial<DraftOp> & Pick<DraftOp, "kind" | "rank">): DraftOp {
  const added = newOp(op);
  const isFirst = added.stream !== 0 && !state.draft.ops.some((o) => o.rank === op.rank && o.stream === op.stream);
  if (isFirst) added.deps.push(state.first[op.rank]!);
  state.draft.ops.push(added);
  return added;
}

/** Signals of the ring: for each rank and place `full`, written by the rank before it, and `empty`, by the one after. */
function fullOf(holder: number, place: number): number {
  return holder * 2 * PLACES + place;
}
function emptyOf(holder: number, place: number): number {
  return holder * 2 * PLACES + PLACES + place;
}

/**
 * Ring attention of four ranks, written by hand, with a layer's work around it: a schedule without findings that uses
 * every kind of op of its transport but get, copy and merge.
 */
export function ringDraft(transport: Transport): Draft {
  const draft: Draft = { head: ringHead(transport), slots: [...slots], signals: [], ops: [] };
  for (let rank = 0; rank < RANKS; rank++) {
    for (let word = 0; word < 2 * PLACES; word++) {
      const isFull = word < PLACES;
      const writerRank = (rank + (isFull ? RANKS - 1 : 1)) % RANKS;
      const writerStream = isFull ? RingStream.intra : RingStream.credit;
      draft.signals.push({ rank, word, writerRank, writerStream });
    }
  }
  if (transport === "two-sided") draft.signals = [];
  const state: RingState = { draft, first: [], attends: [], moves: [], arrivals: [] };
  const ranks = Array.from({ length: RANKS }, (_, rank) => rank);
  for (const rank of ranks) state.first.push(add(state, { kind: "barrier", rank }));
  for (const rank of ranks) state.arrivals.push(add(state, { kind: "compute", rank, work: 0 }));
  for (let step = 0; step < RANKS; step++) addStep(state, ranks, step);
  for (const rank of ranks) {
    const from = [ringTile("O", rank, RingSlot.accumulator)];
    add(state, { kind: "finalize", rank, from, to: [ringTile("O", rank, RingSlot.O)] });
    add(state, { kind: "compute", rank, work: 1 });
  }
  for (const rank of ranks) add(state, { kind: "barrier", rank, deps: lastOps(draft, rank) });
  draft.ops.forEach((op, id) => {
    op.origin = id;
  });
  return draft;
}

/** All but what a draft replaces. */
function ringHead(transport: Transport): Draft["head"] {
  return {
    version: 1,
    method: "ring",
    transport,
    tiles: 1,
    path: "",
    workload,
    mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: RANKS },
    groups: 1,
    ranks: RANKS,
    placement: [0, 1, 2, 3],
    repeats: 1,
    streams: ["compute", "intra", "credit"],
    computes: [
      { name: "qkv", flops: ROWS, bytes: 2 * ROWS + 3 },
      { name: "mlp", flops: 4 * ROWS, bytes: 5 * ROWS + 6 },
    ],
  };
}

/** Every rank passes its block on and attends it. */
function addStep(state: RingState, ranks: readonly number[], step: number): void {
  const isLast = step === RANKS - 1;
  const place = step % PLACES;
  const owner = (rank: number) => (rank - step + RANKS) % RANKS;
  const block = (rank: number) =>
    step === 0
      ? ringTile("KV", rank, RingSlot.KV)
      : ringTile("KV", owner(rank), RingSlot.ring, ((step - 1) % PLACES) * ROWS);
  const received = (rank: number) => ringTile("KV", owner((rank - 1 + RANKS) % RANKS), RingSlot.ring, place * ROWS);
  const isOneSided = state.draft.head.transport === "one-sided";
  const next: DraftOp[] = [];
  if (!isLast && isOneSided) putStep(state, ranks, step, block, received);
  else if (!isLast) sendStep(state, ranks, step, block, received, next);
  if (isOneSided && isLast)
    for (const rank of ranks) state.arrivals[rank] = awaitFull(state, rank, RingStream.compute, step);
  for (const rank of ranks) {
    const deps = state.arrivals[rank]!.stream === RingStream.compute ? [] : [state.arrivals[rank]!];
    const from = [ringTile("Q", rank, RingSlot.Q), block(rank)];
    state.attends[rank] = add(state, {
      kind: "attend",
      rank,
      deps,
      from,
      to: [ringTile("O", rank, RingSlot.accumulator)],
    });
  }
  if (next.length > 0) state.arrivals = next;
}

type TileOf = (rank: number) => DraftOperand;

/** The place that a block came to in the step before has been filled for the how-manieth time. */
function awaitFull(state: RingState, rank: number, stream: number, step: number): DraftOp {
  const place = (step - 1) % PLACES;
  const signalValue = Math.floor((step - 1) / PLACES) + 1;
  return add(state, { kind: "wait", rank, stream, signal: fullOf(rank, place), signalValue });
}

function putStep(state: RingState, ranks: readonly number[], step: number, block: TileOf, received: TileOf): void {
  const place = step % PLACES;
  const uses = Math.floor(step / PLACES);
  for (const rank of ranks) {
    const holder = (rank - 1 + RANKS) % RANKS;
    if (uses === 0) continue;
    const deps = [state.attends[rank]!, state.moves[rank]!];
    const credit = { stream: RingStream.credit, signal: emptyOf(holder, place), signalValue: uses };
    add(state, { kind: "notify", rank, peer: holder, deps, ...credit });
  }
  for (const rank of ranks) {
    const target = (rank + 1) % RANKS;
    if (step > 0) state.arrivals[rank] = awaitFull(state, rank, RingStream.intra, step);
    if (uses > 0)
      add(state, { kind: "wait", rank, stream: RingStream.intra, signal: emptyOf(rank, place), signalValue: uses });
    state.moves[rank] = add(state, {
      kind: "put",
      rank,
      stream: RingStream.intra,
      peer: target,
      signal: fullOf(target, place),
      signalValue: uses + 1,
      deps: step === 0 ? [state.arrivals[rank]!] : [],
      from: [block(rank)],
      to: [received(target)],
    });
  }
}

function sendStep(
  state: RingState,
  ranks: readonly number[],
  step: number,
  block: TileOf,
  received: TileOf,
  next: DraftOp[],
): void {
  for (const rank of ranks) {
    const [target, source] = [(rank + 1) % RANKS, (rank - 1 + RANKS) % RANKS];
    const common = { rank, stream: RingStream.intra, group: step + 1 };
    const sendDeps = step === 0 ? [state.arrivals[rank]!] : [];
    state.moves[rank] = add(state, { ...common, kind: "send", peer: target, deps: sendDeps, from: [block(rank)] });
    const deps = step < PLACES ? [] : [state.attends[rank]!];
    next[rank] = add(state, { ...common, kind: "receive", peer: source, deps, to: [received(rank)] });
  }
}

/** What the last barrier has to wait for: the last op of each other stream, or all of its last group. */
function lastOps(draft: Draft, rank: number): DraftOp[] {
  return [RingStream.intra, RingStream.credit].flatMap((stream) => {
    const ops = draft.ops.filter((op) => op.rank === rank && op.stream === stream);
    const last = ops.at(-1);
    return last === undefined ? [] : ops.filter((op) => op === last || (last.group !== 0 && op.group === last.group));
  });
}

/** The same as a schedule. */
export function ringSchedule(transport: Transport): Schedule {
  return freeze(ringDraft(transport));
}
