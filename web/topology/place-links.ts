import type { PlacedLink, PlacedMachine, PlacedNode } from "./layout-types.ts";
import type { LinkModel, LinkPair } from "./links.ts";
import { arcBend } from "./machine-layout.ts";
import type { BandLayout } from "./network-band.ts";

type Side = "above" | "below";

/** A link between two placed nodes: which of them is higher, or both in one row. */
interface Drawn {
  readonly index: number;
  readonly pair: LinkPair;
  readonly a: PlacedNode;
  readonly b: PlacedNode;
}

/** Lines of all links whose ends are placed. Straight between rows, arcs inside a row; ports do not meet where there is room. */
export function placeLinks(
  { pairs }: LinkModel,
  nodes: readonly PlacedNode[],
  machines: readonly PlacedMachine[],
  band: BandLayout | null,
): PlacedLink[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const flipped = new Set(machines.flatMap((one) => (one.isFlipped ? one.machines : [])));
  const order = rowOrder(nodes);
  const drawn = pairs.flatMap((pair, index): Drawn[] => {
    const [a, b] = [byId.get(pair.a), byId.get(pair.b)];
    return a === undefined || b === undefined ? [] : [{ index, pair, a, b }];
  });
  const ports = choosePorts(drawn, order);
  return drawn.map((link) => {
    const tie = band?.tieX.get(link.pair);
    if (tie !== undefined) return vertical(link, tie);
    if (isSideBySide(link, order)) return horizontal(link);
    if (isOneRow(link)) return arc(link, ports, order, flipped);
    return straight(link, ports);
  });
}

/** Place of each node in its row of its machine, from the left. */
function rowOrder(nodes: readonly PlacedNode[]): ReadonlyMap<PlacedNode, number> {
  const rows = new Map<string, PlacedNode[]>();
  for (const node of nodes) {
    const key = `${node.machine} ${node.layer} ${node.shape}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, [node]);
    else row.push(node);
  }
  const order = new Map<PlacedNode, number>();
  for (const row of rows.values()) {
    for (const [at, node] of row.sort((a, b) => a.x - b.x).entries()) order.set(node, at);
  }
  return order;
}

const center = ({ x, width }: PlacedNode): number => x + width / 2;

function isOneRow({ a, b }: Drawn): boolean {
  return a.machine === b.machine && a.machine !== null && a.layer === b.layer && a.shape === "box" && b.shape === "box";
}

function isSideBySide(link: Drawn, order: ReadonlyMap<PlacedNode, number>): boolean {
  const { a, b } = link;
  return isOneRow(link) && a.layer > 0 && Math.abs(order.get(a)! - order.get(b)!) === 1;
}

/** Key of a side of a node; arcs leave ranks away from the network. */
function sideOf(node: PlacedNode, other: PlacedNode): Side {
  return other.y + other.height / 2 < node.y + node.height / 2 ? "above" : "below";
}

type Ports = (link: Drawn, node: PlacedNode) => number;

/**
 * Links of one side of a node, from left to right by where they go, each at its part of the side. Arcs come in the order
 * that keeps them from crossing at their ends: to the left the nearest first, to the right the nearest last.
 */
function choosePorts(drawn: readonly Drawn[], order: ReadonlyMap<PlacedNode, number>): Ports {
  const sides = new Map<string, { readonly link: Drawn; readonly rank: number }[]>();
  const key = (node: PlacedNode, other: PlacedNode, link: Drawn) =>
    `${node.id}\n${isOneRow(link) ? "arc" : sideOf(node, other)}`;
  for (const link of drawn) {
    for (const [node, other] of [
      [link.a, link.b],
      [link.b, link.a],
    ] as const) {
      if (node.shape === "bar") continue;
      const distance = (order.get(other) ?? 0) - (order.get(node) ?? 0);
      const toBar = other.shape === "bar" ? other.y / 1e4 : 0;
      const rank = isOneRow(link) ? -1 / distance : (other.shape === "bar" ? center(node) : center(other)) + toBar;
      const side = key(node, other, link);
      const list = sides.get(side);
      if (list === undefined) sides.set(side, [{ link, rank }]);
      else list.push({ link, rank });
    }
  }
  const parts = new Map<string, Map<Drawn, number>>();
  for (const [side, list] of sides) {
    list.sort((a, b) => a.rank - b.rank || a.link.index - b.link.index);
    parts.set(side, new Map(list.map(({ link }, at) => [link, (at + 0.5) / list.length])));
  }
  return (link, node) => {
    const other = node === link.a ? link.b : link.a;
    const part = parts.get(key(node, other, link))?.get(link) ?? 0.5;
    return node.x + 4 + part * (node.width - 8);
  };
}

function vertical({ index, a, b }: Drawn, x: number): PlacedLink {
  const [y1, y2] = [a.y + a.height / 2, b.y + b.height / 2];
  return {
    pair: index,
    x1: x,
    y1,
    x2: x,
    y2,
    bend: 0,
    dots: [
      [x, y1],
      [x, y2],
    ],
  };
}

function horizontal({ index, a, b }: Drawn): PlacedLink {
  const isRight = b.x > a.x;
  const y = a.y + a.height / 2;
  return {
    pair: index,
    x1: isRight ? a.x + a.width : a.x,
    y1: y,
    x2: isRight ? b.x : b.x + b.width,
    y2: y,
    bend: 0,
    dots: [],
  };
}

function arc(
  link: Drawn,
  ports: Ports,
  order: ReadonlyMap<PlacedNode, number>,
  flipped: ReadonlySet<number>,
): PlacedLink {
  const { index, a, b } = link;
  const isFlipped = flipped.has(a.machine!);
  // Arcs of ranks go away from the network, all others towards it: there is the room that is kept for them.
  const isUp = a.layer <= 0 !== isFlipped;
  const edge = ({ y, height }: PlacedNode) => (isUp ? y : y + height);
  const distance = Math.abs(order.get(a)! - order.get(b)!);
  const bend = a.layer <= 0 ? arcBend(distance) : Math.min(12 + 4 * distance, 26);
  return {
    pair: index,
    x1: ports(link, a),
    y1: edge(a),
    x2: ports(link, b),
    y2: edge(b),
    bend: isUp ? -bend : bend,
    dots: [],
  };
}

/** Upright wherever the two overlap; the narrower one's port leads. */
function straight(link: Drawn, ports: Ports): PlacedLink {
  const { index, a, b } = link;
  const [leader, other] = a.shape === "bar" || (b.shape !== "bar" && a.width > b.width) ? [b, a] : [a, b];
  const wanted = ports(link, leader);
  const [least, most] = [Math.max(a.x, b.x) + 3, Math.min(a.x + a.width, b.x + b.width) - 3];
  const inside = (x: number, node: PlacedNode) => Math.min(Math.max(x, node.x + 4), node.x + node.width - 4);
  const leaderX = least <= most ? Math.min(Math.max(wanted, least), most) : wanted;
  const otherX = least <= most ? leaderX : inside(leaderX, other);
  const dots: (readonly [number, number])[] = [];
  const endOf = (node: PlacedNode, opposite: PlacedNode) => {
    const x = node === leader ? leaderX : otherX;
    if (node.shape === "bar") dots.push([x, node.y + node.height / 2]);
    const y =
      node.shape === "bar"
        ? node.y + node.height / 2
        : sideOf(node, opposite) === "above"
          ? node.y
          : node.y + node.height;
    return [x, y] as const;
  };
  const [[x1, y1], [x2, y2]] = [endOf(a, b), endOf(b, a)];
  return { pair: index, x1, y1, x2, y2, bend: 0, dots };
}
