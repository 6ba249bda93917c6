export { checkSchedule } from "./check-schedule.ts";
export type { Finding } from "./report.ts";
