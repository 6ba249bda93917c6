import type { NodeKind } from "../../plan/topology/topology.ts";

/** Coordinates: px of the drawing before zoom, from its top left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedNode extends Box {
  readonly id: string;
  readonly kind: NodeKind;
  /** Null for what belongs to no machine. */
  readonly machine: number | null;
  /** Index of the rank in the topology; null for all else. */
  readonly rank: number | null;
  /** Id without its machine. */
  readonly label: string;
  /** A bar is a switch as wide as all that hangs on it; links may cross it and end on it with a dot. */
  readonly shape: "box" | "bar";
  /** Row inside the machine, −1 for switches above the ranks (which are 0); links inside a row are arcs. */
  readonly layer: number;
}

/** A machine's frame; folded ones are a small box without nodes, which may stand for several. */
export interface PlacedMachine extends Box {
  readonly machines: readonly number[];
  readonly isFolded: boolean;
  readonly numRanks: number;
  /** Drawn with its NICs upwards. */
  readonly isFlipped: boolean;
  /** Beside its name: the switch above the ranks. */
  readonly switches: string;
}

/** A line from node a of the pair to node b; `bend` is the height of its arc in px, negative upwards, 0 for straight. */
export interface PlacedLink {
  readonly pair: number;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly bend: number;
  /** Ends on a bar, drawn as dots. */
  readonly dots: readonly (readonly [x: number, y: number])[];
}

/** All links between a folded machine and the network, as one line. */
export interface PlacedBundle {
  /** Index into `TopologyLayout.machines`. */
  readonly at: number;
  readonly pairs: readonly number[];
  /** Pairs inside the machine. */
  readonly inside: readonly number[];
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface TopologyLayout {
  readonly width: number;
  readonly height: number;
  readonly machines: readonly PlacedMachine[];
  readonly nodes: readonly PlacedNode[];
  readonly links: readonly PlacedLink[];
  readonly bundles: readonly PlacedBundle[];
  /** Frame of the network; null for one machine alone. */
  readonly band: Box | null;
  /** Switches of the network that are too many to draw. */
  readonly numHiddenSwitches: number;
}
