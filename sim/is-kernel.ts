import { Kind } from "../plan/schedule/schedule.ts";

/** Whether an op is a kernel: on the multiprocessors of its rank, or by the computing thread of a host's rank. */
export function isKernel(kind: number): boolean {
  return (
    kind === Kind.attend || kind === Kind.merge || kind === Kind.finalize || kind === Kind.copy || kind === Kind.compute
  );
}
