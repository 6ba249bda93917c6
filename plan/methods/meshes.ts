import { UsageError } from "../errors.ts";
import type { Mesh, Method } from "../schedule/schedule.ts";
import type { Workload } from "../workload/workload.ts";

/** Machines and ranks of a machine that one group of ranks spans. */
export interface Extent {
  readonly machines: number;
  readonly ranksPerMachine: number;
}

type Heads = Pick<Workload, "heads" | "kvHeads">;

/** Greatest common divisor of two non-negative integers. */
export function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Divisors of a positive integer, ascending. */
export function divisors(n: number): number[] {
  const found: number[] = [];
  for (let i = 1; i <= n; i++) if (n % i === 0) found.push(i);
  return found;
}

/** Heads that a Ulysses degree must divide: those of Q and of KV. */
function sharedHeads({ heads, kvHeads }: Heads): number {
  return gcd(heads, kvHeads);
}

/** `P_u = N_u·U`. */
export function ulyssesDegree(mesh: Mesh): number {
  return mesh.ulyssesInter * mesh.ulyssesIntra;
}

/** `P_r = N_r·R`. */
export function ringDegree(mesh: Mesh): number {
  return mesh.ringInter * mesh.ringIntra;
}

function meshOf({ machines, ranksPerMachine }: Extent, ulyssesInter: number, ulyssesIntra: number): Mesh {
  return {
    ulyssesInter,
    ringInter: machines / ulyssesInter,
    ulyssesIntra,
    ringIntra: ranksPerMachine / ulyssesIntra,
  };
}

/** What a mesh of TAS or Torus amounts to where it is not Ulysses across machines; null where it is, or for other methods. */
export function meshNote(method: Method, mesh: Mesh): string | null {
  if (method !== "tas" && method !== "torus") return null;
  if (mesh.ulyssesInter > 1) return null;
  return mesh.ringInter > 1
    ? "a Ring across machines: no Ulysses between them"
    : "one machine: Ulysses and Ring inside it, nothing between machines";
}

/** Every mesh that a method allows on an extent, largest Ulysses degree first. */
export function meshesOf(method: Method, extent: Extent, workload: Heads): Mesh[] {
  const shared = sharedHeads(workload);
  const meshes: Mesh[] = [];
  for (const ulyssesInter of divisors(extent.machines).reverse()) {
    for (const ulyssesIntra of divisors(extent.ranksPerMachine).reverse()) {
      const mesh = meshOf(extent, ulyssesInter, ulyssesIntra);
      if (shared % ulyssesDegree(mesh) === 0 && allows(method, mesh, extent)) meshes.push(mesh);
    }
  }
  return meshes.sort((a, b) => ulyssesDegree(b) - ulyssesDegree(a) || b.ulyssesInter - a.ulyssesInter);
}

/** Whether the degrees fit the method's definition (DESIGN "Methods"); heads are not looked at. */
function allows(method: Method, mesh: Mesh, extent: Extent): boolean {
  switch (method) {
    case "ulysses":
      return ringDegree(mesh) === 1;
    case "ring":
      return ulyssesDegree(mesh) === 1;
    case "usp":
      return mesh.ulyssesInter === 1 && extent.ranksPerMachine % mesh.ulyssesIntra === 0;
    default:
      return true;
  }
}

/** The method's own choice: TAS and Torus `N_u = gcd(N, H)`, `U = gcd(M, H/N_u)`; USP the largest `U`. */
export function defaultMesh(method: Method, extent: Extent, workload: Heads): Mesh {
  const shared = sharedHeads(workload);
  if (method === "ulysses")
    return checkedMesh(method, meshOf(extent, extent.machines, extent.ranksPerMachine), extent, workload);
  const ulyssesInter = method === "usp" || method === "ring" ? 1 : gcd(extent.machines, shared);
  const ulyssesIntra = method === "ring" ? 1 : gcd(extent.ranksPerMachine, shared / ulyssesInter);
  return checkedMesh(method, meshOf(extent, ulyssesInter, ulyssesIntra), extent, workload);
}

function checkedMesh(method: Method, mesh: Mesh, extent: Extent, workload: Heads): Mesh {
  requireMesh(method, mesh, extent, workload);
  return mesh;
}

/** The mesh of `--ulysses` and `--ring`: of those with the degree, the one with the largest `N_u`. */
export function meshOfDegrees(
  method: Method,
  extent: Extent,
  workload: Heads,
  degrees: { ulysses?: number; ring?: number },
): Mesh {
  const total = extent.machines * extent.ranksPerMachine;
  const ulysses = degrees.ulysses ?? total / (degrees.ring ?? 1);
  const ring = degrees.ring ?? total / ulysses;
  if (!Number.isInteger(ulysses) || !Number.isInteger(ring) || ulysses * ring !== total) {
    throw new UsageError("infeasible", `Ulysses degree ${ulysses} times Ring degree ${ring} is not ${total} ranks`, {
      hint: `Give degrees whose product is ${total}; the Ulysses degrees that work are ${workingDegrees(method, extent, workload).join(", ")}.`,
    });
  }
  const candidates = divisors(extent.machines)
    .reverse()
    .filter((ulyssesInter) => ulysses % ulyssesInter === 0 && extent.ranksPerMachine % (ulysses / ulyssesInter) === 0)
    .map((ulyssesInter) => meshOf(extent, ulyssesInter, ulysses / ulyssesInter))
    .filter((mesh) => allows(method, mesh, extent));
  const mesh = candidates[0];
  if (!mesh) throw unsuitableDegree(method, ulysses, extent, workload);
  requireMesh(method, mesh, extent, workload);
  return mesh;
}

function workingDegrees(method: Method, extent: Extent, workload: Heads): number[] {
  return [...new Set(meshesOf(method, extent, workload).map(ulyssesDegree))].sort((a, b) => a - b);
}

function unsuitableDegree(method: Method, degree: number, extent: Extent, workload: Heads): UsageError {
  const { heads, kvHeads } = workload;
  const of = heads === kvHeads ? `${heads} heads` : `${heads} heads (${kvHeads} KV heads)`;
  return new UsageError(
    "infeasible",
    `Ulysses degree ${degree} is not possible for ${method} with ${of} on ${extent.machines}×${extent.ranksPerMachine} ranks`,
    { hint: degreesThatWork(method, degree, extent, workload) },
  );
}

/** The nearest degrees of the method, or, where it has none, the nearest that divide the heads and need a Ring. */
function degreesThatWork(method: Method, degree: number, extent: Extent, workload: Heads): string {
  const working = workingDegrees(method, extent, workload);
  if (working.length > 0) return `The nearest that work: ${nearest(working, degree)} (all: ${working.join(", ")}).`;
  const total = extent.machines * extent.ranksPerMachine;
  const dividing = workingDegrees("tas", extent, workload);
  return `${method} needs a degree of ${total}; the nearest that divide the heads are ${nearest(dividing, degree)}, with a Ring: use tas, torus or usp.`;
}

function nearest(degrees: readonly number[], degree: number): string {
  const byDistance = [...degrees].sort((a, b) => Math.abs(a - degree) - Math.abs(b - degree));
  return byDistance
    .slice(0, 2)
    .sort((a, b) => a - b)
    .join(", ");
}

/** Stops with a `UsageError` when the mesh does not fit the extent, the method or the heads. */
export function requireMesh(method: Method, mesh: Mesh, extent: Extent, workload: Heads): void {
  const sizes = Object.values(mesh);
  if (!sizes.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new UsageError("infeasible", `mesh degrees ${sizes.join(",")} are not positive integers`, {
      hint: "Give N_u,N_r,U,R as four positive integers.",
    });
  }
  const { machines, ranksPerMachine } = extent;
  if (mesh.ulyssesInter * mesh.ringInter !== machines || mesh.ulyssesIntra * mesh.ringIntra !== ranksPerMachine) {
    throw new UsageError(
      "infeasible",
      `mesh N_u,N_r,U,R = ${mesh.ulyssesInter},${mesh.ringInter},${mesh.ulyssesIntra},${mesh.ringIntra} does not make ${machines} machines of ${ranksPerMachine} ranks`,
      { hint: `N_u·N_r must be ${machines} and U·R must be ${ranksPerMachine}.` },
    );
  }
  if (!allows(method, mesh, extent) || sharedHeads(workload) % ulyssesDegree(mesh) !== 0)
    throw unsuitableDegree(method, ulyssesDegree(mesh), extent, workload);
}
