import { checkSchedule, type Finding } from "../../plan/check/index.ts";
import { UsageError } from "../../plan/errors.ts";
import { encodeSchedule, scheduleHash } from "../../plan/schedule/codec-packed.ts";
import { Kind, type Schedule } from "../../plan/schedule/schedule.ts";
import { transferBytes } from "../../plan/schedule/volume.ts";
import { buildDependencies, NO_OP } from "../../sim/dependencies.ts";
import { compileMachine, type Machine, predictedTrace } from "../../sim/index.ts";
import { type Planned, type SearchRequest, simulatePoints } from "../../sim/search/index.ts";
import { parsePointKey } from "../state/point-key.ts";
import type { PointKey } from "../state/explorer-state.ts";
import { rank } from "./explore.ts";
import { heapUse } from "./heap-use.ts";
import type { PlanDetail, PlanState } from "./protocol.ts";
import { requestOf } from "./resolve.ts";

/** One plan in full, but for its proof. Throws a UsageError, `infeasible` where it does not fit. */
export function planDetail(state: PlanState, key: PointKey): PlanDetail {
  const request = requestOf(state);
  const planned = planOne(request, key);
  const { schedule, prediction, candidate } = planned;
  const machine = compileMachine(request.topology);
  const transfers = listTransfers(schedule, machine);
  const trace = predictedTrace(schedule, prediction, scheduleHash(schedule), request.topology.name);
  // A copy: the columns of an answer go to the page for good, those of the plan stay for its proof.
  return structuredClone({
    key,
    topology: request.topology,
    candidate: rank([candidate])[0]!,
    trace,
    makespanNs: prediction.makespanNs,
    passNs: prediction.passNs,
    repeats: prediction.repeats,
    lowerBoundNs: prediction.lowerBoundNs,
    ranks: prediction.ranks,
    criticalPath: prediction.criticalPath,
    findings: null,
    arrows: findArrows(schedule),
    opBytes: transfers.opBytes,
    opPeer: schedule.ops.peer,
    links: linksOf(machine, prediction.linkBytes),
    opLinks: transfers.opLinks,
    matrix: transfers.matrix,
    heap: heapUse(schedule, prediction, machine.devices[schedule.placement[0]!]!.memoryBytes),
  });
}

/** What the checker says of a plan. */
export function planFindings(state: PlanState, key: PointKey): readonly Finding[] {
  return checkSchedule(planOne(requestOf(state), key).schedule);
}

/** The packed schedule of a plan, for a run or a file. */
export function packedSchedule(state: PlanState, key: PointKey): Uint8Array<ArrayBuffer> {
  return encodeSchedule(planOne(requestOf(state), key).schedule);
}

/** What was planned last: its proof is asked for next. */
let last: { readonly id: string; readonly planned: Planned } | null = null;

function planOne(request: SearchRequest, key: PointKey): Planned {
  const { topology, workload, placement, groups } = request;
  const id = JSON.stringify([key, topology, workload, placement, groups]);
  if (last?.id !== id) last = { id, planned: planAnew(request, key) };
  return last.planned;
}

function planAnew(request: SearchRequest, key: PointKey): Planned {
  const point = parsePointKey(key);
  if (point === null) throw new UsageError("usage", `expected a plan, got ${JSON.stringify(key.slice(0, 80))}`);
  for (const planned of simulatePoints(request, [point])) return planned;
  throw new UsageError("infeasible", `${point.method} on that mesh does not fit these ranks`, {
    hint: "Choose a plan from the ranking.",
  });
}

/** Bytes and links of each transfer, by op; of a pair of send and receive the send has them. */
function listTransfers(schedule: Schedule, machine: Machine) {
  const { ops, placement, ranks } = schedule;
  const count = ops.kind.length;
  const opBytes = new Float64Array(count);
  const matrix = new Float64Array(ranks * ranks);
  const start = new Uint32Array(count + 1);
  const linkIds: number[] = [];
  for (let op = 0; op < count; op++) {
    start[op] = linkIds.length;
    const kind = ops.kind[op]!;
    if (kind !== Kind.put && kind !== Kind.get && kind !== Kind.send) continue;
    const [here, there] = [ops.rank[op]!, ops.peer[op]!];
    const [from, to] = kind === Kind.get ? [there, here] : [here, there];
    opBytes[op] = transferBytes(schedule, op);
    matrix[from * ranks + to]! += opBytes[op]!;
    for (const link of machine.path(machine.pathIndex(placement[from]!, placement[to]!))) linkIds.push(link);
  }
  start[count] = linkIds.length;
  return { opBytes, matrix, opLinks: { start, linkIds: Uint32Array.from(linkIds) } };
}

function linksOf({ network }: Machine, linkBytes: Float64Array): PlanDetail["links"] {
  return Array.from(network.linkFrom, (from, link) => ({
    from: network.nodeIds[from]!,
    to: network.nodeIds[network.linkTo[link]!]!,
    bytesPerSecond: network.capacity[link]!,
    bytes: linkBytes[link]!,
  }));
}

/** From each write to the waits that it releases, and from each send to its receive. */
function findArrows(schedule: Schedule): PlanDetail["arrows"] {
  const { kind } = schedule.ops;
  const { start, successors, partner } = buildDependencies(schedule);
  const from: number[] = [];
  const to: number[] = [];
  for (let op = 0; op < kind.length; op++) {
    for (let at = start[op]!; at < start[op + 1]!; at++) {
      const target = successors[at]!;
      if (target >= 0) continue;
      from.push(op);
      to.push(~target);
    }
    if (kind[op] !== Kind.send || partner[op] === NO_OP) continue;
    from.push(op);
    to.push(partner[op]!);
  }
  return { from: Uint32Array.from(from), to: Uint32Array.from(to) };
}
