import { isRank } from "../../plan/topology/network.ts";
import type { TopologyNode } from "../../plan/topology/topology.ts";
import type { PlacedNode } from "./layout-types.ts";
import { needed, placeApart } from "./place-apart.ts";

/** A machine by itself: its nodes from its own top left corner, the NICs at the bottom. */
export interface MachineLayout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  /** Name of the switch above the ranks, or how many there are; empty for none. */
  readonly switches: string;
}

/** Nodes of one machine, who is linked with whom inside it, and the index of each rank in the topology. */
export interface MachineGraph {
  readonly nodes: readonly TopologyNode[];
  readonly neighbors: ReadonlyMap<string, readonly string[]>;
  readonly rankIndices: ReadonlyMap<string, number>;
}

const PAD = 12;
const CAPTION = 18;
const RANK = { width: 34, height: 24, gap: 12 };
const LOWER = { least: 22, most: 96, height: 20, gap: 6 };
/** Of the ends of arcs on a rank, px. */
const ARC_PITCH = 8;
const BAR = { height: 16, gap: 8 };
const LAYER_GAP = 28;
/** Parents from which on a node joins many. */
const MANY = 3;
/** Ranks from which on they stand in two rows, the second one shifted by half a pitch. */
const STAGGERED_FROM = 25;

interface Span {
  readonly left: number;
  readonly right: number;
}

/**
 * Layers from top to bottom: switches that join ranks only (bars), ranks, then what is one, two, … hops from them. Each
 * node stands below those that it hangs on and gets a part of their width. A pure function; nothing overlaps.
 */
export function layoutMachine(graph: MachineGraph): MachineLayout {
  const ranks = graph.nodes.filter(isRank);
  const tops = findTops(graph);
  const layers = findLayers(graph, tops);
  const isStaggered = ranks.length >= STAGGERED_FROM;
  const arcs = rankArcs(ranks, graph);
  const rankWidth = Math.min(Math.max(RANK.width, arcs.mostOfOne * ARC_PITCH), 90);
  const pitch = isStaggered ? (rankWidth + RANK.gap + 12) / 2 : rankWidth + RANK.gap;
  const ranksWidth = (ranks.length - 1) * pitch + rankWidth;
  const least = layers.map((layer) =>
    needed(
      layer.map(() => LOWER.least),
      LOWER.gap,
    ),
  );
  const inner = Math.max(ranksWidth, 120, ...least);
  const spans = new Map<string, Span>();
  const first = PAD + (inner - ranksWidth) / 2;
  const placed: PlacedNode[] = [];
  let y = CAPTION + PAD;
  for (const node of tops) {
    placed.push(place(node, { x: PAD, y, width: inner, height: BAR.height }, "bar", -1, graph));
    y += BAR.height + BAR.gap;
  }
  if (tops.length > 0) y += LAYER_GAP - BAR.gap - 4;
  y += arcs.longest === 0 ? 0 : 0.75 * arcBend(arcs.longest) + 6;
  for (const [index, node] of ranks.entries()) {
    const row = isStaggered ? index % 2 : 0;
    const box = { x: first + index * pitch, y: y + row * (RANK.height + 12), width: rankWidth, height: RANK.height };
    const share = isStaggered ? (pitch - LOWER.gap) / 2 : rankWidth / 2;
    spans.set(node.id, { left: box.x + rankWidth / 2 - share, right: box.x + rankWidth / 2 + share });
    placed.push(place(node, box, "box", 0, graph));
  }
  y += RANK.height + (isStaggered ? RANK.height + 12 : 0);
  for (const [index, layer] of layers.entries()) {
    y += LAYER_GAP;
    const row = placeLayer(layer, { graph, spans, inner, y, layer: index + 1 });
    placed.push(...row);
    y += LOWER.height + (hasDistantLinks(row, graph) ? 22 : 0);
  }
  const switches = tops.length > 1 ? `${tops.length} switches` : tops.map(({ id }) => localName(id)).join();
  return { width: inner + 2 * PAD, height: y + PAD, nodes: placed, switches };
}

/** Arcs between ranks of a mesh rise above them, the longer the higher. */
export function arcBend(distance: number): number {
  return 8 + 18 * Math.min(distance, 16);
}

/** Links from rank to rank: places between their ends at most, and how many a rank has at most. */
function rankArcs(ranks: readonly TopologyNode[], { neighbors }: MachineGraph): { longest: number; mostOfOne: number } {
  const order = new Map(ranks.map(({ id }, index) => [id, index]));
  let [longest, mostOfOne] = [0, 0];
  for (const [index, { id }] of ranks.entries()) {
    const others = (neighbors.get(id) ?? []).filter((other) => order.has(other));
    mostOfOne = Math.max(mostOfOne, others.length);
    for (const other of others) longest = Math.max(longest, order.get(other)! - index);
  }
  return { longest, mostOfOne };
}

/** Switches whose neighbors inside the machine are all ranks, or switches of that sort. */
function findTops({ nodes, neighbors }: MachineGraph): readonly TopologyNode[] {
  const isRankId = new Set(nodes.filter(isRank).map(({ id }) => id));
  let tops = nodes.filter(({ kind }) => kind === "switch");
  for (;;) {
    const ids = new Set(tops.map(({ id }) => id));
    const kept = tops.filter(({ id }) =>
      (neighbors.get(id) ?? []).every((other) => isRankId.has(other) || ids.has(other)),
    );
    if (kept.length === tops.length) return tops;
    tops = kept;
  }
}

/** Nodes by hops from the ranks, those that none reaches last. */
function findLayers({ nodes, neighbors }: MachineGraph, tops: readonly TopologyNode[]): readonly TopologyNode[][] {
  const depth = new Map(nodes.filter(isRank).map(({ id }) => [id, 0]));
  const isTop = new Set(tops.map(({ id }) => id));
  const queue = [...depth.keys()];
  for (const id of queue) {
    for (const other of neighbors.get(id) ?? []) {
      if (depth.has(other) || isTop.has(other)) continue;
      depth.set(other, depth.get(id)! + 1);
      queue.push(other);
    }
  }
  const layers: TopologyNode[][] = [];
  const rest: TopologyNode[] = [];
  for (const node of nodes) {
    if (isRank(node) || isTop.has(node.id)) continue;
    const at = depth.get(node.id);
    if (at === undefined) rest.push(node);
    else (layers[at - 1] ??= []).push(node);
  }
  return rest.length > 0 ? [...layers, rest] : layers;
}

interface LayerPlace {
  readonly graph: MachineGraph;
  /** Of the nodes above; those of the layer are added. */
  readonly spans: Map<string, Span>;
  readonly inner: number;
  readonly y: number;
  readonly layer: number;
}

/** A node's wish: the hull of its parents' parts that fall to it. Several below one parent share its width in order. */
function placeLayer(
  layer: readonly TopologyNode[],
  { graph, spans, inner, y, layer: index }: LayerPlace,
): PlacedNode[] {
  const parents = (id: string) => (graph.neighbors.get(id) ?? []).filter((other) => spans.has(other));
  const children = new Map<string, string[]>();
  for (const { id } of layer) {
    // What joins many takes no part of their width from what hangs on one of them.
    if (parents(id).length >= MANY) continue;
    for (const parent of parents(id)) children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  const wishes = layer.map((node, order) => {
    const above = parents(node.id);
    const parts = above.map((parent) => {
      const span = spans.get(parent)!;
      return above.length >= MANY ? span : partOf(span, children.get(parent)!, node.id);
    });
    const left = parts.reduce((least, part) => Math.min(least, part.left), Number.POSITIVE_INFINITY);
    const right = parts.reduce((most, part) => Math.max(most, part.right), Number.NEGATIVE_INFINITY);
    const isFree = above.length === 0;
    const ideal = isFree ? LOWER.most : above.length > 1 ? right - left : Math.min(right - left, LOWER.most);
    return {
      node,
      order,
      center: isFree ? PAD + inner / 2 : (left + right) / 2,
      isJoining: above.length >= MANY,
      width: Math.max(ideal, LOWER.least),
    };
  });
  wishes.sort((a, b) => a.center - b.center || a.order - b.order);
  const widths = shrink(wishes, inner);
  const lefts = placeApart(
    wishes.map(({ center }) => center - PAD),
    widths,
    LOWER.gap,
    inner,
  );
  return wishes.map(({ node }, at) => {
    const box = { x: PAD + lefts[at]!, y, width: widths[at]!, height: LOWER.height };
    spans.set(node.id, { left: box.x, right: box.x + box.width });
    return place(node, box, "box", index, graph);
  });
}

/** Widths that fit: where there is too little room, what joins many gives way first, then all alike, down to the least. */
function shrink(wishes: readonly { readonly width: number; readonly isJoining: boolean }[], inner: number): number[] {
  const wanted = wishes.map(({ width }) => width);
  if (needed(wanted, LOWER.gap) <= inner) return wanted;
  const room = inner - LOWER.gap * (wishes.length - 1) - LOWER.least * wishes.length;
  const others = wishes.reduce((sum, { width, isJoining }) => sum + (isJoining ? 0 : width - LOWER.least), 0);
  const numJoining = wishes.filter(({ isJoining }) => isJoining).length;
  const left = LOWER.least + Math.max(0, room - others) / Math.max(1, numJoining);
  const narrowed = wishes.map(({ width, isJoining }) => (isJoining ? Math.min(width, left) : width));
  const excess = narrowed.reduce((sum, width) => sum + width - LOWER.least, 0);
  const part = Math.min(1, Math.max(0, room) / Math.max(excess, 1));
  return narrowed.map((width) => LOWER.least + (width - LOWER.least) * part);
}

function partOf({ left, right }: Span, children: readonly string[], id: string): Span {
  const each = (right - left + LOWER.gap) / children.length;
  const start = left + children.indexOf(id) * each;
  return { left: start, right: start + each - LOWER.gap };
}

/** Links between boxes of one row that are not side by side run below it. */
function hasDistantLinks(row: readonly PlacedNode[], { neighbors }: MachineGraph): boolean {
  const order = new Map(row.map(({ id }, at) => [id, at]));
  return row.some(({ id }, at) => (neighbors.get(id) ?? []).some((other) => (order.get(other) ?? at) - at > 1));
}

function place(
  node: TopologyNode,
  box: Pick<PlacedNode, "x" | "y" | "width" | "height">,
  shape: PlacedNode["shape"],
  layer: number,
  { rankIndices }: MachineGraph,
): PlacedNode {
  const { id, kind, machine } = node;
  return { ...box, id, kind, machine, rank: rankIndices.get(id) ?? null, label: localName(id), shape, layer };
}

/** `m3/gpu0` is `gpu0`. */
export function localName(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}
