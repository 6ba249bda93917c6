import { assert } from "../errors.ts";
import { Kind, type Slot, type Tensor, TensorCode, type Transport } from "../schedule/schedule.ts";
import { createOpWriter, type NewOp } from "./op-columns.ts";

/** Streams that every plan has, by index; further ones, for concurrent transfers, follow. */
export const Stream = { compute: 0, intra: 1, inter: 2, credit: 3 } as const;

/** A tile at a place, as a method states it; heads of `KV` count KV heads. */
export interface Placed {
  readonly slot: number;
  readonly row: number;
  readonly column: number;
  readonly tensor: Tensor;
  readonly head: number;
  readonly numHeads: number;
  readonly token: number;
  readonly numTokens: number;
}

/** The signal that tells of a put's data, and the wait that has seen it; 0 while none has (op 0 is a barrier). */
interface Arrival {
  readonly signal: number;
  readonly value: number;
  wait: number;
}

/** What lies in a rectangle of a slot of one rank: who wrote it and who read it since. Writer 0: filled before the run. */
interface Region {
  row: number;
  endRow: number;
  readonly column: number;
  readonly endColumn: number;
  readonly writer: number;
  readonly arrival: Arrival | null;
  readonly readers: number[];
}

/** Up to this many regions a slot is searched one by one. */
const FEW_REGIONS = 12;

/** Regions of one slot of one rank; `disjoint` while none lies in another. */
interface RegionList {
  readonly regions: Region[];
  /** Index of the region that starts at a place, while they are disjoint; made once there are many. */
  starts: Map<number, number> | null;
  disjoint: boolean;
  /** Rows from here on hold nothing yet. */
  endRow: number;
}

export interface TransferOptions {
  /** No signal: the data is visible after the next barrier. */
  readonly silent?: boolean;
  /** The caller knows that the target's bytes are free by then, through a chain that the builder does not follow. */
  readonly free?: boolean;
}

/**
 * Turns "what moves and what is computed, step by step over all ranks" into ops with dependencies, waits, notifies,
 * signal words and their values. It follows every slot as dataflow: reads come after the write they see, writes after
 * the reads of what they replace, with a notify and a wait where the two are on different ranks.
 *
 * Accumulators are not followed, since one stream uses them, nor is an output that no op reads, as each of its bytes is
 * written once. Ops are appended after all of their predecessors, so every plan is free of deadlock by construction.
 */
export function createBuilder(
  numRanks: number,
  streams: readonly string[],
  slots: readonly Slot[],
  transport: Transport,
  isOutputRead: boolean,
) {
  const writer = createOpWriter();
  const numStreams = streams.length;
  const numSlots = slots.length;
  const opColumns = writer.ops;
  const operandColumns = writer.operands;
  const tracked = slots.map(({ role }) => role !== "accumulator" && (role !== "output" || isOutputRead));
  const regions: (RegionList | undefined)[] = new Array(numRanks * numSlots);
  const previous = new Int32Array(numRanks * numStreams).fill(-1);
  const lastGroup: (number[] | undefined)[] = new Array(numRanks * numStreams);
  const firstBarrier = new Int32Array(numRanks).fill(-1);
  /** For (stream, other stream of the rank): ops of the other up to this id (+1) are known to have ended. */
  const synced = new Int32Array(numRanks * numStreams * numStreams);
  /** For (stream): of other ranks' streams, the same. */
  const known: (Map<number, number> | undefined)[] = new Array(numRanks * numStreams);
  const tags = new Map<number, number>();
  const signalIds = new Map<number, number>();
  const signalCounts: number[] = [];
  const words = new Int32Array(numRanks);
  let group = 0;
  let numGroups = 0;

  const next: NewOp = { kind: 0, rank: 0, stream: 0, peer: 0, group: 0, signal: 0, signalValue: 0, work: 0 };
  let deps = new Int32Array(64);
  let numDeps = 0;
  const NONE: readonly number[] = [];
  const noDeps = new Int32Array(0);
  let pending: number[] = [];

  function append(
    kind: number,
    rank: number,
    stream: number,
    peer: number,
    from: readonly number[],
    to: readonly number[],
    opDeps: Int32Array,
    opNumDeps: number,
    settled: readonly number[] = NONE,
    settledKeys: readonly number[] = NONE,
  ): number {
    next.kind = kind;
    next.rank = rank;
    next.stream = stream;
    next.peer = peer;
    const id = writer.appendOp(next, opDeps, opNumDeps, settled, from, settledKeys, to);
    recordPrevious(rank * numStreams + stream, id);
    next.group = 0;
    next.signal = 0;
    next.signalValue = 0;
    next.work = 0;
    return id;
  }

  /** Keeps what the next op of a stream comes after: its last op, or all members of its last group. */
  function recordPrevious(lane: number, id: number): void {
    const before = previous[lane]!;
    if (before !== -1 && arePostedTogether(before, id)) (lastGroup[lane] ??= [before]).push(id);
    else lastGroup[lane] = undefined;
    previous[lane] = id;
  }

  /** Appends an op with the collected dependencies. */
  function appendCollected(
    kind: number,
    rank: number,
    stream: number,
    peer: number,
    from: readonly number[],
    to: readonly number[],
    settled: readonly number[] = NONE,
    settledKeys: readonly number[] = NONE,
  ): number {
    if (previous[rank * numStreams + stream] === -1 && firstBarrier[rank] !== -1) pushDep(firstBarrier[rank]!);
    const id = append(kind, rank, stream, peer, from, to, deps, numDeps, settled, settledKeys);
    numDeps = 0;
    return id;
  }

  function pushDep(op: number): void {
    if (numDeps === deps.length) {
      const wider = new Int32Array(2 * deps.length);
      wider.set(deps);
      deps = wider;
    }
    deps[numDeps++] = op;
  }

  /** The next op of (rank, stream) comes after `op` of the same rank. */
  function dependOn(rank: number, stream: number, op: number): void {
    const other = opColumns.columns.stream[op]!;
    if (other === stream) return;
    const index = (rank * numStreams + stream) * numStreams + other;
    const last = synced[index]! - 1;
    if (op === last || (op < last && !arePostedTogether(op, last))) return;
    if (op > last) synced[index] = op + 1;
    pushDep(op);
  }

  /** Members of one group end each by itself: that one has ended says nothing of the others. */
  function arePostedTogether(a: number, b: number): boolean {
    const c = opColumns.columns;
    return c.group[a] !== 0 && c.group[a] === c.group[b];
  }

  /** The next op of (rank, stream) comes after `op` of any rank; what needs a notify is kept for `flush`. */
  function comeAfter(rank: number, stream: number, op: number): void {
    const other = opColumns.columns.rank[op]!;
    if (other === rank) {
      dependOn(rank, stream, op);
      return;
    }
    const seen = known[rank * numStreams + stream]?.get(other * numStreams + opColumns.columns.stream[op]!);
    if (seen === undefined || seen <= op) pending.push(op);
  }

  /** Emits the notifies and waits that `comeAfter` found missing: one pair for each rank to wait for. */
  function flush(rank: number, stream: number, tag: number): void {
    while (pending.length > 0) {
      const other = opColumns.columns.rank[pending[0]!]!;
      const mine = pending.filter((op) => opColumns.columns.rank[op] === other);
      pending = pending.filter((op) => opColumns.columns.rank[op] !== other);
      notifyAfter(other, mine, rank, stream, tag);
    }
  }

  function notifyAfter(from: number, after: readonly number[], rank: number, stream: number, tag: number): void {
    const held = numDeps;
    const mark = held === 0 ? noDeps : deps.slice(0, held);
    numDeps = 0;
    for (const op of after) dependOn(from, Stream.credit, op);
    const signal = signalOf(rank, from, Stream.credit, tag);
    next.signal = signal;
    next.signalValue = ++signalCounts[signal]!;
    const value = next.signalValue;
    appendCollected(Kind.notify, from, Stream.credit, rank, NONE, NONE);
    appendWait(rank, stream, signal, value);
    const seen = (known[rank * numStreams + stream] ??= new Map());
    for (const op of after) {
      const key = from * numStreams + opColumns.columns.stream[op]!;
      if ((seen.get(key) ?? 0) <= op) seen.set(key, op + 1);
    }
    for (let i = 0; i < held; i++) deps[i] = mark[i]!;
    numDeps = held;
  }

  function appendWait(rank: number, stream: number, signal: number, value: number): number {
    next.signal = signal;
    next.signalValue = value;
    const first = previous[rank * numStreams + stream] === -1;
    return append(
      Kind.wait,
      rank,
      stream,
      rank,
      NONE,
      NONE,
      first ? firstBarrier.subarray(rank, rank + 1) : noDeps,
      first ? 1 : 0,
    );
  }

  /** Small index of a place: words are one for each (place, writer, holder), and for each direction of use. */
  function tagOf(operand: number, ready: boolean): number {
    const { slot, row, column } = operandColumns.columns;
    return 2 * tagAt(slot[operand]!, row[operand]!, column[operand]!) + (ready ? 1 : 0);
  }

  function tagAt(slot: number, row: number, column: number): number {
    const key = (slot * 2 ** 16 + column) * 2 ** 32 + row;
    let tag = tags.get(key);
    if (tag === undefined) {
      tag = tags.size;
      assert(tag < 2 ** 17, "too many places for signal words");
      tags.set(key, tag);
    }
    return tag;
  }

  function signalOf(holder: number, from: number, stream: number, tag: number): number {
    const key = ((holder * numRanks + from) * numStreams + stream) * 2 ** 18 + tag;
    let signal = signalIds.get(key);
    if (signal === undefined) {
      signal = writer.appendSignal(holder, words[holder]!, from, stream);
      words[holder]!++;
      signalIds.set(key, signal);
      signalCounts.push(0);
    }
    return signal;
  }

  function regionsOf(rank: number, slot: number): RegionList {
    const index = rank * numSlots + slot;
    let list = regions[index];
    if (list === undefined) {
      list = { regions: [], starts: null, disjoint: true, endRow: 0 };
      regions[index] = list;
    }
    return list;
  }

  /** Index of the region that is exactly the operand's rectangle and so the only one that it overlaps; −1 if unknown. */
  function exactRegion(list: RegionList, operand: number): number {
    if (!list.disjoint) return -1;
    const c = operandColumns.columns;
    if (list.starts === null) {
      for (let i = 0; i < list.regions.length; i++) if (isExact(list.regions[i]!, operand)) return i;
      return -1;
    }
    const index = list.starts.get(startOf(c.row[operand]!, c.column[operand]!));
    return index !== undefined && isExact(list.regions[index]!, operand) ? index : -1;
  }

  /** Key of a place in a slot; heads are few, so that keys stay small integers. */
  function startOf(row: number, column: number): number {
    return row * 4096 + column;
  }

  function isExact(region: Region, operand: number): boolean {
    const c = operandColumns.columns;
    const row = c.row[operand]!;
    const column = c.column[operand]!;
    return (
      region.row === row &&
      region.column === column &&
      region.endRow === row + c.numTokens[operand]! &&
      region.endColumn === column + c.numHeads[operand]!
    );
  }

  /** Calls `use` for every region that the operand overlaps; whether there was any. */
  function forOverlapping(rank: number, operand: number, use: (region: Region) => void): boolean {
    const list = regionsOf(rank, operandColumns.columns.slot[operand]!);
    if (operandColumns.columns.row[operand]! >= list.endRow) return false;
    const exact = exactRegion(list, operand);
    if (exact !== -1) {
      use(list.regions[exact]!);
      return true;
    }
    let found = false;
    for (const region of list.regions) {
      if (overlaps(region, operand)) {
        found = true;
        use(region);
      }
    }
    return found;
  }

  function overlaps(region: Region, operand: number): boolean {
    const c = operandColumns.columns;
    const row = c.row[operand]!;
    const column = c.column[operand]!;
    return (
      region.row < row + c.numTokens[operand]! &&
      row < region.endRow &&
      region.column < column + c.numHeads[operand]! &&
      column < region.endColumn
    );
  }

  /** The op on `rank` itself that says the region is filled: its writer, or a wait (made on `stream` if there is none). */
  function filledBy(region: Region, rank: number, stream: number): number {
    const arrival = region.arrival;
    if (arrival === null) return region.writer;
    if (arrival.wait === 0) arrival.wait = appendWait(rank, stream, arrival.signal, arrival.value);
    return arrival.wait;
  }

  function collectRead(rank: number, stream: number, operand: number): void {
    if (!tracked[operandColumns.columns.slot[operand]!]) return;
    forOverlapping(rank, operand, (region) => {
      if (region.writer !== 0) dependOn(rank, stream, filledBy(region, rank, stream));
    });
  }

  /** A read of `owner`'s slot by a get of `rank`. */
  function collectRemoteRead(rank: number, stream: number, owner: number, operand: number): void {
    forOverlapping(owner, operand, (region) => {
      if (region.writer !== 0) comeAfter(rank, stream, filledBy(region, owner, Stream.credit));
    });
  }

  /** A write of `rank` into `target`'s slot. */
  function collectWrite(rank: number, stream: number, target: number, operand: number): void {
    if (!tracked[operandColumns.columns.slot[operand]!]) return;
    forOverlapping(target, operand, (region) => collectUses(region, rank, stream));
  }

  function collectUses(region: Region, rank: number, stream: number): void {
    for (const reader of region.readers) comeAfter(rank, stream, reader);
    if (region.readers.length === 0 && region.writer !== 0) comeAfter(rank, stream, region.writer);
  }

  function recordRead(rank: number, operand: number, op: number): void {
    if (!tracked[operandColumns.columns.slot[operand]!]) return;
    if (!forOverlapping(rank, operand, (region) => addReader(region.readers, op)))
      pushRegion(rank, operand, 0, null, [op]);
  }

  /** Keeps the last reader of each (rank, stream): the earlier ones have ended before it. */
  function addReader(readers: number[], op: number): void {
    const c = opColumns.columns;
    for (let i = 0; i < readers.length; i++) {
      const other = readers[i]!;
      if (c.stream[other] === c.stream[op] && c.rank[other] === c.rank[op] && !arePostedTogether(other, op)) {
        readers[i] = op;
        return;
      }
    }
    readers.push(op);
  }

  function recordWrite(rank: number, operand: number, op: number, arrival: Arrival | null): void {
    const slot = operandColumns.columns.slot[operand]!;
    if (!tracked[slot]) return;
    const list = regionsOf(rank, slot);
    const exact = exactRegion(list, operand);
    if (exact !== -1) {
      list.regions[exact] = regionOf(operand, op, arrival, []);
      return;
    }
    let isChanged = false;
    const isFresh = operandColumns.columns.row[operand]! >= list.endRow;
    for (let i = isFresh ? -1 : list.regions.length - 1; i >= 0; i--) {
      if (!overlaps(list.regions[i]!, operand)) continue;
      replaceRows(list, i, operand);
      isChanged = true;
    }
    pushRegion(rank, operand, op, arrival, []);
    if (isChanged) reindex(list);
  }

  function reindex(list: RegionList): void {
    if (list.starts === null) return;
    list.starts.clear();
    for (const [i, region] of list.regions.entries()) list.starts.set(startOf(region.row, region.column), i);
  }

  /** Takes the operand's rows out of region `i`; a region that is wider than the operand stays whole. */
  function replaceRows(list: RegionList, i: number, operand: number): void {
    const c = operandColumns.columns;
    const region = list.regions[i]!;
    const row = c.row[operand]!;
    const endRow = row + c.numTokens[operand]!;
    if (region.column < c.column[operand]! || region.endColumn > c.column[operand]! + c.numHeads[operand]!) {
      list.disjoint = false;
      return;
    }
    if (region.endRow > endRow) {
      const below = { ...region, row: endRow, readers: [...region.readers] };
      if (region.row < row) list.regions.push(below);
      else {
        list.regions[i] = below;
        return;
      }
    }
    if (region.row < row) region.endRow = row;
    else {
      list.regions[i] = list.regions[list.regions.length - 1]!;
      list.regions.pop();
    }
  }

  function pushRegion(rank: number, operand: number, op: number, arrival: Arrival | null, readers: number[]): void {
    const list = regionsOf(rank, operandColumns.columns.slot[operand]!);
    const c = operandColumns.columns;
    list.starts?.set(startOf(c.row[operand]!, c.column[operand]!), list.regions.length);
    list.regions.push(regionOf(operand, op, arrival, readers));
    if (list.starts === null && list.regions.length > FEW_REGIONS) {
      list.starts = new Map();
      reindex(list);
    }
    list.endRow = Math.max(list.endRow, c.row[operand]! + c.numTokens[operand]!);
  }

  function regionOf(operand: number, op: number, arrival: Arrival | null, readers: number[]): Region {
    const c = operandColumns.columns;
    const row = c.row[operand]!;
    const column = c.column[operand]!;
    const endRow = row + c.numTokens[operand]!;
    return { row, endRow, column, endColumn: column + c.numHeads[operand]!, writer: op, arrival, readers };
  }

  function put(
    source: number,
    stream: number,
    target: number,
    from: readonly number[],
    to: readonly number[],
    options: TransferOptions,
  ): void {
    for (const operand of from) collectRead(source, stream, operand);
    if (!options.free) for (const operand of to) collectWrite(source, stream, target, operand);
    if (pending.length > 0) flush(source, stream, tagOf(to[0]!, false));
    let arrival: Arrival | null = null;
    if (!options.silent) {
      const signal = signalOf(target, source, stream, tagOf(to[0]!, false));
      next.signal = signal;
      next.signalValue = ++signalCounts[signal]!;
      arrival = { signal, value: next.signalValue, wait: 0 };
    }
    const op = appendCollected(Kind.put, source, stream, target, from, to);
    for (const operand of from) recordRead(source, operand, op);
    for (const operand of to) recordWrite(target, operand, op, arrival);
  }

  function get(reader: number, stream: number, owner: number, from: readonly number[], to: readonly number[]): void {
    for (const operand of from) collectRemoteRead(reader, stream, owner, operand);
    for (const operand of to) collectWrite(reader, stream, reader, operand);
    if (pending.length > 0) flush(reader, stream, tagOf(from[0]!, true));
    const op = appendCollected(Kind.get, reader, stream, owner, from, to);
    for (const operand of from) recordRead(owner, operand, op);
    for (const operand of to) recordWrite(reader, operand, op, null);
  }

  function sendReceive(
    source: number,
    stream: number,
    target: number,
    from: readonly number[],
    to: readonly number[],
  ): void {
    for (const operand of from) collectRead(source, stream, operand);
    next.group = group;
    const sent = appendCollected(Kind.send, source, stream, target, from, NONE);
    for (const operand of to) collectWrite(target, stream, target, operand);
    assert(pending.length === 0, "two-sided plans have no notifies");
    next.group = group;
    const received = appendCollected(Kind.receive, target, stream, source, NONE, to);
    for (const operand of from) recordRead(source, operand, sent);
    for (const operand of to) recordWrite(target, operand, received, null);
  }

  return {
    /** Registers a tile at a place and returns its operand index. */
    operand(placed: Placed): number {
      const id = writer.appendOperand();
      const c = operandColumns.columns;
      c.slot[id] = placed.slot;
      c.row[id] = placed.row;
      c.column[id] = placed.column;
      c.tensor[id] = TensorCode[placed.tensor];
      c.head[id] = placed.head;
      c.numHeads[id] = placed.numHeads;
      c.token[id] = placed.token;
      c.numTokens[id] = placed.numTokens;
      return id;
    },

    /** A barrier of all ranks; the last op of every stream is waited for. */
    barrier(): void {
      for (let rank = 0; rank < numRanks; rank++) {
        for (let stream = 1; stream < numStreams; stream++) {
          const last = previous[rank * numStreams + stream]!;
          const members = lastGroup[rank * numStreams + stream] ?? (last === -1 ? NONE : [last]);
          for (const op of members) pushDep(op);
        }
        const op = appendCollected(Kind.barrier, rank, Stream.compute, rank, NONE, NONE);
        if (firstBarrier[rank] === -1) firstBarrier[rank] = op;
      }
    },

    /** Moves tiles from `source` to `target`; the source acts: a put, or a matched pair. Nothing to move, nothing done. */
    push(
      source: number,
      stream: number,
      target: number,
      from: readonly number[],
      to: readonly number[],
      options: TransferOptions = {},
    ): void {
      if (to.length === 0) return;
      if (transport === "one-sided") put(source, stream, target, from, to, options);
      else sendReceive(source, stream, target, from, to);
    },

    /** Moves tiles from `owner` to `reader`; the reader acts: a get, or a matched pair. */
    pull(reader: number, stream: number, owner: number, from: readonly number[], to: readonly number[]): void {
      if (to.length === 0) return;
      if (transport === "one-sided") get(reader, stream, owner, from, to);
      else sendReceive(owner, stream, reader, from, to);
    },

    /** The transfers inside are posted together (two-sided). */
    together(transfers: () => void): void {
      group = ++numGroups;
      transfers();
      group = 0;
    },

    /**
     * Orders the next op of (rank, stream) after every use of rows `[row, endRow)` of the target's slot, with one notify
     * and one wait: the writes that follow need none of their own.
     */
    credit(rank: number, stream: number, target: number, slot: number, row: number, endRow: number): void {
      if (transport === "two-sided") return;
      for (const region of regionsOf(target, slot).regions) {
        if (region.row >= endRow || row >= region.endRow) continue;
        collectUses(region, rank, stream);
      }
      if (pending.length > 0) flush(rank, stream, 2 * tagAt(slot, row, 0));
    },

    /**
     * A local op on the compute stream that reads `settled`, `from` and `settledKeys`, in this order, and writes `to`.
     * Settled operands were read on this stream before, and are overwritten by this stream alone or only after it has
     * read them once more: this read needs no tracking.
     */
    local(
      kind: "attend" | "merge" | "finalize" | "copy",
      rank: number,
      from: readonly number[],
      to: readonly number[],
      settled: readonly number[] = NONE,
      settledKeys: readonly number[] = NONE,
    ): void {
      if (to.length === 0) return;
      // Attends write accumulators alone, which are not tracked: one stream uses them.
      const written = kind === "attend" ? NONE : to;
      for (const operand of from) collectRead(rank, Stream.compute, operand);
      for (const operand of written) collectWrite(rank, Stream.compute, rank, operand);
      if (pending.length > 0) flush(rank, Stream.compute, tagOf(to[0]!, false));
      const op = appendCollected(Kind[kind], rank, Stream.compute, rank, from, to, settled, settledKeys);
      for (const operand of from) recordRead(rank, operand, op);
      for (const operand of written) recordWrite(rank, operand, op, null);
    },

    /** Other work of the layer, between what it reads and what it writes. */
    compute(rank: number, work: number, reads: readonly number[], writes: readonly number[]): void {
      for (const operand of reads) collectRead(rank, Stream.compute, operand);
      next.work = work;
      const op = appendCollected(Kind.compute, rank, Stream.compute, rank, NONE, NONE);
      for (const operand of writes) recordWrite(rank, operand, op, null);
    },

    finish: writer.finish,
  };
}

export type Builder = ReturnType<typeof createBuilder>;
