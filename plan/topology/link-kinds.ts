import { median } from "../statistics.ts";
import { compileNetwork, type Network } from "./network.ts";
import { createRoutes, type Routes } from "./routes.ts";
import type { Topology, TopologyLink } from "./topology.ts";

/** Bytes that move from rank to rank, over the size that a measurement is about. */
export interface Flow {
  readonly source: number;
  readonly target: number;
  readonly share: number;
}

/** Messages from rank to rank that follow each other. */
export interface Hops {
  readonly source: number;
  readonly target: number;
  readonly count: number;
}

/** Bytes per second and latency of a link. */
export interface LinkFigures {
  readonly bytesPerSecond: number;
  readonly latencyNs: number;
}

/** Nanoseconds: capacities are bytes per second. */
export const nsPerSecond = 1e9;

/** Links that are fitted as one: of equal ends, place and figures. */
export interface LinkKind {
  readonly name: string;
  readonly before: LinkFigures;
  rate: number;
  latencyNs: number;
  isMeasured: boolean;
  /** Rates that measurements give, with their relative standard errors, and rows alone. */
  readonly rates: { readonly rate: number; readonly relativeError: number }[];
  readonly rowRates: number[];
  /** The most that was seen. */
  seen: number;
  readonly latencies: number[];
  readonly rowLatencies: number[];
}

/** A topology's links by kind, and where ranks reach each other. */
export interface LinkKinds {
  readonly network: Network;
  readonly routes: Routes;
  readonly kinds: readonly LinkKind[];
  /** Kind of each directed link, and link of the topology. */
  readonly kindOf: Int32Array;
  readonly linkOf: Int32Array;
  /** Links of the topology that flows cross. */
  readonly crossed: Set<number>;
}

export function createLinkKinds(topology: Topology): LinkKinds {
  const network = compileNetwork(topology);
  const nodes = new Map(topology.nodes.map((node) => [node.id, node]));
  const indices = new Map<string, number>();
  const kinds: LinkKind[] = [];
  const kindOf = new Int32Array(network.numLinks);
  const linkOf = new Int32Array(network.numLinks);
  let next = 0;
  for (const [index, link] of topology.links.entries()) {
    const [from, to] = [nodes.get(link.from)!, nodes.get(link.to)!];
    const ends = [from.kind, to.kind].sort().join("–");
    const isInside = from.machine !== null && from.machine === to.machine;
    const place = isInside ? "inside a machine" : from.machine === to.machine ? "of the network" : "to the network";
    const key = `${ends} ${place} ${link.bytesPerSecond} ${link.latencyNs}`;
    const kind = indices.get(key) ?? kinds.length;
    indices.set(key, kind);
    if (kind === kinds.length) kinds.push(newKind(`${ends} ${place}`, link));
    const end = next + (link.duplex === "full" ? 2 : 1);
    kindOf.fill(kind, next, end);
    linkOf.fill(index, next, end);
    next = end;
  }
  return { network, routes: createRoutes(network), kinds, kindOf, linkOf, crossed: new Set() };
}

function newKind(name: string, { bytesPerSecond, latencyNs }: TopologyLink): LinkKind {
  return {
    name,
    before: { bytesPerSecond, latencyNs },
    rate: bytesPerSecond,
    latencyNs,
    isMeasured: false,
    rates: [],
    rowRates: [],
    seen: 0,
    latencies: [],
    rowLatencies: [],
  };
}

/** What flows put on links, over the size: by directed link. */
export function linkLoads(
  flows: readonly Flow[],
  { network, routes }: Pick<LinkKinds, "network" | "routes">,
): Float64Array {
  const loads = new Float64Array(network.numLinks);
  for (const { source, target, share } of flows) {
    for (const link of routes.path(network.rankNodes[source]!, network.rankNodes[target]!)) loads[link]! += share;
  }
  return loads;
}

/** By kind, the most that flows put on one of its links, over the size; `marks` says that they are crossed. */
export function kindLoads(flows: readonly Flow[], state: LinkKinds, marks: boolean): Map<number, number> {
  const { kindOf, linkOf, crossed } = state;
  const loads = new Map<number, number>();
  for (const [link, load] of linkLoads(flows, state).entries()) {
    if (load === 0) continue;
    loads.set(kindOf[link]!, Math.max(loads.get(kindOf[link]!) ?? 0, load));
    if (marks) crossed.add(linkOf[link]!);
  }
  return loads;
}

/** The directed links of a message. Throws a UsageError (`route`) where there is no path. */
export function hopPath(
  { source, target }: Hops,
  { network, routes }: Pick<LinkKinds, "network" | "routes">,
): Int32Array {
  return routes.path(network.rankNodes[source]!, network.rankNodes[target]!);
}

/** Means of the rates by weight of their standard errors, of which a hundredth is believed at best. */
export function poolRates({ kinds }: LinkKinds): void {
  for (const kind of kinds) {
    if (kind.rates.length === 0) continue;
    let [sum, weights] = [0, 0];
    for (const { rate, relativeError } of kind.rates) {
      const weight = 1 / (relativeError ** 2 + 0.01 ** 2);
      sum += weight * Math.log(rate);
      weights += weight;
    }
    kind.rate = Math.exp(sum / weights);
    kind.isMeasured = true;
  }
}

/** Medians of the latencies. */
export function poolLatencies({ kinds }: LinkKinds): void {
  for (const kind of kinds) if (kind.latencies.length > 0) kind.latencyNs = median(kind.latencies);
}

/** The topology with the figures that its kinds have by now. */
export function replaceFigures(topology: Topology, state: LinkKinds): Topology {
  let next = 0;
  const links = topology.links.map((link) => {
    const { rate, latencyNs } = state.kinds[state.kindOf[next]!]!;
    next += link.duplex === "full" ? 2 : 1;
    return { ...link, bytesPerSecond: rate, latencyNs };
  });
  return { ...topology, links };
}
