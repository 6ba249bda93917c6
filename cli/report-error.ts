import { CommanderError } from "commander";
import { type ErrorCode, UsageError } from "../plan/errors.ts";
import { RunFailed } from "../runtime/job.ts";
import { exitCodes } from "./exit-codes.ts";
import { note, printJson } from "./output.ts";

/** What is said about an error, in JSON and on standard error. */
interface ErrorReport {
  readonly code: ErrorCode | "run" | "bug";
  readonly message: string;
  readonly path: string | null;
  readonly hint: string | null;
}

/** Commander throws these for `--help` and `--version`, after printing. */
const harmless = new Set(["commander.helpDisplayed", "commander.version"]);

/** Says what went wrong on standard error, with `asJson` on standard output too, and returns the exit code. */
export function reportError(error: unknown, asJson: boolean): number {
  if (error instanceof CommanderError && harmless.has(error.code)) return exitCodes.done;
  const report = reportOf(error);
  note(errorLine(report));
  if (report.hint !== null) note(`hint: ${singleLine(report.hint)}`);
  if (report.code === "bug" && error instanceof Error) note(error.stack ?? "");
  if (asJson) printJson({ error: report });
  return exitCodeOf(report.code);
}

function errorLine({ code, message, path }: ErrorReport): string {
  return `error[${code}]: ${singleLine(path === null ? message : `${path}: ${message}`)}`;
}

function exitCodeOf(code: ErrorReport["code"]): number {
  if (code === "bug") return exitCodes.bug;
  if (code === "run") return exitCodes.runFailed;
  return code === "infeasible" ? exitCodes.infeasible : exitCodes.badInput;
}

function reportOf(error: unknown): ErrorReport {
  if (error instanceof UsageError) {
    const { code, message, path, hint } = error;
    return { code, message, path, hint };
  }
  if (error instanceof RunFailed) {
    return { code: "run", message: error.message, path: null, hint: error.hint === "" ? null : error.hint };
  }
  if (error instanceof CommanderError) return reportOfArguments(error);
  return {
    code: "bug",
    message: error instanceof Error ? error.message : String(error),
    path: null,
    hint: "This is a bug of toroid. Please report it with the command, its input and the lines below.",
  };
}

/** Commander writes `error: message` and, where it has one, `(Did you mean …?)` on a line of its own. */
function reportOfArguments(error: CommanderError): ErrorReport {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const guess = rest.join(" ").replace(/^\((.*)\)$/, "$1");
  if (error.code === "commander.help") {
    return { code: "usage", message: "expected a command", path: null, hint: "See `toroid --help`." };
  }
  return { code: "usage", message: first, path: null, hint: guess === "" ? "See --help of the command." : guess };
}

/** Names out of files may hold line ends and terminal controls; none of them reaches the terminal. */
function singleLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) =>
    JSON.stringify(character).slice(1, -1).replace("\u007f", "\\u007f"),
  );
}
