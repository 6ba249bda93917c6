import type { Workload } from "../../plan/workload/workload.ts";
import { type Costs, costsOf } from "./costs.ts";
import type { Figures } from "./figures.ts";
import type { Point } from "./space.ts";
import type { Constants } from "../constants.ts";

/** One launch of a rank in its order: when its data can be there at the best rates, and how long it runs at least. */
interface Step {
  readonly arrivalNs: number;
  readonly computeNs: number;
}

/**
 * A time that no schedule of the point can beat (one pass, ns). A rank's launches run in order; each waits for the bytes
 * that must have come by then at the best rates of the links. Sharing, credits and what two-sided kernels take from
 * compute are left out, so it is admissible: for every launch some rank gets its data no earlier than the mean, and all
 * later launches follow.
 */
export function boundOf(point: Point, workload: Workload, figures: Figures, constants: Constants): number {
  const costs = costsOf(point, workload, figures, constants);
  const steps = point.method === "torus" ? torusSteps(point, costs) : ringSteps(point, costs);
  let left = steps.reduce((sum, { computeNs }) => sum + computeNs, 0);
  let latest = costs.gatherCopyNs + left;
  for (const { arrivalNs, computeNs } of steps) {
    latest = Math.max(latest, arrivalNs + left);
    left -= computeNs;
  }
  return costs.fixedNs + latest + costs.tailNs;
}

/** Ulysses, Ring, USP and TAS: all of Q and a sub-tile of KV, then block after block, sub-tile after sub-tile. */
function ringSteps({ method, mesh, tiles }: Point, costs: Costs): Step[] {
  const steps: Step[] = [];
  const { ringIntra, ringInter } = mesh;
  const ring = ringIntra * ringInter;
  const first = costs.gatherNs(1, 1 / tiles);
  for (let block = 0; block < ring; block++) {
    const outer = Math.floor(block / ringIntra);
    for (let s = 0; s < tiles; s++) {
      const part = (s + 1) / tiles;
      let arrivalNs = first;
      if (block === 0) arrivalNs = costs.gatherNs(1, part);
      else if (method === "tas" && block % ringIntra === 0) arrivalNs = first + costs.outerNs(outer - 1 + part);
      else if (method === "tas") arrivalNs = outer === 0 ? first + costs.hopNs(block - 1 + part) : first;
      else arrivalNs = first + costs.flatNs(block - 1 + part);
      const isLast = block + 1 === ring && s + 1 === tiles;
      if (!isLast) steps.push({ arrivalNs, computeNs: costs.attendNs(tiles, 1) });
      else
        for (let q = 0; q < tiles; q++) steps.push({ arrivalNs, computeNs: costs.attendNs(1, 1) + costs.finalizeNs });
    }
  }
  return steps;
}

/** Torus: the own cell, then what each arrival of the path lets be attended. */
function torusSteps({ mesh, tiles, path }: Point, costs: Costs): Step[] {
  const steps: Step[] = [];
  const ready = costs.gatherNs(1 / tiles, 0);
  const lastK = path.lastIndexOf("K");
  let units = 0;
  let [rows, columns] = [1, 1];
  const attendKeys = (arrival: (s: number) => number, isLast: boolean) => {
    for (let j = 0; j < mesh.ringIntra; j++)
      for (let s = 0; s < tiles; s++)
        steps.push({
          arrivalNs: arrival(j === 0 ? s : 0),
          computeNs: costs.attendNs(isLast ? tiles : rows * tiles, 1),
        });
    if (!isLast) return;
    steps.push({ arrivalNs: 0, computeNs: tiles * costs.finalizeNs });
    for (let i = 0; i < (rows - 1) * tiles; i++)
      steps.push({ arrivalNs: 0, computeNs: costs.attendNs(1, mesh.ringIntra * tiles) + costs.finalizeNs });
  };
  attendKeys((s) => costs.gatherNs(1, (s + 1) / tiles), lastK === -1);
  [...path].forEach((letter, i) => {
    const size = letter === "Q" ? 1 : 2 * costs.kvPerQ;
    const before = units;
    const arrival = (s: number) => ready + costs.pullNs(before + ((s + 1) * size) / tiles);
    units += size;
    if (letter === "K") {
      columns++;
      attendKeys(arrival, i === lastK);
      return;
    }
    rows++;
    const finalizeNs = i > lastK ? costs.finalizeNs : 0;
    for (let s = 0; s < tiles; s++) {
      const computeNs = costs.attendNs(1, columns * mesh.ringIntra * tiles) + finalizeNs;
      steps.push({ arrivalNs: arrival(s), computeNs });
    }
  });
  return steps;
}

/**
 * The same for all paths of a Torus mesh at once. Each KV tile makes one turn, with one row at least; each cell of the
 * grid is attended in such a turn, with some number of rows, or later, with some number of tiles; and the last arrival
 * lets a column or a row of the grid be attended, `N_u` cells at least.
 */
export function boundOfPaths(point: Point, workload: Workload, figures: Figures, constants: Constants): number {
  const costs = costsOf(point, workload, figures, constants);
  const { tiles, mesh } = point;
  const machines = mesh.ulyssesInter * mesh.ringInter;
  const turnLaunches = mesh.ringIntra * tiles;
  const cellNs = leastCellNs(point, costs, machines);
  const attendNs = Math.max(machines * turnLaunches * costs.attendNs(tiles, 1), mesh.ulyssesInter * machines * cellNs);
  const kvUnits = 2 * costs.kvPerQ;
  const units = mesh.ulyssesInter - 1 + (machines - 1) * kvUnits;
  const lastShare = Math.max(1, kvUnits) * (1 - 1 / tiles);
  const arrivalNs = costs.gatherNs(1 / tiles, 0) + costs.pullNs(units - lastShare);
  const latest = Math.max(costs.flopsNs, attendNs, arrivalNs + mesh.ulyssesInter * cellNs);
  return costs.fixedNs + latest + costs.tailNs;
}

/** What one cell of the grid costs at least, whichever launches it is attended in. */
function leastCellNs({ mesh, tiles }: Point, costs: Costs, machines: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let rows = 1; rows <= mesh.ulyssesInter; rows++)
    least = Math.min(least, (mesh.ringIntra * tiles * costs.attendNs(rows * tiles, 1)) / rows);
  for (let columns = 1; columns <= machines; columns++)
    least = Math.min(least, (tiles * costs.attendNs(1, columns * mesh.ringIntra * tiles)) / columns);
  return least;
}
