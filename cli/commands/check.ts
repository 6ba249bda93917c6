import type { Command } from "commander";
import { checkSchedule } from "../../plan/check/index.ts";
import { reportFindings } from "../findings.ts";
import { readScheduleFile } from "../schedule-files.ts";

const examples = `
Examples:
  toroid check plan.toroid
  toroid check plan.json --json

Exit code 0: proved; 4: there are findings.`;

/** Adds `toroid check`. */
export function addCheckCommand(program: Command): void {
  program
    .command("check")
    .summary("prove a schedule: every key attended once, no races, no deadlock")
    .description("Proves a schedule by abstract execution and happens-before, or says what is wrong with it.")
    .argument("<file>", "schedule, packed or JSON; - reads standard input")
    .option("--json", "print one JSON document")
    .addHelpText("after", examples)
    .action(async (file: string, flags: { readonly json?: boolean }) => {
      reportFindings(checkSchedule(await readScheduleFile(file)), flags.json === true);
    });
}
