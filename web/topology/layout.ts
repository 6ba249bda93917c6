import { isRank } from "../../plan/topology/network.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { type Folding, foldMachines } from "./fold.ts";
import type { PlacedMachine, PlacedNode, TopologyLayout } from "./layout-types.ts";
import type { LinkModel } from "./links.ts";
import { layoutMachine, type MachineGraph, type MachineLayout } from "./machine-layout.ts";
import { layoutBand, type BandLayout } from "./network-band.ts";
import { placeBundles } from "./bundles.ts";
import { placeLinks } from "./place-links.ts";

const MARGIN = 16;
const GAP = 24;
/** Between machines and the network. */
const BAND_GAP = 40;
/** Left of the first machine, for the names of the network's switches. */
const NAME_WIDTH = 84;
/** Two machines stand beside each other up to this width together, px; wider ones above each other. */
const MOST_ONE_ROW = 1200;
const GLYPH = { width: 120, height: 30, gapY: 10, lane: 6 };

/**
 * Where everything stands: machines in two rows (in one where they are one or two), the network between the rows, its
 * switches as bars over the whole width. Depends on nothing but its arguments; link figures only say which machines are
 * unlike the others. `asked`: machines to draw in full although there are many.
 */
export function layoutTopology(
  topology: Topology,
  model: LinkModel,
  asked: ReadonlySet<number> = new Set(),
): TopologyLayout {
  const folding = foldMachines(topology, model, asked);
  const graphs = machineGraphs(topology, model, folding.open);
  const layouts = folding.open.map((machine) => layoutMachine(graphs.get(machine)!));
  const hasOutside = topology.nodes.some(({ machine }) => machine === null);
  const cells = splitRows(folding, layouts, countRanks(topology));
  const [top, bottom] = cells;
  const x = MARGIN + (hasOutside ? NAME_WIDTH : 0);
  const machinesWidth = Math.max(rowWidth(top), rowWidth(bottom));
  const topHeight = rowHeight(top);
  const band: BandLayout | null = hasOutside
    ? layoutBand(topology, model, { x: MARGIN, y: MARGIN + topHeight + BAND_GAP, width: x - MARGIN + machinesWidth })
    : null;
  const below = band === null ? MARGIN + topHeight + GAP : band.frame.y + band.frame.height + BAND_GAP;
  const machines: PlacedMachine[] = [];
  const nodes: PlacedNode[] = [...(band?.nodes ?? [])];
  placeRow(top, { x, y: MARGIN, height: topHeight, isFlipped: false }, machines, nodes);
  placeRow(bottom, { x, y: below, height: rowHeight(bottom), isFlipped: true }, machines, nodes);
  const hasBottom = rowHeight(bottom) > 0;
  return {
    width: Math.max(x + machinesWidth, band === null ? 0 : band.frame.x + band.frame.width) + MARGIN,
    height: (hasBottom ? below + rowHeight(bottom) : band === null ? MARGIN + topHeight : below - BAND_GAP) + MARGIN,
    machines,
    nodes,
    links: placeLinks(model, nodes, machines, band),
    bundles: band === null ? [] : placeBundles(topology, model, machines, band.frame, GLYPH.lane),
    band: band?.frame ?? null,
    numHiddenSwitches: band?.numHidden ?? 0,
  };
}

/** A row of machines: those in full, then columns of folded ones. */
interface Row {
  readonly open: readonly { readonly machine: number; readonly layout: MachineLayout }[];
  readonly folded: readonly { readonly machines: readonly number[]; readonly numRanks: number }[];
  /** Folded ones that stand above each other. */
  readonly perColumn: number;
}

function splitRows(
  { open, folded, rest }: Folding,
  layouts: readonly MachineLayout[],
  ranks: ReadonlyMap<number, number>,
): [Row, Row] {
  const full = open.map((machine, at) => ({ machine, layout: layouts[at]! }));
  const sum = (machines: readonly number[]) => machines.reduce((total, one) => total + (ranks.get(one) ?? 0), 0);
  const glyphs = folded.map((machine) => ({ machines: [machine], numRanks: sum([machine]) }));
  if (rest.length > 0) glyphs.push({ machines: [...rest], numRanks: sum(rest) });
  const count = open.length + glyphs.length;
  const width = layouts.reduce((total, layout) => total + layout.width, 0);
  const isOneRow = count === 1 || (count === 2 && width <= MOST_ONE_ROW);
  const half = (count: number) => (isOneRow ? count : Math.ceil(count / 2));
  const tallest = layouts.reduce((most, { height }) => Math.max(most, height), 0);
  const perColumn = Math.max(3, Math.floor((tallest + GLYPH.gapY) / (GLYPH.height + GLYPH.gapY)));
  const row = (from: readonly [number, number], to: readonly [number, number]): Row => ({
    open: full.slice(from[0], to[0]),
    folded: glyphs.slice(from[1], to[1]),
    perColumn,
  });
  const middle = [half(full.length), half(glyphs.length)] as const;
  return [row([0, 0], middle), row(middle, [full.length, glyphs.length])];
}

const glyphPitch = (perColumn: number): number => GLYPH.width + 8 + GLYPH.lane * (perColumn + 1);

function rowWidth({ open, folded, perColumn }: Row): number {
  const columns = Math.ceil(folded.length / perColumn);
  const widths = [...open.map(({ layout }) => layout.width), ...Array(columns).fill(glyphPitch(perColumn) - GAP)];
  return widths.reduce((sum, width) => sum + width + GAP, -GAP);
}

function rowHeight({ open, folded, perColumn }: Row): number {
  const glyphs = Math.min(folded.length, perColumn);
  const heights = open.map(({ layout }) => layout.height);
  return Math.max(0, ...heights, glyphs * (GLYPH.height + GLYPH.gapY) - GLYPH.gapY);
}

interface RowPlace {
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly isFlipped: boolean;
}

/** Machines of the upper row stand on its lower edge and those of the lower row hang from its upper one: near the network. */
function placeRow(row: Row, place: RowPlace, machines: PlacedMachine[], nodes: PlacedNode[]): void {
  let { x } = place;
  const { y, height, isFlipped } = place;
  for (const { machine, layout } of row.open) {
    const top = isFlipped ? y : y + height - layout.height;
    const numRanks = layout.nodes.filter(({ rank }) => rank !== null).length;
    const { width, switches } = layout;
    machines.push({
      x,
      y: top,
      width,
      height: layout.height,
      machines: [machine],
      isFolded: false,
      numRanks,
      isFlipped,
      switches,
    });
    for (const node of layout.nodes) {
      const nodeY = isFlipped ? layout.height - node.y - node.height : node.y;
      nodes.push({ ...node, x: x + node.x, y: top + nodeY });
    }
    x += width + GAP;
  }
  const pitch = glyphPitch(row.perColumn);
  for (const [index, glyph] of row.folded.entries()) {
    const [column, level] = [Math.floor(index / row.perColumn), index % row.perColumn];
    const step = level * (GLYPH.height + GLYPH.gapY);
    const top = isFlipped ? y + step : y + height - GLYPH.height - step;
    const left = x + column * pitch + pitch - GLYPH.width - 8;
    machines.push({
      x: left,
      y: top,
      width: GLYPH.width,
      height: GLYPH.height,
      ...glyph,
      isFolded: true,
      isFlipped,
      switches: "",
    });
  }
}

function countRanks({ nodes }: Topology): Map<number, number> {
  const counts = new Map<number, number>();
  for (const node of nodes) {
    if (isRank(node) && node.machine !== null) counts.set(node.machine, (counts.get(node.machine) ?? 0) + 1);
  }
  return counts;
}

function machineGraphs(
  { nodes }: Topology,
  { pairs }: LinkModel,
  open: readonly number[],
): ReadonlyMap<number, MachineGraph> {
  const graphs = new Map(
    open.map((machine) => [
      machine,
      { nodes: [] as (typeof nodes)[number][], neighbors: new Map<string, string[]>(), rankIndices: new Map() },
    ]),
  );
  const machineOf = new Map<string, number | null>();
  let rank = 0;
  for (const node of nodes) {
    machineOf.set(node.id, node.machine);
    const graph = node.machine === null ? undefined : graphs.get(node.machine);
    if (graph !== undefined) {
      graph.nodes.push(node);
      graph.neighbors.set(node.id, []);
      if (isRank(node)) graph.rankIndices.set(node.id, rank);
    }
    if (isRank(node)) rank++;
  }
  for (const { a, b } of pairs) {
    const machine = machineOf.get(a);
    if (machine === null || machine === undefined || machine !== machineOf.get(b)) continue;
    const graph = graphs.get(machine);
    graph?.neighbors.get(a)?.push(b);
    graph?.neighbors.get(b)?.push(a);
  }
  return graphs;
}
