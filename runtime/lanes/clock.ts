/** Nanoseconds since `origin` (of `process.hrtime.bigint`), the same on all threads and processes of a machine. */
export type Clock = () => number;

export function createClock(origin: bigint): Clock {
  return () => Number(process.hrtime.bigint() - origin);
}
