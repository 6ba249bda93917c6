import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkDirection } from "../scripts/direction.mjs";
import { root } from "../scripts/stamps.mjs";

const copied = ["plan", "sim", "cli", "test/support", "bin"];

/** A file that breaks exactly one rule. `extra` are files that it needs in order to resolve. */
const plants: { rule: string; file: string; source: string; extra?: Record<string, string> }[] = [
  { rule: "plan-imports-no-other-folder", file: "plan/planted.ts", source: 'import "../sim/planted-target.ts";' },
  { rule: "plan-imports-no-other-folder", file: "plan/planted.test.ts", source: 'import "../sim/planted-target.ts";' },
  { rule: "sim-imports-only-plan", file: "sim/planted.ts", source: 'import "../runtime/planted-target.ts";' },
  { rule: "plan-and-sim-use-no-node", file: "plan/planted-fs.ts", source: 'import "node:fs";' },
  { rule: "plan-and-sim-use-no-node", file: "sim/planted-fs.ts", source: 'export type { Stats } from "fs";' },
  { rule: "plan-and-sim-use-portable-libraries", file: "plan/planted-commander.ts", source: 'import "commander";' },
  { rule: "runtime-imports-no-sim", file: "runtime/planted.ts", source: 'import "../sim/planted-target.ts";' },
  {
    rule: "runtime-imports-only-plan-and-native",
    file: "runtime/server/planted.ts",
    source: 'import "../../web/planted-target.ts"; import "../../sim/planted-target.ts";',
  },
  { rule: "web-imports-no-runtime", file: "web/planted.ts", source: 'import "../runtime/planted-target.ts";' },
  { rule: "nobody-imports-cli", file: "bench/planted.ts", source: 'import "../cli/planted-target.ts";' },
  { rule: "production-imports-no-tests", file: "cli/planted.ts", source: 'import "../test/support/campaign.ts";' },
  { rule: "production-uses-declared-dependencies", file: "cli/planted-dev.ts", source: 'import "fast-check";' },
  {
    rule: "no-circular",
    file: "cli/planted-circle.ts",
    source: 'import type { B } from "./planted-circle-b.ts"; export type A = B;',
    extra: {
      "cli/planted-circle-b.ts": 'import type { A } from "./planted-circle.ts"; export type B = A | number;',
    },
  },
  { rule: "not-to-unresolvable", file: "cli/planted-missing.ts", source: 'import "./planted-nowhere.ts";' },
];

describe("the direction of dependencies", () => {
  test("holds in this tree", async () => {
    const { numModules, violations } = await checkDirection(root);
    expect(numModules).toBeGreaterThan(0);
    expect(violations).toEqual([]);
  });

  describe("refuses a planted import", () => {
    // A copy outside the repository: nothing is left behind in it, however this test ends.
    let copy: string;
    let violations: Awaited<ReturnType<typeof checkDirection>>["violations"];

    beforeAll(async () => {
      copy = mkdtempSync(join(tmpdir(), "toroid-direction-"));
      copyTree(copy);
      for (const folder of ["sim", "runtime", "web", "cli"]) write(copy, `${folder}/planted-target.ts`, "export {};");
      for (const { file, source, extra = {} } of plants) {
        write(copy, file, source);
        for (const [name, text] of Object.entries(extra)) write(copy, name, text);
      }
      ({ violations } = await checkDirection(copy));
    });
    afterAll(() => rmSync(copy, { recursive: true, force: true }));

    test.each(plants)("$rule: $file", ({ rule, file, extra = {} }) => {
      // A circle is reported once, from whichever of its files comes first.
      const files = [file, ...Object.keys(extra)];
      const rules = new Set(violations.filter(({ from }) => files.includes(from)).map((violation) => violation.rule));
      expect([...rules]).toEqual([rule]);
    });
  });
});

function copyTree(target: string): void {
  const present = copied.filter((folder) => existsSync(join(root, folder)));
  for (const folder of present) cpSync(join(root, folder), join(target, folder), { recursive: true });
  cpSync(join(root, "package.json"), join(target, "package.json"));
  symlinkSync(join(root, "node_modules"), join(target, "node_modules"), "junction");
}

function write(base: string, file: string, source: string): void {
  mkdirSync(dirname(join(base, file)), { recursive: true });
  writeFileSync(join(base, file), `${source}\n`);
}
