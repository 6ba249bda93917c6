import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../plan/errors.ts";

/** Reads a file, or standard input for `-`. */
export async function readInput(path: string): Promise<Uint8Array> {
  return path === "-" ? readStandardInput() : readFile(path);
}

/** Reads a file. Throws a UsageError where it cannot be read. */
export function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException);
  }
}

/** Whether there is a file (or a folder) of that name. */
export function fileExists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function unreadable(path: string, error: NodeJS.ErrnoException): UsageError {
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return new UsageError("not-found", "no such file", { path, hint: "Check the name and the current folder." });
    case "EISDIR":
      return new UsageError("usage", "expected a file, this is a folder", { path });
    case "ERR_FS_FILE_TOO_LARGE":
      return new UsageError("limit", "the file is too large to read at once", { path });
    default:
      return new UsageError("usage", `cannot be read: ${error.code ?? error.message}`, { path });
  }
}

/**
 * Adds the file's name to the place that a UsageError names, so that a message about `links[3]` says of which file.
 */
export function inFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.code, error.message, {
      path: placeIn(path === "-" ? "standard input" : path, error.path),
      ...(error.hint === null ? {} : { hint: error.hint }),
    });
  }
}

/** The place may name the file already, where it was found by reading another file in it. */
function placeIn(file: string, place: string | null): string {
  if (place === null) return file;
  return place.startsWith(file) ? place : `${file}: ${place}`;
}

/** Stops early where an output file could not be written later: before a long search, not after it. */
export function requireWritable(path: string | undefined): void {
  if (path === undefined) return;
  const folder = statSync(dirname(path), { throwIfNoEntry: false });
  if (folder === undefined || !folder.isDirectory()) {
    throw new UsageError("not-found", "the folder of this output does not exist", { path, hint: "Create it first." });
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError("usage", "expected a file to write, this is a folder", { path });
  }
}

/** A file's contents, whole or in the order of its pieces. */
export type Contents = Uint8Array | Iterable<string>;

/** Writes a file that appears whole or not at all. Devices and pipes (`/dev/stdout`) are written to as they are. */
export function writeWhole(path: string, contents: Contents): void {
  requireWritable(path);
  const target = fileExists(path) ? realpathSync(path) : path;
  try {
    if (fileExists(target) && !statSync(target).isFile()) writePieces(target, contents);
    else replaceFile(target, contents);
  } catch (error) {
    throw unwritable(path, error as NodeJS.ErrnoException);
  }
}

function replaceFile(path: string, contents: Contents): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writePieces(temporary, contents);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writePieces(path: string, contents: Contents): void {
  const file = openSync(path, "w");
  try {
    for (const piece of contents instanceof Uint8Array ? [contents] : contents) writeFileSync(file, piece);
  } finally {
    closeSync(file);
  }
}

/** Errors of the file system only: what makes the pieces may have bugs of its own. */
function unwritable(path: string, error: NodeJS.ErrnoException): unknown {
  if (error.code === undefined || error.syscall === undefined) return error;
  return new UsageError("usage", `cannot be written: ${error.code}`, { path });
}

/** Creates a folder and those above it. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true });
}
