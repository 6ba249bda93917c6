import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { bundle } from "../../scripts/build.mjs";

/** How a run of the command line ended. */
export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** Folder to run in. */
  readonly cwd?: string;
  /** What it reads from standard input. */
  readonly input?: string;
  /** After so long it is sent what Ctrl-C sends. */
  readonly interruptAfterMs?: number;
}

/** Of the sources as they are, not of the last build. */
const built = buildCli();

async function buildCli(): Promise<string> {
  const file = join(temporaryFolder(), "cli.js");
  await bundle("cli/main.ts", file);
  return file;
}

/** An empty folder, which goes when the tests of the file are done. Call it outside of tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "toroid-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs `toroid` with the arguments as a process of its own, in a pipe. */
export async function toroid(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return execute(await built, args, options);
}

/**
 * As `toroid`, by the last build in `dist/` (`npm test` makes it): runs start processes and workers, whose bundles and
 * native library are found from there.
 */
export function builtToroid(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return execute(join(import.meta.dirname, "..", "..", "bin", "toroid.js"), args, options);
}

function execute(
  cli: string,
  args: readonly string[],
  { cwd, input, interruptAfterMs }: CliOptions,
): Promise<CliResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [cli, ...args],
      { cwd, maxBuffer: 2 ** 28, env: plainEnvironment() },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ exitCode, stdout, stderr });
      },
    );
    child.stdin?.end(input ?? "");
    if (interruptAfterMs !== undefined) setTimeout(() => child.kill("SIGINT"), interruptAfterMs);
  });
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), contents);
  }
}

/** Without color; both variables at once would make Node 22 warn on standard error. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ...others } = process.env;
  return { ...others, NO_COLOR: "1" };
}
