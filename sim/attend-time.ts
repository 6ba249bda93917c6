import type { AttendWork } from "../plan/schedule/attend-calls.ts";
import type { AttendFigures } from "../plan/topology/topology.ts";

/**
 * Figures of attention for a head size: between two sizes of the table interpolated; beyond them what grows with the head
 * size (queries, keys, pairs) is scaled by it.
 */
export function attendFiguresAt(table: readonly AttendFigures[], headDim: number): AttendFigures {
  const below = table.findLast((row) => row.headDim <= headDim);
  const above = table.find((row) => row.headDim >= headDim);
  if (below === undefined || above === undefined) return scaled((below ?? above)!, headDim);
  if (below === above) return below;
  const share = (headDim - below.headDim) / (above.headDim - below.headDim);
  const between = (of: (row: AttendFigures) => number) => of(below) + share * (of(above) - of(below));
  return {
    headDim,
    callNs: between((row) => row.callNs),
    queryNs: between((row) => row.queryNs),
    keyNs: between((row) => row.keyNs),
    pairNs: between((row) => row.pairNs),
    firstPairNs: between((row) => row.firstPairNs),
    maskedPairNs: between((row) => row.maskedPairNs),
  };
}

function scaled(row: AttendFigures, headDim: number): AttendFigures {
  const factor = headDim / row.headDim;
  const { queryNs, keyNs, pairNs } = row;
  return { ...row, headDim, queryNs: queryNs * factor, keyNs: keyNs * factor, pairNs: pairNs * factor };
}

/** Time (ns) of work on one core that an op has for itself. */
export function attendWorkNs(work: AttendWork, figures: AttendFigures): number {
  return (
    work.calls * figures.callNs +
    work.queries * figures.queryNs +
    work.keys * figures.keyNs +
    work.pairs * figures.pairNs +
    work.firstPairs * figures.firstPairNs +
    work.maskedPairs * figures.maskedPairNs
  );
}
