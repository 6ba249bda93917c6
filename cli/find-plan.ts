import type { Topology } from "../plan/topology/topology.ts";
import type { Workload } from "../plan/workload/workload.ts";
import { type SearchRequest, type SearchResult, search } from "../sim/search/index.ts";
import { numGroups, placeGroups, type Splits, workloadOfGroup } from "../plan/methods/groups.ts";
import { type MethodFlags, meshOf, methodsOf, pathOf, simulatedOpsOf, tilesOf, transportsOf } from "./method-flags.ts";
import { withProgress } from "./progress.ts";
import { type RankFlags, ranksOf, type TopologyFlags, topologyOf } from "./topology-flags.ts";
import { type WorkloadFlags, workloadOf } from "./workload-flags.ts";

/** All flags that say what to plan. */
export type PlanFlags = TopologyFlags & RankFlags & WorkloadFlags & MethodFlags;

/** What was found, and what for. */
export interface Found extends SearchResult {
  readonly topology: Topology;
}

/** Finds the schedule that the flags ask for: one that is given in full, or the best of a search. */
export function findPlan(flags: PlanFlags): Found {
  return findPlanOn(topologyOf(flags), flags);
}

/** As `findPlan`, on a topology that is already there. */
export function findPlanOn(topology: Topology, flags: Omit<PlanFlags, keyof TopologyFlags>): Found {
  const request = requestOf(flags, topology, workloadOf(flags));
  return { topology, ...withProgress("searching", (progress) => search({ ...request, progress })) };
}

function requestOf(flags: RankFlags & MethodFlags, topology: Topology, workload: Workload): SearchRequest {
  const splits: Splits = { ...flags, guidance: workload.guidance };
  const mesh = meshOf(flags);
  const degrees = degreesOf(flags);
  const path = pathOf(flags);
  return {
    topology,
    placement: placeGroups(ranksOf(topology, flags), splits),
    workload: workloadOfGroup(workload, splits),
    groups: numGroups(splits),
    methods: methodsOf(flags),
    transports: transportsOf(flags),
    tiles: tilesOf(flags),
    ...(mesh === undefined ? {} : { mesh }),
    ...(degrees === undefined ? {} : { degrees }),
    ...(path === undefined ? {} : { path }),
    published: flags.published === true,
    ...(flags.maxHeap === undefined ? {} : { maxHeapBytes: flags.maxHeap }),
    maxSimulatedOps: simulatedOpsOf(flags),
    exhaustive: flags.exhaustive === true,
  };
}

function degreesOf({ ulysses, ring }: MethodFlags): { ulysses?: number; ring?: number } | undefined {
  if (ulysses === undefined && ring === undefined) return undefined;
  return { ...(ulysses === undefined ? {} : { ulysses }), ...(ring === undefined ? {} : { ring }) };
}
