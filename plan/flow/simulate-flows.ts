import { EventQueue } from "./event-queue.ts";
import { createFlowNetwork } from "./flow-network.ts";

/** A transfer over a fixed path of directed links. */
export interface PathFlow {
  /** Link indexes, none twice; empty where source and destination are one. */
  readonly path: Int32Array;
  /** Sum of the latencies of the path: the flow has no share of any link before that has passed. */
  readonly latencyNs: number;
  readonly bytes: number;
  readonly startNs: number;
  /** Bytes per second that the flow never exceeds. */
  readonly maxRate?: number;
}

export interface FlowFinishes {
  /** By flow, ns. */
  readonly finishNs: Float64Array;
  /** Flows that entered plus flows that finished. */
  readonly events: number;
}

/**
 * When each flow finishes under max-min fair sharing: `startNs` + `latencyNs` + the time that its bytes take. Flows without
 * bytes and flows without links only pay latency. Flows that are ready within 1e-12 of each other, relative to the time,
 * finish together. `capacities`: bytes per second of each link. A flow over a link without capacity finishes at Infinity.
 */
export function simulateFlows(capacities: Float64Array, flows: readonly PathFlow[]): FlowFinishes {
  const network = createFlowNetwork(capacities);
  const entries = new EventQueue(flows.length);
  for (const [index, flow] of flows.entries()) entries.push(flow.startNs + flow.latencyNs, index);
  const finishNs = new Float64Array(flows.length).fill(Infinity);
  let events = flows.length;
  const onFinish = (index: number, timeNs: number) => {
    finishNs[index] = timeNs;
    events++;
  };
  while (entries.size > 0) {
    const nowNs = entries.peekTime();
    network.advance(nowNs, onFinish);
    while (entries.peekTime() === nowNs) {
      const index = entries.pop();
      const { bytes, path, maxRate } = flows[index]!;
      network.start(nowNs, bytes, path, index, maxRate);
    }
  }
  network.advance(Infinity, onFinish);
  return { finishNs, events };
}
