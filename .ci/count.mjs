/**
 * Prints "passed failed skipped" of a vitest JSON report. A file that failed before any of its tests ran (it does not
 * load, or a hook outside tests threw) counts as one failure: the report's own count of tests would not show it.
 */
import { readFileSync } from "node:fs";

const [file = ""] = process.argv.slice(2);
const report = JSON.parse(readFileSync(file, "utf8"));
const brokenFiles = report.testResults.filter(
  (/** @type {{ status: string, assertionResults: { status: string }[] }} */ { status, assertionResults }) =>
    status === "failed" && !assertionResults.some((result) => result.status === "failed"),
);
const skipped = report.numPendingTests + report.numTodoTests;
console.log(report.numPassedTests, report.numFailedTests + brokenFiles.length, skipped);
