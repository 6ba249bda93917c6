import type { Clock } from "../lanes/clock.ts";
import { PARTS } from "./words.ts";

/** Bytes that may be under way to one peer: at first, at least and at most. */
const FIRST_BYTES = 1024 * 1024;
const LEAST_BYTES = 256 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;

/** A window is this many parts; a part has so many bytes at least and at most. */
const PARTS_OF_WINDOW = 4;
const LEAST_PART = 64 * 1024;
const MOST_PART = 1024 * 1024;

/**
 * What is under way to a peer should take between these times to be acknowledged, ns: longer than a thread that shares
 * its core waits for it, so that links do not run dry, and shorter than anybody likes to wait for a signal.
 */
const SHORT_NS = 5e6;
const LONG_NS = 20e6;

/** How a window reaches the words and the library. */
export interface WindowWays {
  readonly nowNs: Clock;
  /** Whether an acknowledgement has landed at that offset. */
  hasArrived(offset: number): boolean;
  /** Asks for one behind all so far, into the word of that index; returns its offset. */
  ask(index: number): number;
}

/**
 * How much may be under way to one peer. The library sends what it is given in order, over one connection: whatever is
 * handed over after a large transfer, such as the signal that another rank waits for, comes after all of it. So transfers
 * are handed over in parts, by turns, only so many that a part is acknowledged within some milliseconds.
 */
export class Window {
  readonly #ways: WindowWays;
  #bytes = FIRST_BYTES;
  #underWay = 0;
  #parts: { readonly landing: number; readonly bytes: number; readonly sentNs: number }[] = [];
  #numAsked = 0;

  constructor(ways: WindowWays) {
    this.#ways = ways;
  }

  /** Bytes that may be handed over now, 0 if none. */
  room(): number {
    this.#collect();
    const part = Math.min(MOST_PART, Math.max(LEAST_PART, Math.floor(this.#bytes / PARTS_OF_WINDOW)));
    if (this.#parts.length >= PARTS) return 0;
    return this.#underWay + part <= Math.max(part, this.#bytes) ? part : 0;
  }

  /** Notes bytes that were handed over, and asks for their acknowledgement unless it is to land at `landing` anyway. */
  sent(bytes: number, landing?: number): void {
    const at = landing ?? this.#ways.ask(this.#numAsked++ % PARTS);
    this.#parts.push({ landing: at, bytes, sentNs: this.#ways.nowNs() });
    this.#underWay += bytes;
  }

  /** Nothing is under way any more. */
  clear(): void {
    this.#parts = [];
    this.#underWay = 0;
  }

  /** Drops what has been acknowledged, in order, and makes the window fit. */
  #collect(): void {
    while (this.#parts.length > 0 && this.#ways.hasArrived(this.#parts[0]!.landing)) {
      const { bytes, sentNs } = this.#parts.shift()!;
      const tookNs = this.#ways.nowNs() - sentNs;
      this.#underWay -= bytes;
      if (tookNs > LONG_NS) this.#bytes = Math.max(LEAST_BYTES, 0.75 * this.#bytes);
      else if (tookNs < SHORT_NS) this.#bytes = Math.min(MOST_BYTES, 1.5 * this.#bytes);
    }
  }
}
