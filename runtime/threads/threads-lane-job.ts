import type { LaneJob } from "../lanes/lane-job.ts";
import type { SharedRun } from "./shared-run.ts";

/** What a thread of a rank gets to begin with where all ranks are threads of one process. */
export interface ThreadsLaneJob extends LaneJob {
  readonly run: SharedRun;
  /** By peer: 1 where the links to it are emulated. */
  readonly emulatedPeers: Uint8Array;
}
