export { type CheckOptions, checkSchedule } from "./check-schedule.ts";
export type { Finding } from "./report.ts";
export type { Rule } from "./rules.ts";
