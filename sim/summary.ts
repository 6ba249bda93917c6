import type { RankAccounts } from "./rank-accounts.ts";

/** What one rank does (ns): `computeNs + exposedCommunicationNs + idleNs` is the makespan. */
export interface RankSummary {
  readonly rank: number;
  /** Some kernel of the rank runs or is being launched. */
  readonly computeNs: number;
  /** Some transfer from or to the rank is under way: from its issue (its rendezvous) to its end, the signal included. */
  readonly communicationNs: number;
  /** The part of `communicationNs` without any kernel. */
  readonly exposedCommunicationNs: number;
  /** Neither. */
  readonly idleNs: number;
}

/** The summary of each rank over `repeats` passes of `passNs`. */
export function summarizeRanks(accounts: RankAccounts, passNs: number, repeats: number): RankSummary[] {
  return Array.from(accounts.computeNs, (computeNs, rank) => {
    const exposedNs = accounts.exposedNs[rank]!;
    return {
      rank,
      computeNs: computeNs * repeats,
      communicationNs: accounts.communicationNs[rank]! * repeats,
      exposedCommunicationNs: exposedNs * repeats,
      // Rounding of long sums must not make it negative.
      idleNs: Math.max(0, passNs - computeNs - exposedNs) * repeats,
    };
  });
}
