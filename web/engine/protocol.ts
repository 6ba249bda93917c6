import type { Finding } from "../../plan/check/index.ts";
import type { Comparison } from "../../plan/trace/compare.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import type { Trace } from "../../plan/trace/trace.ts";
import type { Candidate } from "../../sim/search/index.ts";
import type { Share } from "../../sim/critical-path.ts";
import type { ExplorerState, PointKey, SweepAxis, TopologyChoice } from "../state/explorer-state.ts";

/**
 * What the page asks of its worker and what it answers. The page sends one request at a time for each purpose; a newer
 * one makes the older stale, whose answer is dropped (client.ts).
 */
export type EngineRequest =
  | { readonly kind: "topology"; readonly topology: TopologyChoice }
  | {
      readonly kind: "explore";
      readonly state: PlanState;
      readonly effort: Effort;
      readonly points: readonly PointKey[];
    }
  | { readonly kind: "detail"; readonly state: PlanState; readonly point: PointKey }
  | { readonly kind: "proof"; readonly state: PlanState; readonly point: PointKey }
  | { readonly kind: "schedule"; readonly state: PlanState; readonly point: PointKey }
  | { readonly kind: "sweep"; readonly state: PlanState; readonly axis: SweepAxis }
  | { readonly kind: "open"; readonly name: string; readonly bytes: ArrayBuffer }
  | { readonly kind: "compare"; readonly predicted: Trace; readonly measured: Trace };

/** The parts of the state that a plan depends on. */
export type PlanState = Pick<ExplorerState, "topology" | "workload" | "plan">;

/** `first`: each method as published; `quick`: simulate the given points again; `full`: the whole search. */
export type Effort = "first" | "quick" | "full";

export type EngineAnswer =
  | { readonly kind: "topology"; readonly topology: Topology }
  | { readonly kind: "explore"; readonly ranking: Ranking }
  | { readonly kind: "detail"; readonly detail: PlanDetail }
  | { readonly kind: "proof"; readonly findings: readonly Finding[] }
  | { readonly kind: "schedule"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "sweep"; readonly sweep: Sweep }
  | { readonly kind: "open"; readonly opened: OpenedFile }
  | { readonly kind: "compare"; readonly comparison: Comparison };

/** Errors as the command line prints them. */
export interface EngineError {
  readonly code: string;
  readonly message: string;
  readonly path: string | null;
  readonly hint: string | null;
}

/** A candidate with where its time goes, means over the ranks, whole run: their sum is the makespan. */
export interface RankedCandidate extends Candidate {
  readonly key: PointKey;
  readonly computeNs: number;
  readonly exposedCommunicationNs: number;
  readonly idleNs: number;
}

export interface Ranking {
  readonly topology: Topology;
  /** Best first. */
  readonly candidates: readonly RankedCandidate[];
  /** Null after a quick one. */
  readonly search: {
    readonly space: number;
    readonly simulated: number;
    readonly pruned: number;
    readonly proven: boolean;
    readonly gap: number;
  } | null;
  readonly wallMs: number;
}

/** One plan in full: what the timeline, the topology view and the panels show. Times are of one pass. */
export interface PlanDetail {
  readonly key: PointKey;
  readonly topology: Topology;
  readonly candidate: RankedCandidate;
  readonly trace: Trace;
  readonly makespanNs: number;
  readonly passNs: number;
  readonly repeats: number;
  readonly lowerBoundNs: { readonly compute: number; readonly network: number };
  readonly ranks: readonly {
    readonly rank: number;
    readonly computeNs: number;
    readonly communicationNs: number;
    readonly exposedCommunicationNs: number;
    readonly idleNs: number;
  }[];
  /** Op ids of the critical path in the order of time, and what its time goes to. */
  readonly criticalPath: { readonly ops: readonly number[]; readonly shares: readonly Share[] };
  /** Null while the schedule is still being proved: that takes longer than its prediction. */
  readonly findings: readonly Finding[] | null;
  /** From the op that releases (a put or notify) to the wait that it releases. */
  readonly arrows: { readonly from: Uint32Array; readonly to: Uint32Array };
  /** By op: bytes that it moves between ranks (0 for all else) and the other rank. */
  readonly opBytes: Float64Array;
  readonly opPeer: Uint16Array;
  /** Directed links of the topology, by name, with the bytes that load them in a pass. */
  readonly links: readonly LinkUse[];
  /** Which ops drive which links: those of op i are `linkIds[start[i] … start[i+1]−1]`, indices into `links`. */
  readonly opLinks: { readonly start: Uint32Array; readonly linkIds: Uint32Array };
  /** Bytes from rank to rank (`from·ranks + to`), one pass. */
  readonly matrix: Float64Array;
  /** Bytes of the symmetric heap that hold something, of the rank that needs most: steps `[timeNs[i], timeNs[i+1])`. */
  readonly heap: {
    readonly rank: number;
    readonly timeNs: Float64Array;
    readonly bytes: Float64Array;
    readonly limitBytes: number;
  };
}

export interface LinkUse {
  readonly from: string;
  readonly to: string;
  readonly bytesPerSecond: number;
  readonly bytes: number;
}

/** Makespans of one method over an axis. */
export interface Sweep {
  readonly axis: SweepAxis;
  readonly x: readonly number[];
  readonly series: readonly {
    readonly method: string;
    /** Of the method's best plan at each x; null where it has none. */
    readonly makespanNs: readonly (number | null)[];
  }[];
  /** Where the best method changes: x by linear interpolation between two points. */
  readonly crossovers: readonly { readonly x: number; readonly from: string; readonly to: string }[];
}

/** What a dropped file turned out to be. */
export type OpenedFile =
  | { readonly is: "topology"; readonly text: string; readonly topology: Topology }
  | { readonly is: "trace"; readonly trace: Trace }
  | { readonly is: "schedule"; readonly hash: string; readonly summary: string }
  | { readonly is: "foreign"; readonly lanes: ForeignTrace };

/** Spans of another tool (Kineto, Nsight Systems): lanes and names, no op ids. */
export interface ForeignTrace {
  readonly tool: string;
  readonly laneNames: readonly string[];
  /** Machine or process of each lane, for folding. */
  readonly laneGroups: readonly string[];
  readonly names: readonly string[];
  /** One row a span: index of its lane and name, and its times in ns from the first start. */
  readonly lane: Uint32Array;
  readonly name: Uint32Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}
