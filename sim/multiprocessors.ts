/** Waves that count as no progress: kernels that start at one instant but for rounding are not ahead of each other. */
const NO_PROGRESS = 1e-6;

/** No virtual time yet: a communication kernel that was launched at this instant. */
const NEW = -1;

/** What `Multiprocessors` asks and tells the engine. */
export interface MultiprocessorsHost {
  /** Waves of thread blocks of a running kernel. */
  numWaves(op: number): number;
  /** A kernel has done its work. */
  onKernelEnd(op: number): void;
  /** The communication kernel of the unit led by `leader` became resident. */
  onResident(leader: number): void;
}

/**
 * The multiprocessors of each rank. Kernels of several streams share equally what communication kernels leave:
 *
 *     rate of each = (multiprocessors − held) / multiprocessors / running kernels.
 *
 * Progress is kept as virtual time, the work (ns at full rate) that every running kernel has done since the rank was last
 * idle: a kernel ends when virtual time reaches the value that it was given at its start. A change of rate therefore
 * touches the rank alone, and equal kernels end together exactly.
 *
 * A communication kernel is never preempted and preempts nobody: behind a running kernel it waits until that ends or,
 * `launchedBehindShare` less than 1, until a wave of its blocks does.
 *
 * Changes of one instant are collected; after the last of them `settle` finds what follows.
 */
export class Multiprocessors {
  /** By rank: when its next kernel ends or gives way, Infinity when none does. */
  readonly nextNs: Float64Array;
  readonly #nextVirtual: Float64Array;
  readonly #virtual: Float64Array;
  readonly #sinceNs: Float64Array;
  readonly #rate: Float64Array;
  readonly #endedNs: Float64Array;
  readonly #total: Float64Array;
  readonly #held: Float64Array;
  /** Running kernels, one at most for each stream: op, virtual start and end. */
  readonly #numRunning: Int32Array;
  readonly #running: Int32Array;
  readonly #from: Float64Array;
  readonly #until: Float64Array;
  /** Communication kernels that wait, one at most for each stream: leader, and virtual time that they wait for. */
  readonly #numWaiting: Int32Array;
  readonly #waiting: Int32Array;
  readonly #needs: Float64Array;
  readonly #resumes: Float64Array;
  readonly #numStreams: number;
  readonly #behindShare: number;
  readonly #host: MultiprocessorsHost;

  constructor(
    multiprocessors: Float64Array,
    numStreams: number,
    launchedBehindShare: number,
    host: MultiprocessorsHost,
  ) {
    const ranks = multiprocessors.length;
    const lanes = ranks * numStreams;
    this.nextNs = new Float64Array(ranks).fill(Infinity);
    this.#nextVirtual = new Float64Array(ranks);
    this.#virtual = new Float64Array(ranks);
    this.#sinceNs = new Float64Array(ranks);
    this.#rate = new Float64Array(ranks);
    this.#endedNs = new Float64Array(ranks).fill(-1);
    this.#total = multiprocessors;
    this.#held = new Float64Array(ranks);
    this.#numRunning = new Int32Array(ranks);
    this.#running = new Int32Array(lanes);
    this.#from = new Float64Array(lanes);
    this.#until = new Float64Array(lanes);
    this.#numWaiting = new Int32Array(ranks);
    this.#waiting = new Int32Array(lanes);
    this.#needs = new Float64Array(lanes);
    this.#resumes = new Float64Array(lanes);
    this.#numStreams = numStreams;
    this.#behindShare = launchedBehindShare;
    this.#host = host;
  }

  /** A kernel of `workNs` begins. */
  begin(rank: number, op: number, workNs: number, nowNs: number): void {
    this.#sync(rank, nowNs);
    const lane = rank * this.#numStreams + this.#numRunning[rank]!++;
    this.#running[lane] = op;
    this.#from[lane] = this.#virtual[rank]!;
    this.#until[lane] = this.#virtual[rank]! + workNs;
  }

  /** A communication kernel wants multiprocessors, to hold them until `release`. */
  request(rank: number, leader: number, needs: number, nowNs: number): void {
    this.#sync(rank, nowNs);
    const lane = rank * this.#numStreams + this.#numWaiting[rank]!++;
    this.#waiting[lane] = leader;
    this.#needs[lane] = needs;
    this.#resumes[lane] = NEW;
  }

  release(rank: number, held: number, nowNs: number): void {
    this.#sync(rank, nowNs);
    this.#held[rank]! -= held;
  }

  /** Ends the kernels that are due at `nowNs`, if `nextNs` is now. */
  endDue(rank: number, nowNs: number): void {
    if (this.nextNs[rank] !== nowNs) return;
    this.#sync(rank, nowNs);
    const first = rank * this.#numStreams;
    const virtual = this.#virtual[rank]!;
    for (let lane = first; lane < first + this.#numRunning[rank]!; ) {
      if (this.#until[lane]! > virtual) {
        lane++;
        continue;
      }
      const op = this.#running[lane]!;
      const last = first + --this.#numRunning[rank]!;
      this.#running[lane] = this.#running[last]!;
      this.#from[lane] = this.#from[last]!;
      this.#until[lane] = this.#until[last]!;
      this.#endedNs[rank] = nowNs;
      this.#host.onKernelEnd(op);
    }
  }

  /** After the last change of an instant: lets communication kernels in, sets the rate and `nextNs`. */
  settle(rank: number, nowNs: number): void {
    this.#sync(rank, nowNs);
    if (this.#numWaiting[rank]! > 0) this.#admit(rank, nowNs);
    const numRunning = this.#numRunning[rank]!;
    if (numRunning === 0) {
      this.#virtual[rank] = 0;
      this.#rate[rank] = 0;
      this.nextNs[rank] = Infinity;
      return;
    }
    // Communication kernels never hold everything: their own limit is far below, and one is left in any case.
    const total = this.#total[rank]!;
    const rate = Math.max(total - this.#held[rank]!, 1) / total / numRunning;
    const next = this.#nextTarget(rank);
    this.#rate[rank] = rate;
    this.#nextVirtual[rank] = next;
    this.nextNs[rank] = nowNs + (next - this.#virtual[rank]!) / rate;
  }

  /** Brings virtual time up to now; exactly, where now is when something was due. */
  #sync(rank: number, nowNs: number): void {
    const elapsed = nowNs - this.#sinceNs[rank]!;
    if (elapsed === 0) return;
    this.#sinceNs[rank] = nowNs;
    if (this.nextNs[rank] === nowNs) this.#virtual[rank] = this.#nextVirtual[rank]!;
    else this.#virtual[rank]! += elapsed * this.#rate[rank]!;
  }

  /** Lets in what waits for nothing (any more): all of them where a kernel has just ended or none runs. */
  #admit(rank: number, nowNs: number): void {
    const first = rank * this.#numStreams;
    const virtual = this.#virtual[rank]!;
    const isFree = this.#numRunning[rank] === 0 || this.#endedNs[rank] === nowNs;
    for (let lane = first; lane < first + this.#numWaiting[rank]!; ) {
      if (!isFree && this.#resumes[lane] === NEW) this.#resumes[lane] = this.#firstGap(rank);
      if (!isFree && this.#resumes[lane]! > virtual) {
        lane++;
        continue;
      }
      const leader = this.#waiting[lane]!;
      this.#held[rank]! += this.#needs[lane]!;
      const last = first + --this.#numWaiting[rank]!;
      this.#waiting[lane] = this.#waiting[last]!;
      this.#needs[lane] = this.#needs[last]!;
      this.#resumes[lane] = this.#resumes[last]!;
      this.#host.onResident(leader);
    }
  }

  /** The virtual time at which the first running kernel gives way to what is launched now; now if none is ahead. */
  #firstGap(rank: number): number {
    const first = rank * this.#numStreams;
    const virtual = this.#virtual[rank]!;
    let gap = Infinity;
    for (let lane = first; lane < first + this.#numRunning[rank]!; lane++) {
      const start = this.#from[lane]!;
      const workNs = this.#until[lane]! - start;
      const waves = this.#host.numWaves(this.#running[lane]!);
      const passed = wavesBeforeGap(((virtual - start) / workNs) * waves, waves, this.#behindShare);
      gap = Math.min(gap, passed === waves ? this.#until[lane]! : start + (passed / waves) * workNs);
    }
    return gap;
  }

  #nextTarget(rank: number): number {
    const first = rank * this.#numStreams;
    let next = Infinity;
    for (let lane = first; lane < first + this.#numRunning[rank]!; lane++) next = Math.min(next, this.#until[lane]!);
    for (let lane = first; lane < first + this.#numWaiting[rank]!; lane++) next = Math.min(next, this.#resumes[lane]!);
    return next;
  }
}

/**
 * After how many of its waves a running kernel gives way to a communication kernel that is launched behind it when it has
 * done `done` of them: at once where it has just begun, else after the present one and a share of those that remain.
 */
export function wavesBeforeGap(done: number, waves: number, behindShare: number): number {
  if (!(done > NO_PROGRESS)) return 0;
  const present = Math.min(waves, Math.ceil(done - NO_PROGRESS));
  return present + Math.round(behindShare * (waves - present));
}
