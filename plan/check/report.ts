import type { Schedule } from "../schedule/schedule.ts";
import { type Facts, RULES, type Rule } from "./rules.ts";

/** What the checker has to say: which rule, at which ranks and ops, and what was expected and found. */
export interface Finding {
  readonly rule: Rule;
  readonly ranks: readonly number[];
  readonly ops: readonly number[];
  readonly message: string;
}

/** Collects findings up to a limit; checks stop when it is full. */
export interface Report {
  readonly findings: Finding[];
  isFull(): boolean;
  isEmpty(): boolean;
  /** A finding at `ops`, of their ranks. */
  add<R extends Rule>(rule: R, ops: readonly number[], ...facts: Facts<R>): void;
  /** A finding at ranks, about no op in particular. */
  addAtRanks<R extends Rule>(rule: R, ranks: readonly number[], ...facts: Facts<R>): void;
}

export function createReport(schedule: Schedule, limit: number): Report {
  const findings: Finding[] = [];
  function append<R extends Rule>(rule: R, ranks: readonly number[], ops: readonly number[], facts: Facts<R>): void {
    if (findings.length >= limit) return;
    const message = RULES[rule] as (...facts: Facts<R>) => string;
    findings.push({ rule, ranks, ops, message: message(...facts) });
  }
  return {
    findings,
    isFull: () => findings.length >= limit,
    isEmpty: () => findings.length === 0,
    add: (rule, ops, ...facts) => append(rule, ranksOf(schedule, ops), ops, facts),
    addAtRanks: (rule, ranks, ...facts) => append(rule, ranks, [], facts),
  };
}

function ranksOf(schedule: Schedule, ops: readonly number[]): number[] {
  return [...new Set(ops.map((op) => schedule.ops.rank[op]!))].sort((a, b) => a - b);
}
