import { Kind, numOps, type Schedule } from "../plan/schedule/schedule.ts";
import { isKernel } from "./is-kernel.ts";
import { type HostModel, THREADS_PER_RANK } from "./host-model.ts";

/** Work of one pass that is sure, whatever its order; ns of a thread that has a core for itself. */
interface Work {
  /** By thread: what it does. Copies of pairs are not in it, since either end may do them. */
  readonly ofThread: Float64Array;
  /** By host: what its threads do, and the copies in it. */
  readonly ofHost: Float64Array;
  readonly copies: Float64Array;
}

/**
 * Times (ns) that no run can beat: `compute` the busiest thread, or a host's work over its cores; `copies` what its memory
 * needs for the copies.
 */
export function hostBounds(schedule: Schedule, model: HostModel): { compute: number; copies: number } {
  const { ofThread, ofHost, copies } = workOf(schedule, model);
  let compute = 0;
  let copyNs = 0;
  for (let thread = 0; thread < model.numThreads; thread++) {
    const host = model.hostOfThread(thread);
    const [cores, memory] = Array.from(model.threadPath(thread, true), (link) => model.capacity[link]!);
    const rate = model.threadRate(thread);
    compute = Math.max(compute, ofThread[thread]!, (ofHost[host]! * rate) / cores!);
    copyNs = Math.max(copyNs, (copies[host]! * rate) / memory!);
  }
  return { compute, copies: copyNs };
}

function workOf(schedule: Schedule, model: HostModel): Work {
  const { kind, peer } = schedule.ops;
  const ofThread = new Float64Array(model.numThreads);
  const ofHost = new Float64Array(model.numHosts);
  const copies = new Float64Array(model.numHosts);
  for (let op = 0; op < numOps(schedule); op++) {
    const code = kind[op]!;
    if (code === Kind.barrier) continue;
    const thread = model.threadOf(op);
    const isOneSided = code === Kind.put || code === Kind.get;
    const copyNs = isOneSided || code === Kind.send ? model.transferNs(op) : 0;
    const kernelNs = isKernel(code) ? model.kernelNs(op) : 0;
    const peerNs = copyNs > 0 ? model.peerNs(op) : 0;
    const ownNs = model.opNs(thread) + kernelNs + (isOneSided || peerNs > 0 ? copyNs : 0);
    const host = model.hostOfThread(thread);
    ofThread[thread]! += ownNs;
    ofHost[host]! += ownNs;
    if (code === Kind.copy) copies[host]! += kernelNs;
    if (peerNs > 0) {
      const far = peer[op]! * THREADS_PER_RANK + 1;
      ofThread[far]! += peerNs;
      ofHost[model.hostOfThread(far)]! += peerNs;
      continue;
    }
    if (isOneSided) copies[host]! += copyNs;
    if (code !== Kind.send || model.hostOfThread(peer[op]! * THREADS_PER_RANK) !== host) continue;
    ofHost[host]! += copyNs;
    copies[host]! += copyNs;
  }
  return { ofThread, ofHost, copies };
}
