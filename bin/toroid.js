#!/usr/bin/env node
// Finds the built command line. It is committed, so that `npx toroid` works in a checkout, from any subfolder too.
import { existsSync } from "node:fs";

const cli = new URL("../dist/cli.js", import.meta.url);

if (existsSync(cli)) {
  await import(cli.href);
} else {
  process.stderr.write("error[NOT_BUILT]: dist/cli.js is missing\n");
  process.stderr.write("hint: run `npm run build` (or `npm start`) once at the root of the checkout\n");
  process.exitCode = 2;
}
