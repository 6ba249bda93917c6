/**
 * Content hashes that tell whether an installation or a build still belongs to the files it was made from.
 * Free of dependencies: it runs before anything is installed. Hashes rather than times, because a checkout, a copy or
 * an unpacked archive gives files any time at all.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const installStamp = join(root, "node_modules", ".toroid-stamp");
const buildStamp = join(root, "dist", ".toroid-stamp");

/** What the bundles are made from. A folder that does not exist yet is skipped. */
const sources = [
  "plan",
  "sim",
  "runtime",
  "cli",
  "web",
  "third_party",
  "traces/topologies",
  "scripts/build.mjs",
  "vite.config.ts",
  "package.json",
  "package-lock.json",
];
const sourceNames = /(?<!\.test)\.(?:tsx?|js|mjs|json|txt|xml|yaml|yml|html|css|svg|proto)$/;

/** Whether node_modules holds what package-lock.json asks for on this platform. */
export function isInstalled() {
  return readText(installStamp) === installHash() || matchesHiddenLockfile();
}

/** Records that node_modules belongs to package-lock.json as it is now. */
export function stampInstall() {
  mkdirSync(dirname(installStamp), { recursive: true });
  writeFileSync(installStamp, installHash());
}

/** Whether dist/ was built from the sources as they are now. */
export function isBuilt() {
  return existsSync(join(root, "dist", "cli.js")) && readText(buildStamp) === buildHash();
}

/**
 * Records that dist/ was built from the sources with this hash.
 * @param {string} hash
 */
export function stampBuild(hash) {
  writeFileSync(buildStamp, hash);
}

/** SHA-256 over names and bytes of all sources, in order of name. */
export function buildHash() {
  const hash = createHash("sha256");
  for (const source of sources) {
    for (const file of listFiles(source))
      hash
        .update(`${file}\0`)
        .update(readFileSync(join(root, file)))
        .update("\0");
  }
  return hash.digest("hex");
}

/** Platform and architecture count too: a node_modules carried to another machine lacks that one's binaries. */
function installHash() {
  const hash = createHash("sha256");
  hash.update(`${process.platform} ${process.arch}\n`).update(readFileSync(join(root, "package-lock.json")));
  return hash.digest("hex");
}

/**
 * Whether somebody else's `npm ci` or `npm install` (which leaves no stamp of ours) installed exactly the lockfile:
 * npm notes in node_modules/.package-lock.json what it did.
 */
function matchesHiddenLockfile() {
  const wanted = readPackages(join(root, "package-lock.json"));
  const found = readPackages(join(root, "node_modules", ".package-lock.json"));
  if (wanted === undefined || found === undefined) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const other = found[path];
    if (other === undefined ? isForThisPlatform(entry) : other.version !== entry.version) return false;
    if (other !== undefined && !existsSync(join(root, path, "package.json"))) return false;
  }
  return true;
}

/** @param {LockEntry} entry */
function isForThisPlatform(entry) {
  if (entry.optional !== true) return true;
  if (entry.os !== undefined && !entry.os.includes(process.platform)) return false;
  if (entry.cpu !== undefined && !entry.cpu.includes(process.arch)) return false;
  // A C library or an optional fallback decides as well; npm alone knows, so such an entry proves nothing.
  return entry.os !== undefined && entry.libc === undefined;
}

/**
 * @typedef {{ version?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockEntry
 * @param {string} file
 * @returns {Record<string, LockEntry> | undefined}
 */
function readPackages(file) {
  const text = readText(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text).packages;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} path relative to the root
 * @returns {string[]} sorted
 */
function listFiles(path) {
  if (!existsSync(join(root, path))) return [];
  if (sourceNames.test(path)) return [path];
  return readdirSync(join(root, path), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && sourceNames.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/** @param {string} file */
function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
