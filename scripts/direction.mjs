/**
 * Checks the direction of dependencies in the given root (default: this repository) with dependency-cruiser and the
 * rules of .dependency-cruiser.cjs. Refuses an empty result: under a TypeScript that dependency-cruiser does not
 * know it sees no modules and finds, of course, no violations.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { cruise } from "dependency-cruiser";
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config";
import { root } from "./stamps.mjs";

const folders = ["plan", "sim", "runtime", "native", "web", "cli", "test", "bench", "studies", "scripts", "bin"];

/**
 * @param {string} base the folder to check
 * @returns {Promise<{ numModules: number, violations: { rule: string, from: string, to: string }[] }>}
 */
export async function checkDirection(base) {
  const { forbidden, options } = createRequire(import.meta.url)(join(root, ".dependency-cruiser.cjs"));
  const present = folders.filter((folder) => existsSync(join(base, folder)));
  const tsConfig = extractTsConfig(join(root, options.tsConfig.fileName));
  const result = await cruise(
    present,
    { ...options, baseDir: base, ruleSet: { forbidden, options }, validate: true },
    undefined,
    { tsConfig },
  );
  if (typeof result.output === "string") throw new Error("dependency-cruiser answered with text");
  const { modules, summary } = result.output;
  return {
    numModules: modules.filter(({ source }) => !source.startsWith("node_modules/") && source.includes("/")).length,
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
  };
}

/** Prints the violations with what to do instead; true if there are none. */
async function main() {
  const { numModules, violations } = await checkDirection(root);
  const { forbidden } = createRequire(import.meta.url)(join(root, ".dependency-cruiser.cjs"));
  for (const { rule, from, to } of violations) {
    const comment = forbidden.find((/** @type {{ name: string }} */ { name }) => name === rule)?.comment;
    console.log(`${rule}: ${from} -> ${to}\n  ${comment}`);
  }
  console.log(`${numModules} modules, ${violations.length} violations`);
  return numModules > 0 && violations.length === 0;
}

if (import.meta.url === pathToFileURL(resolve(process.argv[1] ?? "")).href && !(await main())) process.exitCode = 1;
