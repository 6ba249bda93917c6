import { METHODS } from "../../plan/schedule/schedule.ts";
import type { Point } from "../../sim/search/index.ts";
import type { PointKey } from "./explorer-state.ts";

/** A point of the space of plans as text. */
export function pointKey({ method, transport, mesh, tiles, path }: Point): PointKey {
  const { ulyssesInter, ringInter, ulyssesIntra, ringIntra } = mesh;
  return [method, transport, ulyssesInter, ringInter, ulyssesIntra, ringIntra, tiles, path || "-"].join(" ");
}

/** The point that a text means; null where it means none. */
export function parsePointKey(key: PointKey): Point | null {
  const [methodName, transport, ...rest] = key.split(" ");
  const [ulyssesInter = 0, ringInter = 0, ulyssesIntra = 0, ringIntra = 0, tiles = 0] = rest.slice(0, 5).map(Number);
  const method = METHODS.find((name) => name === methodName);
  const path = rest[5];
  const counts = [ulyssesInter, ringInter, ulyssesIntra, ringIntra, tiles];
  if (rest.length !== 6 || path === undefined || !/^(?:-|[QK]+)$/.test(path)) return null;
  if (method === undefined || !(transport === "one-sided" || transport === "two-sided")) return null;
  if (!counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 65_536)) return null;
  const mesh = { ulyssesInter, ringInter, ulyssesIntra, ringIntra };
  return { method, transport, mesh, tiles, path: path === "-" ? "" : path };
}
