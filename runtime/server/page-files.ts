import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../plan/errors.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
};

export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Whether the name changes with the contents, so that it may be kept for good. */
  readonly isHashed: boolean;
}

/**
 * The folder of the built page: `web/` beside the bundle that this is part of, else in `dist/` of the checkout. Throws a
 * UsageError (`not-found`) that says how to build it.
 */
export function findPageFolder(start = dirname(fileURLToPath(import.meta.url))): string {
  for (let folder = start; ; folder = dirname(folder)) {
    const places = [...(basename(folder) === "dist" ? [join(folder, "web")] : []), join(folder, "dist", "web")];
    const found = places.find((place) => existsSync(join(place, "index.html")));
    if (found !== undefined) return found;
    if (dirname(folder) === folder) break;
  }
  throw new UsageError("not-found", "the page is not built: there is no dist/web/index.html", {
    hint: "Run `npm run build` at the root of the checkout.",
  });
}

/**
 * The file of the page at a URL's path, or null. Only names that a listing of the folder gives are read: no path leads out
 * of it, however it is written, nor through a symbolic link.
 */
export function readPageFile(folder: string, path: string): PageFile | null {
  const name = path === "/" ? "index.html" : path.slice(1);
  if (!listFiles(folder).includes(name)) return null;
  return {
    bytes: new Uint8Array(readFileSync(join(folder, ...name.split("/")))),
    type: types[extname(name)] ?? "application/octet-stream",
    isHashed: name.startsWith("assets/"),
  };
}

/** Paths of all files below a folder, with `/`. */
function listFiles(folder: string, prefix = ""): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return listFiles(folder, `${prefix}${entry.name}/`);
    return entry.isFile() ? [`${prefix}${entry.name}`] : [];
  });
}
