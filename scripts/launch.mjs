/**
 * `npm start`, `npm run demo`, `npm test`, `npm run test:long` and `npm run build` on a clone with nothing but Node: installs if
 * node_modules is missing or stale, builds if dist/ is, then works. npm's own hooks (prestart, pretest) are no help,
 * because they do not run where install scripts are switched off.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isBuilt, isInstalled, root, stampInstall } from "./stamps.mjs";

const oldestMajor = 20;
const oldestMinor = 19;

/** @type {Record<string, { command: string[], env?: Record<string, string> } | undefined>} */
const jobs = {
  start: { command: ["dist/cli.js", "demo", "--serve"] },
  demo: { command: ["dist/cli.js", "demo"] },
  test: { command: ["node_modules/vitest/vitest.mjs", "run"] },
  "test:long": { command: ["node_modules/vitest/vitest.mjs", "run"], env: { TOROID_LONG: "1" } },
  build: { command: [] },
};

const [name = "", ...args] = process.argv.slice(2);
const job = jobs[name];
if (job === undefined) stop(`expected one of ${Object.keys(jobs).join(", ")}, got "${name}"`);
requireNode();
install();
build();
if (job.command.length > 0) work([...job.command, ...args], job.env ?? {});

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  stop(`Node ${oldestMajor}.${oldestMinor} or later is needed; this is ${process.version}`);
}

function install() {
  if (!isInstalled()) {
    note("installing dependencies (npm ci)");
    // Omitting development or optional packages would leave out the bundler and its binary.
    const status = runNpm(["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"]);
    if (status !== 0) stop("npm ci failed; its output stands above. It needs the npm registry.");
  }
  stampInstall();
}

function build() {
  if (isBuilt()) return;
  note("building dist/");
  if (!existsSync(join(root, "cli", "main.ts"))) stop("cli/main.ts is missing: this checkout is not complete");
  if (runNode(["scripts/build.mjs"]) !== 0) stop("the build failed; its output stands above");
}

/**
 * Runs the job in place of this process: same streams, same exit code, signals handed on.
 * @param {string[]} command
 * @param {Record<string, string>} env
 */
function work(command, env) {
  const child = spawn(process.execPath, command, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
  });
}

/**
 * Progress goes to standard error: standard output belongs to the job.
 * @param {string[]} command
 */
function runNode(command) {
  return spawnSync(process.execPath, command, { cwd: root, stdio: ["ignore", 2, 2] }).status;
}

/** @param {string[]} command */
function runNpm(command) {
  const npm = process.env["npm_execpath"];
  if (npm !== undefined && /npm-cli\.[cm]?js$/.test(npm)) return runNode([npm, ...command]);
  const shell = process.platform === "win32";
  return spawnSync("npm", command, { cwd: root, stdio: ["ignore", 2, 2], shell }).status;
}

/** @param {string} message */
function note(message) {
  process.stderr.write(`toroid: ${message}\n`);
}

/**
 * @param {string} message
 * @returns {never}
 */
function stop(message) {
  note(message);
  process.exit(1);
}
