import { maxMinRates } from "../plan/flow/slow-twin.ts";
import { Kind, type Schedule } from "../plan/schedule/schedule.ts";
import { type HostModel, THREADS_PER_RANK } from "./host-model.ts";
import { TOGETHER_NS } from "./host-ranks.ts";
import { isAwake } from "./host-threads.ts";
import { isKernel } from "./is-kernel.ts";
import { makeOps, type Op, type SlowRun, summarize } from "./slow-ops.ts";
import type { TransferModel } from "./transfer-model.ts";

/** Times that differ by less, relatively, are one. */
const TIE = 1e-12;

/** What an op has a thread do, in bytes; `isBegun` once the thread is awake. */
interface Piece {
  readonly op: Op;
  readonly isCopy: boolean;
  left: number;
  isBegun: boolean;
  readonly onBegin: () => void;
  readonly onEnd: () => void;
}

interface Thread {
  readonly id: number;
  pieces: Piece[];
  /** When it was last busy. */
  busyNs: number;
  isWaking: boolean;
}

/** Bytes on the links of the topology. */
interface Drain {
  readonly path: Int32Array;
  left: number;
  readonly onEnd: () => void;
}

/** Something that happens at a time. */
interface Timer {
  readonly atNs: number;
  readonly action: () => void;
}

/** The same as `HostRanks` and `HostThreads` in the engine, with all rates computed afresh at every event. */
export function runHostsSlowly(schedule: Schedule, model: HostModel, transfers: TransferModel): SlowRun {
  const { signal, signalValue, deps, depsStart } = schedule.ops;
  const ops = makeOps(schedule);
  const threads = Array.from(
    { length: model.numThreads },
    (_, id): Thread => ({ id, pieces: [], busyNs: -Infinity, isWaking: false }),
  );
  const postedNs = new Map<Op, number>();
  let drains: Drain[] = [];
  let timers: Timer[] = [];
  let barrierEndNs = -Infinity;
  let nowNs = 0;

  react();
  for (let nextNs = nextEvent(); nextNs !== Infinity; nextNs = nextEvent()) {
    moveTo(nextNs);
    react();
  }
  return summarize(schedule, ops);

  // Time.

  function nextEvent(): number {
    const rates = ratesOf();
    const ends = [...rates].map(([moving, rate]) => nowNs + Math.max(0, moving.left) / rate);
    return Math.min(...ends, ...timers.map(({ atNs }) => atNs));
  }

  function moveTo(nextNs: number): void {
    for (const [moving, rate] of ratesOf()) {
      const endNs = nowNs + moving.left / rate;
      moving.left = endNs <= nextNs * (1 + TIE) ? 0 : moving.left - rate * (nextNs - nowNs);
    }
    nowNs = nextNs;
  }

  /** Bytes per ns of what moves. A thread is one flow, shared by its pieces. */
  function ratesOf(): Map<Piece | Drain, number> {
    const busy = threads.filter(isBusy);
    const flows = [
      ...busy.map(({ id, pieces }) => ({
        path: model.threadPath(
          id,
          pieces.some(({ isBegun, isCopy }) => isBegun && isCopy),
        ),
        maxRate: model.threadRate(id),
      })),
      ...drains.map(({ path }) => ({ path })),
    ];
    const shares = maxMinRates(model.capacity, flows).map((rate) => rate / 1e9);
    const rates = new Map<Piece | Drain, number>();
    busy.forEach(({ pieces }, i) => {
      const begun = pieces.filter(({ isBegun }) => isBegun);
      for (const piece of begun) rates.set(piece, shares[i]! / begun.length);
    });
    drains.forEach((drain, i) => {
      rates.set(drain, shares[busy.length + i]!);
    });
    return rates;
  }

  function isBusy({ pieces }: Thread): boolean {
    return pieces.some(({ isBegun }) => isBegun);
  }

  // Conditions.

  /** Lets everything happen that happens now. */
  function react(): void {
    do {
      while (endOne() || ops.some(advance));
      for (const thread of threads) serve(thread);
    } while (threads.some(({ pieces }) => pieces.some(({ isBegun, left }) => isBegun && left <= 0)));
  }

  function endOne(): boolean {
    const timer = timers.find(({ atNs }) => atNs <= nowNs * (1 + TIE));
    if (timer !== undefined) {
      timers = timers.filter((other) => other !== timer);
      timer.action();
      return true;
    }
    const drain = drains.find(({ left }) => left <= 0);
    if (drain !== undefined) {
      drains = drains.filter((other) => other !== drain);
      drain.onEnd();
      return true;
    }
    return threads.some(endPiece);
  }

  function endPiece(thread: Thread): boolean {
    const piece = thread.pieces.find(({ isBegun, left }) => isBegun && left <= 0);
    if (piece === undefined) return false;
    thread.pieces = thread.pieces.filter((other) => other !== piece);
    thread.busyNs = nowNs;
    piece.onEnd();
    return true;
  }

  /** Begins with what waits, if the thread is awake; else wakes it. */
  function serve(thread: Thread): void {
    const waiting = thread.pieces.filter(({ isBegun }) => !isBegun);
    if (waiting.length === 0) return;
    if (!isBusy(thread) && !isAwake(thread.busyNs, nowNs)) {
      if (!thread.isWaking) later(model.wakeNs(thread.id), () => wake(thread));
      thread.isWaking = true;
      return;
    }
    for (const piece of waiting) {
      piece.isBegun = true;
      piece.onBegin();
    }
  }

  function wake(thread: Thread): void {
    thread.isWaking = false;
    thread.busyNs = nowNs;
  }

  function later(ns: number, action: () => void): void {
    timers.push({ atNs: nowNs + ns, action });
  }

  function give(thread: number, op: Op, workNs: number, isCopy: boolean, onEnd: () => void, onBegin = () => {}): void {
    const left = (workNs * model.threadRate(thread)) / 1e9;
    threads[thread]!.pieces.push({ op, isCopy, left, isBegun: false, onBegin, onEnd });
  }

  // Ops.

  /** One step of one op, if its time has come. */
  function advance(op: Op): boolean {
    if (op.phase.name === "unposted") return post(op);
    if (op.phase.name !== "signal" || !isSignaled(op)) return false;
    op.phase = { name: "host" };
    issue(op, 0, false, () => end(op));
    return true;
  }

  function post(op: Op): boolean {
    if (!op.unit.every((member) => member.predecessors.every((before) => before.phase.name === "ended"))) return false;
    for (const member of op.unit) {
      member.startNs = nowNs;
      member.phase = { name: member.kind === Kind.wait ? "signal" : "host" };
      if (member.kind !== Kind.wait && member.kind !== Kind.barrier) begin(member);
    }
    if (op.kind === Kind.barrier) beginBarrier(op.unit);
    return true;
  }

  function begin(op: Op): void {
    if (isKernel(op.kind)) issue(op, model.kernelNs(op.id), op.kind === Kind.copy, () => end(op));
    else if (op.kind === Kind.notify) issue(op, 0, false, () => end(op));
    else if (op.kind === Kind.put || op.kind === Kind.get)
      move(op, model.threadOf(op.id), model.opNs(model.threadOf(op.id)));
    else issue(op, 0, false, () => endPosting(op));
  }

  function issue(op: Op, workNs: number, isCopy: boolean, onEnd: () => void): void {
    const thread = model.threadOf(op.id);
    give(thread, op, model.opNs(thread) + workNs, isCopy, onEnd);
  }

  function end(op: Op): void {
    op.phase = { name: "ended" };
    op.endNs = nowNs;
  }

  function isSignaled(wait: Op): boolean {
    const value = signalValue[wait.id]!;
    const writes = (op: Op) => op.kind === Kind.put || op.kind === Kind.notify;
    const raises = (op: Op) => signal[op.id] === signal[wait.id] && signalValue[op.id]! >= value;
    return value === 0 || ops.some((op) => writes(op) && raises(op) && op.phase.name === "ended");
  }

  // Barriers.

  function beginBarrier(unit: readonly Op[]): void {
    const arrivalNs = Math.max(nowNs, ...unit.map(arrivalOf));
    barrierEndNs = arrivalNs + Math.max(...unit.map(({ id }) => model.opNs(model.threadOf(id))));
    if (schedule.ranks === 1) threads[model.threadOf(unit[0]!.id)]!.busyNs = barrierEndNs;
    later(barrierEndNs - nowNs, () => unit.forEach(end));
  }

  function arrivalOf({ id }: Op): number {
    const thread = threads[model.threadOf(id)]!;
    const dependencies = Array.from(deps.subarray(depsStart[id], depsStart[id + 1]), (dep) => ops[dep]!.endNs);
    const readyNs = Math.max(thread.busyNs, barrierEndNs, ...dependencies);
    const sleeps = readyNs > -Infinity && !isAwake(thread.busyNs, readyNs);
    return sleeps ? readyNs + model.wakeNs(thread.id) : readyNs;
  }

  // Transfers.

  function endPosting(op: Op): void {
    postedNs.set(op, nowNs);
    const otherNs = postedNs.get(op.partner!);
    op.phase = { name: "partner" };
    if (otherNs === undefined) return;
    const [send, receive] = op.kind === Kind.send ? [op, op.partner!] : [op.partner!, op];
    const isTogether = nowNs - otherNs <= TOGETHER_NS;
    const late = isTogether ? receive : op;
    const isNetwork = model.peerNs(send.id) > 0;
    move(send, model.threadOf(isNetwork ? send.id : late.id), 0, isNetwork && late === receive);
  }

  /** Copies, and between machines drains as well, over a real network with work at the other end; ends when all is done. */
  function move(op: Op, thread: number, opNs: number, isAsked = op.kind === Kind.get): void {
    const [source, target] = op.kind === Kind.get ? [op.peer, op.rank] : [op.rank, op.peer];
    const takesLinks = model.takesLinks(source, target);
    const peerNs = model.peerNs(op.id);
    let parts = 1 + (takesLinks ? 1 : 0) + (peerNs > 0 ? 1 : 0);
    op.issueNs = nowNs;
    if (op.partner !== null) op.partner.issueNs = nowNs;
    const endBoth = () => {
      end(op);
      if (op.partner !== null) end(op.partner);
    };
    const endPart = () => {
      if (--parts === 0) endBoth();
    };
    const endElsewhere = () => {
      if (--parts === 0) give(thread, op, 0, false, endBoth);
    };
    const onBegin = () => {
      if (!takesLinks) return;
      const requestNs = isAsked ? transfers.latencyNs(target, source) : 0;
      later(requestNs + transfers.latencyNs(source, target), () => {
        drains.push({
          path: transfers.path(source, target),
          left: transfers.payloadBytes(op.id),
          onEnd: endElsewhere,
        });
        if (peerNs > 0) give(op.peer * THREADS_PER_RANK + 1, op, peerNs, false, endElsewhere);
      });
    };
    give(thread, op, opNs + model.transferNs(op.id), peerNs === 0, endPart, onBegin);
  }
}
