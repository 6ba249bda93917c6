import { scheduleHash } from "../schedule/codec-packed.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { Trace } from "./trace.ts";

/** A trace of a schedule in which op i runs from 100·i to 100·i + 50 ns, `numPasses` times over. */
export function makeTrace(schedule: Schedule, numPasses = 1): Trace {
  const { kind, rank, stream } = schedule.ops;
  const spans = Array.from({ length: numPasses * kind.length }, (_, span) => span);
  const op = Uint32Array.from(spans, (span) => span % kind.length);
  return {
    version: 1,
    source: "predicted",
    emulated: false,
    scheduleHash: scheduleHash(schedule),
    notes: ["two ranks, by hand"],
    streams: schedule.streams,
    ranksPerMachine: 2,
    op,
    kind: Uint8Array.from(op, (id) => kind[id]!),
    rank: Uint16Array.from(op, (id) => rank[id]!),
    stream: Uint8Array.from(op, (id) => stream[id]!),
    startNs: Float64Array.from(spans, (span) => 100 * span),
    endNs: Float64Array.from(spans, (span) => 100 * span + 50),
  };
}
