/**
 * What each rank does, summed up as it happens: the unions of its compute spans and of its transfers, and the part of the
 * latter without the former. One addition or two for each change, no interval is kept.
 */
export class RankAccounts {
  /** By rank, ns: some kernel runs; some transfer from or to the rank is under way; the latter without the former. */
  readonly computeNs: Float64Array;
  readonly communicationNs: Float64Array;
  readonly exposedNs: Float64Array;
  readonly #sinceNs: Float64Array;
  readonly #numKernels: Int32Array;
  readonly #numTransfers: Int32Array;

  constructor(ranks: number) {
    this.computeNs = new Float64Array(ranks);
    this.communicationNs = new Float64Array(ranks);
    this.exposedNs = new Float64Array(ranks);
    this.#sinceNs = new Float64Array(ranks);
    this.#numKernels = new Int32Array(ranks);
    this.#numTransfers = new Int32Array(ranks);
  }

  changeKernels(rank: number, by: number, nowNs: number): void {
    this.#book(rank, nowNs);
    this.#numKernels[rank]! += by;
  }

  changeTransfers(rank: number, by: number, nowNs: number): void {
    this.#book(rank, nowNs);
    this.#numTransfers[rank]! += by;
  }

  #book(rank: number, nowNs: number): void {
    const elapsed = nowNs - this.#sinceNs[rank]!;
    if (elapsed === 0) return;
    this.#sinceNs[rank] = nowNs;
    const computes = this.#numKernels[rank]! > 0;
    if (computes) this.computeNs[rank]! += elapsed;
    if (this.#numTransfers[rank]! === 0) return;
    this.communicationNs[rank]! += elapsed;
    if (!computes) this.exposedNs[rank]! += elapsed;
  }
}
