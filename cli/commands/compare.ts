import type { Command } from "commander";
import { UsageError } from "../../plan/errors.ts";
import { compareTraces } from "../../plan/trace/compare.ts";
import { formatComparison } from "../describe-comparison.ts";
import { createNodeHasher } from "../../runtime/node-hasher.ts";
import { print, printJson } from "../output.ts";
import { readScheduleFile } from "../schedule-files.ts";
import { readTraceFile } from "../trace-files.ts";

const help = `
Errors are (predicted − measured) / measured, signed; times are means over the passes of a trace.

What explains the difference: the critical chain of the trace that took longer is followed, and each op on it is held
against the same op in the other trace. The parts add up to the two makespans:
  attend, other kernels, transfers, barriers   what these ops take
  waits    from the end of the awaited write to the end of the wait
  gaps     between the end of the last op that had to end before an op, and its start: launches, scheduling
  slack    what the ops of the chain had to spare in the other trace, where they awaited others
With --schedule the order of ops is known; without it, it is guessed from their times.

Examples:
  toroid compare predicted.trace measured.trace
  toroid compare predicted.json measured.json --schedule plan.toroid
  toroid compare predicted.json measured.json --json`;

interface Flags {
  readonly schedule?: string;
  readonly json?: boolean;
}

/** Adds `toroid compare`. Its JSON document is a `Comparison`. */
export function addCompareCommand(program: Command): void {
  program
    .command("compare")
    .summary("lay two traces of one schedule side by side, and say what explains the difference")
    .description("Compares a predicted with a measured trace (or any two) of the same schedule.")
    .argument("<predicted>", "trace, packed or Chrome JSON; - reads standard input")
    .argument("<measured>", "trace, packed or Chrome JSON; - reads standard input")
    .option("--schedule <file>", "the schedule of both traces: says which op awaits which")
    .option("--json", "print one JSON document")
    .addHelpText("after", help)
    .action(compareFiles);
}

async function compareFiles(predicted: string, measured: string, flags: Flags): Promise<void> {
  requireOneStandardInput([predicted, measured, flags.schedule]);
  const options = flags.schedule === undefined ? {} : { schedule: await readScheduleFile(flags.schedule) };
  const comparison = compareTraces(await readTraceFile(predicted), await readTraceFile(measured), {
    ...options,
    createHasher: createNodeHasher,
  });
  if (flags.json === true) printJson(comparison);
  else print(formatComparison(comparison));
}

/** What a pipe gives is gone when it has been read. */
function requireOneStandardInput(paths: readonly (string | undefined)[]): void {
  if (paths.filter((path) => path === "-").length < 2) return;
  throw new UsageError("usage", "expected at most one file from standard input", {
    path: "-",
    hint: "Give the others by name.",
  });
}
