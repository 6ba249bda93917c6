import type { Topology, TopologyNode } from "../../plan/topology/topology.ts";
import type { Box, PlacedNode } from "./layout-types.ts";
import type { LinkModel, LinkPair } from "./links.ts";

/** What belongs to no machine: bars over the whole width, and right of them where links between bars run. */
export interface BandLayout {
  readonly frame: Box;
  readonly nodes: readonly PlacedNode[];
  /** Of each pair of bars the x of its link. */
  readonly tieX: ReadonlyMap<LinkPair, number>;
  readonly numHidden: number;
}

const BAR = { height: 16, gap: 10 };
const PAD = { x: 6, y: 10 };
const TIE = { first: 18, pitch: 14 };
const MAX_BARS = 40;

/** `place.width`: of the names and machines; the frame gets wider where bars are linked with each other. */
export function layoutBand(
  topology: Topology,
  model: LinkModel,
  place: { readonly x: number; readonly y: number; readonly width: number },
): BandLayout {
  const outside = topology.nodes.filter(({ machine }) => machine === null);
  const ordered = orderBars(outside, topology, model);
  const shown = ordered.slice(0, MAX_BARS);
  const ids = new Set(shown.map(({ id }) => id));
  const ties = model.pairs.filter(({ a, b }) => ids.has(a) && ids.has(b));
  const right = place.x + place.width;
  const tieX = new Map(ties.map((pair, index) => [pair, right + TIE.first + index * TIE.pitch]));
  const width = place.width + (ties.length === 0 ? 0 : TIE.first + ties.length * TIE.pitch) + PAD.x;
  const height = shown.length * (BAR.height + BAR.gap) - BAR.gap + 2 * PAD.y;
  const nodes = shown.map((node, index): PlacedNode => {
    const y = place.y + PAD.y + index * (BAR.height + BAR.gap);
    const box = { x: place.x + PAD.x, y, width: width - 2 * PAD.x, height: BAR.height };
    return { ...box, id: node.id, kind: node.kind, machine: null, rank: null, label: node.id, shape: "bar", layer: 0 };
  });
  const frame = { x: place.x, y: place.y, width, height };
  return { frame, nodes, tieX, numHidden: ordered.length - shown.length };
}

/** Bars that machines hang on outside, those that join them in the middle. */
function orderBars(outside: readonly TopologyNode[], { nodes }: Topology, { pairs }: LinkModel): TopologyNode[] {
  const isOutside = new Set(outside.map(({ id }) => id));
  const touches = new Set(nodes.length === outside.length ? isOutside : []);
  for (const { a, b } of pairs) {
    if (isOutside.has(a) === isOutside.has(b)) continue;
    touches.add(isOutside.has(a) ? a : b);
  }
  const leaves = outside.filter(({ id }) => touches.has(id));
  const spines = outside.filter(({ id }) => !touches.has(id));
  const half = Math.ceil(leaves.length / 2);
  return [...leaves.slice(0, half), ...spines, ...leaves.slice(half)];
}
