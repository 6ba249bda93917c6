import type { FlowNetwork } from "../plan/flow/flow-network.ts";
import { Kind, numOps, type Schedule } from "../plan/schedule/schedule.ts";
import { type Dependencies, NO_OP } from "./dependencies.ts";
import { type HostModel, THREADS_PER_RANK } from "./host-model.ts";
import { HostThreads, type HostThreadsOwner, isAwake } from "./host-threads.ts";
import { isKernel } from "./is-kernel.ts";
import { State } from "./op-state.ts";
import type { RankAccounts } from "./rank-accounts.ts";
import type { TransferModel } from "./transfer-model.ts";

/** Ends of a pair that are posted within this time (ns) are posted together: the receive then counts as the later one. */
export const TOGETHER_NS = 1;

/** What `HostRanks` asks and tells the engine. */
export interface HostRanksOwner {
  onHostEnd(op: number): void;
  /** `wake` of the thread, or `emulate` of the op, is to be called after so many ns. */
  wakeLater(thread: number, afterNs: number): void;
  emulateLater(op: number, afterNs: number): void;
}

/** The engine's columns by op that are written or read here. */
interface Columns {
  readonly endNs: Float64Array;
  readonly flowNs: Float64Array;
  readonly state: Uint8Array;
  readonly accounts: RankAccounts;
}

/**
 * What ops of ranks on hosts do once they are posted. Each has its thread do `opNs` and then what its kind takes: kernels
 * compute, puts and gets copy, notifies and waits (once signaled) end. A send and its receive are posted once their `opNs`
 * are over; then the thread of the end that was posted last copies. Between machines a transfer also drains on links,
 * from when its thread begins with the copy (and the path's latency later), and ends when both are done and the thread has
 * noticed. Where links are real, the sender's thread moves the bytes of a pair, and the one at the other end has a piece of
 * its own from when the transfer begins to drain.
 */
export class HostRanks implements HostThreadsOwner {
  readonly #schedule: Schedule;
  readonly #model: HostModel;
  readonly #transfers: TransferModel;
  readonly #graph: Dependencies;
  readonly #flows: FlowNetwork;
  readonly #threads: HostThreads;
  readonly #columns: Columns;
  readonly #owner: HostRanksOwner;
  readonly #numOps: number;
  /** By op: when a send or receive was posted, its `opNs` over. */
  readonly #postedNs: Float64Array;
  /** By op: copy and emulated drain that have not ended. */
  readonly #numParts: Uint8Array;
  #barrierEndNs = -Infinity;
  #nowNs = 0;

  constructor(
    schedule: Schedule,
    model: HostModel,
    transfers: TransferModel,
    graph: Dependencies,
    flows: FlowNetwork,
    columns: Columns,
    owner: HostRanksOwner,
  ) {
    const count = numOps(schedule);
    this.#schedule = schedule;
    this.#model = model;
    this.#transfers = transfers;
    this.#graph = graph;
    this.#flows = flows;
    this.#columns = columns;
    this.#owner = owner;
    this.#numOps = count;
    this.#postedNs = new Float64Array(count);
    this.#numParts = new Uint8Array(count);
    this.#threads = new HostThreads(model, flows, { numPieces: 2 * count, firstFlowId: count }, this);
  }

  /** An op that is no barrier, with the other members of its unit; of a wait once its word has the value. */
  post(leader: number, nowNs: number): void {
    for (let op = leader; op !== NO_OP; op = this.#graph.nextMember[op]!) this.#postOne(op, nowNs);
  }

  /**
   * How long a barrier takes whose last rank is ready now: `opNs`, and `wakeNs` where the thread of a rank sleeps that has
   * not been ready longer. Threads sleep until it ends, unless there is one rank only.
   */
  barrierNs(leader: number, nowNs: number): number {
    let arrivalNs = nowNs;
    let opNs = 0;
    for (let op = leader; op !== NO_OP; op = this.#graph.nextMember[op]!) {
      arrivalNs = Math.max(arrivalNs, this.#arrivalNs(op));
      opNs = Math.max(opNs, this.#model.opNs(this.#model.threadOf(op)));
    }
    this.#barrierEndNs = arrivalNs + opNs;
    if (this.#schedule.ranks === 1) this.#threads.stayAwake(this.#model.threadOf(leader), this.#barrierEndNs);
    return this.#barrierEndNs - nowNs;
  }

  /** When a rank comes to a barrier: its thread may have to wake for it. */
  #arrivalNs(barrier: number): number {
    const { deps, depsStart } = this.#schedule.ops;
    const thread = this.#model.threadOf(barrier);
    const busyNs = this.#threads.busyNs(thread);
    let readyNs = Math.max(busyNs, this.#barrierEndNs);
    for (let at = depsStart[barrier]!; at < depsStart[barrier + 1]!; at++)
      readyNs = Math.max(readyNs, this.#columns.endNs[deps[at]!]!);
    return isAwake(busyNs, readyNs) || readyNs === -Infinity ? readyNs : readyNs + this.#model.wakeNs(thread);
  }

  wake(thread: number, nowNs: number): void {
    this.#threads.wake(thread, nowNs);
  }

  wakeLater(thread: number, afterNs: number): void {
    this.#owner.wakeLater(thread, afterNs);
  }

  /** After the last change of an instant. */
  settle(nowNs: number): void {
    this.#nowNs = nowNs;
    this.#threads.settle(nowNs);
  }

  /** The latency phase of an emulated transfer is over: it shares the links. */
  emulate(op: number, nowNs: number): void {
    const { source, target } = this.#endsOf(op);
    this.#flows.start(nowNs, this.#transfers.payloadBytes(op), this.#transfers.path(source, target), op);
    const peerNs = this.#model.peerNs(op);
    if (peerNs === 0) return;
    const thread = this.#schedule.ops.peer[op]! * THREADS_PER_RANK + 1;
    this.#threads.add(thread, this.#numOps + op, peerNs, false);
  }

  /** A flow has ended, of a thread or of an emulated transfer. */
  endFlow(id: number, nowNs: number): void {
    this.#nowNs = nowNs;
    if (id >= this.#numOps) {
      this.#threads.endFlow(id - this.#numOps, nowNs);
      return;
    }
    this.#endPart(id, false);
  }

  // Pieces of threads.

  onBegin(op: number): void {
    if (op >= this.#numOps || this.#isPosting(op) || (this.#columns.state[op]! & State.emulated) !== 0) return;
    this.#columns.flowNs[op] = this.#nowNs;
    if (this.#graph.partner[op] !== NO_OP) this.#columns.flowNs[this.#graph.partner[op]!] = this.#nowNs;
    if (this.#numParts[op]! < 2) return;
    this.#owner.emulateLater(op, this.#latencyNs(op));
  }

  onDone(op: number): void {
    if (op >= this.#numOps) {
      this.#endPart(op - this.#numOps, false);
      return;
    }
    const { kind, rank } = this.#schedule.ops;
    const code = kind[op]!;
    if (this.#isPosting(op)) this.#endPosting(op);
    else if ((this.#columns.state[op]! & State.emulated) !== 0) this.#endTransfer(op);
    else if (this.#numParts[op]! > 0) this.#endPart(op, true);
    else {
      if (isKernel(code)) this.#columns.accounts.changeKernels(rank[op]!, -1, this.#nowNs);
      this.#owner.onHostEnd(op);
    }
  }

  #postOne(op: number, nowNs: number): void {
    const { kind, rank } = this.#schedule.ops;
    const code = kind[op]!;
    const thread = this.#model.threadOf(op);
    const opNs = this.#model.opNs(thread);
    if (isKernel(code)) {
      this.#columns.accounts.changeKernels(rank[op]!, 1, nowNs);
      this.#threads.add(thread, op, opNs + this.#model.kernelNs(op), code === Kind.copy);
    } else if (code === Kind.put || code === Kind.get) {
      this.#beginTransfer(op, nowNs);
      this.#threads.add(thread, op, opNs + this.#model.transferNs(op), !this.#isNetwork(op));
    } else this.#threads.add(thread, op, opNs, false);
  }

  // Transfers.

  /** Of the path; a get asks for its data first, and over a real network a receive that comes last for its send's. */
  #latencyNs(op: number): number {
    const { source, target } = this.#endsOf(op);
    const isAsked =
      this.#schedule.ops.kind[op] === Kind.get ||
      (this.#isNetwork(op) && (this.#columns.state[this.#graph.partner[op]!]! & State.late) !== 0);
    const requestNs = isAsked ? this.#transfers.latencyNs(target, source) : 0;
    return requestNs + this.#transfers.latencyNs(source, target);
  }

  /** Whether a put, get or send takes links that are real. */
  #isNetwork(op: number): boolean {
    return this.#model.peerNs(op) > 0;
  }

  #endsOf(op: number): { source: number; target: number } {
    const { kind, rank, peer } = this.#schedule.ops;
    const isGet = kind[op] === Kind.get;
    return { source: isGet ? peer[op]! : rank[op]!, target: isGet ? rank[op]! : peer[op]! };
  }

  #beginTransfer(op: number, nowNs: number): void {
    const { source, target } = this.#endsOf(op);
    const { accounts } = this.#columns;
    accounts.changeTransfers(source, 1, nowNs);
    if (target !== source) accounts.changeTransfers(target, 1, nowNs);
    const onLinks = this.#isNetwork(op) ? 3 : 2;
    this.#numParts[op] = this.#model.takesLinks(source, target) ? onLinks : 1;
  }

  /** Unless the thread that moves the bytes was the last to be done, it has to notice that all is: it may have to wake. */
  #endPart(op: number, isOwn: boolean): void {
    if (--this.#numParts[op]! > 0) return;
    if (isOwn) {
      this.#endTransfer(op);
      return;
    }
    this.#columns.state[op]! |= State.emulated;
    this.#threads.add(this.#model.threadOf(this.#copierOf(op)), op, 0, false);
  }

  #endTransfer(op: number): void {
    const { source, target } = this.#endsOf(op);
    const { accounts } = this.#columns;
    accounts.changeTransfers(source, -1, this.#nowNs);
    if (target !== source) accounts.changeTransfers(target, -1, this.#nowNs);
    this.#owner.onHostEnd(op);
    if (this.#graph.partner[op] !== NO_OP) this.#owner.onHostEnd(this.#graph.partner[op]!);
  }

  // Two-sided.

  /** Whether the piece of an op is that of its posting. */
  #isPosting(op: number): boolean {
    return this.#graph.partner[op] !== NO_OP && (this.#columns.state[op]! & State.resident) === 0;
  }

  #endPosting(op: number): void {
    const { state } = this.#columns;
    const other = this.#graph.partner[op]!;
    state[op]! |= State.resident;
    this.#postedNs[op] = this.#nowNs;
    if ((state[other]! & State.resident) === 0) return;
    const isSend = this.#schedule.ops.kind[op] === Kind.send;
    const isTogether = this.#nowNs - this.#postedNs[other]! <= TOGETHER_NS;
    const late = isSend && isTogether ? other : op;
    const send = isSend ? op : other;
    state[late]! |= State.late;
    this.#beginTransfer(send, this.#nowNs);
    const copier = this.#model.threadOf(this.#copierOf(send));
    this.#threads.add(copier, send, this.#model.transferNs(send), !this.#isNetwork(send));
  }

  /** The op whose thread moves the bytes: over a real network the sender's. */
  #copierOf(op: number): number {
    const partner = this.#graph.partner[op]!;
    const isOwn = partner === NO_OP || this.#isNetwork(op) || (this.#columns.state[op]! & State.late) !== 0;
    return isOwn ? op : partner;
  }
}
