import type { PlanDetail, RankedCandidate, Ranking } from "../engine/protocol.ts";
import type { PointKey } from "../state/explorer-state.ts";
import { methodName, planText } from "../results/plan-words.ts";
import { parsePointKey } from "../state/point-key.ts";

/** How many plans may stand beside each other. */
export const LEAST_COMPARED = 2;
export const MOST_COMPARED = 6;

/** The plans to show: those that were chosen, or the best of each method, best first. */
export function shownKeys(compared: readonly PointKey[], candidates: readonly RankedCandidate[]): readonly PointKey[] {
  return compared.length > 0 ? compared.slice(0, MOST_COMPARED) : bestOfEach(candidates).map(({ key }) => key);
}

/** The first of each method; candidates stand best first. */
export function bestOfEach(candidates: readonly RankedCandidate[]): readonly RankedCandidate[] {
  const best = new Map<string, RankedCandidate>();
  for (const candidate of candidates) if (!best.has(candidate.method)) best.set(candidate.method, candidate);
  return [...best.values()];
}

/** Candidates that are not shown, by method, methods in the order of their best. */
export function addable(
  candidates: readonly RankedCandidate[],
  shown: readonly PointKey[],
): readonly (readonly [method: string, candidates: readonly RankedCandidate[]])[] {
  const groups = new Map<string, RankedCandidate[]>();
  for (const candidate of candidates) {
    if (shown.includes(candidate.key)) continue;
    const group = groups.get(candidate.method) ?? [];
    group.push(candidate);
    groups.set(candidate.method, group);
  }
  return [...groups];
}

/** A plan that is shown. What is not known yet, or no longer, is null. */
export interface ComparedRow {
  readonly key: PointKey;
  readonly method: string;
  /** Transport, mesh, sub-tiles, path. */
  readonly plan: string;
  readonly candidate: RankedCandidate | null;
  /** Share above the least makespan of those shown: 0 for the best. */
  readonly aboveBest: number | null;
  /** Bytes that the busiest machine sends to other machines in a pass. */
  readonly interMachineBytes: number | null;
  /** For the timeline; null where it is not there yet. */
  readonly detail: PlanDetail | null;
  /** The detail is of the plan before a change, and a newer one is on its way. */
  readonly isOld: boolean;
}

export function comparedRows(
  keys: readonly PointKey[],
  ranking: Ranking | null,
  details: ReadonlyMap<PointKey, PlanDetail>,
): readonly ComparedRow[] {
  const ranked = new Map((ranking?.candidates ?? []).map((candidate) => [candidate.key, candidate]));
  const found = keys.map((key) => ranked.get(key) ?? details.get(key)?.candidate ?? null);
  const best = Math.min(...found.flatMap((candidate) => (candidate === null ? [] : [candidate.makespanNs])));
  return keys.map((key, i) => {
    const candidate = found[i]!;
    const detail = details.get(key);
    return {
      key,
      method: methodOfKey(key),
      plan: describeKey(key),
      candidate,
      aboveBest: candidate === null ? null : candidate.makespanNs / best - 1,
      interMachineBytes: detail === undefined ? null : interMachineBytes(detail),
      detail: detail ?? null,
      isOld:
        detail !== undefined && candidate !== null && Math.abs(detail.makespanNs / candidate.makespanNs - 1) > 1e-9,
    };
  });
}

/** `one-sided, 4×1×2×4, 4 sub-tiles, path QKQK` of a key, mesh as N_u×N_r×U×R; the key where it means no plan. */
export function describeKey(key: PointKey): string {
  const point = parsePointKey(key);
  return point === null ? key : `${point.transport}, ${planText(point)}`;
}

/** The method that a key begins with. */
export function methodOfKey(key: PointKey): string {
  return key.split(" ", 1)[0]!;
}

/** The same with the method's name before it. */
export function nameOfKey(key: PointKey): string {
  return `${methodName(methodOfKey(key))}, ${describeKey(key)}`;
}

/** Bytes that the busiest machine sends to others in a pass. */
export function interMachineBytes({ matrix, ranks, trace }: Pick<PlanDetail, "matrix" | "ranks" | "trace">): number {
  const count = ranks.length;
  const machineOf = (rank: number) => Math.floor(rank / trace.ranksPerMachine);
  const sent = new Float64Array(machineOf(count - 1) + 1);
  for (let from = 0; from < count; from++)
    for (let to = 0; to < count; to++)
      if (machineOf(from) !== machineOf(to)) sent[machineOf(from)]! += matrix[from * count + to]!;
  return sent.reduce((most, bytes) => Math.max(most, bytes), 0);
}

/** End of the shared axis, ns: the longest pass of those that are there. */
export function sharedEndNs(details: readonly PlanDetail[]): number {
  return details.reduce((most, { passNs }) => Math.max(most, passNs), 0);
}
