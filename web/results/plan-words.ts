import type { Mesh } from "../../plan/schedule/schedule.ts";
import type { Candidate } from "../../sim/search/index.ts";

/** Names of methods as people write them. */
const methodNames: Readonly<Record<Candidate["method"], string>> = {
  ulysses: "Ulysses",
  ring: "Ring",
  usp: "USP",
  tas: "TAS",
  torus: "Torus",
};

export function methodName(method: string): string {
  return methodNames[method as Candidate["method"]] ?? method;
}

/** `4×1×8×1`: `N_u×N_r×U×R`. */
export function meshText({ ulyssesInter, ringInter, ulyssesIntra, ringIntra }: Mesh): string {
  return [ulyssesInter, ringInter, ulyssesIntra, ringIntra].join("×");
}

/** `QQQKKK` as it is; a long one by runs: `7Q 15K`. */
export function pathText(path: string): string {
  if (path.length <= 12) return path;
  return path.replace(/Q+|K+/g, (run) => `${run.length}${run[0]} `).trimEnd();
}

/** `4×1×8×1, 4 sub-tiles, path QQKK`: what tells plans of one method and transport apart. */
export function planText({ mesh, tiles, path }: Pick<Candidate, "mesh" | "tiles" | "path">): string {
  const parts = [meshText(mesh), tiles === 1 ? "whole tiles" : `${tiles} sub-tiles`];
  if (path !== "") parts.push(`path ${pathText(path)}`);
  return parts.join(", ");
}
