import type { Topology, TopologyNode } from "../../plan/topology/topology.ts";

/** `fabric`: NVLink, xGMI, memory; `pcie`: PCIe and sockets; `nic`: from a machine outwards; `network`: beyond. */
export const LINK_CLASSES = ["fabric", "pcie", "nic", "network"] as const;
export type LinkClass = (typeof LINK_CLASSES)[number];

export const linkClassNames: Readonly<Record<LinkClass, string>> = {
  fabric: "Fast fabric",
  pcie: "PCIe and sockets",
  nic: "NIC to network",
  network: "Inside the network",
};

/** One direction of a link; parallel links of equal ends count as one. */
export interface DirectedLink {
  /** `from→to`, as everywhere on the page. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly linkClass: LinkClass;
  /** Of all parallel links together. */
  readonly bytesPerSecond: number;
  readonly latencyNs: number;
  readonly numParallel: number;
  /** Ends as the topology lists them: what an edit has to name. */
  readonly edited: { readonly from: string; readonly to: string };
}

/** Both directions between two nodes: what is drawn as one. */
export interface LinkPair {
  readonly a: string;
  readonly b: string;
  readonly linkClass: LinkClass;
  /** Index of the link a→b, then that of b→a; null for a simplex link. */
  readonly forth: number;
  readonly back: number | null;
}

export interface LinkModel {
  readonly links: readonly DirectedLink[];
  readonly pairs: readonly LinkPair[];
  /** Index by name. */
  readonly indices: ReadonlyMap<string, number>;
}

export const linkName = (from: string, to: string): string => `${from}→${to}`;

/** The directed links of a valid topology, in its order, and the pairs that they form. */
export function modelLinks(topology: Topology): LinkModel {
  const nodes = new Map(topology.nodes.map((node) => [node.id, node]));
  const links: DirectedLink[] = [];
  const indices = new Map<string, number>();
  const add = (from: string, to: string, link: Topology["links"][number]) => {
    const name = linkName(from, to);
    const known = indices.get(name);
    if (known !== undefined) {
      const { bytesPerSecond, latencyNs, numParallel } = links[known]!;
      links[known] = {
        ...links[known]!,
        bytesPerSecond: bytesPerSecond + link.bytesPerSecond,
        latencyNs: Math.min(latencyNs, link.latencyNs),
        numParallel: numParallel + 1,
      };
      return;
    }
    indices.set(name, links.length);
    const { bytesPerSecond, latencyNs } = link;
    const linkClass = classOf(nodes.get(from)!, nodes.get(to)!);
    const edited = { from: link.from, to: link.to };
    links.push({ name, from, to, linkClass, bytesPerSecond, latencyNs, numParallel: 1, edited });
  };
  for (const link of topology.links) {
    add(link.from, link.to, link);
    if (link.duplex === "full") add(link.to, link.from, link);
  }
  return { links, indices, pairs: pairLinks(links, indices) };
}

function pairLinks(links: readonly DirectedLink[], indices: ReadonlyMap<string, number>): LinkPair[] {
  const pairs: LinkPair[] = [];
  for (const [forth, { from, to, linkClass }] of links.entries()) {
    const back = indices.get(linkName(to, from)) ?? null;
    if (back !== null && back < forth) continue;
    pairs.push({ a: from, b: to, linkClass, forth, back });
  }
  return pairs;
}

function classOf(from: TopologyNode, to: TopologyNode): LinkClass {
  if (from.machine === null && to.machine === null) return "network";
  if (from.machine !== to.machine) return "nic";
  const kinds = [from.kind, to.kind];
  return kinds.includes("pcie") || kinds.includes("nic") ? "pcie" : "fabric";
}
