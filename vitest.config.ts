import { defineConfig } from "vitest/config";

const isLong = process.env["TOROID_LONG"] === "1";
const minutes = 60_000;

export default defineConfig({
  // As the bundler does (scripts/build.mjs).
  plugins: [
    {
      name: "proto-as-text",
      transform: (code, id) => (id.endsWith(".proto") ? `export default ${JSON.stringify(code)};` : undefined),
    },
  ],
  test: {
    include: ["{plan,sim,runtime,cli,web,test}/**/*.test.ts"],
    pool: "forks",
    reporters: ["default", "./scripts/skip-reporter.mjs"],
    // A long campaign is ten times the work of the seeded tenth that a plain run does.
    testTimeout: isLong ? 60 * minutes : 2 * minutes,
    hookTimeout: isLong ? 10 * minutes : 2 * minutes,
    passWithNoTests: false,
  },
});
