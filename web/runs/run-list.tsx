import type { RunRecord } from "../../plan/http/run-api.ts";
import { formatNs } from "../../plan/units.ts";
import { describeRecord, formatMoment, isUnfinished, numBefore } from "./run-words.ts";

interface RunListProps {
  /** Newest first; null until the server has answered. */
  readonly records: readonly RunRecord[] | null;
  readonly onEnd: (record: RunRecord) => void;
  readonly onOpen: (record: RunRecord) => void;
}

/** All runs of the server, with what can be done about each. */
export function RunList({ records, onEnd, onOpen }: RunListProps) {
  return (
    <section class="runs-panel runs-list" aria-labelledby="runs-list-title">
      <h2 id="runs-list-title">Runs</h2>
      {records === null || records.length === 0 ? (
        <p class="runs-empty">{records === null ? "Asking the server …" : "None yet. Runs are kept until removed."}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <section class="runs-scroll" tabIndex={0} aria-label="List of runs">
          <table class="runs-table">
            <thead>
              <tr>
                <th scope="col">Plan</th>
                <th scope="col">State</th>
                <th scope="col" class="runs-number">
                  Makespan
                </th>
                <th scope="col">Details</th>
                <th scope="col">Ordered</th>
                <th scope="col">
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {records.map((record) => (
                <RunRow
                  key={record.id}
                  record={record}
                  before={numBefore(records, record)}
                  onEnd={onEnd}
                  onOpen={onOpen}
                />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}

type RowProps = Omit<RunListProps, "records"> & { readonly record: RunRecord; readonly before: number };

function RunRow({ record, before, onEnd, onOpen }: RowProps) {
  const { title, state, result, progress, createdAt } = record;
  const end = isUnfinished(record) ? "Cancel" : "Remove";
  const name = `${title}, ordered ${formatMoment(createdAt, Date.now())}`;
  return (
    <tr>
      <th scope="row">
        {title}
        {record.emulated && <span class="runs-tag">emulated links</span>}
      </th>
      <td>
        <span class={`runs-state runs-state-${state}`}>{state}</span>
        {state === "running" && (
          <progress
            class="runs-progress"
            aria-label={`Progress of ${name}`}
            max={progress?.total ?? 1}
            value={progress?.done ?? 0}
          />
        )}
      </td>
      <td class="runs-number">{result === null ? "" : formatNs(result.makespanNs)}</td>
      <td class="runs-details">{describeRecord(record, before)}</td>
      <td>
        <time dateTime={new Date(createdAt).toISOString()}>{formatMoment(createdAt, Date.now())}</time>
      </td>
      <td class="runs-actions">
        {state === "done" && (
          <button type="button" aria-label={`Open the measured trace of ${name}`} onClick={() => onOpen(record)}>
            Open measured
          </button>
        )}
        <button type="button" aria-label={`${end} ${name}`} onClick={() => onEnd(record)}>
          {end}
        </button>
      </td>
    </tr>
  );
}
