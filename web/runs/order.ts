import type { RunOrder } from "../../plan/http/run-api.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { encodeBase64 } from "./base64.ts";

export const mostRepeats = 1000;

/** A plan that may be run here. */
export interface RunnableSchedule {
  /** Its packed form. */
  readonly bytes: Uint8Array;
  readonly title: string;
  readonly ranks: number;
  readonly canRun: boolean;
  /** Why it cannot be run, for people. */
  readonly why: string;
  /** What it was planned for: needed to emulate links. */
  readonly topology?: Topology | null;
}

/** A whole number of repeats that is taken, or null. */
export function readRepeats(text: string): number | null {
  const value = Number(text);
  return /^\d+$/.test(text.trim()) && value >= 1 && value <= mostRepeats ? value : null;
}

/** Why a plan cannot be run here, "" where it can. */
export function obstacleOf(schedule: RunnableSchedule | null, maxRanks: number): string {
  if (schedule === null) return "Choose a cluster and a model under Explore first.";
  if (!schedule.canRun) return schedule.why;
  if (schedule.ranks <= maxRanks) return "";
  return `The plan has ${schedule.ranks} ranks and this machine takes ${maxRanks}: choose fewer ranks or machines.`;
}

/** What the server is asked for. */
export function orderOf({ bytes, title }: RunnableSchedule, repeats: number, emulated: Topology | null): RunOrder {
  return {
    schedule: encodeBase64(bytes),
    backend: "threads",
    repeats,
    seed: 1,
    emulated,
    title,
  };
}
