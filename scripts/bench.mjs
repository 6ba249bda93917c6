/**
 * `npm run bench -- NAME [arguments]` bundles bench/NAME.ts and runs it in a Node of its own whose heap is limited,
 * so that a benchmark that claims to fit 4 GB shows it. Without a name it lists what there is.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isInstalled, root } from "./stamps.mjs";

const heapMegabytes = 3800;

const [name, ...args] = process.argv.slice(2);
if (!isInstalled()) stop("dependencies are not installed: run `npm ci` first");
if (name === undefined || name.startsWith("-")) stop(`usage: npm run bench -- NAME [arguments]\n${listing()}`);
if (!existsSync(join(root, "bench", `${name}.ts`))) stop(`no benchmark bench/${name}.ts\n${listing()}`);

const { bundle } = await import("./build.mjs");
const outfile = `dist/bench/${name}.js`;
await bundle(`bench/${name}.ts`, outfile);
const flags = [`--max-old-space-size=${heapMegabytes}`, "--enable-source-maps", "--expose-gc"];
const run = spawnSync(process.execPath, [...flags, outfile, ...args], { cwd: root, stdio: "inherit" });
process.exitCode = run.status ?? 1;

function listing() {
  const folder = join(root, "bench");
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const names = files.filter((file) => /(?<!\.test)\.ts$/.test(file)).map((file) => `  ${file.slice(0, -3)}`);
  return names.length === 0 ? "there are no benchmarks yet" : `benchmarks:\n${names.join("\n")}`;
}

/**
 * @param {string} message
 * @returns {never}
 */
function stop(message) {
  process.stderr.write(`toroid: ${message}\n`);
  process.exit(2);
}
