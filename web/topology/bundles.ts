import type { Topology } from "../../plan/topology/topology.ts";
import type { Box, PlacedBundle, PlacedMachine } from "./layout-types.ts";
import type { LinkModel } from "./links.ts";

/** One line for all links of a folded machine to the network: out at its side, then in a lane of its own. */
export function placeBundles(
  topology: Topology,
  model: LinkModel,
  machines: readonly PlacedMachine[],
  band: Box,
  lane: number,
): PlacedBundle[] {
  const placeOf = new Map<number, number>();
  for (const [at, { isFolded, machines: members }] of machines.entries()) {
    if (isFolded) for (const machine of members) placeOf.set(machine, at);
  }
  if (placeOf.size === 0) return [];
  const machineOf = new Map(topology.nodes.map(({ id, machine }) => [id, machine]));
  const outwards = new Map<number, number[]>();
  const inside = new Map<number, number[]>();
  for (const [index, { a, b }] of model.pairs.entries()) {
    const [from, to] = [machineOf.get(a) ?? null, machineOf.get(b) ?? null];
    const at = placeOf.get(from ?? to ?? -1);
    if (at === undefined) continue;
    if (from === to) append(inside, at, index);
    else if (from === null || to === null) append(outwards, at, index);
  }
  return [...outwards].map(([at, members]) => {
    return { at, pairs: members, inside: inside.get(at) ?? [], points: route(machines[at]!, band, lane) };
  });
}

function append(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function route({ x, y, height, isFlipped }: PlacedMachine, band: Box, lane: number): PlacedBundle["points"] {
  const edge = isFlipped ? band.y + band.height : band.y;
  const level = Math.round(Math.abs(y + height / 2 - edge) / (height + 10));
  const laneX = x - lane * level - 2;
  return [
    [x, y + height / 2],
    [laneX, y + height / 2],
    [laneX, edge],
  ];
}
