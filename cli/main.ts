import { tolerateClosedPipes } from "./output.ts";
import { createProgram } from "./program.ts";
import { reportError } from "./report-error.ts";

tolerateClosedPipes();
await run(process.argv);

async function run(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = reportError(error, argv.includes("--json"));
  }
}
