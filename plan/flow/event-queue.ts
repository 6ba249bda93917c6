import { growFloats, growInts } from "./grow.ts";

const ARITY = 4;

/**
 * A queue of events ordered by (time, sequence): events of equal time leave in the order in which they came, so a
 * simulation that uses it is deterministic. A 4-ary heap in typed arrays: it allocates only when it grows.
 *
 * Times are any doubles but NaN (a NaN is refused), in whatever unit the caller keeps; payloads are 32-bit integers.
 * There is no deletion: a caller whose events can become void gives them a version and drops the outdated ones.
 */
export class EventQueue {
  #times: Float64Array;
  #sequences: Float64Array;
  #payloads: Int32Array;
  #size = 0;
  #pushed = 0;

  constructor(capacity = 64) {
    const room = Math.max(capacity, 1);
    this.#times = new Float64Array(room);
    this.#sequences = new Float64Array(room);
    this.#payloads = new Int32Array(room);
  }

  get size(): number {
    return this.#size;
  }

  /** Time of the next event, or Infinity when there is none. */
  peekTime(): number {
    return this.#size === 0 ? Infinity : this.#times[0]!;
  }

  /** Payload of the next event; throws when there is none. */
  peek(): number {
    if (this.#size === 0) throw new Error("bug: peek into an empty event queue");
    return this.#payloads[0]!;
  }

  /** Adds an event; throws on a NaN time, which no order can place. */
  push(time: number, payload: number): void {
    if (Number.isNaN(time)) throw new Error(`bug: event ${payload} has no time (NaN)`);
    if (this.#size === this.#times.length) this.#grow();
    const times = this.#times;
    const sequences = this.#sequences;
    const payloads = this.#payloads;
    const sequence = this.#pushed++;
    let hole = this.#size++;
    // The new event has the largest sequence, so on equal times it stays below.
    while (hole > 0) {
      const parent = ((hole - 1) / ARITY) | 0;
      if (times[parent]! <= time) break;
      times[hole] = times[parent]!;
      sequences[hole] = sequences[parent]!;
      payloads[hole] = payloads[parent]!;
      hole = parent;
    }
    times[hole] = time;
    sequences[hole] = sequence;
    payloads[hole] = payload;
  }

  /** Removes the next event and returns its payload; throws when there is none. Ask `peekTime` before for its time. */
  pop(): number {
    const payload = this.peek();
    const last = --this.#size;
    if (last > 0) this.#sink(this.#times[last]!, this.#sequences[last]!, this.#payloads[last]!);
    return payload;
  }

  /** Forgets all events; sequence numbers start again. */
  clear(): void {
    this.#size = 0;
    this.#pushed = 0;
  }

  /** Lets an event sink from the root to its place. */
  #sink(time: number, sequence: number, payload: number): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const payloads = this.#payloads;
    const size = this.#size;
    let hole = 0;
    for (;;) {
      const first = hole * ARITY + 1;
      if (first >= size) break;
      const end = Math.min(first + ARITY, size);
      let least = first;
      let leastTime = times[first]!;
      for (let child = first + 1; child < end; child++) {
        const childTime = times[child]!;
        if (childTime < leastTime || (childTime === leastTime && sequences[child]! < sequences[least]!)) {
          least = child;
          leastTime = childTime;
        }
      }
      if (leastTime > time || (leastTime === time && sequences[least]! > sequence)) break;
      times[hole] = leastTime;
      sequences[hole] = sequences[least]!;
      payloads[hole] = payloads[least]!;
      hole = least;
    }
    times[hole] = time;
    sequences[hole] = sequence;
    payloads[hole] = payload;
  }

  #grow(): void {
    const room = this.#times.length * 2;
    this.#times = growFloats(this.#times, room);
    this.#sequences = growFloats(this.#sequences, room);
    this.#payloads = growInts(this.#payloads, room);
  }
}
