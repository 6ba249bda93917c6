/** `runs` runs of `bytes` each, from one heap to another (or the same); offsets and strides are bytes. */
export interface Block {
  readonly fromOffset: number;
  readonly fromStride: number;
  readonly toOffset: number;
  readonly toStride: number;
  readonly bytes: number;
  readonly runs: number;
}

/** One op of kind put, get, notify, send or receive, in bytes. */
export interface Transfer {
  readonly op: number;
  /** The other rank. */
  readonly peer: number;
  /** From the source's heap to the target's; of a send and its receive the same list. Empty for a notify. */
  readonly blocks: readonly Block[];
  readonly bytes: number;
  /** Signal word of the peer and the value that it is set to after the data; of put and notify only. */
  readonly signal: { readonly word: number; readonly value: number } | null;
  /** Of a send or receive: the op of the other end; its own op otherwise. */
  readonly partner: number;
}

/** What a poll finds: the op has ended; it moved on; or nothing can be done about it here and now. */
export type Progress = "ended" | "moved" | "waiting";

/** An op that has been posted. */
export interface Ticket {
  /** Moves the op on, by a bounded amount of work. Not called again once it has ended. */
  poll(): Progress;
  /** Once it has ended: when, where the fabric knows that better than who polls; else null. */
  readonly span: TicketSpan | null;
}

/** Times of a ticket; it began when it was posted, unless `startNs` says otherwise. */
export interface TicketSpan {
  readonly startNs?: number;
  readonly endNs: number;
}

/** Nanoseconds on the fabric's clock. */
export interface Span {
  readonly startNs: number;
  readonly endNs: number;
}

/**
 * Who moves bytes, for one rank on one thread. All calls return at once. The heap is symmetric: `heapBytes` on every
 * rank, offsets mean the same everywhere. Several fabrics of one rank (one a thread) may be in use at once.
 */
export interface Fabric {
  readonly rank: number;
  /** This rank's symmetric heap. */
  readonly heap: Float32Array;
  /** Nanoseconds on a clock that all ranks share. */
  nowNs(): number;
  /** Ends when the last byte, and after that the signal, are visible at the peer. */
  put(transfer: Transfer): Ticket;
  /** Ends when the bytes are here. */
  get(transfer: Transfer): Ticket;
  notify(transfer: Transfer): Ticket;
  /** Rendezvous: bytes move once both ends are posted, and both end together. */
  send(transfer: Transfer): Ticket;
  receive(transfer: Transfer): Ticket;
  /** The next barrier of this rank: ends when all ranks have posted theirs; called on one thread of the rank only. */
  barrier(): Ticket;
  /** Whether a signal word of this rank is at least `value`; everything that was put before it is then visible. */
  reached(word: number, value: number): boolean;
  /** Sleeps until something may have changed for this rank since `idle` last returned, or a short while. */
  idle(): void | Promise<void>;
}

/** What the threads of one rank tell each other, and what a supervisor reads. */
export interface Board {
  /** Whether an op of this rank has ended. */
  hasEnded(op: number): boolean;
  started(op: number, startNs: number): void;
  /** `isAwaited`: an op on another thread of this rank depends on it. */
  ended(op: number, span: Span, isAwaited: boolean): void;
  /** Something moved on: the supervisor's clock for runs without progress starts again. */
  progress(): void;
  /** Throws `Aborted` once the run is to stop. */
  check(): void;
}

/** The run was told to stop; its supervisor says why. */
export class Aborted extends Error {
  override readonly name = "Aborted";
}
