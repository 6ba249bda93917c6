import { assert } from "../errors.ts";
import { growFloats, growInts } from "./grow.ts";
import { IndexedHeap } from "./indexed-heap.ts";
import { LevelQueue } from "./level-queue.ts";

/** No link, class or bucket. */
export const NONE = -1;

/**
 * Relative difference below which two rates count as equal when a class could change its bottleneck. Without it, the
 * rounding of two links of the same level could hand a class back and forth.
 */
const SLACK = 1e-14;

/** More than rounding can have added to a link's frozen load, relative to its capacity, since that was summed. */
const ROUNDING = 1e-11;

/**
 * After so many settlings the frozen load of a link is summed afresh, so that rounding cannot add up; earlier by the share
 * that its own classes have of it, since what rounding leaves is all theirs.
 */
const UPDATES_PER_SUM = 256;

/**
 * Max-min fair rates of flows on fixed paths, kept up to date as flows come and go. It knows no time and no bytes.
 *
 * Flows of the same path and the same cap always have the same rate and form one **class**. In a max-min fair
 * allocation each class has a bottleneck: a saturated link of its path on which no flow is faster (Bertsekas and
 * Gallager, Data Networks, 2nd edition, 6.5.2). So the rate of a class is the **level** of its bottleneck, and
 *
 *     level[link] = (capacity − load of classes with another bottleneck) / flows with this bottleneck,
 *
 * infinite for a link that is nobody's bottleneck. The allocation is unique, hence any state is the right one that meets:
 * on each link no class of another bottleneck is faster than the link's level, and the load is within the capacity.
 * `solve` restores that from the links that were touched on: it takes the touched link of the lowest level, sets its
 * level, takes over the classes that are too fast for it, and passes the change of its load on to the other links of the
 * classes that it slows or speeds up. Levels depend only on lower levels, so this ends after about one visit of each
 * class whose rate really changes; everything else is not looked at. Where ties make it go round, and after changes of
 * many classes at once, the touched component is filled progressively from zero instead.
 *
 * A cap acts as a private link of its class. Rates are in the unit of the capacities. Same calls, same bits.
 */
export class MaxMin {
  /** Rate of the flows whose bottleneck is this link; Infinity where that is no flow. */
  level: Float64Array;
  /** Bottleneck link of each class; NONE for a free class index. Right after `solve`, provisional before. */
  bottleneck: Int32Array;
  /** Number of flows of each class. */
  weight: Int32Array;
  /** The classes on each link, from `memberStart` on: first the `ownCount` ones whose bottleneck it is, then the others. */
  members: Int32Array;
  memberStart: Int32Array;
  ownCount: Int32Array;

  /** Links whose level or own classes changed since `acceptChanges`, and the levels that they had. */
  changedLinks: Int32Array;
  numChangedLinks = 0;
  levelBefore: Float64Array;
  /** Classes whose bottleneck changed since `acceptChanges`, and the one they had (NONE: a new class). */
  movedClasses: Int32Array;
  numMovedClasses = 0;
  bottleneckBefore: Int32Array;

  /** The link in the unused places of rows: nobody's, and never to settle. Private links come after it. */
  readonly #padding: number;
  readonly #numLinks: number;
  #numPrivate = 0;
  readonly #freePrivate: number[] = [];
  #capacity: Float64Array;
  /** Load of the classes of another bottleneck. */
  #frozen: Float64Array;
  /** At least the rate of every class of another bottleneck. */
  #fastest: Float64Array;
  /** Flows whose bottleneck the link is, and all flows on it. */
  #ownWeight: Float64Array;
  #totalWeight: Float64Array;
  #memberCount: Int32Array;
  /** For each link: the other links of its own classes, and how many flows of those take them. */
  #rowLinks: Int32Array;
  #rowWeights: Float64Array;
  #rowStart: Int32Array;
  #rowCount: Int32Array;
  /** Room that each link has in `members` and in the rows, and how much of those has been given out. */
  #memberRoom: Int32Array;
  #membersUsed = 0;
  #rowRoom: Int32Array;
  #rowsUsed = 0;
  /** Where in a row a link was last found: a hint that is checked. */
  #rowPlace: Int32Array;
  /** How often the link was settled since `frozen` was summed. */
  #updates: Int32Array;
  #isChanged: Int32Array;
  /** The last component that was filled with the link, or the last pass of `solve` that settled it. */
  #component: Int32Array;

  #numClasses = 0;
  #activeClasses = 0;
  readonly #freeClasses: number[] = [];
  /** Links of class c: `path[c * stride]` to `path[c * stride + pathLength[c] - 1]`; the private link comes last. */
  #stride: number;
  #path: Int32Array;
  #pathLength: Int32Array;
  /** Where the class stands in `members` of each link of its path. */
  #place: Int32Array;
  #cap: Float64Array;
  #private: Int32Array;
  #isMoved: Int32Array;
  #classComponent: Int32Array;
  #buckets: Int32Array;
  #nextInBucket: Int32Array;

  /** Links to settle. */
  readonly #queue: LevelQueue;
  /** Progressive filling: links that are not full yet. */
  readonly #rising: IndexedHeap;
  /** Links of a row that are not queued. */
  #fresh: Int32Array;
  /** The classes that a link may take over. */
  #fast: Int32Array;
  #componentLinks: Int32Array;
  #numComponentLinks = 0;
  #lastComponent = 0;
  #pendingClasses = 0;
  /** Capacity that progressive filling has not given away yet, and the flows that still share it. */
  #room: Float64Array;
  #unfrozen: Float64Array;

  constructor(capacities: Float64Array) {
    const n = capacities.length + 1;
    this.#padding = capacities.length;
    this.#numLinks = n;
    this.#capacity = growFloats(capacities, n);
    this.level = new Float64Array(n).fill(Infinity);
    this.changedLinks = new Int32Array(n);
    this.#componentLinks = new Int32Array(n);
    this.levelBefore = new Float64Array(n);
    this.members = new Int32Array(4 * n);
    this.memberStart = new Int32Array(n);
    this.#memberRoom = new Int32Array(n);
    this.ownCount = new Int32Array(n);
    this.#frozen = new Float64Array(n);
    this.#fastest = new Float64Array(n);
    this.#ownWeight = new Float64Array(n);
    this.#totalWeight = new Float64Array(n);
    this.#memberCount = new Int32Array(n);
    this.#rowLinks = new Int32Array(4 * n).fill(this.#padding);
    this.#rowWeights = new Float64Array(4 * n);
    this.#rowStart = new Int32Array(n);
    this.#rowRoom = new Int32Array(n);
    this.#rowCount = new Int32Array(n);
    this.#rowPlace = new Int32Array(n);
    this.#fresh = new Int32Array(n + 1);
    this.#updates = new Int32Array(n);
    this.#isChanged = new Int32Array(n);
    this.#component = new Int32Array(n);
    this.#room = new Float64Array(n);
    this.#unfrozen = new Float64Array(n);
    this.#queue = new LevelQueue(
      n,
      capacities.reduce((most, capacity) => Math.max(most, capacity), 0),
    );
    this.#queue.exclude(this.#padding);
    this.#rising = new IndexedHeap(n);

    const classes = 64;
    this.#stride = 4;
    this.#path = new Int32Array(classes * this.#stride);
    this.#place = new Int32Array(classes * this.#stride);
    this.#pathLength = new Int32Array(classes);
    this.weight = new Int32Array(classes);
    this.#fast = new Int32Array(classes);
    this.movedClasses = new Int32Array(classes);
    this.bottleneck = new Int32Array(classes).fill(NONE);
    this.bottleneckBefore = new Int32Array(classes).fill(NONE);
    this.#cap = new Float64Array(classes);
    this.#private = new Int32Array(classes);
    this.#isMoved = new Int32Array(classes);
    this.#classComponent = new Int32Array(classes);
    this.#nextInBucket = new Int32Array(classes);
    this.#buckets = new Int32Array(classes).fill(NONE);
  }

  /** Links, private ones included: the length that arrays by link must have. */
  get linkRoom(): number {
    return this.level.length;
  }

  /** The length that arrays by class must have. */
  get classRoom(): number {
    return this.weight.length;
  }

  /** Takes note that the caller has seen `changedLinks` and `movedClasses`, and empties them. */
  acceptChanges(): void {
    for (let i = 0; i < this.numChangedLinks; i++) this.#isChanged[this.changedLinks[i]!] = 0;
    for (let i = 0; i < this.numMovedClasses; i++) this.#isMoved[this.movedClasses[i]!] = 0;
    this.numChangedLinks = 0;
    this.numMovedClasses = 0;
  }

  /**
   * One more flow on `path` (at least one link, none twice), never faster than `cap` (Infinity: no cap); returns its
   * class. Rates are wrong until `solve`.
   */
  add(path: Int32Array, cap: number): number {
    const found = this.#find(path, cap);
    this.#pendingClasses++;
    if (found === NONE) return this.#open(path, cap);
    this.#changeWeight(found, 1);
    return found;
  }

  /** One flow less of a class. Rates are wrong until `solve`; the class index is free when that was its last flow. */
  remove(member: number): void {
    this.#pendingClasses++;
    if (this.weight[member]! > 1) this.#changeWeight(member, -1);
    else this.#close(member);
  }

  setCapacity(link: number, capacity: number): void {
    this.#capacity[link] = capacity;
    this.#touch(link);
    if (this.#memberCount[link]! > 0) this.#enqueue(link);
  }

  /** Makes the rates max-min fair again. */
  solve(): void {
    const queue = this.#queue;
    const pending = this.#pendingClasses;
    this.#pendingClasses = 0;
    if (queue.size === 0) return;
    if (pending > 8 && pending * 4 > this.#activeClasses) {
      this.#refill();
      return;
    }
    const pass = ++this.#lastComponent;
    const seen = this.#component;
    // Ties can make links take classes from each other again and again; then it is cheaper to start from zero.
    let budget = 64;
    while (queue.size > 0) {
      const link = queue.pop();
      if (seen[link]! !== pass) {
        seen[link] = pass;
        budget += 6;
      }
      if (budget-- === 0) {
        this.#enqueue(link);
        this.#refill();
        return;
      }
      this.#settle(link);
    }
  }

  // Local repair.

  /** Sets the level of one link from the present rates of the classes of other bottlenecks. */
  #settle(link: number): void {
    const capacity = this.#capacity[link]!;
    if (this.ownCount[link]! === 0) {
      if (this.#frozen[link]! > capacity * (1 + SLACK)) this.#takeOver(link, 0);
      return;
    }
    const weight = this.#ownWeight[link]!;
    if (++this.#updates[link]! * this.#totalWeight[link]! > UPDATES_PER_SUM * weight) this.#sumFrozen(link);
    const level = (capacity - this.#frozen[link]!) / weight;
    if (this.#fastest[link]! <= level * (1 + SLACK)) this.#setLevel(link, level);
    else this.#takeOver(link, level - (ROUNDING * capacity) / weight);
  }

  /** Sums the load of the classes of other bottlenecks afresh, and finds the fastest of them. */
  #sumFrozen(link: number): void {
    const members = this.members;
    const level = this.level;
    const bottleneck = this.bottleneck;
    const weight = this.weight;
    const start = this.memberStart[link]!;
    let frozen = 0;
    let fastest = 0;
    for (let i = start + this.ownCount[link]!, end = start + this.#memberCount[link]!; i < end; i++) {
      const member = members[i]!;
      const rate = level[bottleneck[member]!]!;
      frozen += rate * weight[member]!;
      if (rate > fastest) fastest = rate;
    }
    this.#frozen[link] = frozen;
    this.#fastest[link] = fastest;
    this.#updates[link] = 0;
  }

  /** Passes the change of a link's level on to the other links of its own classes. The hot loop of the simulator. */
  #setLevel(link: number, next: number): void {
    const delta = next - this.level[link]!;
    if (delta === 0) return;
    this.#touch(link);
    this.level[link] = next;
    const rowLinks = this.#rowLinks;
    const rowWeights = this.#rowWeights;
    const start = this.#rowStart[link]!;
    const frozen = this.#frozen;
    const fastest = this.#fastest;
    const queue = this.#queue;
    const queued = queue.buckets;
    const ownCount = this.ownCount;
    const level = this.level;
    const fresh = this.#fresh;
    let numFresh = 0;
    // Four at a time, and no call between: so the engine checks each array once a turn, not at each use. Rows are padded to
    // fours. The sign bit of `queued` says that a link is not in.
    for (let i = start, end = start + this.#rowCount[link]!; i < end; i += 4) {
      const a = rowLinks[i]!;
      const b = rowLinks[i + 1]!;
      const c = rowLinks[i + 2]!;
      const d = rowLinks[i + 3]!;
      frozen[a]! += delta * rowWeights[i]!;
      if (next > fastest[a]!) fastest[a] = next;
      fresh[numFresh] = a;
      numFresh += queued[a]! >>> 31;
      frozen[b]! += delta * rowWeights[i + 1]!;
      if (next > fastest[b]!) fastest[b] = next;
      fresh[numFresh] = b;
      numFresh += queued[b]! >>> 31;
      frozen[c]! += delta * rowWeights[i + 2]!;
      if (next > fastest[c]!) fastest[c] = next;
      fresh[numFresh] = c;
      numFresh += queued[c]! >>> 31;
      frozen[d]! += delta * rowWeights[i + 3]!;
      if (next > fastest[d]!) fastest[d] = next;
      fresh[numFresh] = d;
      numFresh += queued[d]! >>> 31;
    }
    for (let k = 0; k < numFresh; k++) {
      const other = fresh[k]!;
      if (ownCount[other]! > 0) queue.add(other, level[other]!);
      else this.#enqueue(other);
    }
  }

  /**
   * Makes the link the bottleneck of all classes that are too fast for it. `least` is a lower bound of its new level.
   * Fills this one link progressively: classes of other bottlenecks below the level are frozen, the others share.
   */
  #takeOver(link: number, least: number): void {
    const start = Math.max(least, this.#capacity[link]! / this.#totalWeight[link]!);
    const numFast = this.#collectFast(link, start);
    const level = this.#fairLevel(link, start, numFast);
    if (level === Infinity) return;
    if (this.ownCount[link]! > 0) this.#setLevel(link, level);
    this.#touch(link);
    this.level[link] = level;
    for (let i = 0; i < numFast; i++) {
      const member = this.#fast[i]!;
      if (member !== NONE) this.#move(member, link, level);
    }
  }

  /** Sums the load of the classes of other bottlenecks that are not faster than `level`; collects the others. */
  #collectFast(link: number, level: number): number {
    const members = this.members;
    const start = this.memberStart[link]!;
    const levels = this.level;
    const bottleneck = this.bottleneck;
    const weight = this.weight;
    const fast = this.#fast;
    const limit = level * (1 + SLACK);
    let frozen = 0;
    let fastest = 0;
    let numFast = 0;
    for (let i = start + this.ownCount[link]!, end = start + this.#memberCount[link]!; i < end; i++) {
      const member = members[i]!;
      const rate = levels[bottleneck[member]!]!;
      if (rate > limit) {
        fast[numFast++] = member;
        continue;
      }
      frozen += rate * weight[member]!;
      if (rate > fastest) fastest = rate;
    }
    this.#frozen[link] = frozen;
    this.#fastest[link] = fastest;
    this.#updates[link] = 0;
    return numFast;
  }

  /** The level at which the link is full; Infinity if it is not. Strikes out the fast classes that stay frozen below it. */
  #fairLevel(link: number, start: number, numFast: number): number {
    const capacity = this.#capacity[link]!;
    const fast = this.#fast;
    let shares = this.#ownWeight[link]!;
    for (let i = 0; i < numFast; i++) shares += this.weight[fast[i]!]!;
    let level = start;
    for (let before = NONE; shares !== before; ) {
      if (shares === 0) return Infinity;
      before = shares;
      // It never falls, though rounding may say so.
      level = Math.max(level, (capacity - this.#frozen[link]!) / shares);
      const limit = level * (1 + SLACK);
      for (let i = 0; i < numFast; i++) {
        const member = fast[i]!;
        if (member === NONE) continue;
        const rate = this.level[this.bottleneck[member]!]!;
        if (rate > limit) continue;
        fast[i] = NONE;
        shares -= this.weight[member]!;
        this.#frozen[link]! += rate * this.weight[member]!;
        if (rate > this.#fastest[link]!) this.#fastest[link] = rate;
      }
    }
    return level;
  }

  /** Gives a class another bottleneck. The caller has left it out of `frozen` of that link. */
  #move(member: number, to: number, level: number): void {
    const from = this.bottleneck[member]!;
    const weight = this.weight[member]!;
    const change = (level - this.level[from]!) * weight;
    this.#recordMove(member);
    this.#touch(from);
    this.#disown(member, from);
    this.#own(member, to);
    this.bottleneck[member] = to;
    if (this.ownCount[from]! === 0) this.level[from] = Infinity;
    const start = member * this.#stride;
    for (let slot = start, end = start + this.#pathLength[member]!; slot < end; slot++) {
      const link = this.#path[slot]!;
      if (link === to) continue;
      this.#frozen[link]! += link === from ? level * weight : change;
      this.#fastest[link] = Math.max(this.#fastest[link]!, level);
      this.#enqueue(link);
    }
  }

  /** Puts a link among those to settle, unless it is one that nobody is bound by and that has room. */
  #enqueue(link: number): void {
    if (this.#queue.has(link)) return;
    if (this.ownCount[link]! > 0) this.#queue.add(link, this.level[link]!);
    else if (this.#frozen[link]! > this.#capacity[link]! * (1 + SLACK)) {
      this.#queue.add(link, this.#capacity[link]! / this.#totalWeight[link]!);
    }
  }

  // Progressive filling of the component around the queued links.

  #refill(): void {
    this.#collectComponent();
    const links = this.#componentLinks;
    const numLinks = this.#numComponentLinks;
    const rising = this.#rising;
    const room = this.#room;
    const unfrozen = this.#unfrozen;
    for (let i = 0; i < numLinks; i++) {
      const link = links[i]!;
      this.#touch(link);
      room[link] = this.#capacity[link]!;
      unfrozen[link] = this.#totalWeight[link]!;
      this.level[link] = Infinity;
      rising.set(link, room[link]! / unfrozen[link]!);
    }
    // Keys can only have grown since they were set: freezing at the lowest level never lowers another one.
    while (rising.size > 0) {
      const link = rising.pop();
      if (unfrozen[link]! === 0) continue;
      const level = Math.max(0, room[link]! / unfrozen[link]!);
      if (level > rising.minKey()) rising.set(link, level);
      else this.#freeze(link, level);
    }
    for (let i = 0; i < numLinks; i++) this.#partition(links[i]!);
  }

  /** All links and classes that hang together with the queued links; empties the queue. */
  #collectComponent(): void {
    const stamp = ++this.#lastComponent;
    const links = this.#componentLinks;
    this.#numComponentLinks = 0;
    while (this.#queue.size > 0) this.#visitLink(this.#queue.pop(), stamp);
    for (let i = 0; i < this.#numComponentLinks; i++) {
      const link = links[i]!;
      const start = this.memberStart[link]!;
      for (let k = start, end = start + this.#memberCount[link]!; k < end; k++) {
        const member = this.members[k]!;
        if (this.#classComponent[member]! !== stamp) this.#visitClass(member, stamp);
      }
    }
  }

  #visitClass(member: number, stamp: number): void {
    this.#classComponent[member] = stamp;
    const start = member * this.#stride;
    for (let slot = start, end = start + this.#pathLength[member]!; slot < end; slot++) {
      this.#visitLink(this.#path[slot]!, stamp);
    }
  }

  #visitLink(link: number, stamp: number): void {
    if (this.#component[link]! === stamp || this.#memberCount[link]! === 0) return;
    this.#component[link] = stamp;
    this.#componentLinks[this.#numComponentLinks++] = link;
  }

  /** Freezes the classes of a link that are not frozen yet; negative stamps mark the frozen ones. */
  #freeze(link: number, level: number): void {
    const frozenStamp = -this.#lastComponent;
    const members = this.members;
    const stamps = this.#classComponent;
    const stride = this.#stride;
    const path = this.#path;
    const room = this.#room;
    const unfrozen = this.#unfrozen;
    this.level[link] = level;
    const first = this.memberStart[link]!;
    for (let i = first, last = first + this.#memberCount[link]!; i < last; i++) {
      const member = members[i]!;
      if (stamps[member]! === frozenStamp) continue;
      stamps[member] = frozenStamp;
      if (this.bottleneck[member]! !== link) {
        this.#recordMove(member);
        this.bottleneck[member] = link;
      }
      const weight = this.weight[member]!;
      const used = level * weight;
      const start = member * stride;
      for (let slot = start, end = start + this.#pathLength[member]!; slot < end; slot++) {
        const other = path[slot]!;
        room[other]! -= used;
        unfrozen[other]! -= weight;
      }
    }
  }

  /** Brings the classes of a link in order: its own first; and sums up both parts. */
  #partition(link: number): void {
    const start = this.memberStart[link]!;
    this.ownCount[link] = 0;
    this.#clearRow(link);
    this.#ownWeight[link] = 0;
    for (let i = 0, n = this.#memberCount[link]!; i < n; i++) {
      const member = this.members[start + i]!;
      if (this.bottleneck[member]! === link) this.#own(member, link);
    }
    this.#sumFrozen(link);
  }

  // Classes and their places on links.

  #open(path: Int32Array, cap: number): number {
    const member = this.#newClass(path.length + 1);
    const start = member * this.#stride;
    this.#path.set(path, start);
    this.#pathLength[member] = path.length;
    this.#cap[member] = cap;
    this.weight[member] = 1;
    this.#private[member] = NONE;
    if (cap !== Infinity) this.#addPrivateLink(member, cap);
    const bucket = this.#bucketOfClass(member);
    this.#nextInBucket[member] = this.#buckets[bucket]!;
    this.#buckets[bucket] = member;
    this.#activeClasses++;
    this.#join(member);
    return member;
  }

  /** Puts a new class on its links, bound for now by the one that has least to give; `solve` corrects that. */
  #join(member: number): void {
    const start = member * this.#stride;
    const end = start + this.#pathLength[member]!;
    let bottleneck = NONE;
    let rate = Infinity;
    for (let slot = start; slot < end; slot++) {
      const link = this.#path[slot]!;
      const share = (this.#capacity[link]! - this.#frozen[link]!) / (this.#ownWeight[link]! + 1);
      if (share < rate || bottleneck === NONE) {
        bottleneck = link;
        rate = share;
      }
      this.#append(member, link, slot);
    }
    this.bottleneckBefore[member] = NONE;
    this.bottleneck[member] = bottleneck;
    if (this.#isMoved[member]! === 0) {
      this.#isMoved[member] = 1;
      this.movedClasses[this.numMovedClasses++] = member;
    }
    this.#touch(bottleneck);
    if (this.ownCount[bottleneck]! === 0) this.level[bottleneck] = Math.max(0, rate);
    this.#own(member, bottleneck);
    this.#updateFrozen(member, this.level[bottleneck]!, 1);
    // Alone on its bottleneck it has its rate already.
    if (this.#memberCount[bottleneck]! > 1) this.#enqueue(bottleneck);
  }

  #changeWeight(member: number, change: number): void {
    const bottleneck = this.bottleneck[member]!;
    const privateLink = this.#private[member]!;
    this.weight[member]! += change;
    this.#changeRow(member, bottleneck, change);
    if (privateLink !== NONE) this.#capacity[privateLink] = this.#cap[member]! * this.weight[member]!;
    this.#touch(bottleneck);
    this.#updateFrozen(member, this.level[bottleneck]!, change);
    this.#enqueue(bottleneck);
  }

  /** Accounts for `change` more flows of the class at `rate` on all its links. */
  #updateFrozen(member: number, rate: number, change: number): void {
    const bottleneck = this.bottleneck[member]!;
    const start = member * this.#stride;
    for (let slot = start, end = start + this.#pathLength[member]!; slot < end; slot++) {
      const link = this.#path[slot]!;
      this.#totalWeight[link]! += change;
      if (link === bottleneck) continue;
      this.#frozen[link]! += rate * change;
      if (rate > this.#fastest[link]!) this.#fastest[link] = rate;
      this.#enqueue(link);
    }
  }

  #close(member: number): void {
    const bottleneck = this.bottleneck[member]!;
    const rate = this.level[bottleneck]!;
    this.#touch(bottleneck);
    this.#disown(member, bottleneck);
    if (this.ownCount[bottleneck]! === 0) this.level[bottleneck] = Infinity;
    const start = member * this.#stride;
    for (let slot = start, end = start + this.#pathLength[member]!; slot < end; slot++) {
      const link = this.#path[slot]!;
      if (link !== bottleneck) this.#frozen[link]! -= rate;
      this.#totalWeight[link]! -= 1;
      this.#detach(link, slot);
      if (this.#memberCount[link]! > 0) this.#enqueue(link);
    }
    this.#unlink(member);
    this.#activeClasses--;
    this.weight[member] = 0;
    this.bottleneck[member] = NONE;
    if (this.#private[member]! !== NONE) this.#freePrivate.push(this.#private[member]!);
    this.#freeClasses.push(member);
  }

  /** Appends the class to the others of a link. */
  #append(member: number, link: number, slot: number): void {
    const count = this.#memberCount[link]!++;
    if (count === this.#memberRoom[link]!) this.#growMembers(link, Math.max(4, count * 2));
    this.members[this.memberStart[link]! + count] = member;
    this.#place[slot] = count;
  }

  /** Takes the class, one of the others, off a link. */
  #detach(link: number, slot: number): void {
    const start = this.memberStart[link]!;
    const count = --this.#memberCount[link]!;
    const place = this.#place[slot]!;
    const last = this.members[start + count]!;
    this.members[start + place] = last;
    this.#place[this.#slotOf(last, link)] = place;
    // What rounding left behind.
    if (count === this.ownCount[link]!) {
      this.#frozen[link] = 0;
      this.#fastest[link] = 0;
    }
  }

  /** Moves the class from the others of a link to its own ones. */
  #own(member: number, link: number): void {
    this.#swap(link, this.#slotOf(member, link), this.ownCount[link]!++);
    this.#changeRow(member, link, this.weight[member]!);
  }

  /** Moves the class from the own ones of a link to the others. */
  #disown(member: number, link: number): void {
    this.#swap(link, this.#slotOf(member, link), --this.ownCount[link]!);
    this.#changeRow(member, link, -this.weight[member]!);
  }

  /** Accounts for `change` more flows of one of the link's own classes. */
  #changeRow(member: number, link: number, change: number): void {
    this.#ownWeight[link]! += change;
    const start = member * this.#stride;
    for (let slot = start, end = start + this.#pathLength[member]!; slot < end; slot++) {
      const other = this.#path[slot]!;
      if (other !== link) this.#changeRowOf(link, other, change);
    }
  }

  #changeRowOf(link: number, other: number, change: number): void {
    const links = this.#rowLinks;
    const start = this.#rowStart[link]!;
    const end = start + this.#rowCount[link]!;
    let at = start + this.#rowPlace[other]!;
    if (at >= end || links[at] !== other) {
      at = start;
      while (at < end && links[at] !== other) at++;
    }
    this.#rowPlace[other] = at - start;
    if (at === end) this.#appendToRow(link, other, change);
    else if ((this.#rowWeights[at]! += change) === 0) this.#dropFromRow(link, at);
  }

  #appendToRow(link: number, other: number, weight: number): void {
    const place = this.#rowCount[link]!++;
    if (place === this.#rowRoom[link]!) this.#growRow(link, Math.max(4, place * 2));
    const at = this.#rowStart[link]! + place;
    this.#rowLinks[at] = other;
    this.#rowWeights[at] = weight;
  }

  #dropFromRow(link: number, at: number): void {
    const last = this.#rowStart[link]! + --this.#rowCount[link]!;
    this.#rowLinks[at] = this.#rowLinks[last]!;
    this.#rowWeights[at] = this.#rowWeights[last]!;
    this.#rowLinks[last] = this.#padding;
    this.#rowWeights[last] = 0;
  }

  #clearRow(link: number): void {
    const start = this.#rowStart[link]!;
    const end = start + this.#rowCount[link]!;
    this.#rowLinks.fill(this.#padding, start, end);
    this.#rowWeights.fill(0, start, end);
    this.#rowCount[link] = 0;
  }

  #swap(link: number, slot: number, place: number): void {
    const members = this.members;
    const start = this.memberStart[link]!;
    const from = this.#place[slot]!;
    const member = members[start + from]!;
    const other = members[start + place]!;
    members[start + place] = member;
    members[start + from] = other;
    this.#place[this.#slotOf(other, link)] = from;
    this.#place[slot] = place;
  }

  #slotOf(member: number, link: number): number {
    let slot = member * this.#stride;
    while (this.#path[slot]! !== link) slot++;
    return slot;
  }

  #touch(link: number): void {
    if (this.#isChanged[link]! === 1) return;
    this.#isChanged[link] = 1;
    this.levelBefore[link] = this.level[link]!;
    this.changedLinks[this.numChangedLinks++] = link;
  }

  #recordMove(member: number): void {
    if (this.#isMoved[member]! === 1) return;
    this.#isMoved[member] = 1;
    this.bottleneckBefore[member] = this.bottleneck[member]!;
    this.movedClasses[this.numMovedClasses++] = member;
  }

  // The table of classes by path and cap.

  #bucketOf(path: Int32Array, start: number, length: number, cap: number): number {
    let hash = cap === Infinity ? length : Math.imul((cap * 1e6) | 0, 0x9e3779b1) ^ length;
    for (let i = start; i < start + length; i++) {
      hash = Math.imul(hash ^ path[i]!, 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    return hash & (this.#buckets.length - 1);
  }

  #find(path: Int32Array, cap: number): number {
    let member = this.#buckets[this.#bucketOf(path, 0, path.length, cap)]!;
    while (member !== NONE && !this.#isClassOf(member, path, cap)) member = this.#nextInBucket[member]!;
    return member;
  }

  #isClassOf(member: number, path: Int32Array, cap: number): boolean {
    const length = path.length;
    if (this.#cap[member]! !== cap) return false;
    if (this.#pathLength[member]! !== (cap === Infinity ? length : length + 1)) return false;
    const start = member * this.#stride;
    for (let i = 0; i < length; i++) if (this.#path[start + i]! !== path[i]!) return false;
    return true;
  }

  #unlink(member: number): void {
    const bucket = this.#bucketOfClass(member);
    let at = this.#buckets[bucket]!;
    if (at === member) {
      this.#buckets[bucket] = this.#nextInBucket[member]!;
      return;
    }
    while (this.#nextInBucket[at]! !== member) at = this.#nextInBucket[at]!;
    this.#nextInBucket[at] = this.#nextInBucket[member]!;
  }

  #bucketOfClass(member: number): number {
    const start = member * this.#stride;
    const hops = this.#pathLength[member]! - (this.#private[member]! === NONE ? 0 : 1);
    return this.#bucketOf(this.#path, start, hops, this.#cap[member]!);
  }

  // Room.

  /** Gives a link a larger block of `members`, at the end; blocks double, so what is left behind is less than what is used. */
  #growMembers(link: number, room: number): void {
    const start = this.#membersUsed;
    this.#membersUsed += room;
    if (this.#membersUsed > this.members.length) this.members = growInts(this.members, this.#membersUsed * 2);
    const before = this.memberStart[link]!;
    this.members.copyWithin(start, before, before + this.#memberRoom[link]!);
    this.memberStart[link] = start;
    this.#memberRoom[link] = room;
  }

  /** The same for its row. */
  #growRow(link: number, room: number): void {
    const start = this.#rowsUsed;
    this.#rowsUsed += room;
    if (this.#rowsUsed > this.#rowLinks.length) {
      this.#rowLinks = growInts(this.#rowLinks, this.#rowsUsed * 2, this.#padding);
      this.#rowWeights = growFloats(this.#rowWeights, this.#rowsUsed * 2);
    }
    const before = this.#rowStart[link]!;
    this.#rowLinks.copyWithin(start, before, before + this.#rowRoom[link]!);
    this.#rowWeights.copyWithin(start, before, before + this.#rowRoom[link]!);
    this.#rowStart[link] = start;
    this.#rowRoom[link] = room;
  }

  #newClass(pathLength: number): number {
    if (pathLength > this.#stride) this.#widen(Math.max(pathLength, this.#stride * 2));
    const free = this.#freeClasses.pop();
    if (free !== undefined) return free;
    if (this.#numClasses === this.weight.length) this.#growClasses(this.#numClasses * 2);
    return this.#numClasses++;
  }

  #addPrivateLink(member: number, cap: number): void {
    const link = this.#freePrivate.pop() ?? this.#numLinks + this.#numPrivate++;
    if (link >= this.level.length) this.#growLinks(Math.max(this.#numLinks + 64, (link + 1) * 2));
    const length = this.#pathLength[member]!++;
    this.#path[member * this.#stride + length] = link;
    this.#private[member] = link;
    this.#capacity[link] = cap;
    this.#frozen[link] = 0;
    this.#fastest[link] = 0;
    this.#ownWeight[link] = 0;
    this.#totalWeight[link] = 0;
  }

  /** Lays the paths out anew for longer ones. */
  #widen(stride: number): void {
    const rooms = this.weight.length;
    const path = new Int32Array(rooms * stride);
    const place = new Int32Array(rooms * stride);
    for (let member = 0; member < this.#numClasses; member++) {
      const from = member * this.#stride;
      path.set(this.#path.subarray(from, from + this.#stride), member * stride);
      place.set(this.#place.subarray(from, from + this.#stride), member * stride);
    }
    this.#path = path;
    this.#place = place;
    this.#stride = stride;
  }

  #growClasses(room: number): void {
    assert(room * this.#stride < 2 ** 31, `${room} classes of flows are too many`);
    this.#path = growInts(this.#path, room * this.#stride);
    this.#place = growInts(this.#place, room * this.#stride);
    this.#pathLength = growInts(this.#pathLength, room);
    this.weight = growInts(this.weight, room);
    this.bottleneck = growInts(this.bottleneck, room, NONE);
    this.bottleneckBefore = growInts(this.bottleneckBefore, room, NONE);
    this.#cap = growFloats(this.#cap, room);
    this.#private = growInts(this.#private, room);
    this.#fast = growInts(this.#fast, room);
    this.movedClasses = growInts(this.movedClasses, room);
    this.#isMoved = growInts(this.#isMoved, room);
    this.#classComponent = growInts(this.#classComponent, room);
    this.#nextInBucket = growInts(this.#nextInBucket, room);
    this.#rehash(room);
  }

  #rehash(room: number): void {
    this.#buckets = new Int32Array(room).fill(NONE);
    for (let member = 0; member < this.#numClasses; member++) {
      if (this.weight[member]! === 0) continue;
      const bucket = this.#bucketOfClass(member);
      this.#nextInBucket[member] = this.#buckets[bucket]!;
      this.#buckets[bucket] = member;
    }
  }

  #growLinks(room: number): void {
    this.level = growFloats(this.level, room, Infinity);
    this.levelBefore = growFloats(this.levelBefore, room);
    this.memberStart = growInts(this.memberStart, room);
    this.#memberRoom = growInts(this.#memberRoom, room);
    this.#rowStart = growInts(this.#rowStart, room);
    this.#rowRoom = growInts(this.#rowRoom, room);
    this.#rowCount = growInts(this.#rowCount, room);
    this.#rowPlace = growInts(this.#rowPlace, room);
    this.#fresh = growInts(this.#fresh, room + 1);
    this.ownCount = growInts(this.ownCount, room);
    this.#capacity = growFloats(this.#capacity, room);
    this.#frozen = growFloats(this.#frozen, room);
    this.#fastest = growFloats(this.#fastest, room);
    this.#ownWeight = growFloats(this.#ownWeight, room);
    this.#totalWeight = growFloats(this.#totalWeight, room);
    this.#memberCount = growInts(this.#memberCount, room);
    this.#updates = growInts(this.#updates, room);
    this.changedLinks = growInts(this.changedLinks, room);
    this.#componentLinks = growInts(this.#componentLinks, room);
    this.#isChanged = growInts(this.#isChanged, room);
    this.#component = growInts(this.#component, room);
    this.#room = growFloats(this.#room, room);
    this.#unfrozen = growFloats(this.#unfrozen, room);
    this.#queue.reserve(room);
    this.#rising.reserve(room);
  }
}
