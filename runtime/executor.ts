import { Kind } from "../plan/schedule/schedule.ts";
import { Aborted, type Board, type Fabric, type Ticket } from "./fabric.ts";
import type { Kernel } from "./kernel.ts";
import type { Program } from "./program.ts";

/** Where an op of a lane stands that has been posted and has not ended. */
interface Posted {
  readonly op: number;
  readonly startNs: number;
  /** Null for waits and for what the kernel does. */
  readonly ticket: Ticket | null;
}

/** What one thread of a rank works with. */
export interface LaneParts {
  readonly program: Program;
  readonly rank: number;
  /** The streams of the rank that this thread runs; all threads of a rank together run all of them, each once. */
  readonly streams: readonly number[];
  readonly fabric: Fabric;
  /** Null on a thread that runs no op for it. */
  readonly kernel: Kernel | null;
  readonly board: Board;
}

/**
 * Runs some of a rank's streams once, from the first barrier to the last, in one thread: the executor. It interprets the
 * schedule by the semantics of ARCHITECTURE.md, moves bytes through the fabric and computes with the kernel, and knows
 * neither. Streams go on independently: between two parts of a kernel's op all transfers of the lane are served.
 * Throws `Aborted` when the board says so, and an `OpFailed` for whatever else fabric, kernel or board throw.
 */
export async function runLane(parts: LaneParts): Promise<void> {
  const lane = new Lane(parts);
  try {
    while (!lane.hasEnded) {
      parts.board.check();
      const hasMoved = lane.advance();
      if (await lane.compute()) continue;
      if (!hasMoved && !lane.hasEnded) await parts.fabric.idle();
    }
  } catch (error) {
    if (error instanceof Aborted || lane.currentOp === null) throw error;
    throw new OpFailed(lane.currentOp, error);
  }
}

/** What fabric, kernel or board threw (`cause`), and the op that it was thrown for. */
export class OpFailed extends Error {
  override readonly name = "OpFailed";
  readonly op: number;

  constructor(op: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.op = op;
  }
}

class Lane {
  readonly #parts: LaneParts;
  readonly #queues: readonly StreamQueue[];
  readonly #isAwaited: Set<number>;
  /** Streams that have ops left. */
  #numOpen: number;
  #kernelOp: Posted | null = null;
  /** The op that fabric, kernel and board were last called for. */
  currentOp: number | null = null;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    const { program, rank, streams } = parts;
    this.#queues = streams.map((stream) => ({ ops: program.opsOf(rank, stream), next: 0, posted: [] }));
    this.#numOpen = this.#queues.filter(({ ops }) => ops.length > 0).length;
    this.#isAwaited = awaitedElsewhere(parts);
  }

  get hasEnded(): boolean {
    return this.#numOpen === 0;
  }

  /** Goes once through all streams; whether anything moved on. */
  advance(): boolean {
    let hasMoved = false;
    for (const queue of this.#queues) if (this.#advanceQueue(queue)) hasMoved = true;
    return hasMoved;
  }

  /** Does a part of the kernel's present op; false where there is none. */
  async compute(): Promise<boolean> {
    const posted = this.#kernelOp;
    if (posted === null) return false;
    this.currentOp = posted.op;
    const hasEnded = await this.#parts.kernel!.step();
    this.#parts.board.progress();
    if (!hasEnded) return true;
    this.#kernelOp = null;
    const { fabric } = this.#parts;
    this.#end(posted, { startNs: posted.startNs, endNs: fabric.nowNs() });
    const queue = this.#queues.find((candidate) => candidate.posted[0] === posted)!;
    queue.posted = [];
    this.#closeIfDone(queue);
    return true;
  }

  #advanceQueue(queue: StreamQueue): boolean {
    let hasMoved = false;
    for (;;) {
      if (queue.posted.length === 0) {
        if (queue.next === queue.ops.length) return hasMoved;
        const end = this.#groupEnd(queue);
        if (!this.#isReady(queue, end)) return hasMoved;
        this.#post(queue, end);
        hasMoved = true;
      }
      for (let i = 0; i < queue.posted.length; ) {
        const progress = this.#poll(queue.posted[i]!);
        if (progress !== "waiting") hasMoved = true;
        if (progress === "ended") queue.posted.splice(i, 1);
        else i++;
      }
      if (queue.posted.length > 0) return hasMoved;
      this.#closeIfDone(queue);
    }
  }

  #closeIfDone(queue: StreamQueue): void {
    if (queue.posted.length === 0 && queue.next === queue.ops.length) this.#numOpen--;
  }

  /** End of the run of ops that are posted together with the next one. */
  #groupEnd({ ops, next }: StreamQueue): number {
    const { group } = this.#parts.program.schedule.ops;
    let end = next + 1;
    if (group[ops[next]!] !== 0) while (end < ops.length && group[ops[end]!] === group[ops[next]!]) end++;
    return end;
  }

  #isReady({ ops, next }: StreamQueue, end: number): boolean {
    const { kind, deps, depsStart } = this.#parts.program.schedule.ops;
    for (let i = next; i < end; i++) {
      const op = ops[i]!;
      if (this.#kernelOp !== null && isKernelKind(kind[op]!)) return false;
      for (let at = depsStart[op]!; at < depsStart[op + 1]!; at++) {
        if (!this.#parts.board.hasEnded(deps[at]!)) return false;
      }
    }
    return true;
  }

  #post(queue: StreamQueue, end: number): void {
    const { fabric, board } = this.#parts;
    const startNs = fabric.nowNs();
    for (; queue.next < end; queue.next++) {
      const op = queue.ops[queue.next]!;
      this.currentOp = op;
      board.started(op, startNs);
      const posted = { op, startNs, ticket: this.#begin(op) };
      queue.posted.push(posted);
      if (isKernelKind(this.#parts.program.schedule.ops.kind[op]!)) this.#kernelOp = posted;
    }
  }

  #begin(op: number): Ticket | null {
    const { program, fabric, kernel } = this.#parts;
    switch (program.schedule.ops.kind[op]) {
      case Kind.barrier:
        return fabric.barrier();
      case Kind.put:
        return fabric.put(program.transfer(op));
      case Kind.get:
        return fabric.get(program.transfer(op));
      case Kind.notify:
        return fabric.notify(program.transfer(op));
      case Kind.send:
        return fabric.send(program.transfer(op));
      case Kind.receive:
        return fabric.receive(program.transfer(op));
      case Kind.wait:
        return null;
      default:
        kernel!.begin(op);
        return null;
    }
  }

  #poll(posted: Posted): "ended" | "moved" | "waiting" {
    const { program, fabric } = this.#parts;
    if (posted === this.#kernelOp) return "waiting";
    this.currentOp = posted.op;
    if (posted.ticket === null) {
      const { signal, signalValue } = program.schedule.ops;
      const word = program.schedule.signals.word[signal[posted.op]!]!;
      if (!fabric.reached(word, signalValue[posted.op]!)) return "waiting";
    } else {
      const progress = posted.ticket.poll();
      if (progress !== "ended") return progress;
    }
    const { startNs = posted.startNs, endNs = fabric.nowNs() } = posted.ticket?.span ?? {};
    this.#end(posted, { startNs, endNs });
    return "ended";
  }

  #end({ op }: Posted, span: { startNs: number; endNs: number }): void {
    this.#parts.board.ended(op, span, this.#isAwaited.has(op));
  }
}

interface StreamQueue {
  readonly ops: Uint32Array;
  /** Position of the first op that has not been posted. */
  next: number;
  posted: Posted[];
}

function isKernelKind(kind: number): boolean {
  return (
    kind === Kind.attend || kind === Kind.merge || kind === Kind.finalize || kind === Kind.copy || kind === Kind.compute
  );
}

/** Ops of this lane that ops on other lanes of the rank depend on. */
function awaitedElsewhere({ program, rank, streams }: LaneParts): Set<number> {
  const { schedule } = program;
  const { deps, depsStart, stream } = schedule.ops;
  const isMine = new Set(streams);
  const awaited = new Set<number>();
  for (let other = 0; other < schedule.streams.length; other++) {
    if (isMine.has(other)) continue;
    for (const op of program.opsOf(rank, other)) {
      for (let at = depsStart[op]!; at < depsStart[op + 1]!; at++) {
        if (isMine.has(stream[deps[at]!]!)) awaited.add(deps[at]!);
      }
    }
  }
  return awaited;
}
