import { formatNs } from "../../plan/units.ts";
import type { PlanDetail } from "../engine/protocol.ts";

const WIDTH = 1000;
const HEIGHT = 120;
/** Ranks that are listed one by one beneath the chart. */
const MAX_LISTED = 256;

/** Where each rank's time goes: columns of compute, exposed communication and idle. */
export function RanksPanel({ detail }: { readonly detail: PlanDetail | null }) {
  if (detail === null) return <p class="results-note">No plan is shown yet.</p>;
  const { ranks } = detail;
  const longestNs = ranks.reduce((most, each) => Math.max(most, totalNs(each)), 1);
  const extremes = (pick: (rank: (typeof ranks)[number]) => number) => {
    const values = ranks.map(pick);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return `${formatNs(Math.min(...values))} to ${formatNs(Math.max(...values))}, mean ${formatNs(mean)}`;
  };
  const step = WIDTH / ranks.length;
  const columns = (from: (rank: (typeof ranks)[number]) => number, part: (rank: (typeof ranks)[number]) => number) =>
    ranks
      .map((rank, index) => {
        const y = HEIGHT * (1 - from(rank) / longestNs);
        const height = (HEIGHT * part(rank)) / longestNs;
        return `M${index * step} ${y}h${Math.max(step - (step > 4 ? 2 : 0), 0.5)}v${-height}h${-Math.max(step - (step > 4 ? 2 : 0), 0.5)}z`;
      })
      .join("");
  return (
    <>
      <svg
        class="results-ranks"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Time of ${ranks.length} ranks: compute ${extremes((rank) => rank.computeNs)}`}
      >
        <path
          class="results-compute"
          d={columns(
            () => 0,
            (rank) => rank.computeNs,
          )}
        />
        <path
          class="results-exposed"
          d={columns(
            (rank) => rank.computeNs,
            (rank) => rank.exposedCommunicationNs,
          )}
        />
        <path
          class="results-idle"
          d={columns(
            (rank) => rank.computeNs + rank.exposedCommunicationNs,
            (rank) => rank.idleNs,
          )}
        />
      </svg>
      <dl class="results-facts">
        <dt>compute</dt>
        <dd>{extremes((rank) => rank.computeNs)}</dd>
        <dt>exposed communication</dt>
        <dd>{extremes((rank) => rank.exposedCommunicationNs)}</dd>
        <dt>idle</dt>
        <dd>{extremes((rank) => rank.idleNs)}</dd>
      </dl>
      <details>
        <summary>Rank by rank</summary>
        <table class="results-table">
          <thead>
            <tr>
              {["Rank", "Compute", "Communication", "Exposed", "Idle"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ranks.slice(0, MAX_LISTED).map((rank) => (
              <tr key={rank.rank}>
                <th scope="row">{rank.rank}</th>
                <td>{formatNs(rank.computeNs)}</td>
                <td>{formatNs(rank.communicationNs)}</td>
                <td>{formatNs(rank.exposedCommunicationNs)}</td>
                <td>{formatNs(rank.idleNs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {ranks.length > MAX_LISTED && (
          <p class="results-note">
            The first {MAX_LISTED} of {ranks.length}: `toroid simulate --json` has all.
          </p>
        )}
      </details>
    </>
  );
}

function totalNs({ computeNs, exposedCommunicationNs, idleNs }: PlanDetail["ranks"][number]): number {
  return computeNs + exposedCommunicationNs + idleNs;
}
