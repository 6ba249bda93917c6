import type { RankedCandidate } from "../engine/protocol.ts";
import type { PointKey } from "../state/explorer-state.ts";

/** Bars that stand without asking for more. */
const SHOWN_BEST = 4;

/**
 * The best few, the best of each method and transport, and the chosen one, in the order of the ranking. Of plans that
 * differ in Torus' path only, the best stands for all.
 */
export function shownCandidates(
  candidates: readonly RankedCandidate[],
  chosen: PointKey | null,
): readonly RankedCandidate[] {
  const kinds = new Set<string>();
  const shapes = new Set<string>();
  return candidates.filter(({ method, transport, mesh, tiles, key }) => {
    const kind = `${method} ${transport}`;
    const shape = [kind, ...Object.values(mesh), tiles].join();
    const isNew = !shapes.has(shape);
    const isFirst = !kinds.has(kind);
    kinds.add(kind);
    shapes.add(shape);
    return isFirst || (isNew && shapes.size <= SHOWN_BEST) || key === chosen;
  });
}
