/**
 * `npm run build:native`: builds the addons of native/ for which everything is there into dist/native/, and says what it
 * left out and how to get it. `--werror` makes warnings errors, `--sanitize address,undefined` builds into
 * dist/native-sanitized/ instead. Exit code 1 if a build fails, or where nothing could be built.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { root } from "./stamps.mjs";

const args = process.argv.slice(2);
const sanitizers = args.includes("--sanitize") ? (args[args.indexOf("--sanitize") + 1] ?? "") : "";
const unknown = args.filter((arg) => arg !== "--werror" && arg !== "--sanitize" && arg !== sanitizers);
if (unknown.length > 0 || (args.includes("--sanitize") && sanitizers === "")) {
  console.error("expected --werror or --sanitize address,undefined");
  process.exit(2);
}

/** What the OpenSHMEM backend needs: a program, or a file of node_modules, and how to get it on Debian. */
const needs = [
  { what: "cmake", isThere: () => isOnPath("cmake"), how: "apt-get install cmake" },
  { what: "a C++ compiler", isThere: () => isOnPath("c++") || isOnPath("g++"), how: "apt-get install g++" },
  { what: "oshcc (OpenSHMEM)", isThere: () => isOnPath("oshcc"), how: "apt-get install openmpi-bin libopenmpi-dev" },
  {
    what: "the headers of Node-API",
    isThere: () => existsSync(join(root, "node_modules/node-api-headers")),
    how: "npm ci",
  },
];

const missing = needs.filter(({ isThere }) => !isThere());
if (missing.length > 0) {
  for (const { what, how } of missing) console.error(`left out: OpenSHMEM, for want of ${what}: ${how}`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "toroid-native-"));
try {
  const options = [
    ...(args.includes("--werror") ? ["-DTOROID_WERROR=ON"] : []),
    ...(sanitizers === "" ? [] : [`-DTOROID_SANITIZE=${sanitizers}`, "-DCMAKE_BUILD_TYPE=RelWithDebInfo"]),
  ];
  run("cmake", ["-S", join(root, "native"), "-B", folder, ...options]);
  run("cmake", ["--build", folder]);
  const target = join(root, "dist", sanitizers === "" ? "native" : "native-sanitized");
  mkdirSync(target, { recursive: true });
  copyFileSync(join(folder, "openshmem.node"), join(target, "openshmem.node"));
  console.log(`built: OpenSHMEM (${join(target, "openshmem.node")})`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * @param {string} program
 * @param {string[]} list
 */
function run(program, list) {
  const { status, stdout, stderr } = spawnSync(program, list, { encoding: "utf8" });
  if (status === 0) return;
  console.error(`${stdout}${stderr}`);
  console.error(`${program} failed with exit code ${status}`);
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
}

/** @param {string} program */
function isOnPath(program) {
  return (process.env["PATH"] ?? "").split(delimiter).some((place) => {
    try {
      accessSync(join(place, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
