import type { Draft, DraftOp } from "./draft.test-support.ts";

/** The whole happens-before relation of a small schedule. */
export interface OrderTwin {
  /** Whether `a` (by its place in the op list) ends before `b` does its work. */
  before(a: number, b: number): boolean;
  /** Whether some execution ends: no op comes before itself, every wait is satisfied and every transfer matched. */
  readonly canRun: boolean;
}

/**
 * The slow twin of `createHappensBefore`: the relation as ARCHITECTURE.md words it, closed by repetition until nothing
 * is added. Knows nothing of the order of the op list but that it is the order of every stream.
 */
export function createOrderTwin(draft: Draft): OrderTwin {
  const { ops } = draft;
  const ids = new Map(ops.map((op, id) => [op, id]));
  const partners = matchTransfers(ops);
  const barriers = matchBarriers(draft);
  const groups = groupOps(draft);
  const width = Math.ceil(ops.length / 32);
  /** Row b: the set of ops before b. */
  const rows = ops.map(() => new Uint32Array(width));
  let canRun = true;

  function include(row: Uint32Array, op: number): boolean {
    const isNew = ((row[op >> 5]! >>> (op & 31)) & 1) === 0;
    row[op >> 5]! |= 1 << (op & 31);
    return isNew;
  }

  function join(row: Uint32Array, other: Uint32Array): boolean {
    let changed = false;
    for (let i = 0; i < width; i++) {
      const both = row[i]! | other[i]!;
      if (both >>> 0 !== row[i]! >>> 0) changed = true;
      row[i] = both;
    }
    return changed;
  }

  /** Ops that start with `op`'s work: itself, the other end of its transfer, all ranks' barriers. */
  function together(op: number): readonly number[] {
    const barrier = barriers.get(op);
    if (barrier) return barrier;
    const partner = partners.get(op);
    return partner === undefined ? [op] : [op, partner];
  }

  /** What must end before `op` is posted. */
  function directly(op: number): number[] {
    const group = groups.groupOf[op]!;
    const deps = groups.members[group]!.flatMap((member) => ops[member]!.deps.flatMap((dep) => ids.get(dep) ?? []));
    const before = groups.previous[group]!;
    return before === -1 ? deps : [...deps, ...groups.members[before]!];
  }

  const edges = ops.map((op, id) => {
    const sources = together(id).flatMap(directly);
    if (op.kind === "wait") {
      const write = firstWrite(draft, op);
      if (write === -1) canRun = false;
      else sources.push(write);
    }
    return [...new Set(sources.flatMap((source) => [...together(source)]))];
  });
  if (ops.some((op, id) => (op.kind === "send" || op.kind === "receive") && !partners.has(id))) canRun = false;

  for (let changed = true; changed; ) {
    changed = false;
    for (let b = 0; b < ops.length; b++) {
      for (const a of edges[b]!) {
        if (include(rows[b]!, a)) changed = true;
        if (join(rows[b]!, rows[a]!)) changed = true;
      }
    }
  }
  const before = (a: number, b: number) => ((rows[b]![a >> 5]! >>> (a & 31)) & 1) === 1;
  if (ops.some((_, id) => before(id, id))) canRun = false;
  return { before, canRun };
}

/** The k-th send a→b with the k-th receive at b from a. */
function matchTransfers(ops: readonly DraftOp[]): Map<number, number> {
  const partners = new Map<number, number>();
  const count = new Map<string, number>();
  const waiting = new Map<string, number>();
  ops.forEach((op, id) => {
    if (op.kind !== "send" && op.kind !== "receive") return;
    const pair = op.kind === "send" ? `${op.rank}>${op.peer}` : `${op.peer}>${op.rank}`;
    const side = `${op.kind} ${pair}`;
    const k = count.get(side) ?? 0;
    count.set(side, k + 1);
    const other = waiting.get(`${op.kind === "send" ? "receive" : "send"} ${pair} ${k}`);
    if (other === undefined) waiting.set(`${side} ${k}`, id);
    else {
      partners.set(id, other);
      partners.set(other, id);
    }
  });
  return partners;
}

function matchBarriers({ ops }: Draft): Map<number, number[]> {
  const count = new Map<number, number>();
  const members: number[][] = [];
  const barriers = new Map<number, number[]>();
  ops.forEach((op, id) => {
    if (op.kind !== "barrier") return;
    const k = count.get(op.rank) ?? 0;
    count.set(op.rank, k + 1);
    members[k] ??= [];
    members[k].push(id);
    barriers.set(id, members[k]);
  });
  return barriers;
}

/** Groups, most of one op, and the group before each on its stream (−1 for none). */
function groupOps({ ops }: Draft): { groupOf: number[]; members: number[][]; previous: number[] } {
  const groupOf: number[] = [];
  const members: number[][] = [];
  const previous: number[] = [];
  const last = new Map<string, number>();
  ops.forEach((op, id) => {
    const key = `${op.rank} ${op.stream}`;
    const before = last.get(key);
    const joins = before !== undefined && op.group !== 0 && ops[before]!.group === op.group;
    if (joins) {
      groupOf[id] = groupOf[before]!;
      members[groupOf[id]!]!.push(id);
    } else {
      groupOf[id] = members.length;
      members.push([id]);
      previous.push(before === undefined ? -1 : groupOf[before]!);
    }
    last.set(key, id);
  });
  return { groupOf, members, previous };
}

/** The first write, in the order of its stream, that makes the word of a wait reach its value. */
function firstWrite({ ops }: Draft, wait: DraftOp): number {
  return ops.findIndex(
    (op) =>
      (op.kind === "put" || op.kind === "notify") &&
      op.signalValue >= wait.signalValue &&
      op.signalValue > 0 &&
      op.signal === wait.signal,
  );
}
