import { Kind } from "../plan/schedule/schedule.ts";
import { makespanNs, type Trace } from "../plan/trace/trace.ts";
import { type Color, paint } from "./style.ts";
import { formatNs } from "../plan/units.ts";

/** A row of a rank: the streams that it stands for. */
interface Lane {
  readonly name: "compute" | "intra" | "inter";
  readonly streams: ReadonlySet<number>;
}

/** What a span is drawn as; where several share a cell, the one with the most time colors it. */
const classes = ["attention", "other kernels", "inside a machine", "between machines"] as const;
const colors: readonly Color[] = ["green", "yellow", "cyan", "magenta"];
const blocks = " ▁▂▃▄▅▆▇█";
const maxRanks = 4;
const leastCells = 20;

interface Interval {
  readonly startNs: number;
  readonly endNs: number;
  readonly class: number;
}

/**
 * A few ranks of a trace over time, one row a rank and kind of stream; the height of a block is the share of its time
 * in which something ran. Waits and barriers are gaps. `width` is that of the terminal.
 */
export function formatTimeline(trace: Trace, width: number): string {
  const lanes = lanesOf(trace.streams);
  const ranks = chooseRanks(trace);
  const labelWidth = Math.max(...ranks.map((rank) => labelOf(rank, "compute").length));
  const numCells = Math.max(leastCells, Math.min(width, 200) - labelWidth - 3);
  const makespan = makespanNs(trace);
  const intervals = collectIntervals(trace, ranks, lanes);
  const rows = ranks.flatMap((rank) =>
    lanes.map(({ name }) => {
      const cells = fillCells(intervals.get(keyOf(rank, name)) ?? [], numCells, makespan);
      return `${labelOf(rank, name).padEnd(labelWidth)} │${cells}│`;
    }),
  );
  return [...rows, axis(labelWidth, numCells, makespan), legend()].join("\n");
}

function labelOf(rank: number, lane: Lane["name"]): string {
  return `rank ${rank} ${lane}`;
}

function keyOf(rank: number, lane: Lane["name"]): string {
  return `${rank} ${lane}`;
}

/** Streams for signals alone are left out: nothing in them takes time. */
function lanesOf(streams: readonly string[]): readonly Lane[] {
  const named = (prefix: string) => new Set(streams.flatMap((name, index) => (name.startsWith(prefix) ? [index] : [])));
  return [
    { name: "compute", streams: named("compute") },
    { name: "intra", streams: named("intra") },
    { name: "inter", streams: named("inter") },
  ];
}

/** Evenly spaced ranks, the first and the last among them. */
function chooseRanks(trace: Trace): readonly number[] {
  const numRanks = trace.rank.reduce((most, rank) => Math.max(most, rank + 1), 1);
  const count = Math.min(maxRanks, numRanks);
  const at = (index: number) => (count === 1 ? 0 : Math.round((index * (numRanks - 1)) / (count - 1)));
  return Array.from({ length: count }, (_, index) => at(index));
}

function collectIntervals(trace: Trace, ranks: readonly number[], lanes: readonly Lane[]): Map<string, Interval[]> {
  const found = new Map<string, Interval[]>();
  const origin = trace.startNs.reduce((first, start) => Math.min(first, start), Number.POSITIVE_INFINITY);
  const shown = new Set(ranks);
  for (let row = 0; row < trace.op.length; row++) {
    const rank = trace.rank[row]!;
    const lane = shown.has(rank) ? lanes.find(({ streams }) => streams.has(trace.stream[row]!)) : undefined;
    const kind = classOf(trace.kind[row]!, lane?.name);
    if (lane === undefined || kind === null) continue;
    const interval = { startNs: trace.startNs[row]! - origin, endNs: trace.endNs[row]! - origin, class: kind };
    const key = keyOf(rank, lane.name);
    const list = found.get(key);
    if (list === undefined) found.set(key, [interval]);
    else list.push(interval);
  }
  return found;
}

function classOf(kind: number, lane: Lane["name"] | undefined): number | null {
  if (kind === Kind.wait || kind === Kind.barrier || kind === Kind.notify) return null;
  if (kind === Kind.attend) return 0;
  if (lane === "compute") return 1;
  return lane === "intra" ? 2 : 3;
}

function fillCells(intervals: readonly Interval[], numCells: number, makespan: number): string {
  const cellNs = makespan / numCells;
  const busy = Array.from({ length: numCells }, () => new Float64Array(classes.length));
  for (const { startNs, endNs, class: kind } of withoutOverlap(intervals)) {
    for (let cell = Math.floor(startNs / cellNs); cell < numCells && cell * cellNs < endNs; cell++) {
      busy[cell]![kind]! += Math.min(endNs, (cell + 1) * cellNs) - Math.max(startNs, cell * cellNs);
    }
  }
  return busy.map((times) => drawCell(times, cellNs)).join("");
}

/** The intervals in order of start, cut where an earlier one still runs. */
function withoutOverlap(intervals: readonly Interval[]): readonly Interval[] {
  let reached = 0;
  const sorted = [...intervals].sort((a, b) => a.startNs - b.startNs);
  return sorted.flatMap((interval) => {
    const startNs = Math.max(reached, interval.startNs);
    reached = Math.max(reached, interval.endNs);
    return interval.endNs > startNs ? [{ ...interval, startNs }] : [];
  });
}

function drawCell(times: Float64Array, cellNs: number): string {
  const total = times.reduce((sum, time) => sum + time, 0);
  if (total === 0) return " ";
  const height = Math.min(8, Math.max(1, Math.round((8 * total) / cellNs)));
  const most = times.indexOf(Math.max(...times));
  return paint(colors[most]!, blocks[height]!);
}

function axis(labelWidth: number, numCells: number, makespan: number): string {
  const end = formatNs(makespan);
  return `${" ".repeat(labelWidth + 2)}0${end.padStart(numCells - 1)}`;
}

function legend(): string {
  const parts = classes.map((name, index) => `${paint(colors[index]!, "█")} ${name}`);
  return `${parts.join("  ")}  (height: share of the time)`;
}
