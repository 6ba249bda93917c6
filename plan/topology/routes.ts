import { UsageError } from "../errors.ts";
import type { Network } from "./network.ts";

/** The fixed path of every pair of nodes, found when first asked for and kept. */
export interface Routes {
  /**
   * The directed links from node `source` to node `target` in order; empty where they are the same node. The array
   * is a view: do not write to it. Throws a UsageError (`route`) where there is no path.
   */
  path(source: number, target: number): Int32Array;
  /** As `path`, but null where there is none. */
  find(source: number, target: number): Int32Array | null;
  /** The sum of the path's link latencies, added up from the source. */
  latencyNs(source: number, target: number): number;
}

/**
 * Routes of a network. Of all paths on which no rank forwards, the one with the fewest links; of those the widest
 * bottleneck; then the least latency, compared in whole picoseconds so that sums are exact; then the
 * lexicographically least link indices.
 */
export function createRoutes(network: Network): Routes {
  const search = createSearch(network);
  const store = createStore();
  const { latencyNs } = network;

  function find(source: number, target: number): Int32Array | null {
    const known = store.find(source, target);
    if (known !== undefined) return known;
    const found = search(source, target);
    return found === null ? null : store.add(source, target, found);
  }

  function path(source: number, target: number): Int32Array {
    const found = find(source, target);
    if (found === null) throw noPath(network, source, target);
    return found;
  }
  return {
    path,
    find,
    latencyNs(source, target) {
      let sum = 0;
      for (const link of path(source, target)) sum += latencyNs[link]!;
      return sum;
    },
  };
}

/** One direction of the two-sided breadth-first search: all links that lie on shortest paths from (or to) its root. */
interface Side {
  /** By node: the search that saw it, and at which distance. */
  readonly seen: Int32Array;
  readonly distance: Int32Array;
  readonly nodes: Int32Array;
  /** The frontier is `nodes[frontier … numNodes − 1]`. */
  frontier: number;
  numNodes: number;
  /** Links that lead from one distance to the next, in order of distance. */
  links: Int32Array<ArrayBuffer>;
  numLinks: number;
  /** Links at the frontier: what the next expansion costs. */
  cost: number;
  readonly start: Int32Array;
  readonly incident: Int32Array;
  readonly far: Int32Array;
}

/**
 * Finds one path. Two searches grow level by level, the cheaper one first, until they meet: in a cluster that is in
 * its leaf switches, so that the cost does not grow with the number of machines. The links seen on the way hold all
 * shortest paths; on those the other criteria are decided exactly: first the best bottleneck W, then the latency over
 * links of at least W, then the least indices. (Bottleneck-then-latency labels would not do: the best prefix need not
 * belong to the best path.)
 */
function createSearch(network: Network): (source: number, target: number) => Int32Array | null {
  const { numNodes, forwards, linkFrom, linkTo, capacity } = network;
  const forth = createSide(network, network.outStart, network.outLinks, linkTo);
  const back = createSide(network, network.inStart, network.inLinks, linkFrom);
  const picoseconds = network.latencyNs.map((latency) => Math.round(latency * 1000));
  const inDag = new Int32Array(numNodes);
  const width = new Float64Array(numNodes);
  const latency = new Float64Array(numNodes);
  const next = new Int32Array(numNodes);
  let dag = new Int32Array(64);
  let numDag = 0;
  let numHops = 0;
  let searchIndex = 0;

  return (source, target) => {
    searchIndex++;
    if (source === target) return new Int32Array(0);
    begin(forth, source);
    begin(back, target);
    while (true) {
      if (forth.cost === 0 || back.cost === 0) return null;
      const [side, other] = forth.cost <= back.cost ? [forth, back] : [back, forth];
      if (expand(side, other)) break;
    }
    collectDag();
    return choosePath(source, target);
  };

  function begin(side: Side, root: number): void {
    side.seen[root] = searchIndex;
    side.distance[root] = 0;
    side.nodes[0] = root;
    side.frontier = 0;
    side.numNodes = 1;
    side.numLinks = 0;
    side.cost = side.start[root + 1]! - side.start[root]!;
  }

  /** Grows one side by one level; true if it now touches the other. */
  function expand(side: Side, other: Side): boolean {
    const { seen, distance, nodes, start, incident, far } = side;
    const end = side.numNodes;
    let met = false;
    let cost = 0;
    for (let index = side.frontier; index < end; index++) {
      const node = nodes[index]!;
      const level = distance[node]! + 1;
      for (let at = start[node]!; at < start[node + 1]!; at++) {
        const link = incident[at]!;
        const reached = far[link]!;
        const meets = other.seen[reached] === searchIndex;
        if (forwards[reached] === 0 && !meets) continue;
        if (seen[reached] !== searchIndex) {
          seen[reached] = searchIndex;
          distance[reached] = level;
          nodes[side.numNodes++] = reached;
          cost += start[reached + 1]! - start[reached]!;
          if (meets) numHops = level + other.distance[reached]!;
          met ||= meets;
        }
        if (distance[reached] === level) pushLink(side, link);
      }
    }
    side.frontier = end;
    side.cost = cost;
    return met;
  }

  /** Keeps of both sides' links those between source and target, ordered from source to target. */
  function collectDag(): void {
    numDag = 0;
    for (let index = forth.numNodes - 1; index >= 0; index--) {
      const node = forth.nodes[index]!;
      if (back.seen[node] === searchIndex) enter(node);
    }
    const most = forth.numLinks + back.numLinks;
    if (most > dag.length) dag = new Int32Array(2 * most);
    for (let index = forth.numLinks - 1; index >= 0; index--) {
      const link = forth.links[index]!;
      if (inDag[linkTo[link]!] !== searchIndex) continue;
      enter(linkFrom[link]!);
      dag[numDag++] = link;
    }
    dag.subarray(0, numDag).reverse();
    for (let index = back.numLinks - 1; index >= 0; index--) {
      const link = back.links[index]!;
      if (inDag[linkFrom[link]!] !== searchIndex) continue;
      enter(linkTo[link]!);
      dag[numDag++] = link;
    }
  }

  function enter(node: number): void {
    inDag[node] = searchIndex;
    width[node] = 0;
    latency[node] = Number.POSITIVE_INFINITY;
  }

  function choosePath(source: number, target: number): Int32Array {
    const bottleneck = widestBottleneck(source, target);
    latency[target] = 0;
    for (let index = numDag - 1; index >= 0; index--) {
      const link = dag[index]!;
      if (capacity[link]! < bottleneck) continue;
      const from = linkFrom[link]!;
      const through = latency[linkTo[link]!]! + picoseconds[link]!;
      // All links out of a node come after all links into it, so `latency` of the far end is final here.
      if (through < latency[from]! || (through === latency[from] && link < next[from]!)) {
        latency[from] = through;
        next[from] = link;
      }
    }
    const path = new Int32Array(numHops);
    let node = source;
    for (let hop = 0; hop < numHops; hop++) {
      path[hop] = next[node]!;
      node = linkTo[next[node]!]!;
    }
    return path;
  }

  function widestBottleneck(source: number, target: number): number {
    width[source] = Number.POSITIVE_INFINITY;
    for (let index = 0; index < numDag; index++) {
      const link = dag[index]!;
      const through = Math.min(width[linkFrom[link]!]!, capacity[link]!);
      if (through > width[linkTo[link]!]!) width[linkTo[link]!] = through;
    }
    return width[target]!;
  }
}

function createSide(network: Network, start: Int32Array, incident: Int32Array, far: Int32Array): Side {
  const { numNodes } = network;
  return {
    seen: new Int32Array(numNodes),
    distance: new Int32Array(numNodes),
    nodes: new Int32Array(numNodes),
    frontier: 0,
    numNodes: 0,
    links: new Int32Array(64),
    numLinks: 0,
    cost: 0,
    start,
    incident,
    far,
  };
}

function pushLink(side: Side, link: number): void {
  if (side.numLinks === side.links.length) side.links = grow(side.links);
  side.links[side.numLinks++] = link;
}

function noPath(network: Network, source: number, target: number): UsageError {
  const [from, to] = [network.nodeIds[source], network.nodeIds[target]];
  return new UsageError("route", `expected a path from ${from} to ${to}, found none`, {
    hint: "Add the missing links; ranks do not forward, and a simplex link leads one way only.",
  });
}

/**
 * Paths by pair of nodes: an open-addressing table over one pool of links. A Map of arrays would need several times
 * the memory for the million pairs of 1,024 ranks.
 */
function createStore() {
  let pool = new Int32Array(1024);
  let numPool = 0;
  let table = newTable(1024);
  let numEntries = 0;

  function find(source: number, target: number): Int32Array | undefined {
    const at = slotOf(table, source, target);
    return table.source[at] === 0 ? undefined : pool.subarray(table.start[at], table.start[at]! + table.length[at]!);
  }

  function add(source: number, target: number, path: Int32Array): Int32Array {
    while (numPool + path.length > pool.length) pool = grow(pool);
    pool.set(path, numPool);
    if (2 * ++numEntries > table.source.length) table = rehash(table);
    insert(table, source, target, numPool, path.length);
    numPool += path.length;
    return pool.subarray(numPool - path.length, numPool);
  }
  return { find, add };
}

/** `source` holds node + 1, so that 0 means free. The size is a power of two. */
interface Table {
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly start: Int32Array;
  readonly length: Int32Array;
}

function newTable(size: number): Table {
  const column = () => new Int32Array(size);
  return { source: column(), target: column(), start: column(), length: column() };
}

/** The entry of a pair, or the free one where it belongs. */
function slotOf(table: Table, source: number, target: number): number {
  const mask = table.source.length - 1;
  let hash = Math.imul(source, 0x9e3779b1) ^ Math.imul(target, 0x85ebca6b);
  hash ^= hash >>> 15;
  let at = hash & mask;
  while (table.source[at] !== 0 && (table.source[at] !== source + 1 || table.target[at] !== target)) {
    at = (at + 1) & mask;
  }
  return at;
}

function insert(table: Table, source: number, target: number, start: number, length: number): void {
  const at = slotOf(table, source, target);
  table.source[at] = source + 1;
  table.target[at] = target;
  table.start[at] = start;
  table.length[at] = length;
}

function rehash(old: Table): Table {
  const table = newTable(2 * old.source.length);
  for (let at = 0; at < old.source.length; at++) {
    if (old.source[at] === 0) continue;
    insert(table, old.source[at]! - 1, old.target[at]!, old.start[at]!, old.length[at]!);
  }
  return table;
}

function grow(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}
