import { UsageError } from "../../../plan/errors.ts";
import { formatCount } from "../../../plan/units.ts";
import type { ForeignTrace } from "../../engine/protocol.ts";
import type { ClockTime } from "./clock.ts";

/** A lane while its file is read; what it is called may be known only at the end. */
export interface ForeignLane {
  group: string;
  name: string;
  /** Of a device: stands before lanes of processes. */
  isDevice: boolean;
}

/** Collects the spans of a file, in the order of the file, in columns that grow. */
export class SpanColumns {
  readonly lanes: ForeignLane[] = [];
  /** Events that are no spans, or spans without an end. */
  numSkipped = 0;
  readonly #names: string[] = [];
  readonly #nameIndex = new Map<string, number>();
  #size = 0;
  #lane = new Uint32Array(1024);
  #name = new Uint32Array(1024);
  #us = new Float64Array(1024);
  #ns = new Float64Array(1024);
  #durationNs = new Float64Array(1024);

  get size(): number {
    return this.#size;
  }

  addLane(lane: ForeignLane): number {
    this.lanes.push(lane);
    return this.lanes.length - 1;
  }

  nameOf(text: string): number {
    const known = this.#nameIndex.get(text);
    if (known !== undefined) return known;
    this.#names.push(text);
    this.#nameIndex.set(text, this.#names.length - 1);
    return this.#names.length - 1;
  }

  add(lane: number, name: number, start: ClockTime, durationNs: number): void {
    if (this.#size === this.#lane.length) this.#grow();
    const row = this.#size++;
    this.#lane[row] = lane;
    this.#name[row] = name;
    this.#us[row] = start.us;
    this.#ns[row] = start.ns;
    this.#durationNs[row] = durationNs;
  }

  /**
   * Times from the first start on; lanes of devices first, then by group and name, numbers as numbers. Names of work of
   * devices first, then by the time that they take, since only so many get a color of their own.
   */
  finish(tool: string): ForeignTrace {
    const { order, place } = sortLanes(this.lanes);
    const lanes = order.map((index) => this.lanes[index]!);
    const size = this.#size;
    const [us, ns] = this.#firstStart();
    const names = this.#sortNames();
    const startNs = Float64Array.from({ length: size }, (_, i) => (this.#us[i]! - us) * 1000 + (this.#ns[i]! - ns));
    return {
      tool: this.numSkipped === 0 ? tool : `${tool} (${describeSkipped(this.numSkipped)})`,
      laneNames: distinctNames(lanes),
      laneGroups: lanes.map(({ group }) => group),
      names: names.order.map((index) => this.#names[index]!),
      lane: this.#lane.slice(0, size).map((index) => place[index]!),
      name: this.#name.slice(0, size).map((index) => names.place[index]!),
      startNs,
      endNs: startNs.map((start, i) => start + this.#durationNs[i]!),
    };
  }

  #sortNames(): { order: number[]; place: Uint32Array } {
    const totalNs = new Float64Array(this.#names.length);
    const isDevice = new Uint8Array(this.#names.length);
    for (let row = 0; row < this.#size; row++) {
      const name = this.#name[row]!;
      totalNs[name]! += this.#durationNs[row]!;
      if (this.lanes[this.#lane[row]!]!.isDevice) isDevice[name] = 1;
    }
    return sortIndices(totalNs.length, (a, b) => isDevice[b]! - isDevice[a]! || totalNs[b]! - totalNs[a]! || a - b);
  }

  #firstStart(): [us: number, ns: number] {
    let us = this.#size === 0 ? 0 : Number.POSITIVE_INFINITY;
    let ns = 0;
    for (let row = 0; row < this.#size; row++) {
      if (this.#us[row]! > us || (this.#us[row] === us && this.#ns[row]! >= ns)) continue;
      us = this.#us[row]!;
      ns = this.#ns[row]!;
    }
    return [us, ns];
  }

  #grow(): void {
    const size = 2 * this.#size;
    this.#lane = enlarge(this.#lane, new Uint32Array(size));
    this.#name = enlarge(this.#name, new Uint32Array(size));
    this.#us = enlarge(this.#us, new Float64Array(size));
    this.#ns = enlarge(this.#ns, new Float64Array(size));
    this.#durationNs = enlarge(this.#durationNs, new Float64Array(size));
  }
}

/** Refuses a file that is of the format and has nothing to draw. */
export function refuseEmpty(columns: SpanColumns, tool: string, hint: string): void {
  if (columns.size > 0) return;
  const skipped = columns.numSkipped > 0 ? `: ${describeSkipped(columns.numSkipped)}` : "";
  throw new UsageError("format", `expected at least one span in what ${tool} wrote${skipped}`, { hint });
}

function describeSkipped(count: number): string {
  return count === 1 ? "1 event that is no span left out" : `${formatCount(count)} events that are no spans left out`;
}

function enlarge<T extends Uint32Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

const collator = new Intl.Collator("en", { numeric: true });

function sortLanes(lanes: readonly ForeignLane[]): { order: number[]; place: Uint32Array } {
  const hasDevice = new Set(lanes.filter(({ isDevice }) => isDevice).map(({ group }) => group));
  const rank = ({ group }: ForeignLane) => (hasDevice.has(group) ? 0 : 1);
  return sortIndices(lanes.length, (a, b) => {
    const [x, y] = [lanes[a]!, lanes[b]!];
    return rank(x) - rank(y) || collator.compare(x.group, y.group) || collator.compare(x.name, y.name) || a - b;
  });
}

/** `order[i]`: which index stands at place i; `place` is its inverse. */
function sortIndices(count: number, compare: (a: number, b: number) => number) {
  const order = Array.from({ length: count }, (_, index) => index).sort(compare);
  const place = new Uint32Array(count);
  for (const [at, index] of order.entries()) place[index] = at;
  return { order, place };
}

/** Lanes of one group that are called the same get a number. */
function distinctNames(lanes: readonly ForeignLane[]): string[] {
  const seen = new Map<string, number>();
  return lanes.map(({ group, name }) => {
    const key = JSON.stringify([group, name]);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    return count === 1 ? name : `${name} #${count}`;
  });
}
