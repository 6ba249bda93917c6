import type { Method, Transport } from "../../plan/schedule/schedule.ts";
import type { WorkloadOptions } from "../../plan/workload/make-workload.ts";

/** Pages of the explorer. */
export const VIEWS = ["explore", "methods", "measured", "runs"] as const;
export type ViewName = (typeof VIEWS)[number];

/** Where the cluster comes from. Rates in the units that people type; what is not given is left as it is. */
export interface TopologyChoice {
  /** A preset's name, or null where `file` is given. */
  readonly preset: string | null;
  /** A dropped file, its text as it was. */
  readonly file: { readonly name: string; readonly text: string } | null;
  readonly machines: number;
  readonly device: string | null;
  /** GB/s one GPU sends over NVLink. */
  readonly nvlink: number | null;
  /** Gb/s of all NICs of a machine together. */
  readonly inter: number | null;
  /** Single links that were dragged or typed: `from`, `to` as in `Topology.links`, bytes per second. */
  readonly links: readonly LinkEdit[];
}

export interface LinkEdit {
  readonly from: string;
  readonly to: string;
  readonly bytesPerSecond: number;
}

/** What of the space of plans is asked for. */
export interface MethodChoice {
  /** `auto`: all. */
  readonly method: Method | "auto";
  readonly transport: Transport | "auto";
  /** Ranks that take part, as many of every machine; null for all. */
  readonly ranks: number | null;
}

/** One point of the space of plans, as text: `method transport N_u N_r U R tiles path`, path `-` where it is empty. */
export type PointKey = string;

/** Part of the time axis that is seen, in ns from the run's start. */
export interface TimeWindow {
  readonly startNs: number;
  readonly endNs: number;
}

/** All that a link reproduces. Immutable; every change is a new one. */
export interface ExplorerState {
  readonly view: ViewName;
  readonly topology: TopologyChoice;
  readonly workload: WorkloadOptions;
  readonly plan: MethodChoice;
  /** Candidate whose timeline is shown; null for the best. */
  readonly chosen: PointKey | null;
  /** Candidates beside each other on the page `methods`, at most six; empty for the best of each method. */
  readonly compared: readonly PointKey[];
  /** What the chart on the page `methods` varies. */
  readonly sweep: SweepAxis;
  /** Null for all of it. */
  readonly window: TimeWindow | null;
  /** Cursor on the time axis, ns. */
  readonly cursorNs: number | null;
  /** Op that is selected. */
  readonly op: number | null;
  /** Lanes pinned to the top, `rank:stream` by name. */
  readonly pinned: readonly string[];
  /** Machines that are folded into one lane each. */
  readonly folded: readonly number[];
}

export const SWEEP_AXES = ["tokens", "machines", "inter"] as const;
/** Sequence length, machines, or Gb/s of a machine's NICs together. */
export type SweepAxis = (typeof SWEEP_AXES)[number];

/** First visit: two machines that many have, and a model that everybody knows. */
export const defaultState: ExplorerState = {
  view: "explore",
  topology: { preset: "p4de.24xlarge", file: null, machines: 4, device: null, nvlink: null, inter: null, links: [] },
  workload: { model: "flux.1-dev", image: "3072x3072" },
  plan: { method: "auto", transport: "auto", ranks: null },
  chosen: null,
  compared: [],
  sweep: "tokens",
  window: null,
  cursorNs: null,
  op: null,
  pinned: [],
  folded: [],
};
