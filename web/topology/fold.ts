import type { Topology } from "../../plan/topology/topology.ts";
import type { LinkModel } from "./links.ts";
import { localName } from "./machine-layout.ts";

/** Which machines are drawn with all that is in them, which as a small box, and which only as a number. */
export interface Folding {
  readonly open: readonly number[];
  readonly folded: readonly number[];
  readonly rest: readonly number[];
}

/** Machines, and pairs of links inside them, that are drawn in full at most. */
const MAX_OPEN = 8;
const MAX_PAIRS = 1500;
/** Of more than that, as many are drawn in full. */
const NUM_EXAMPLES = 4;
const MAX_FOLDED = 120;

/**
 * All machines open where they are few. Else the first ones, those that differ from most others (an edited link) and
 * those that are asked for; the others folded.
 */
export function foldMachines(topology: Topology, model: LinkModel, asked: ReadonlySet<number>): Folding {
  const machines = machineNumbers(topology);
  if (machines.length <= MAX_OPEN && (model.pairs.length <= MAX_PAIRS || machines.length <= 2)) {
    return { open: machines, folded: [], rest: [] };
  }
  const each = Math.ceil(model.pairs.length / machines.length);
  const numExamples = Math.min(NUM_EXAMPLES, Math.max(1, Math.floor(MAX_PAIRS / each)));
  const odd = new Set(oddMachines(topology, machines).slice(0, MAX_OPEN));
  const isOpen = (machine: number, place: number) => place < numExamples || odd.has(machine) || asked.has(machine);
  const open = machines.filter(isOpen);
  const closed = machines.filter((machine, place) => !isOpen(machine, place));
  const numFolded = closed.length <= MAX_FOLDED ? closed.length : MAX_FOLDED - 1;
  return { open, folded: closed.slice(0, numFolded), rest: closed.slice(numFolded) };
}

/** Numbers of the machines that have ranks or anything else, ascending. */
export function machineNumbers({ nodes }: Topology): number[] {
  return [...new Set(nodes.flatMap(({ machine }) => (machine === null ? [] : [machine])))].sort((a, b) => a - b);
}

/** Machines whose nodes and links are not those of the most usual one. */
function oddMachines({ nodes, links }: Topology, machines: readonly number[]): number[] {
  const machineOf = new Map(nodes.map(({ id, machine }) => [id, machine]));
  const parts = new Map<number, string[]>(machines.map((machine) => [machine, []]));
  for (const node of nodes) {
    if (node.machine !== null) parts.get(node.machine)!.push(`${node.kind} ${localName(node.id)}`);
  }
  for (const { from, to, bytesPerSecond, latencyNs, duplex } of links) {
    const text = `${localName(from)} ${localName(to)} ${bytesPerSecond} ${latencyNs} ${duplex}`;
    for (const machine of new Set([machineOf.get(from), machineOf.get(to)])) {
      if (machine !== null && machine !== undefined) parts.get(machine)!.push(text);
    }
  }
  const counts = new Map<string, number>();
  const signatures = machines.map((machine) => parts.get(machine)!.join("\n"));
  for (const signature of signatures) counts.set(signature, (counts.get(signature) ?? 0) + 1);
  const usual = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best), ["", 0])[0];
  return machines.filter((_, place) => signatures[place] !== usual);
}
