import { UsageError } from "../errors.ts";
import { findDevice } from "./devices.ts";
import { isRank } from "./network.ts";
import { numJoined } from "./repeat.ts";
import type { Topology, TopologyLink, TopologyNode } from "./topology.ts";

/** What flags say better than a preset or a dump. Rates are taken as they are, each direction. */
export interface Corrections {
  /** `--device`: a device of the topology or of the built-in table, for all GPUs. */
  readonly device?: string;
  /** `--nvlink`: what one GPU sends over all its links to other GPUs of its machine. */
  readonly nvlinkBytesPerSecond?: number;
  /** `--nic`: one NIC; a node that stands for several gets that many times as much. */
  readonly nicBitsPerSecond?: number;
  /** `--inter`: all NICs of a machine together. */
  readonly interBitsPerSecond?: number;
}

/**
 * The topology with those figures in place and without the sentences in `assumed` that named the flags. NIC flags
 * change nothing on a single machine; links between switches of the network grow and shrink with the NICs. Throws a
 * UsageError: `not-found` for an unknown device, `usage` for a rate that is not positive or that has no link to go to,
 * and for `--nic` together with `--inter`.
 */
export function applyCorrections(topology: Topology, corrections: Corrections): Topology {
  const { device, nvlinkBytesPerSecond, nicBitsPerSecond, interBitsPerSecond } = corrections;
  let corrected = topology;
  if (nicBitsPerSecond !== undefined && interBitsPerSecond !== undefined) {
    throw new UsageError("usage", "expected one of --nic and --inter, got both", {
      path: "--inter",
      hint: "Drop one.",
    });
  }
  if (device !== undefined) corrected = setDevice(corrected, device);
  if (nvlinkBytesPerSecond !== undefined) corrected = setNvlink(corrected, nvlinkBytesPerSecond);
  if (nicBitsPerSecond !== undefined) corrected = setNics(corrected, "--nic", nicBitsPerSecond);
  if (interBitsPerSecond !== undefined) corrected = setNics(corrected, "--inter", interBitsPerSecond);
  return corrected;
}

function setDevice(topology: Topology, wanted: string): Topology {
  const own = Object.hasOwn(topology.devices, wanted) ? topology.devices[wanted] : undefined;
  const { name, device } = own === undefined ? findDevice(wanted, "--device") : { name: wanted, device: own };
  return withoutSentences(
    {
      ...topology,
      nodes: topology.nodes.map((node) => (node.kind === "gpu" ? { ...node, device: name } : node)),
      devices: { ...topology.devices, [name]: device },
    },
    ["--device"],
  );
}

function setNvlink(topology: Topology, bytesPerSecond: number): Topology {
  requireRate("--nvlink", bytesPerSecond);
  const nodes = nodesById(topology);
  const isFabric = ({ from, to }: TopologyLink) => joinsFabric(nodes.get(from)!, nodes.get(to)!);
  const sums = sumByEnd(topology.links.filter(isFabric), (id) => (isRank(nodes.get(id)!) ? id : null));
  const most = [...sums.values()].reduce((a, b) => Math.max(a, b), 0);
  if (most === 0) {
    throw new UsageError("usage", `expected links between GPUs for --nvlink, ${topology.name} has none`, {
      path: "--nvlink",
      hint: "Leave the flag out.",
    });
  }
  const links = topology.links.map((link) =>
    isFabric(link) ? { ...link, bytesPerSecond: bytesPerSecond * (link.bytesPerSecond / most) } : link,
  );
  return withoutSentences({ ...topology, links }, ["--nvlink"]);
}

/** Whether a link is of the fast fabric: from GPU to GPU or from GPU to a switch, inside a machine. */
function joinsFabric(a: TopologyNode, b: TopologyNode): boolean {
  if (a.machine === null || a.machine !== b.machine) return false;
  const kinds = [a.kind, b.kind];
  return kinds.every((kind) => kind === "gpu" || kind === "switch") && kinds.includes("gpu");
}

function setNics(topology: Topology, flag: "--nic" | "--inter", bitsPerSecond: number): Topology {
  requireRate(flag, bitsPerSecond);
  const nodes = nodesById(topology);
  const machineOf = (id: string) => nodes.get(id)!.machine;
  const isUplink = ({ from, to }: TopologyLink) => machineOf(from) !== machineOf(to);
  const isOutside = ({ from, to }: TopologyLink) => machineOf(from) === null && machineOf(to) === null;
  const uplinks = topology.links.filter(isUplink);
  if (uplinks.length === 0) return requireSingle(topology, flag);

  // What shares the rate: a NIC's own links, or all uplinks of its machine.
  const keyOf = (id: string) => (machineOf(id) === null ? null : flag === "--nic" ? id : `${machineOf(id)}`);
  const sums = sumByEnd(uplinks, keyOf);
  const share = (link: TopologyLink) => {
    const end = machineOf(link.from) === null ? link.to : link.from;
    const count = flag === "--nic" ? numJoined(end) : 1;
    return (bitsPerSecond / 8) * count * (link.bytesPerSecond / sums.get(keyOf(end)!)!);
  };
  const total = (links: readonly TopologyLink[], rate: (link: TopologyLink) => number) =>
    links.reduce((sum, link) => sum + rate(link), 0);
  const growth = total(uplinks, share) / total(uplinks, ({ bytesPerSecond }) => bytesPerSecond);
  const links = topology.links.map((link) => {
    if (isUplink(link)) return { ...link, bytesPerSecond: share(link) };
    return isOutside(link) ? { ...link, bytesPerSecond: link.bytesPerSecond * growth } : link;
  });
  return withoutSentences({ ...topology, links }, ["--nic", "--inter"]);
}

function requireSingle(topology: Topology, flag: string): Topology {
  if (topology.nodes.every(({ machine }) => machine === null || machine === 0)) return topology;
  throw new UsageError("usage", `expected links that leave a machine for ${flag}, ${topology.name} has none`, {
    path: flag,
    hint: "Leave the flag out.",
  });
}

/**
 * Bytes per second of the links at each key: a full-duplex link counts once, at each end; two simplex links in
 * opposite directions count as one, by halves.
 */
function sumByEnd(links: readonly TopologyLink[], keyOf: (id: string) => string | null): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { from, to, bytesPerSecond, duplex } of links) {
    for (const key of [keyOf(from), keyOf(to)]) {
      if (key === null) continue;
      sums.set(key, (sums.get(key) ?? 0) + (duplex === "full" ? bytesPerSecond : bytesPerSecond / 2));
    }
  }
  return sums;
}

function nodesById(topology: Topology): ReadonlyMap<string, TopologyNode> {
  return new Map(topology.nodes.map((node) => [node.id, node]));
}

/** The topology without sentences that name one of the flags: it is corrected, no longer assumed. */
function withoutSentences(topology: Topology, flags: readonly string[]): Topology {
  const names = (sentence: string) => flags.some((flag) => sentence.includes(flag));
  return { ...topology, assumed: topology.assumed.filter((sentence) => !names(sentence)) };
}

function requireRate(flag: string, value: number): void {
  if (value > 0 && value <= 8e15) return;
  throw new UsageError("usage", `expected a rate above zero for ${flag}, got ${value}`, {
    path: flag,
    hint: flag === "--nvlink" ? "Give GB/s, for example --nvlink 300." : `Give Gb/s, for example ${flag} 400.`,
  });
}
