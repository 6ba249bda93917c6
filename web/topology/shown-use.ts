import type { PlanDetail } from "../engine/protocol.ts";
import type { LinkModel } from "./links.ts";
import { linkName } from "./links.ts";
import { meanUse, type UseIndex, useAt } from "./utilization.ts";

/** Where a plan's links are among those that are drawn: a plan may be of the topology as it was a moment ago. */
export interface UseMap {
  /** By link of the plan: index into `LinkModel.links`, −1 where it no longer exists. */
  readonly target: Int32Array;
  /** Share that a link of the plan has in the capacity of the drawn one. */
  readonly share: Float64Array;
  readonly count: number;
}

export function mapUse(detail: PlanDetail, model: LinkModel): UseMap {
  const target = Int32Array.from(detail.links, ({ from, to }) => model.indices.get(linkName(from, to)) ?? -1);
  const capacity = new Float64Array(model.links.length);
  for (const [link, { bytesPerSecond }] of detail.links.entries()) {
    if (target[link]! >= 0) capacity[target[link]!]! += bytesPerSecond;
  }
  const share = Float64Array.from(detail.links, ({ bytesPerSecond }, link) =>
    target[link]! < 0 ? 0 : bytesPerSecond / capacity[target[link]!]!,
  );
  return { target, share, count: model.links.length };
}

/** Utilization by drawn directed link: at a time, or the mean over the pass where there is none. */
export function shownUse(detail: PlanDetail, index: UseIndex, map: UseMap, cursorNs: number | null): Float64Array {
  const use = new Float64Array(map.count);
  const add = (link: number, value: number) => {
    if (map.target[link]! >= 0) use[map.target[link]!]! += value * map.share[link]!;
  };
  if (cursorNs === null) for (const [link, value] of meanUse(detail).entries()) add(link, value);
  else for (const [link, value] of useAt(index, cursorNs)) add(link, value);
  return use;
}

/** Bytes that load each drawn directed link in a pass. */
export function shownBytes({ links }: PlanDetail, { target, count }: UseMap): Float64Array {
  const bytes = new Float64Array(count);
  for (const [link, one] of links.entries()) if (target[link]! >= 0) bytes[target[link]!]! += one.bytes;
  return bytes;
}
