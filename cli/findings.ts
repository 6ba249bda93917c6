import type { Finding } from "../plan/check/index.ts";
import { exitCodes } from "./exit-codes.ts";
import { print, printJson } from "./output.ts";
import { paint } from "./style.ts";

const shownOfRule = 5;

/** Prints what the checker says and sets the exit code. */
export function reportFindings(findings: readonly Finding[], asJson: boolean): void {
  const ok = findings.length === 0;
  if (asJson) printJson({ ok, findings });
  else print(ok ? paint("green", "proved: no findings") : formatFindings(findings));
  if (!ok) process.exitCode = exitCodes.findings;
}

function formatFindings(findings: readonly Finding[]): string {
  const rules = new Map<string, Finding[]>();
  for (const finding of findings) rules.set(finding.rule, [...(rules.get(finding.rule) ?? []), finding]);
  const total = paint("red", `${findings.length} finding${findings.length === 1 ? "" : "s"}`);
  return [total, ...[...rules].map(([rule, of]) => formatRule(rule, of))].join("\n\n");
}

function formatRule(rule: string, findings: readonly Finding[]): string {
  const shown = findings.slice(0, shownOfRule).map(({ message }) => `  ${message}`);
  const more = findings.length - shown.length;
  const title = `${paint("bold", rule)} (${findings.length})`;
  return [title, ...shown, ...(more > 0 ? [`  … and ${more} more`] : [])].join("\n");
}
