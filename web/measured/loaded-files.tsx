import type { Trace } from "../../plan/trace/trace.ts";
import type { ForeignTrace } from "../engine/protocol.ts";
import { countOf } from "./words.ts";

interface LoadedFilesProps {
  readonly predicted: Trace | null;
  readonly measured: Trace | null;
  readonly foreign: ForeignTrace | null;
  readonly onDropFiles: (files: readonly File[]) => void;
  readonly onClear: (which: "predicted" | "measured" | "foreign") => void;
}

/** Which traces are open, what they say of themselves, and where to open others. */
export function LoadedFiles({ predicted, measured, foreign, onDropFiles, onClear }: LoadedFilesProps) {
  return (
    <section class="measured-panel measured-files" aria-label="Traces">
      <TraceLine title="Predicted" trace={predicted} onClear={() => onClear("predicted")} />
      <TraceLine title="Measured" trace={measured} onClear={() => onClear("measured")} />
      {foreign !== null && (
        <p class="measured-file">
          <strong>Other tool</strong>
          <span>
            {foreign.tool}: {countOf(foreign.lane.length, "span")} in {countOf(foreign.laneNames.length, "lane")}
          </span>
          <button type="button" onClick={() => onClear("foreign")} aria-label="Remove the other tool's trace">
            Remove
          </button>
        </p>
      )}
      <label class="measured-open">
        <span>Open traces, or drop them anywhere</span>
        <input
          type="file"
          multiple
          onChange={(event) => {
            onDropFiles([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
      </label>
    </section>
  );
}

interface TraceLineProps {
  readonly title: string;
  readonly trace: Trace | null;
  readonly onClear: () => void;
}

function TraceLine({ title, trace, onClear }: TraceLineProps) {
  return (
    <p class="measured-file">
      <strong>{title}</strong>
      {trace === null ? (
        <span class="measured-note">no trace yet</span>
      ) : (
        <>
          <span>
            {countOf(trace.op.length, "span")} of schedule{" "}
            <code title={trace.scheduleHash}>{trace.scheduleHash.slice(0, 12)}</code>
          </span>
          {trace.emulated && <span class="measured-mark">emulated</span>}
          <span class="measured-note">{trace.notes.join("; ")}</span>
          <button type="button" onClick={onClear} aria-label={`Remove the ${title.toLowerCase()} trace`}>
            Remove
          </button>
        </>
      )}
    </p>
  );
}
