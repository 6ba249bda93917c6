import { rankAt } from "../../plan/methods/layout.ts";
import { leavesMemory } from "../../plan/topology/hosts.ts";
import { elementBytes, type Workload } from "../../plan/workload/workload.ts";
import type { Constants } from "../constants.ts";
import type { Machine } from "../machine.ts";
import type { Figures } from "./figures.ts";
import type { Point } from "./space.ts";

/** Called with bytes that one rank of a group sends another in one pass. */
type Send = (source: number, target: number, bytes: number) => void;

/** Bytes of a smallest shard's Q, KV and O for one Ulysses part. */
interface Parts {
  readonly q: number;
  readonly kv: number;
}

/**
 * Calls `send` with what the smallest shards make each rank of a group send to others in one pass, whatever paths and
 * sub-tiles. Nothing under a causal mask, under which some of it may not be needed.
 */
export function forTraffic(point: Point, workload: Workload, send: Send): void {
  if (workload.mask !== "full") return;
  const { mesh } = point;
  const ranks = mesh.ulyssesInter * mesh.ringInter * mesh.ulyssesIntra * mesh.ringIntra;
  const ulysses = mesh.ulyssesInter * mesh.ulyssesIntra;
  const rows = Math.floor(workload.tokens / ranks);
  const perHead = (workload.batch * rows * workload.headDim * elementBytes(workload.dtype)) / ulysses;
  const parts = { q: perHead * workload.heads, kv: 2 * perHead * workload.kvHeads };
  if (rows > 0) (point.method === "torus" ? torusTraffic : ringTraffic)(point, parts, send);
}

/**
 * Time (ns) that the busiest link needs for all bytes of a point, whatever their order: paths and sub-tiles do not change
 * it. From the smallest shard and without overheads, so that it is admissible.
 */
export function linkBoundNs(
  point: Point,
  workload: Workload,
  machine: Machine,
  placement: readonly number[],
  figures: Figures,
  constants: Constants,
): number {
  const { mesh, transport } = point;
  const isOneSided = transport === "one-sided";
  const interEfficiency = isOneSided ? figures.oneSidedEfficiency : 1;
  const intraEfficiency = isOneSided || machine.hosts !== null ? 1 : constants.fabricTwoSidedEfficiency;
  const load = new Float64Array(machine.network.numLinks);
  const perMachine = mesh.ulyssesIntra * mesh.ringIntra;
  forTraffic(point, workload, (source, target, bytes) => {
    const [from, to] = [placement[source]!, placement[target]!];
    const path = machine.path(machine.pathIndex(from, to));
    if (machine.hosts !== null && !leavesMemory(machine.network, from, to, path)) return;
    const crosses = Math.floor(source / perMachine) !== Math.floor(target / perMachine);
    const wire = bytes / (crosses ? interEfficiency : intraEfficiency);
    for (const link of path) load[link]! += wire;
  });
  let busiest = 0;
  for (let link = 0; link < load.length; link++)
    busiest = Math.max(busiest, load[link]! / machine.network.capacity[link]!);
  return busiest * 1e9;
}

/** Calls `use` with the mesh coordinates of every rank. */
function forRanks({ mesh }: Point, use: (g: number, n: number, r: number, u: number, rank: number) => void): void {
  for (let g = 0; g < mesh.ringInter; g++)
    for (let n = 0; n < mesh.ulyssesInter; n++)
      for (let r = 0; r < mesh.ringIntra; r++)
        for (let u = 0; u < mesh.ulyssesIntra; u++) use(g, n, r, u, rankAt(mesh, g, n, r, u));
}

/** Ulysses, Ring, USP and TAS: the all-to-alls, then blocks round the ring. */
function ringTraffic(point: Point, parts: Parts, send: Send): void {
  const { mesh, method } = point;
  const { ulyssesInter, ringInter, ulyssesIntra, ringIntra } = mesh;
  const block = ulyssesInter * ulyssesIntra * parts.kv;
  const ring = ringInter * ringIntra;
  forRanks(point, (g, n, r, u, rank) => {
    for (let otherN = 0; otherN < ulyssesInter; otherN++)
      for (let otherU = 0; otherU < ulyssesIntra; otherU++)
        if (otherN !== n || otherU !== u) send(rank, rankAt(mesh, g, otherN, r, otherU), 2 * parts.q + parts.kv);
    if (method === "tas") {
      if (ringIntra > 1) send(rank, rankAt(mesh, g, n, (r + 1) % ringIntra, u), ringInter * (ringIntra - 1) * block);
      if (ringInter > 1) send(rank, rankAt(mesh, (g + 1) % ringInter, n, r, u), (ringInter - 1) * block);
    } else if (ring > 1) {
      const next = (g * ringIntra + r + 1) % ring;
      send(rank, rankAt(mesh, Math.floor(next / ringIntra), n, next % ringIntra, u), (ring - 1) * block);
    }
  });
}

/** Torus: the all-to-alls inside the machine, pulls of Q and KV, pushes of O, and a turn for each KV tile. */
function torusTraffic(point: Point, parts: Parts, send: Send): void {
  const { mesh } = point;
  const { ulyssesInter, ringInter, ulyssesIntra, ringIntra } = mesh;
  const machines = ulyssesInter * ringInter;
  forRanks(point, (g, n, r, u, rank) => {
    for (let other = 0; other < ulyssesIntra; other++)
      if (other !== u) send(rank, rankAt(mesh, g, n, r, other), ulyssesInter * (2 * parts.q + parts.kv));
    for (let otherG = 0; otherG < ringInter; otherG++) {
      for (let otherN = 0; otherN < ulyssesInter; otherN++) {
        if (otherG === g && otherN === n) continue;
        const other = rankAt(mesh, otherG, otherN, r, u);
        send(rank, other, ulyssesIntra * (parts.kv + (otherG === g ? 2 * parts.q : 0)));
      }
    }
    if (ringIntra > 1)
      send(rank, rankAt(mesh, g, n, (r + 1) % ringIntra, u), machines * (ringIntra - 1) * ulyssesIntra * parts.kv);
  });
}
