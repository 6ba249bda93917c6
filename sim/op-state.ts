/** What happened to an op; bits of `Run.state`. */
export const State = {
  posted: 1,
  /** The awaited word has its value. */
  signaled: 2,
  /** This end of a pair is resident; of host ranks: its thread has posted it. */
  resident: 4,
  ended: 8,
  /** What it waited for after its posting came last: the signal of a wait, the other end of a pair. */
  late: 16,
  /** Of a transfer between host ranks: the emulated links were done after the copy. */
  emulated: 32,
} as const;
