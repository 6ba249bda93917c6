/**
 * The copy engines of each rank and the transfers that wait for one, in the order of posting time and, at one instant, of
 * op id. A stream has one op under way at a time, so no more than the rank's streams ever wait.
 */
export class CopyEngines {
  readonly #free: Int32Array;
  readonly #numQueued: Int32Array;
  readonly #queue: Int32Array;
  readonly #postedNs: Float64Array;
  readonly #numStreams: number;

  /** `enginesOf(rank)`: how many it has; at least one is assumed. */
  constructor(ranks: number, numStreams: number, enginesOf: (rank: number) => number) {
    this.#free = Int32Array.from({ length: ranks }, (_, rank) => Math.max(1, enginesOf(rank)));
    this.#numQueued = new Int32Array(ranks);
    this.#queue = new Int32Array(ranks * numStreams);
    this.#postedNs = new Float64Array(ranks * numStreams);
    this.#numStreams = numStreams;
  }

  /** Queues a transfer; `grant` hands it an engine once all of the same instant are in. */
  request(rank: number, op: number, nowNs: number): void {
    const first = rank * this.#numStreams;
    let place = first + this.#numQueued[rank]!++;
    while (place > first && this.#postedNs[place - 1] === nowNs && this.#queue[place - 1]! > op) {
      this.#queue[place] = this.#queue[place - 1]!;
      this.#postedNs[place] = nowNs;
      place--;
    }
    this.#queue[place] = op;
    this.#postedNs[place] = nowNs;
  }

  release(rank: number): void {
    this.#free[rank]!++;
  }

  /** The next transfer that gets an engine of the rank, or −1. */
  grant(rank: number): number {
    if (this.#free[rank] === 0 || this.#numQueued[rank] === 0) return -1;
    const first = rank * this.#numStreams;
    const op = this.#queue[first]!;
    const end = first + this.#numQueued[rank]!--;
    this.#queue.copyWithin(first, first + 1, end);
    this.#postedNs.copyWithin(first, first + 1, end);
    this.#free[rank]!--;
    return op;
  }
}
