import { boundsOf, type Pass, passesOf } from "../../plan/trace/passes.ts";
import type { Trace } from "../../plan/trace/trace.ts";
import type { ForeignTrace } from "../engine/protocol.ts";

/** A pass of a trace, with its times from its own start on, so that passes of two traces stand on one axis. */
export function tracePass(trace: Trace, { first, end }: Pass): Trace {
  const { startNs: originNs } = boundsOf(trace, { first, end });
  return {
    ...trace,
    op: trace.op.subarray(first, end),
    kind: trace.kind.subarray(first, end),
    rank: trace.rank.subarray(first, end),
    stream: trace.stream.subarray(first, end),
    startNs: trace.startNs.subarray(first, end).map((ns) => ns - originNs),
    endNs: trace.endNs.subarray(first, end).map((ns) => ns - originNs),
  };
}

export interface PassLength extends Pass {
  readonly makespanNs: number;
}

export function listPasses(trace: Trace): readonly PassLength[] {
  return [...passesOf(trace)]
    .filter(({ first, end }) => end > first)
    .map((pass) => {
      const { startNs, endNs } = boundsOf(trace, pass);
      return { ...pass, makespanNs: endNs - startNs };
    });
}

/** Index of the pass that best stands for all: of the median makespan, the lower one of an even count. */
export function medianPass(passes: readonly PassLength[]): number {
  const order = passes.map((_, i) => i).sort((a, b) => passes[a]!.makespanNs - passes[b]!.makespanNs || a - b);
  return order[Math.floor((order.length - 1) / 2)] ?? 0;
}

/** The lanes of another tool begun earlier by some ns, so that a step of theirs stands below the start of a schedule. */
export function shiftForeign(trace: ForeignTrace, byNs: number): ForeignTrace {
  if (byNs === 0) return trace;
  return { ...trace, startNs: trace.startNs.map((ns) => ns - byNs), endNs: trace.endNs.map((ns) => ns - byNs) };
}
