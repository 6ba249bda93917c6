import { maxMinRates } from "../plan/flow/slow-twin.ts";
import { Kind, type Schedule } from "../plan/schedule/schedule.ts";
import { createComputeModel } from "./compute-model.ts";
import type { Constants } from "./constants.ts";
import { heldMultiprocessors } from "./engine.ts";
import { createHostModel } from "./host-model.ts";
import { isKernel } from "./is-kernel.ts";
import type { Machine } from "./machine.ts";
import { wavesBeforeGap } from "./multiprocessors.ts";
import { runHostsSlowly } from "./slow-host-twin.ts";
import { type Gap, makeOps, type Op, type SlowRun, summarize } from "./slow-ops.ts";
import { createTransferModel } from "./transfer-model.ts";

/** Times that differ by less, relatively, are one. */
const TIE = 1e-12;

/**
 * The same as `runSchedule`, told plainly: every op is an object, and at every event all rates are computed afresh, all
 * ops move on, and all conditions are looked at again. The oracle of engine.ts; quadratic and worse.
 */
export function runSlowly(schedule: Schedule, machine: Machine, constants: Constants): SlowRun {
  const hosts = createHostModel(schedule, machine);
  if (hosts !== null) return runHostsSlowly(schedule, hosts, createTransferModel(schedule, machine, constants));
  const compute = createComputeModel(schedule, machine.devices, constants);
  const transfers = createTransferModel(schedule, machine, constants);
  const { signal, signalValue } = schedule.ops;
  const ops = makeOps(schedule);
  /** Communication kernels that were launched at this instant. */
  const fresh = new Set<Op>();
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
    let next = Infinity;
    for (const op of ops) {
      if (op.phase.name === "delay") next = Math.min(next, op.phase.untilNs);
      if (op.phase.name === "work" || op.phase.name === "flow") {
        next = Math.min(next, nowNs + Math.max(0, op.phase.left) / rates.get(op)!);
      }
      if (op.phase.name !== "multiprocessors") continue;
      for (const gap of op.phase.gaps) {
        next = Math.min(next, nowNs + Math.max(0, leftOf(gap.op) - gap.left) / rates.get(gap.op)!);
      }
    }
    return next;
  }

  function moveTo(nextNs: number): void {
    const rates = ratesOf();
    for (const op of ops) {
      if (op.phase.name !== "work" && op.phase.name !== "flow") continue;
      const endNs = nowNs + op.phase.left / rates.get(op)!;
      op.phase.left = endNs <= nextNs * (1 + TIE) ? 0 : op.phase.left - rates.get(op)! * (nextNs - nowNs);
    }
    nowNs = nextNs;
  }

  function ratesOf(): Map<Op, number> {
    const flowing = ops.filter((op) => op.phase.name === "flow");
    const flows = flowing.map((op) => ({ path: (op.phase as { path: Int32Array }).path }));
    const shares = maxMinRates(machine.network.capacity, flows);
    const rates = new Map(flowing.map((op, i) => [op, shares[i]! / 1e9]));
    for (const op of ops) if (op.phase.name === "work") rates.set(op, kernelRate(op.rank));
    return rates;
  }

  function kernelRate(rank: number): number {
    const total = compute.multiprocessors(rank);
    const running = ops.filter((op) => op.rank === rank && op.phase.name === "work").length;
    const leaders = new Set(ops.filter((op) => op.rank === rank && isHolding(op)).map((op) => op.unit[0]!));
    const held = [...leaders].reduce((sum, { unit }) => sum + heldMultiprocessors(unit.length, total, constants), 0);
    return Math.max(total - held, 1) / total / running;
  }

  /** Whether the kernel of the op's unit is resident. */
  function isHolding(op: Op): boolean {
    return op.isResident && op.unit.some((member) => member.phase.name !== "ended");
  }

  function leftOf(op: Op): number {
    return op.phase.name === "work" ? op.phase.left : 0;
  }

  // Conditions.

  /** Lets everything happen that happens now. */
  function react(): void {
    while (ops.some((op) => advance(op)));
    giveEngines();
    const ended = new Set(ops.filter((op) => op.endNs === nowNs && isKernel(op.kind)).map((op) => op.rank));
    for (const op of ops) if (op.phase.name === "multiprocessors") admit(op, op.phase.gaps, ended.has(op.rank));
  }

  /** One step of one op, if its time has come. */
  function advance(op: Op): boolean {
    const { phase } = op;
    if (phase.name === "unposted") return post(op);
    if (phase.name === "signal") return isSignaled(op) && end(op);
    if (phase.name === "work" && phase.left === 0) return end(op);
    if (phase.name === "flow" && phase.left === 0) return endFlow(op);
    if (phase.name !== "delay" || phase.untilNs > nowNs * (1 + TIE)) return false;
    phase.then(op);
    return true;
  }

  function post(op: Op): boolean {
    if (!op.unit.every((member) => member.predecessors.every((before) => before.phase.name === "ended"))) return false;
    for (const member of op.unit) {
      member.startNs = nowNs;
      begin(member);
    }
    return true;
  }

  function begin(op: Op): void {
    if (op.kind === Kind.wait) op.phase = { name: "signal" };
    else if (op.kind === Kind.barrier) delay(op, transfers.barrierNs, end);
    else if (op.kind === Kind.put || op.kind === Kind.get) {
      if (transfers.isFabric(op.rank, op.peer)) op.phase = { name: "engine" };
      else issue(op);
    } else if (op.kind === Kind.notify) {
      const { rank, peer } = op;
      const totalNs = transfers.issueNs(rank, peer) + transfers.latencyNs(rank, peer) + transfers.signalNs(rank, peer);
      delay(op, totalNs, end);
    } else if (op.kind === Kind.send || op.kind === Kind.receive) {
      if (op === op.unit[0]) delay(op, compute.launchNs(op.rank) + constants.twoSidedLaunchNs, wantMultiprocessors);
      else op.phase = { name: "resident" };
    } else {
      delay(op, compute.launchNs(op.rank), (kernel) => {
        const total = compute.workNs(kernel.id);
        kernel.phase = { name: "work", total, left: total };
      });
    }
  }

  function delay(op: Op, ns: number, then: (op: Op) => void): void {
    op.phase = { name: "delay", untilNs: nowNs + ns, then };
  }

  function end(op: Op): true {
    op.phase = { name: "ended" };
    op.endNs = nowNs;
    return true;
  }

  function isSignaled(wait: Op): boolean {
    const value = signalValue[wait.id]!;
    const writes = (op: Op) => op.kind === Kind.put || op.kind === Kind.notify;
    const raises = (op: Op) => signal[op.id] === signal[wait.id] && signalValue[op.id]! >= value;
    return value === 0 || ops.some((op) => writes(op) && raises(op) && op.phase.name === "ended");
  }

  // One-sided.

  function giveEngines(): void {
    const asking = ops.filter((op) => op.phase.name === "engine");
    asking.sort((a, b) => a.startNs - b.startNs || a.id - b.id);
    for (const op of asking) {
      const engines = Math.max(1, machine.devices[schedule.placement[op.rank]!]!.copyEngines);
      const busy = ops.filter((other) => other.rank === op.rank && usesEngine(other)).length;
      if (busy < engines) issue(op);
    }
  }

  /** From its issue to its last byte. */
  function usesEngine(op: Op): boolean {
    if (op.kind !== Kind.put && op.kind !== Kind.get) return false;
    if (!transfers.isFabric(op.rank, op.peer)) return false;
    return op.phase.name === "flow" || (op.phase.name === "delay" && op.phase.then !== end);
  }

  function issue(op: Op): void {
    const { rank, peer } = op;
    op.issueNs = nowNs;
    const requestNs = op.kind === Kind.get ? transfers.latencyNs(peer, rank) : 0;
    delay(op, transfers.issueNs(rank, peer) + transfers.latencyNs(rank, peer) + requestNs, beginFlow);
  }

  function beginFlow(op: Op): void {
    const source = op.kind === Kind.get ? op.peer : op.rank;
    const target = op.kind === Kind.get ? op.rank : op.peer;
    const payload = transfers.payloadBytes(op.id);
    if (source === target) delay(op, compute.localCopyNs(source, payload), endFlow);
    else {
      const path = transfers.path(source, target);
      op.phase = { name: "flow", path, left: transfers.wireBytes(op.id) };
    }
  }

  function endFlow(op: Op): true {
    if (op.kind === Kind.put && signalValue[op.id] !== 0) delay(op, transfers.signalNs(op.rank, op.peer), end);
    else end(op);
    if (op.kind === Kind.send) end(op.partner!);
    return true;
  }

  // Two-sided.

  function wantMultiprocessors(op: Op): void {
    const running = ops.filter((other) => other.rank === op.rank && other.phase.name === "work");
    // Which kernels are ahead is only known when all that happens now has happened.
    op.phase = { name: "multiprocessors", gaps: running.map((kernel) => ({ op: kernel, left: -1 })) };
    fresh.add(op);
  }

  function admit(op: Op, gaps: readonly Gap[], hasEnded: boolean): void {
    const running = ops.filter((other) => other.rank === op.rank && other.phase.name === "work");
    const known = fresh.delete(op) ? running.map(gapOf) : gaps;
    const isOpen = running.length === 0 || known.some((gap) => leftOf(gap.op) <= gap.left * (1 + 1e-9) + 1e-6);
    if (hasEnded || isOpen) becomeResident(op);
    else op.phase = { name: "multiprocessors", gaps: known };
  }

  function gapOf(kernel: Op): Gap {
    const { total, left } = kernel.phase as { total: number; left: number };
    const waves = compute.numWaves(kernel.id);
    const passed = wavesBeforeGap((1 - left / total) * waves, waves, constants.launchedBehindShare);
    return { op: kernel, left: total * (1 - passed / waves) };
  }

  function becomeResident(leader: Op): void {
    for (const op of leader.unit) {
      op.isResident = true;
      op.phase = { name: "partner" };
      const other = op.partner!;
      if (other.phase.name !== "partner") continue;
      const send = op.kind === Kind.send ? op : other;
      const { rank, peer } = send;
      send.issueNs = nowNs;
      send.partner!.issueNs = nowNs;
      send.partner!.phase = { name: "pair" };
      delay(send, transfers.rendezvousNs(rank, peer) + transfers.latencyNs(rank, peer), beginFlow);
    }
  }
}
