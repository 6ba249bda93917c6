import type { PointKey, TopologyChoice } from "../state/explorer-state.ts";
import type { PlanState } from "../engine/protocol.ts";
import { parsePointKey } from "../state/point-key.ts";

/** Name under which the page saves an edited topology. */
export const SAVED_TOPOLOGY = "toroid-topology.json";

/** The command line that makes the plan that is shown; empty for a key that means none. */
export function planCommand({ topology, workload, plan }: PlanState, key: PointKey): string {
  const point = parsePointKey(key);
  if (point === null) return "";
  const { ulyssesInter, ringInter, ulyssesIntra, ringIntra } = point.mesh;
  const flags: (readonly [string, string | number | null | undefined])[] = [
    ...topologyFlags(topology),
    ["ranks", plan.ranks],
    ["model", workload.model],
    ["image", workload.image],
    ["video", workload.video],
    ["tokens", workload.tokens],
    ["heads", workload.heads],
    ["head-dim", workload.headDim],
    ["kv-heads", workload.kvHeads],
    ["batch", workload.batch],
    ["dtype", workload.dtype],
    ["mask", workload.mask],
    ["shard-order", workload.shardOrder],
    ["scope", workload.scope],
    ["guidance", workload.guidance],
    ["method", point.method],
    ["transport", point.transport],
    ["mesh", [ulyssesInter, ringInter, ulyssesIntra, ringIntra].join(",")],
    ["tiles", point.tiles],
    ["path", point.path],
  ];
  const given = flags.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return ["toroid plan", ...given.map(([name, value]) => `--${name} ${quote(String(value))}`)].join(" ");
}

function topologyFlags(topology: TopologyChoice): (readonly [string, string | number | null])[] {
  const { preset, file, machines, device, nvlink, inter, links } = topology;
  // Single links have no flag: the topology that the page saves has them all.
  if (links.length > 0) return [["topology", SAVED_TOPOLOGY]];
  const repeated = machines > 1 ? `:${machines}` : "";
  const name = file === null ? preset : file.name;
  return [
    ["topology", `${name ?? ""}${repeated}`],
    ["device", device],
    ["nvlink", nvlink],
    ["inter", inter],
  ];
}

/** As a POSIX shell takes it. */
function quote(text: string): string {
  return /^[\w.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
