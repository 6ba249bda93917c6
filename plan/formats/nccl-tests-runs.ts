import { UsageError } from "../errors.ts";
import {
  elementSizeOf,
  type NcclTest,
  type NcclTestRank,
  type NcclTestRow,
  type NcclTestRun,
  type NcclTestTiming,
  testNamed,
} from "./nccl-tests-run.ts";

/** A run while its log is read. */
export interface RunDraft {
  readonly path: string;
  readonly line: number;
  headerLine: number | null;
  /** What stands before `_perf` in a command or a line of the log. */
  program: string | null;
  /** GPUs that one process drives, where a command or the log says so. */
  ranksPerProcess: number | null;
  testsVersion: string | null;
  ncclVersion: string | null;
  algorithm: string | null;
  isCpuTime: boolean;
  isBlocking: boolean;
  outOfBounds: NcclTestRun["outOfBounds"];
  readonly ranks: (NcclTestRank & { readonly line: number })[];
  readonly rows: NcclTestRow[];
  /** Lines of rows that could not be read. */
  readonly unread: number[];
}

export function startRun(path: string, line: number): RunDraft {
  return {
    path,
    line,
    headerLine: null,
    program: null,
    ranksPerProcess: null,
    testsVersion: null,
    ncclVersion: null,
    algorithm: null,
    isCpuTime: false,
    isBlocking: false,
    outOfBounds: null,
    ranks: [],
    rows: [],
    unread: [],
  };
}

/**
 * The run, or null for a beginning of which no table came. Throws a UsageError (`parse`) for a table without a row that
 * can be read, and for a rank that comes twice.
 */
export function finishRun(draft: RunDraft): NcclTestRun | null {
  const { path, line, testsVersion, ncclVersion, algorithm, isCpuTime, outOfBounds } = draft;
  const fileName = path.replace(/^.*[/\\]/, "");
  const test = testNamed(draft.program ?? "") ?? testNamed(fileName);
  const rows = draft.rows.filter((row) => isConsistent(row, test));
  const damaged = draft.rows.filter((row) => !isConsistent(row, test));
  if (rows.length === 0) {
    if (draft.headerLine === null && draft.unread.length === 0 && damaged.length === 0) return null;
    throw noRow(draft, damaged);
  }
  const ranks = distinctRanks(draft);
  return {
    path,
    line,
    test,
    testsVersion,
    ncclVersion,
    numRanks: countRanks(draft, rows, test),
    ranks,
    rows,
    outOfBounds,
    isCpuTime,
    algorithm,
    notes: notesOf(draft, damaged),
  };
}

function notesOf({ unread, isBlocking }: RunDraft, damaged: readonly NcclTestRow[]): readonly string[] {
  const notes: string[] = [];
  if (unread.length > 0) notes.push(`Rows that are cut, left out: ${listLines(unread)}.`);
  if (damaged.length > 0) {
    const lines = listLines(damaged.map(({ line }) => line));
    notes.push(`Rows whose size, time and bandwidth contradict each other, left out: ${lines}.`);
  }
  if (isBlocking)
    notes.push("The run waited after each call (-z), so that times are longer than those of calls in a row.");
  return notes;
}

function listLines(lines: readonly number[]): string {
  const rest = lines.length > 8 ? ` and ${lines.length - 8} more` : "";
  return `line${lines.length === 1 ? "" : "s"} ${lines.slice(0, 8).join(", ")}${rest}`;
}

/** Tests whose bandwidth is not that of the size column. */
const otherBandwidth: readonly (NcclTest | null)[] = [null, "hypercube", "alltoallv"];

/** Whether size over time is the bandwidth beside it. Below 1 GB/s too few digits are printed to tell. */
function isConsistent({ bytes, outOfPlace, inPlace }: NcclTestRow, test: NcclTest | null): boolean {
  if (otherBandwidth.includes(test)) return true;
  const agrees = (timing: NcclTestTiming | null) =>
    timing === null ||
    timing.algBytesPerSecond < 1e9 ||
    timing.timeNs < 1000 ||
    Math.abs((timing.algBytesPerSecond * timing.timeNs) / 1e9 / bytes - 1) < 0.1;
  return agrees(outOfPlace) && agrees(inPlace);
}

/** Ranks in order. A line that comes again as it was is a second copy; another one for the same rank is another job. */
function distinctRanks({ ranks }: RunDraft): readonly NcclTestRank[] {
  const byRank = new Map<number, NcclTestRank>();
  for (const { line, ...rank } of ranks) {
    const known = byRank.get(rank.rank);
    if (known !== undefined && (known.host !== rank.host || known.device !== rank.device || known.bus !== rank.bus)) {
      throw new UsageError("parse", `expected each rank once, got rank ${rank.rank} again`, {
        path: `line ${line}`,
        hint: "Build nccl-tests with MPI=1: without it every process is a job of its own, and their outputs mix.",
      });
    }
    byRank.set(rank.rank, rank);
  }
  return [...byRank.values()].sort((a, b) => a.rank - b.rank);
}

/** Tests whose size column is the count of one rank times all ranks. */
const partTests: readonly (NcclTest | null)[] = ["all_gather", "reduce_scatter", "alltoall", "gather", "scatter"];

/** From the lines of ranks where all are there, then from sizes and counts, then from what one process drives. */
function countRanks(draft: RunDraft, rows: readonly NcclTestRow[], test: NcclTest | null): number | null {
  const distinct = new Set(draft.ranks.map(({ rank }) => rank));
  const most = draft.ranks.reduce((a, { rank }) => Math.max(a, rank + 1), 0);
  if (most > 0 && distinct.size === most) return most;
  const fromCounts = partTests.includes(test) ? ranksFromCounts(rows) : null;
  if (fromCounts !== null && fromCounts >= most) return fromCounts;
  if (most > 0) return most;
  return draft.ranksPerProcess !== null && draft.ranksPerProcess > 1 ? draft.ranksPerProcess : null;
}

/** Size over count and bytes of an element: of the largest row, since small ones are rounded down. */
function ranksFromCounts(rows: readonly NcclTestRow[]): number | null {
  const largest = rows.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  const elementSize = elementSizeOf(largest.type);
  if (elementSize === null || largest.count === 0) return null;
  const ranks = largest.bytes / (largest.count * elementSize);
  return Number.isInteger(ranks) && ranks > 1 && ranks <= 65_536 ? ranks : null;
}

function noRow({ headerLine, unread, line }: RunDraft, damaged: readonly NcclTestRow[]): UsageError {
  const at = unread[0] ?? damaged[0]?.line;
  if (at === undefined) {
    return new UsageError("parse", "expected rows below the header of the table, found none", {
      path: `line ${headerLine ?? line}`,
      hint: "Log again: this run ended before its first result.",
    });
  }
  const expected = "expected a row of size, count, type, redop, root, and time, algbw, busbw, #wrong twice";
  const found =
    unread.length > 0 ? "got one that is cut" : "got one whose size, time and bandwidth contradict each other";
  return new UsageError("parse", `${expected}, ${found}`, {
    path: `line ${at}`,
    hint: "Give the output as the program printed it, with lines of at least 132 characters.",
  });
}
