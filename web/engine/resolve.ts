import { UsageError } from "../../plan/errors.ts";
import { importTopology } from "../../plan/formats/importers.ts";
import { numGroups, placeGroups, workloadOfGroup } from "../../plan/methods/groups.ts";
import { METHODS } from "../../plan/schedule/schedule.ts";
import { applyCorrections } from "../../plan/topology/corrections.ts";
import { selectRanks } from "../../plan/topology/machines.ts";
import { presetTopology } from "../../plan/topology/presets.ts";
import { repeatMachines } from "../../plan/topology/repeat.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { validateTopology } from "../../plan/topology/validate.ts";
import { makeWorkload } from "../../plan/workload/make-workload.ts";
import type { SearchRequest } from "../../sim/search/index.ts";
import type { LinkEdit, TopologyChoice } from "../state/explorer-state.ts";
import type { PlanState } from "./protocol.ts";

/** Sub-tiles that are searched, as on the command line. */
const searchedTiles = [1, 2, 4, 8];

/** Ops that a search simulates at most: less than on the command line, so that an answer comes while one still looks. */
const searchedOps = 600_000;

/** The topology that a choice means, corrected, edited and validated. Throws a UsageError. */
export function topologyOf(choice: TopologyChoice): Topology {
  const { device, nvlink, inter } = choice;
  const corrected = applyCorrections(baseTopology(choice), {
    ...(device === null ? {} : { device }),
    ...(nvlink === null ? {} : { nvlinkBytesPerSecond: nvlink * 1e9 }),
    ...(inter === null ? {} : { interBitsPerSecond: inter * 1e9 }),
  });
  const topology = editLinks(corrected, choice.links);
  validateTopology(topology);
  return topology;
}

function baseTopology({ preset, file, machines, device }: TopologyChoice): Topology {
  if (file !== null) {
    const options = { fileName: file.name, ...(device === null ? {} : { device }) };
    const topology = importTopology(new TextEncoder().encode(file.text), options);
    return machines > 1 ? repeatMachines(topology, machines) : topology;
  }
  return presetTopology(`${preset ?? ""}:${machines}`);
}

/** Links that no longer exist (fewer machines, another file) are left out. */
function editLinks(topology: Topology, edits: readonly LinkEdit[]): Topology {
  if (edits.length === 0) return topology;
  const rates = new Map(edits.flatMap(({ from, to, bytesPerSecond }) => [[`${from}\n${to}`, bytesPerSecond]] as const));
  const links = topology.links.map((link) => {
    const backwards = link.duplex === "full" ? rates.get(`${link.to}\n${link.from}`) : undefined;
    const bytesPerSecond = rates.get(`${link.from}\n${link.to}`) ?? backwards;
    return bytesPerSecond === undefined ? link : { ...link, bytesPerSecond };
  });
  return { ...topology, links };
}

/** What the search is asked for; the topology is that of the state unless it is given. */
export function requestOf(
  { topology: choice, workload: options, plan }: PlanState,
  topology?: Topology,
): SearchRequest {
  const cluster = topology ?? topologyOf(choice);
  const workload = makeWorkload(options);
  const splits = { tensorParallel: 1, dataParallel: 1, guidance: workload.guidance };
  const ranks = Array.from(selectRanks(cluster, plan.ranks));
  if (ranks.length === 0) throw new UsageError("topology", "the topology has no rank", { path: "topology" });
  return {
    topology: cluster,
    placement: placeGroups(ranks, splits),
    workload: workloadOfGroup(workload, splits),
    groups: numGroups(splits),
    methods: plan.method === "auto" ? METHODS : [plan.method],
    transports: plan.transport === "auto" ? ["one-sided", "two-sided"] : [plan.transport],
    tiles: searchedTiles,
    published: false,
    maxSimulatedOps: searchedOps,
    exhaustive: false,
  };
}
