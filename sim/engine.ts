import { UsageError } from "../plan/errors.ts";
import { EventQueue } from "../plan/flow/event-queue.ts";
import { createFlowNetwork, type FlowNetwork } from "../plan/flow/flow-network.ts";
import { Kind, numOps, OP_KINDS, type Schedule } from "../plan/schedule/schedule.ts";
import { type ComputeModel, createComputeModel } from "./compute-model.ts";
import type { Constants } from "./constants.ts";
import { CopyEngines } from "./copy-engines.ts";
import { buildDependencies, type Dependencies, NO_OP } from "./dependencies.ts";
import { createHostModel } from "./host-model.ts";
import { HostRanks, type HostRanksOwner } from "./host-ranks.ts";
import type { Machine } from "./machine.ts";
import { Multiprocessors, type MultiprocessorsHost } from "./multiprocessors.ts";
import { State } from "./op-state.ts";
import { RankAccounts } from "./rank-accounts.ts";
import { createTransferModel, type TransferModel } from "./transfer-model.ts";

/** Events: an id (op, leader of a unit, rank or thread) and what happens to it. */
const EventKind = { end: 0, begin: 1, flow: 2, copied: 3, resident: 4, compute: 5, wake: 6, emulate: 7 } as const;
const EVENT_BITS = 3;
const MAX_OPS = 2 ** (31 - EVENT_BITS);

/** One pass through the ops of a schedule, in columns by op. */
export interface Run {
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** When a transfer began to share the links; of host ranks when a thread began with the op. 0 for others. */
  readonly flowNs: Float64Array;
  /** The predecessor whose end let the op start, or `NO_OP`; of a wait with `State.late`, the write. */
  readonly cause: Int32Array;
  readonly state: Uint8Array;
  /** Partner of each send and receive. */
  readonly partner: Int32Array;
  readonly accounts: RankAccounts;
  /** Events handled. */
  readonly events: number;
}

/**
 * Runs a schedule once through the models. Time and memory are near linear in the ops; the same input gives the same
 * bits. Throws a UsageError (`format`) where the schedule cannot run to its end.
 */
export function runSchedule(schedule: Schedule, machine: Machine, constants: Constants): Run {
  return new Engine(schedule, machine, constants).run();
}

/** The communication kernel of a unit with so many sends and receives: the multiprocessors that it holds. */
export function heldMultiprocessors(members: number, multiprocessors: number, constants: Constants): number {
  const { twoSidedMultiprocessors, twoSidedMultiprocessorsMax } = constants;
  return Math.min(members * twoSidedMultiprocessors, twoSidedMultiprocessorsMax, Math.floor(multiprocessors / 2));
}

/**
 * The event loop. An op is posted when its unit's predecessors have ended, goes through the phases of its kind, and its
 * end is passed on to its successors. Everything of one instant is handled before copy engines and multiprocessors are
 * given out, so that the order of events at one instant does not matter.
 */
class Engine implements MultiprocessorsHost, HostRanksOwner {
  readonly #schedule: Schedule;
  readonly #constants: Constants;
  readonly #compute: ComputeModel;
  readonly #transfers: TransferModel;
  readonly #graph: Dependencies;
  /** By leader: predecessors of the unit that have not ended; once it is posted, members that have not ended. */
  readonly #pending: Int32Array;
  readonly #kind: Uint8Array;
  readonly #rank: Uint16Array;
  readonly #peer: Uint16Array;

  readonly #queue = new EventQueue(1024);
  readonly #flows: FlowNetwork;
  readonly #onFlowEnd: (op: number) => void;
  readonly #multiprocessors: Multiprocessors;
  readonly #copyEngines: CopyEngines;
  /** Null where the ranks are GPUs. */
  readonly #hosts: HostRanks | null;
  readonly #accounts: RankAccounts;

  readonly #startNs: Float64Array;
  readonly #endNs: Float64Array;
  readonly #flowNs: Float64Array;
  readonly #cause: Int32Array;
  readonly #state: Uint8Array;

  #nowNs = 0;
  #events = 0;
  #numEnded = 0;
  /** Ops that ended at this instant and whose successors do not know yet. */
  #ended = new Int32Array(256);
  #numToTell = 0;
  /** Ranks whose copy engines or multiprocessors changed at this instant. */
  readonly #touched: Int32Array;
  readonly #isTouched: Uint8Array;
  #numTouched = 0;

  constructor(schedule: Schedule, machine: Machine, constants: Constants) {
    const count = numOps(schedule);
    const { ranks, placement } = schedule;
    if (count >= MAX_OPS) throw new UsageError("limit", `expected fewer than ${MAX_OPS} ops, got ${count}`);
    checkPlacement(schedule, machine);
    this.#schedule = schedule;
    this.#constants = constants;
    this.#graph = buildDependencies(schedule);
    const hostModel = createHostModel(schedule, machine);
    this.#compute = createComputeModel(schedule, machine.devices, constants);
    this.#transfers = createTransferModel(schedule, machine, constants);
    this.#pending = this.#graph.numPredecessors;
    this.#kind = schedule.ops.kind;
    this.#rank = schedule.ops.rank;
    this.#peer = schedule.ops.peer;
    this.#flows = createFlowNetwork(hostModel?.capacity ?? machine.network.capacity);
    this.#onFlowEnd = (id) => {
      this.#events++;
      if (this.#hosts === null) this.#endFlow(id);
      else this.#hosts.endFlow(id, this.#nowNs);
    };
    const multiprocessors = Float64Array.from({ length: ranks }, (_, rank) => this.#compute.multiprocessors(rank));
    const numStreams = schedule.streams.length;
    this.#multiprocessors = new Multiprocessors(multiprocessors, numStreams, constants.launchedBehindShare, this);
    this.#copyEngines = new CopyEngines(ranks, numStreams, (rank) => machine.devices[placement[rank]!]!.copyEngines);
    this.#accounts = new RankAccounts(ranks);
    this.#startNs = new Float64Array(count);
    this.#endNs = new Float64Array(count);
    this.#flowNs = new Float64Array(count);
    this.#cause = new Int32Array(count).fill(NO_OP);
    this.#state = new Uint8Array(count);
    const columns = { endNs: this.#endNs, flowNs: this.#flowNs, state: this.#state, accounts: this.#accounts };
    this.#hosts =
      hostModel === null
        ? null
        : new HostRanks(schedule, hostModel, this.#transfers, this.#graph, this.#flows, columns, this);
    this.#touched = new Int32Array(ranks);
    this.#isTouched = new Uint8Array(ranks);
  }

  run(): Run {
    this.#postRoots();
    this.#settle();
    for (;;) {
      const eventNs = this.#queue.peekTime();
      const finishNs = this.#flows.nextCompletionNs();
      const nowNs = Math.min(eventNs, finishNs);
      if (nowNs === Infinity) break;
      this.#nowNs = nowNs;
      if (finishNs === nowNs) this.#flows.advance(nowNs, this.#onFlowEnd);
      while (this.#queue.peekTime() === nowNs) this.#handle(this.#queue.pop());
      this.#tellSuccessors();
      this.#settle();
    }
    if (this.#numEnded < this.#kind.length) throw this.#stuck();
    return {
      startNs: this.#startNs,
      endNs: this.#endNs,
      flowNs: this.#flowNs,
      cause: this.#cause,
      state: this.#state,
      partner: this.#graph.partner,
      accounts: this.#accounts,
      events: this.#events,
    };
  }

  #handle(event: number): void {
    const id = event >> EVENT_BITS;
    this.#events++;
    switch (event & ((1 << EVENT_BITS) - 1)) {
      case EventKind.end:
        this.#endUnitOrOp(id);
        break;
      case EventKind.begin:
        this.#multiprocessors.begin(this.#rank[id]!, id, this.#compute.workNs(id), this.#nowNs);
        this.#touch(this.#rank[id]!);
        break;
      case EventKind.flow:
        this.#beginFlow(id);
        break;
      case EventKind.copied:
        this.#endFlow(id);
        break;
      case EventKind.wake:
        this.#hosts!.wake(id, this.#nowNs);
        break;
      case EventKind.emulate:
        this.#hosts!.emulate(id, this.#nowNs);
        break;
      case EventKind.resident:
        this.#multiprocessors.request(this.#rank[id]!, id, this.#heldBy(id), this.#nowNs);
        this.#touch(this.#rank[id]!);
        break;
      default:
        // Outdated where a later change moved the rank's next event; `endDue` then finds nothing.
        if (this.#multiprocessors.nextNs[id] !== this.#nowNs) break;
        this.#multiprocessors.endDue(id, this.#nowNs);
        this.#touch(id);
    }
  }

  #push(afterNs: number, kind: number, id: number): void {
    this.#queue.push(this.#nowNs + afterNs, (id << EVENT_BITS) | kind);
  }

  #touch(rank: number): void {
    if (this.#isTouched[rank] === 1) return;
    this.#isTouched[rank] = 1;
    this.#touched[this.#numTouched++] = rank;
  }

  /** Gives out copy engines and multiprocessors, as after the last change of this instant. */
  #settle(): void {
    for (let i = 0; i < this.#numTouched; i++) {
      const rank = this.#touched[i]!;
      this.#isTouched[rank] = 0;
      for (let op = this.#copyEngines.grant(rank); op >= 0; op = this.#copyEngines.grant(rank)) this.#issue(op);
      const before = this.#multiprocessors.nextNs[rank]!;
      this.#multiprocessors.settle(rank, this.#nowNs);
      const nextNs = this.#multiprocessors.nextNs[rank]!;
      if (nextNs !== before && nextNs !== Infinity) this.#queue.push(nextNs, (rank << EVENT_BITS) | EventKind.compute);
    }
    this.#numTouched = 0;
    this.#hosts?.settle(this.#nowNs);
  }

  // Ranks on hosts.

  onHostEnd(op: number): void {
    this.#end(op);
  }

  wakeLater(thread: number, afterNs: number): void {
    this.#push(afterNs, EventKind.wake, thread);
  }

  emulateLater(op: number, afterNs: number): void {
    this.#push(afterNs, EventKind.emulate, op);
  }

  // Order.

  #postRoots(): void {
    const { leader } = this.#graph;
    for (let op = 0; op < leader.length; op++) if (leader[op] === op && this.#pending[op] === 0) this.#post(op, NO_OP);
    this.#tellSuccessors();
  }

  /** Passes the ends of this instant on, and those that follow at once from them. */
  #tellSuccessors(): void {
    const { start, successors } = this.#graph;
    while (this.#numToTell > 0) {
      const op = this.#ended[--this.#numToTell]!;
      for (let at = start[op]!, end = start[op + 1]!; at < end; at++) {
        const target = successors[at]!;
        if (target < 0) this.#signal(~target, op);
        else if (--this.#pending[target]! === 0) this.#post(target, op);
      }
    }
  }

  #signal(wait: number, write: number): void {
    this.#state[wait]! |= State.signaled;
    if ((this.#state[wait]! & State.posted) === 0) return;
    this.#state[wait]! |= State.late;
    this.#cause[wait] = write;
    this.#endWait(wait);
  }

  /** The word has its value and the wait is posted. */
  #endWait(op: number): void {
    if (this.#hosts === null) this.#end(op);
    else this.#hosts.post(op, this.#nowNs);
  }

  #end(op: number): void {
    this.#endNs[op] = this.#nowNs;
    this.#state[op]! |= State.ended;
    this.#numEnded++;
    if (this.#numToTell === this.#ended.length) {
      const wider = new Int32Array(2 * this.#ended.length);
      wider.set(this.#ended);
      this.#ended = wider;
    }
    this.#ended[this.#numToTell++] = op;
  }

  #endUnitOrOp(op: number): void {
    if (this.#kind[op] !== Kind.barrier) this.#endTransfer(op);
    else for (let member = op; member !== NO_OP; member = this.#graph.nextMember[member]!) this.#end(member);
  }

  /** All predecessors of the unit have ended, the last of them `cause`. */
  #post(leader: number, cause: number): void {
    const { nextMember } = this.#graph;
    let numMembers = 0;
    for (let member = leader; member !== NO_OP; member = nextMember[member]!) {
      this.#startNs[member] = this.#nowNs;
      this.#cause[member] = cause;
      this.#state[member]! |= State.posted;
      numMembers++;
    }
    this.#pending[leader] = numMembers;
    this.#begin(leader);
  }

  #begin(op: number): void {
    const code = this.#kind[op]!;
    if (this.#hosts === null || code === Kind.wait || code === Kind.barrier) this.#beginPhases(op);
    else this.#hosts.post(op, this.#nowNs);
  }

  #beginPhases(op: number): void {
    const rank = this.#rank[op]!;
    switch (this.#kind[op]) {
      case Kind.wait:
        if ((this.#state[op]! & State.signaled) !== 0 || this.#schedule.ops.signalValue[op] === 0) this.#endWait(op);
        break;
      case Kind.barrier:
        this.#push(this.#hosts?.barrierNs(op, this.#nowNs) ?? this.#transfers.barrierNs, EventKind.end, op);
        break;
      case Kind.put:
      case Kind.get:
        if (!this.#usesCopyEngine(op)) this.#issue(op);
        else {
          this.#copyEngines.request(rank, op, this.#nowNs);
          this.#touch(rank);
        }
        break;
      case Kind.notify:
        this.#push(this.#notifyNs(op), EventKind.end, op);
        break;
      case Kind.send:
      case Kind.receive:
        this.#push(this.#compute.launchNs(rank) + this.#constants.twoSidedLaunchNs, EventKind.resident, op);
        break;
      default:
        this.#accounts.changeKernels(rank, 1, this.#nowNs);
        this.#push(this.#compute.launchNs(rank), EventKind.begin, op);
    }
  }

  // Kernels.

  numWaves(op: number): number {
    return this.#compute.numWaves(op);
  }

  onKernelEnd(op: number): void {
    this.#accounts.changeKernels(this.#rank[op]!, -1, this.#nowNs);
    this.#end(op);
  }

  #heldBy(leader: number): number {
    let members = 0;
    for (let op = leader; op !== NO_OP; op = this.#graph.nextMember[op]!) members++;
    return heldMultiprocessors(members, this.#compute.multiprocessors(this.#rank[leader]!), this.#constants);
  }

  /** Every transfer of the unit starts whose other end is resident as well. */
  onResident(leader: number): void {
    const { nextMember, partner } = this.#graph;
    for (let op = leader; op !== NO_OP; op = nextMember[op]!) {
      this.#state[op]! |= State.resident;
      const other = partner[op]!;
      if ((this.#state[other]! & State.resident) === 0) continue;
      this.#state[op]! |= State.late;
      const send = this.#kind[op] === Kind.send ? op : other;
      const source = this.#rank[send]!;
      const target = this.#peer[send]!;
      this.#beginTransfer(source, target);
      const overheadNs = this.#transfers.rendezvousNs(source, target) + this.#transfers.latencyNs(source, target);
      this.#push(overheadNs, EventKind.flow, send);
    }
  }

  // Transfers.

  /** Transfers inside a machine use an engine of the rank that issues them; between machines the NICs move the bytes. */
  #usesCopyEngine(op: number): boolean {
    return this.#transfers.isFabric(this.#rank[op]!, this.#peer[op]!);
  }

  #notifyNs(op: number): number {
    const source = this.#rank[op]!;
    const target = this.#peer[op]!;
    const transfers = this.#transfers;
    return transfers.issueNs(source, target) + transfers.latencyNs(source, target) + transfers.signalNs(source, target);
  }

  #issue(op: number): void {
    const rank = this.#rank[op]!;
    const peer = this.#peer[op]!;
    this.#beginTransfer(rank, peer);
    let overheadNs = this.#transfers.issueNs(rank, peer) + this.#transfers.latencyNs(rank, peer);
    if (this.#kind[op] === Kind.get) overheadNs += this.#transfers.latencyNs(peer, rank);
    this.#push(overheadNs, EventKind.flow, op);
  }

  #beginTransfer(source: number, target: number): void {
    this.#accounts.changeTransfers(source, 1, this.#nowNs);
    if (target !== source) this.#accounts.changeTransfers(target, 1, this.#nowNs);
  }

  /** The latency phase is over: the transfer shares the links; inside one rank it is a copy in its memory. */
  #beginFlow(op: number): void {
    const isGet = this.#kind[op] === Kind.get;
    const source = isGet ? this.#peer[op]! : this.#rank[op]!;
    const target = isGet ? this.#rank[op]! : this.#peer[op]!;
    this.#flowNs[op] = this.#nowNs;
    const payload = this.#transfers.payloadBytes(op);
    if (source === target) {
      this.#push(this.#compute.localCopyNs(source, payload), EventKind.copied, op);
      return;
    }
    const bytes = this.#transfers.wireBytes(op);
    this.#flows.start(this.#nowNs, bytes, this.#transfers.path(source, target), op);
  }

  /** The last byte is there; a put's signal comes after it. */
  #endFlow(op: number): void {
    if (isOneSided(this.#kind[op]!) && this.#usesCopyEngine(op)) {
      this.#copyEngines.release(this.#rank[op]!);
      this.#touch(this.#rank[op]!);
    }
    if (this.#kind[op] !== Kind.put || this.#schedule.ops.signalValue[op] === 0) this.#endTransfer(op);
    else this.#push(this.#transfers.signalNs(this.#rank[op]!, this.#peer[op]!), EventKind.end, op);
  }

  #endTransfer(op: number): void {
    const rank = this.#rank[op]!;
    const code = this.#kind[op]!;
    if (code !== Kind.notify) {
      this.#accounts.changeTransfers(rank, -1, this.#nowNs);
      if (this.#peer[op] !== rank) this.#accounts.changeTransfers(this.#peer[op]!, -1, this.#nowNs);
    }
    if (code === Kind.send) {
      const receive = this.#graph.partner[op]!;
      this.#flowNs[receive] = this.#flowNs[op]!;
      this.#endOfPair(op);
      this.#endOfPair(receive);
      return;
    }
    this.#end(op);
  }

  /** The kernel of a unit gives its multiprocessors back when the last of its sends and receives has ended. */
  #endOfPair(op: number): void {
    const leader = this.#graph.leader[op]!;
    this.#end(op);
    if (--this.#pending[leader]! > 0) return;
    const rank = this.#rank[op]!;
    this.#multiprocessors.release(rank, this.#heldBy(leader), this.#nowNs);
    this.#touch(rank);
  }

  #stuck(): UsageError {
    const op = this.#state.findIndex((state) => (state & State.ended) === 0);
    const what = (this.#state[op]! & State.posted) === 0 ? "never starts" : "never ends";
    const name = OP_KINDS[this.#kind[op]!];
    return new UsageError("format", `op ${op} (${name} of rank ${this.#rank[op]}) ${what}: the schedule deadlocks`, {
      hint: "Check the schedule first: toroid check FILE.",
    });
  }
}

function isOneSided(kind: number): boolean {
  return kind === Kind.put || kind === Kind.get;
}

function checkPlacement(schedule: Schedule, machine: Machine): void {
  const { numRanks } = machine.network;
  const isPlaced = (place: number | undefined) => place !== undefined && place >= 0 && place < numRanks;
  if (schedule.placement.length === schedule.ranks && schedule.placement.every(isPlaced)) return;
  throw new UsageError(
    "topology",
    `expected a topology with the ${schedule.ranks} ranks that the schedule is placed on, got one with ${numRanks}`,
    { path: "--topology", hint: "Give the topology that the schedule was planned for." },
  );
}
