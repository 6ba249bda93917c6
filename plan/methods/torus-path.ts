import { UsageError } from "../errors.ts";
import type { Mesh } from "../schedule/schedule.ts";

/** One arrival on Torus' grid: Q tile `index` in 1…N_u−1, or KV tile `index` in 1…N−1. */
export interface Arrival {
  readonly tensor: "Q" | "KV";
  readonly index: number;
}

/** Q arrivals and KV arrivals of a mesh. */
export function arrivalsOf(mesh: Mesh): { q: number; kv: number } {
  return { q: mesh.ulyssesInter - 1, kv: mesh.ulyssesInter * mesh.ringInter - 1 };
}

/** The paper's order (StreamFusion, Torus attention): Pull Q, then Pull KV. */
export function paperPath(mesh: Mesh): string {
  const { q, kv } = arrivalsOf(mesh);
  return "Q".repeat(q) + "K".repeat(kv);
}

/** `paper`, or any order of the mesh's Q and K arrivals: a letter each, or runs as they are printed (`7Q 15K`). */
export function parsePath(text: string, mesh: Mesh): string {
  if (text === "paper") return paperPath(mesh);
  const { q, kv } = arrivalsOf(mesh);
  const path = text
    .toUpperCase()
    .replace(/(\d{1,4})([QK])\s*/g, (_, length: string, letter: string) => letter.repeat(Number(length)));
  const count = (letter: string) => path.split(letter).length - 1;
  if (/^[QK]*$/.test(path) && count("Q") === q && count("K") === kv) return path;
  if (!/^[QK]*$/.test(path)) {
    throw new UsageError("usage", `path ${text.slice(0, 80)} has other letters than Q and K`, {
      path: "--path",
      hint: `Use paper, search, letters such as ${paperPath(mesh).slice(0, 40) || "K"}, or runs such as 3Q 2K.`,
    });
  }
  throw new UsageError("infeasible", `path ${text || "(empty)"} has not ${q} Q and ${kv} K arrivals`, {
    hint: `This mesh takes ${q} times Q and ${kv} times K in any order, for example ${paperPath(mesh) || "an empty path"}; or paper.`,
  });
}

/** The arrivals of a path, each tensor's in turn. */
export function arrivalsOfPath(path: string): Arrival[] {
  let q = 0;
  let kv = 0;
  return [...path].map((letter) =>
    letter === "Q" ? { tensor: "Q" as const, index: ++q } : { tensor: "KV" as const, index: ++kv },
  );
}

/** Number of monotone paths of a mesh, `C(N_u−1+N−1, N_u−1)`. */
export function countPaths(mesh: Mesh): number {
  const { q, kv } = arrivalsOf(mesh);
  let count = 1;
  for (let i = 1; i <= q; i++) count = (count * (kv + i)) / i;
  return Math.round(count);
}

/** All monotone paths of a mesh, the paper's first. */
export function allPaths(mesh: Mesh): string[] {
  const { q, kv } = arrivalsOf(mesh);
  const paths: string[] = [];
  const extend = (prefix: string, qLeft: number, kvLeft: number): void => {
    if (qLeft === 0 && kvLeft === 0) paths.push(prefix);
    if (qLeft > 0) extend(`${prefix}Q`, qLeft - 1, kvLeft);
    if (kvLeft > 0) extend(`${prefix}K`, qLeft, kvLeft - 1);
  };
  extend("", q, kv);
  return paths;
}
