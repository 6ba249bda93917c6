import type { RunRecord } from "../../plan/http/run-api.ts";
import type { ServerClient } from "./client.ts";
import { NoServer } from "./no-server.tsx";
import { RunList } from "./run-list.tsx";
import { describeHardware } from "./run-words.ts";
import type { RunnableSchedule } from "./order.ts";
import { StartForm } from "./start-form.tsx";
import { type RunsError, useRuns } from "./use-runs.ts";
import "./runs.css";

interface RunsViewProps {
  /** Null on a static site. */
  readonly server: ServerClient | null;
  /** The plan that is shown. */
  readonly schedule: RunnableSchedule | null;
  /** Takes a packed trace, to be shown beside the prediction. */
  readonly onTrace: (trace: Uint8Array, record: RunRecord) => void;
}

/** Runs of schedules on the machine that serves the page. */
export function RunsView({ server, schedule, onTrace }: RunsViewProps) {
  return server === null ? <NoServer /> : <ServedRuns server={server} schedule={schedule} onTrace={onTrace} />;
}

type ServedProps = Pick<RunsViewProps, "schedule" | "onTrace"> & { readonly server: ServerClient };

function ServedRuns({ server, schedule, onTrace }: ServedProps) {
  const runs = useRuns(server);
  const hardware = describeHardware(server.status.hardware);
  return (
    <div class="runs-view">
      <StartForm schedule={schedule} maxRanks={server.status.maxRanks} hardware={hardware} onStart={runs.start} />
      <ErrorLine error={runs.error} />
      <RunList
        records={runs.records}
        onEnd={(record) => void runs.end(record)}
        onOpen={(record) => void runs.open(record, onTrace)}
      />
      <p class="visually-hidden" role="status">
        {runs.news}
      </p>
    </div>
  );
}

function ErrorLine({ error }: { readonly error: RunsError | null }) {
  return (
    <div role="alert">
      {error !== null && (
        <p class="runs-error">
          <strong>The server refused:</strong> {error.path === null ? "" : `${error.path}: `}
          {error.message}
          {error.hint !== null && <span class="runs-note"> {error.hint}</span>}
        </p>
      )}
    </div>
  );
}
