/**
 * Bundles the entry points below into dist/. Each bundle carries its npm libraries, so that a start reads one file
 * and not some hundreds. `node scripts/build.mjs` builds all that exist, and the
 * page.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { buildHash, root, stampBuild } from "./stamps.mjs";

/** Bundle name in dist/ and the file that it starts from. Workers are entries of their own: Node 20 runs no `.ts`. */
const entries = [
  { name: "cli", source: "cli/main.ts" },
  { name: "run-child", source: "runtime/run-child.ts" },
  { name: "lane", source: "runtime/threads/lane-worker.ts" },
  { name: "pe", source: "runtime/openshmem/pe.ts" },
  { name: "pe-lane", source: "runtime/openshmem/pe-lane-worker.ts" },
  { name: "arbiter", source: "runtime/threads/arbiter-worker.ts" },
];

/** Not bundled: they load files from beside their own. The second is for tests and benchmarks only. */
const external = ["onnxruntime-node", "playwright-core"];

/** Libraries in CommonJS call `require` of Node's modules; an ES module has none unless it makes one. */
const banner =
  'import { createRequire as __createRequire } from "node:module";const require = __createRequire(import.meta.url);';

/**
 * Bundles one entry into `outfile` (both relative to the repository's root). The file appears whole or not at all:
 * two builds at once, or a build beside a running program, do no harm.
 * @param {string} source
 * @param {string} outfile
 */
export async function bundle(source, outfile) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [source],
    outfile,
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "linked",
    legalComments: "inline",
    external,
    loader: { ".txt": "text", ".xml": "text", ".proto": "text" },
    banner: { js: banner },
    logLevel: "warning",
  });
  for (const file of result.outputFiles) writeWhole(file.path, file.contents);
}

/**
 * @param {string} path
 * @param {Uint8Array | string} contents
 */
function writeWhole(path, contents) {
  const temporary = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}

async function buildAll() {
  // Hashed first: a source that changes meanwhile makes the next launch build again.
  const hash = buildHash();
  const present = entries.filter(({ source }) => existsSync(join(root, source)));
  if (present.length === 0) throw new Error(`no entry point found: ${entries.map(({ source }) => source).join(", ")}`);
  await Promise.all(present.map(({ name, source }) => bundle(source, `dist/${name}.js`)));
  await buildPage();
  stampBuild(hash);
}

/** The page, in dist/web/, and what it shows before its worker has an answer. */
async function buildPage() {
  const vite = await import("vite");
  await vite.build({ configFile: join(root, "vite.config.ts"), logLevel: "warn" });
  const folder = mkdtempSync(join(tmpdir(), "toroid-build-"));
  try {
    const maker = join(folder, "first-picture.mjs");
    await bundle("web/engine/make-first-picture.ts", maker);
    const { makeFirstPicture } = await import(pathToFileURL(maker).href);
    writeWhole(join(root, "dist/web/first-picture.json"), makeFirstPicture());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await buildAll();
