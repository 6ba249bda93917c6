import { defineConfig } from "vitest/config";

const isLong = process.env["TOROID_LONG"] === "1";
const minutes = 60_000;

export default defineConfig({
  test: {
    include: ["{plan,sim,cli,test}/**/*.test.ts"],
    pool: "forks",
    reporters: ["default", "./scripts/skip-reporter.mjs"],
    // A long campaign is ten times the work of the seeded tenth that a plain run does.
    testTimeout: isLong ? 60 * minutes : 2 * minutes,
    hookTimeout: isLong ? 10 * minutes : 2 * minutes,
    passWithNoTests: false,
  },
});
