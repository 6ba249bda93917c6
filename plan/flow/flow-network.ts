import { assert } from "../errors.ts";
import { growFloats, growInts } from "./grow.ts";
import { MaxMin, NONE } from "./max-min.ts";
import { MinTree } from "./min-tree.ts";
import { NO_FLOW, TagHeaps } from "./tag-heaps.ts";

/** Flows whose finishes differ by at most this, relative to the time, finish together. */
export const TIE = 1e-12;

/** Capacities and caps come in bytes per second, times in ns. */
const NS_PER_SECOND = 1e9;

/** Called for each flow that finishes, with the id that `start` was given. */
export type OnFinish = (id: number, finishNs: number) => void;

/**
 * Flows on a network of directed links under max-min fair sharing, in time.
 *
 * All flows with the same bottleneck have the same rate, so each link keeps one odometer: the bytes that any one flow
 * bound by it has moved. A flow is a mark on the odometer of its bottleneck, and it finishes when the odometer gets
 * there. A change of rates therefore costs one addition for each link whose level changes, not one for each flow
 * (the virtual time of fair queueing: Parekh and Gallager, IEEE/ACM Trans. Networking 1(3), 1993).
 *
 * Changes at one instant are collected; rates are solved when time moves on or somebody asks. Time never runs backward.
 * Flow handles are reused after the finish. The same calls give the same bits.
 */
export interface FlowNetwork {
  /** The time (ns) up to which the network has run. */
  readonly nowNs: number;
  /** Number of flows under way. */
  readonly numFlows: number;

  /**
   * Starts a flow of `bytes` over the links of `path`, none of them twice; returns its handle. `id` goes to `onFinish` and
   * orders flows that finish together (equal ids: by handle). `maxRate` (bytes per second) caps the flow like a link of its
   * own. No bytes, or neither link nor cap: it finishes at `nowNs`. Throws on a bug of the caller: a time in the past, NaN,
   * a negative size, a link that does not exist or comes twice.
   */
  start(nowNs: number, bytes: number, path: Int32Array, id: number, maxRate?: number): number;
  /** Ends a flow without `onFinish`; returns the bytes that it has not moved. */
  cancel(nowNs: number, flow: number): number;
  /** Changes a link's capacity (bytes per second, 0 allowed: flows over it stand still). */
  setCapacity(nowNs: number, link: number, bytesPerSecond: number): void;
  /** When the next flow finishes if nothing else happens; Infinity when none does. */
  nextCompletionNs(): number;
  /**
   * Runs up to `toNs` and calls `onFinish` for every flow that finishes until then, by time and then by id. `onFinish` may
   * start and cancel flows at its `finishNs`. With Infinity it runs until nothing is left that can finish.
   */
  advance(toNs: number, onFinish: OnFinish): void;
  /** Present rate of a flow, bytes per second. */
  rate(flow: number): number;
}

/** A network whose link i carries `capacities[i]` bytes per second. Capacities are copied. */
export function createFlowNetwork(capacities: Float64Array): FlowNetwork {
  return new Network(capacities);
}

class Network implements FlowNetwork {
  nowNs = 0;
  numFlows = 0;

  readonly #numLinks: number;
  readonly #shares: MaxMin;
  #isSolved = true;

  /** Odometer of each link (bytes) at the time when it was last read off (ns). */
  #odometer: Float64Array;
  #readNs: Float64Array;
  /** The least mark on the odometer, and whether it has to be searched again. */
  #leastMark: Float64Array;
  #isStale: Int32Array;
  /** When the next flow bound by each link finishes, ns. */
  readonly #finishes: MinTree;
  #finishing: Int32Array;

  /** Each class has an odometer too, which starts at 0: the bottleneck's less this. Tags are marks on that one. */
  #classStart: Float64Array;
  #classBornNs: Float64Array;
  #classRoot: Int32Array;

  readonly #heaps: TagHeaps;
  #classOf: Int32Array;
  #ids: Float64Array;
  #numHandles = 0;
  #freeHandles: Int32Array;
  #numFree = 0;

  /** Flows that finish at this instant: those without bytes, and those collected for `onFinish`. */
  #instant: Int32Array;
  #numInstant = 0;
  #batch: Int32Array;
  #numBatch = 0;
  #order: Float64Array;

  constructor(capacities: Float64Array) {
    for (const [link, capacity] of capacities.entries()) checkCapacity(link, capacity);
    this.#numLinks = capacities.length;
    this.#shares = new MaxMin(capacities.map((capacity) => capacity / NS_PER_SECOND));
    const links = this.#shares.linkRoom;
    this.#odometer = new Float64Array(links);
    this.#readNs = new Float64Array(links);
    this.#leastMark = new Float64Array(links).fill(Infinity);
    this.#isStale = new Int32Array(links);
    this.#finishing = new Int32Array(links);
    this.#finishes = new MinTree(links);
    const classes = this.#shares.classRoom;
    this.#classStart = new Float64Array(classes);
    this.#classBornNs = new Float64Array(classes);
    this.#classRoot = new Int32Array(classes).fill(NO_FLOW);
    const flows = 64;
    this.#heaps = new TagHeaps(flows);
    this.#classOf = new Int32Array(flows).fill(NONE);
    this.#ids = new Float64Array(flows);
    this.#freeHandles = new Int32Array(flows);
    this.#instant = new Int32Array(flows);
    this.#batch = new Int32Array(flows);
    this.#order = new Float64Array(flows);
  }

  start(nowNs: number, bytes: number, path: Int32Array, id: number, maxRate = Infinity): number {
    if (!(bytes >= 0 && bytes < Infinity)) bug(`flow ${id} has ${bytes} bytes`);
    if (!(maxRate > 0)) bug(`flow ${id} has a maxRate of ${maxRate} bytes per second`);
    this.#checkPath(path, id);
    this.#moveTo(nowNs);
    const flow = this.#newHandle(id);
    this.numFlows++;
    if (bytes === 0 || (path.length === 0 && maxRate === Infinity)) {
      this.#classOf[flow] = NONE;
      this.#instant[this.#numInstant++] = flow;
    } else this.#enter(flow, bytes, path, maxRate / NS_PER_SECOND);
    return flow;
  }

  cancel(nowNs: number, flow: number): number {
    this.#moveTo(nowNs);
    const member = this.#classOf[flow]!;
    if (member === NONE) {
      this.#dropInstant(flow);
      this.#release(flow);
      return 0;
    }
    const left = Math.max(0, this.#heaps.tags[flow]! - this.#served(member));
    this.#classRoot[member] = this.#heaps.remove(this.#classRoot[member]!, flow);
    this.#leave(member);
    this.#release(flow);
    return left;
  }

  setCapacity(nowNs: number, link: number, bytesPerSecond: number): void {
    checkCapacity(link, bytesPerSecond);
    if (!(link >= 0 && link < this.#numLinks)) bug(`there is no link ${link} of ${this.#numLinks}`);
    this.#moveTo(nowNs);
    this.#shares.setCapacity(link, bytesPerSecond / NS_PER_SECOND);
    this.#isSolved = false;
  }

  nextCompletionNs(): number {
    if (this.#numInstant > 0) return this.nowNs;
    if (!this.#isSolved) this.#solve();
    // Rounding can put a finish just before the instant at which it was computed.
    return Math.max(this.nowNs, this.#finishes.min());
  }

  advance(toNs: number, onFinish: OnFinish): void {
    if (!(toNs >= this.nowNs)) bug(`time runs backward from ${this.nowNs} to ${toNs} ns`);
    for (;;) {
      const finishNs = this.nextCompletionNs();
      if (finishNs > toNs || finishNs === Infinity) break;
      this.nowNs = finishNs;
      this.#collect(finishNs);
      this.#report(finishNs, onFinish);
    }
    if (toNs !== Infinity) this.nowNs = toNs;
  }

  rate(flow: number): number {
    const member = this.#classOf[flow]!;
    if (member === NONE) return Infinity;
    if (!this.#isSolved) this.#solve();
    return this.#shares.level[this.#shares.bottleneck[member]!]! * NS_PER_SECOND;
  }

  #moveTo(nowNs: number): void {
    if (nowNs === this.nowNs) return;
    if (!(nowNs > this.nowNs)) bug(`time runs backward from ${this.nowNs} to ${nowNs} ns`);
    if (nowNs > this.nextCompletionNs()) bug(`a flow finishes before ${nowNs} ns: advance first`);
    this.nowNs = nowNs;
  }

  // Flows in and out.

  #enter(flow: number, bytes: number, path: Int32Array, cap: number): void {
    const shares = this.#shares;
    const member = shares.add(path, cap);
    this.#matchRoom();
    if (shares.weight[member] === 1) {
      this.#classBornNs[member] = this.nowNs;
      this.#classRoot[member] = NO_FLOW;
      this.#classStart[member] = 0;
    }
    this.#classOf[flow] = member;
    this.#classRoot[member] = this.#heaps.insert(this.#classRoot[member]!, flow, this.#served(member) + bytes);
    if (shares.weight[member]! > 1) this.#isStale[shares.bottleneck[member]!] = 1;
    this.#isSolved = false;
  }

  /** Takes one flow's share out of the network. */
  #leave(member: number): void {
    const link = this.#shares.bottleneck[member]!;
    this.#isStale[link] = 1;
    this.#shares.remove(member);
    this.#isSolved = false;
    // An odometer that nobody needs starts again from 0, where it is most exact.
    if (this.#shares.ownCount[link] !== 0) return;
    this.#odometer[link] = 0;
    this.#readNs[link] = this.nowNs;
  }

  /** Bytes that each flow of a class would have moved, had it been there since the class is: its odometer now. */
  #served(member: number): number {
    if (this.#classBornNs[member]! === this.nowNs) return 0;
    // The class is older than this instant, so its bottleneck and that link's level are those of the last solution.
    const link = this.#shares.bottleneck[member]!;
    return this.#odometerAt(link, this.nowNs) - this.#classStart[member]!;
  }

  #odometerAt(link: number, timeNs: number): number {
    return this.#odometer[link]! + this.#shares.level[link]! * (timeNs - this.#readNs[link]!);
  }

  // Rates.

  #solve(): void {
    const shares = this.#shares;
    shares.solve();
    this.#matchRoom();
    this.#readOdometers();
    this.#moveClasses();
    this.#planFinishes();
    shares.acceptChanges();
    this.#isSolved = true;
  }

  /** Before a new level holds, the odometer takes in what the old one has moved. */
  #readOdometers(): void {
    const { changedLinks, numChangedLinks, levelBefore } = this.#shares;
    const nowNs = this.nowNs;
    for (let i = 0; i < numChangedLinks; i++) {
      const link = changedLinks[i]!;
      const level = levelBefore[link]!;
      if (level !== Infinity) this.#odometer[link]! += level * (nowNs - this.#readNs[link]!);
      this.#readNs[link] = nowNs;
    }
  }

  #moveClasses(): void {
    const { movedClasses, numMovedClasses, bottleneckBefore, bottleneck, weight } = this.#shares;
    for (let i = 0; i < numMovedClasses; i++) {
      const member = movedClasses[i]!;
      if (weight[member] === 0) continue;
      const from = bottleneckBefore[member]!;
      const to = bottleneck[member]!;
      if (from !== NONE) this.#leaveOdometer(member, from);
      const mark = this.#heaps.tags[this.#classRoot[member]!]! + (this.#classStart[member]! += this.#odometer[to]!);
      if (mark < this.#leastMark[to]!) this.#leastMark[to] = mark;
    }
  }

  #leaveOdometer(member: number, link: number): void {
    if (this.#markOf(member) <= this.#leastMark[link]!) this.#isStale[link] = 1;
    this.#classStart[member]! -= this.#odometer[link]!;
  }

  #planFinishes(): void {
    const { changedLinks, numChangedLinks, level, ownCount } = this.#shares;
    const nowNs = this.nowNs;
    for (let i = 0; i < numChangedLinks; i++) {
      const link = changedLinks[i]!;
      if (ownCount[link] === 0) {
        this.#odometer[link] = 0;
        this.#isStale[link] = 0;
        this.#leastMark[link] = Infinity;
        this.#finishes.set(link, Infinity);
        continue;
      }
      if (this.#isStale[link] === 1) this.#findLeastMark(link);
      const way = Math.max(0, this.#leastMark[link]! - this.#odometer[link]!);
      const rate = level[link]!;
      this.#finishes.set(link, rate === 0 ? Infinity : nowNs + way / rate);
    }
  }

  #findLeastMark(link: number): void {
    const { members, memberStart, ownCount } = this.#shares;
    const start = memberStart[link]!;
    let least = Infinity;
    for (let i = start, end = start + ownCount[link]!; i < end; i++) {
      const mark = this.#markOf(members[i]!);
      if (mark < least) least = mark;
    }
    this.#leastMark[link] = least;
    this.#isStale[link] = 0;
  }

  /** Where on the bottleneck's odometer the class's next flow finishes. */
  #markOf(member: number): number {
    return this.#heaps.tags[this.#classRoot[member]!]! + this.#classStart[member]!;
  }

  // Finishes.

  /** Takes out all flows that finish at `finishNs`, and puts them into the batch. */
  #collect(finishNs: number): void {
    for (let i = 0; i < this.#numInstant; i++) this.#batch[this.#numBatch++] = this.#instant[i]!;
    this.#numInstant = 0;
    if (!this.#isSolved) this.#solve();
    const limitNs = finishNs * (1 + TIE);
    if (this.#finishes.min() > limitNs) return;
    const numLinks = this.#finishes.atMost(limitNs, this.#finishing);
    for (let i = 0; i < numLinks; i++) this.#collectFrom(this.#finishing[i]!, limitNs);
  }

  /** Takes out the flows of one bottleneck that finish until `limitNs`: at least the one that its finish was planned for. */
  #collectFrom(link: number, limitNs: number): void {
    const shares = this.#shares;
    const limit = Math.max(this.#odometerAt(link, limitNs), this.#leastMark[link]!);
    const start = shares.memberStart[link]!;
    // From the last to the first: a class that leaves is replaced by one that was seen.
    for (let i = shares.ownCount[link]! - 1; i >= 0; i--) {
      const member = shares.members[start + i]!;
      while (this.#classRoot[member] !== NO_FLOW && this.#markOf(member) <= limit) {
        const flow = this.#classRoot[member]!;
        this.#classRoot[member] = this.#heaps.pop(flow);
        this.#batch[this.#numBatch++] = flow;
        this.#leave(member);
      }
    }
  }

  /** Calls back for the batch in the order of ids. */
  #report(finishNs: number, onFinish: OnFinish): void {
    const numFlows = this.#numBatch;
    this.#numBatch = 0;
    // What the callbacks start may take the handles and more room, so the ids are taken out first.
    const order = this.#order;
    for (let i = 0; i < numFlows; i++) {
      const flow = this.#batch[i]!;
      order[i] = this.#ids[flow]!;
      this.#release(flow);
    }
    if (numFlows > 1) order.subarray(0, numFlows).sort();
    for (let i = 0; i < numFlows; i++) onFinish(order[i]!, finishNs);
  }

  #dropInstant(flow: number): void {
    const at = this.#instant.indexOf(flow);
    if (at < 0 || at >= this.#numInstant) bug(`flow ${flow} is not under way`);
    this.#instant.copyWithin(at, at + 1, this.#numInstant--);
  }

  // Handles and room.

  #newHandle(id: number): number {
    const flow = this.#numFree > 0 ? this.#freeHandles[--this.#numFree]! : this.#numHandles++;
    if (flow === this.#classOf.length) this.#growFlows(flow * 2);
    this.#ids[flow] = id;
    return flow;
  }

  #release(flow: number): void {
    this.numFlows--;
    this.#classOf[flow] = NONE;
    this.#freeHandles[this.#numFree++] = flow;
  }

  #growFlows(room: number): void {
    this.#heaps.reserve(room);
    this.#classOf = growInts(this.#classOf, room, NONE);
    this.#ids = growFloats(this.#ids, room);
    this.#freeHandles = growInts(this.#freeHandles, room);
    this.#instant = growInts(this.#instant, room);
    this.#batch = growInts(this.#batch, room);
    this.#order = growFloats(this.#order, room);
  }

  #matchRoom(): void {
    const { classRoom, linkRoom } = this.#shares;
    if (classRoom > this.#classStart.length) {
      this.#classStart = growFloats(this.#classStart, classRoom);
      this.#classBornNs = growFloats(this.#classBornNs, classRoom);
      this.#classRoot = growInts(this.#classRoot, classRoom, NO_FLOW);
    }
    if (linkRoom > this.#odometer.length) {
      this.#odometer = growFloats(this.#odometer, linkRoom);
      this.#readNs = growFloats(this.#readNs, linkRoom);
      this.#leastMark = growFloats(this.#leastMark, linkRoom, Infinity);
      this.#isStale = growInts(this.#isStale, linkRoom);
      this.#finishing = growInts(this.#finishing, linkRoom);
      this.#finishes.reserve(linkRoom);
    }
  }

  #checkPath(path: Int32Array, id: number): void {
    for (let i = 0; i < path.length; i++) {
      const link = path[i]!;
      if (!(link >= 0 && link < this.#numLinks)) bug(`flow ${id} takes link ${link} of ${this.#numLinks}`);
      for (let k = 0; k < i; k++) if (path[k] === link) bug(`flow ${id} takes link ${link} twice`);
    }
  }
}

function checkCapacity(link: number, bytesPerSecond: number): void {
  if (bytesPerSecond >= 0 && bytesPerSecond < Infinity) return;
  bug(`link ${link} carries ${bytesPerSecond} bytes per second`);
}

/** Like `assert`, but without a message to build when all is well: these checks are on the hot path. */
function bug(message: string): never {
  assert(false, message);
}
