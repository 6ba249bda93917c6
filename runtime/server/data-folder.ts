import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../../plan/errors.ts";

/** Where runs are kept if nothing is said: the folder for a user's data of the XDG base directory specification. */
export function defaultDataFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const data = environment["XDG_DATA_HOME"];
  // The specification: a relative path there is invalid.
  return join(data?.startsWith("/") === true ? data : join(homedir(), ".local", "share"), "toroid");
}

/**
 * Creates the folder and takes it for this process: two servers would both run what is queued in it. Throws a UsageError
 * where another one has it, or where it cannot be written. Returns what gives it back.
 */
export function takeDataFolder(folder: string): () => void {
  const lock = join(folder, "server.pid");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const owner = ownerOf(lock);
    if (owner !== null) {
      throw new UsageError("usage", `process ${owner} serves this folder`, {
        path: folder,
        hint: `Stop it, take another folder with --data, or remove ${lock} if that is no toroid.`,
      });
    }
    rmSync(lock, { force: true });
    const file = openSync(lock, "wx", 0o600);
    writeSync(file, `${process.pid}\n`);
    closeSync(file);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError("usage", `cannot be written: ${(error as NodeJS.ErrnoException).code ?? error}`, {
      path: folder,
      hint: "Choose a folder of yours with --data.",
    });
  }
  return () => rmSync(lock, { force: true });
}

/** The process that has the folder and still lives, or null. After a crash the number may be of another, or our own. */
function ownerOf(lock: string): number | null {
  let text: string;
  try {
    text = readFileSync(lock, "utf8");
  } catch {
    return null;
  }
  const owner = Number(text);
  if (!Number.isInteger(owner) || owner <= 0 || owner === process.pid) return null;
  try {
    process.kill(owner, 0);
    return owner;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? owner : null;
  }
}
