import { UsageError } from "../errors.ts";
import { isNcclTestsJson, parseNcclTestsJson } from "./nccl-tests-json.ts";
import {
  continueRow,
  finishRow,
  isWhole,
  type Layout,
  type RowDraft,
  readHeader,
  readRank,
  readRowStart,
  stripPrefix,
  usualLayout,
} from "./nccl-tests-lines.ts";
import { finishRun, type RunDraft, startRun } from "./nccl-tests-runs.ts";
import type { NcclTestRun } from "./nccl-tests-run.ts";

/**
 * The runs in the output of nccl-tests or rccl-tests programs, in order: all layouts since 2017, as text or as the
 * JSON of `-J`, with whatever launchers, libraries and people wrote between. A row that is cut or damaged is left out
 * and said in the run's `notes`. `path` is the file's name, which may tell the test where the log does not. Takes time
 * linear in the text. Throws a UsageError: `format` where nothing is like such a log, `parse` (with the line) where a
 * table has no row or a rank comes twice.
 */
export function parseNcclTests(text: string, path: string): readonly NcclTestRun[] {
  if (isNcclTestsJson(text)) return parseNcclTestsJson(text, path);
  const reader = createReader(path);
  let line = 0;
  for (let start = 0; start <= text.length; line++) {
    const end = text.indexOf("\n", start);
    const stop = end < 0 ? text.length : end;
    reader.read(stripPrefix(text.slice(start, stop).trimEnd()), line + 1);
    start = stop + 1;
  }
  return reader.finish();
}

/** Lines that say something once. */
const patterns = {
  testsVersion: /\b(?:nccl|rccl)-tests:? version:? (\S{1,80})/i,
  ncclVersion: /^#?\s*(?:NCCL|RCCL) version *:? *(\S{1,80})/,
  begin: /^#?\s*(?:nThread \d+ nGpus \d+ minBytes|Collective test starting|Using devices)/,
  concluded: /Collective test concluded: (\w{1,40})/,
  program: /\b([a-z]{1,12}(?:_[a-z]{1,12})?)_perf\b/,
  gpusFlag: /_perf\b.*?\s-(?:g|-ngpus)[ =]?(\d{1,5})\b/,
  numGpus: /nThread +(\d{1,5}) +nGpus +(\d{1,5})/,
  algorithm: /\bNCCL_ALGO(?:[= ]"?| set by environment to )(ring|tree|collnet\w*|nvls\w*|pat)\b/i,
  noNvls: /\bNCCL_NVLS_ENABLE[= ]"?0/,
  outOfBounds: /Out of bounds values *: *(\d{1,15})(?: +(OK|FAILED))?/,
  blocking: /Blocking Enabled/,
} as const;

/** Reads line after line; the state is which run and row are under way. */
function createReader(path: string) {
  const runs: NcclTestRun[] = [];
  let run: RunDraft | null = null;
  let layout: Layout | null = null;
  let pending: RowDraft | null = null;
  let upcoming: { readonly program: string; readonly gpus: number } | null = null;

  function current(line: number): RunDraft {
    if (run !== null) return run;
    run = startRun(path, line);
    run.program = upcoming?.program ?? null;
    run.ranksPerProcess = upcoming === null || upcoming.gpus === 0 ? null : upcoming.gpus;
    upcoming = null;
    return run;
  }

  /** What stands before a table belongs to the next run once this one has rows. */
  function preamble(line: number): RunDraft {
    if (run !== null && (run.rows.length > 0 || pending !== null)) close();
    return current(line);
  }

  function close(): void {
    endRow();
    if (run !== null) {
      const finished = finishRun(run);
      if (finished !== null) runs.push(finished);
    }
    run = null;
    layout = null;
  }

  function endRow(): void {
    if (pending === null || run === null) return;
    const row = finishRow(pending, layout ?? usualLayout);
    if (row !== null) run.rows.push(row);
    else run.unread.push(pending.line);
    pending = null;
  }

  function readTable(text: string, line: number): boolean {
    const start = readRowStart(text, line, layout !== null);
    const row = start ?? (pending === null ? null : continueRow(pending, text));
    if (row === null) return false;
    if (start !== null) endRow();
    current(line);
    pending = row;
    if (isWhole(row, layout ?? usualLayout)) endRow();
    return true;
  }

  function readHeaderLine(text: string, line: number): boolean {
    const header = readHeader(text);
    if (header === null) return false;
    const draft = preamble(line);
    layout = header;
    draft.headerLine = line;
    draft.isCpuTime = header.isCpuTime;
    return true;
  }

  function readRankLine(text: string, line: number): boolean {
    const rank = readRank(text);
    if (rank === null) return false;
    preamble(line).ranks.push({ ...rank, line });
    return true;
  }

  function readWords(text: string, line: number): void {
    if (patterns.begin.test(text)) preamble(line);
    const program = patterns.program.exec(text)?.[1];
    if (program !== undefined && !readProgram(text, program, line)) return;
    readVersions(text, line);
    const numGpus = patterns.numGpus.exec(text);
    if (numGpus !== null) current(line).ranksPerProcess = Number(numGpus[1]) * Number(numGpus[2]);
    const algorithm = patterns.algorithm.exec(text)?.[1] ?? (patterns.noNvls.test(text) ? "Ring" : undefined);
    if (algorithm !== undefined) current(line).algorithm = algorithm;
    if (patterns.blocking.test(text)) current(line).isBlocking = true;
    readSummary(text, line);
  }

  /**
   * A command or the log's own words name a program; false where they stand in the middle of a table: a command for the
   * next run after one that was cut, or some other program's message.
   */
  function readProgram(text: string, program: string, line: number): boolean {
    const gpus = Number(patterns.gpusFlag.exec(text)?.[1] ?? 0);
    const isEnd = patterns.concluded.test(text);
    if (!isEnd && run !== null && run.rows.length > 0 && run.outOfBounds === null) {
      upcoming = { program, gpus };
      return false;
    }
    const draft = isEnd ? current(line) : preamble(line);
    draft.program = program;
    if (gpus > 0) draft.ranksPerProcess = gpus;
    if (isEnd) close();
    return !isEnd;
  }

  function readVersions(text: string, line: number): void {
    const testsVersion = patterns.testsVersion.exec(text)?.[1];
    if (testsVersion !== undefined) preamble(line).testsVersion = testsVersion;
    const ncclVersion = patterns.ncclVersion.exec(text)?.[1];
    if (ncclVersion !== undefined) current(line).ncclVersion = ncclVersion;
  }

  function readSummary(text: string, line: number): void {
    const outOfBounds = patterns.outOfBounds.exec(text);
    if (outOfBounds === null) return;
    endRow();
    const count = Number(outOfBounds[1]);
    current(line).outOfBounds = { count, ok: outOfBounds[2] === undefined ? count === 0 : outOfBounds[2] === "OK" };
  }

  return {
    read(text: string, line: number): void {
      if (text === "" || readTable(text, line)) return;
      if (readHeaderLine(text, line) || readRankLine(text, line)) return;
      readWords(text, line);
    },
    finish(): readonly NcclTestRun[] {
      close();
      if (runs.length === 0) throw notALog();
      return runs;
    },
  };
}

function notALog(): UsageError {
  return new UsageError(
    "format",
    "expected the output of an nccl-tests program (all_reduce_perf and others), found none",
    {
      path: "line 1",
      hint: "Give the whole text that the program printed: devices, the table's header, and its rows.",
    },
  );
}
