/** Private memory that is taken again and again for one purpose; its content does not outlive the next `take`. */
export class Buffer32 {
  #memory = new Float32Array(0);

  /** All that was ever taken. */
  get all(): Float32Array {
    return this.#memory;
  }

  /** The first `length` elements. Grows if need be and touches every new page, so that none faults while a clock runs. */
  take(length: number): Float32Array {
    if (this.#memory.length < length) this.#memory = new Float32Array(length).fill(0);
    return this.#memory.subarray(0, length);
  }
}
