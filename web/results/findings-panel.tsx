import { formatCount } from "../../plan/units.ts";
import type { PlanDetail } from "../engine/protocol.ts";

interface FindingsPanelProps {
  readonly detail: PlanDetail | null;
  readonly onOp: (op: number) => void;
}

/** What the checker says of the schedule. */
export function FindingsPanel({ detail, onOp }: FindingsPanelProps) {
  if (detail === null) return <p class="results-note">No plan is shown yet.</p>;
  const { findings, trace } = detail;
  if (findings === null) return <p class="results-note">Being proved…</p>;
  if (findings.length === 0) {
    return (
      <p class="results-proved">
        Proved: {formatCount(trace.op.length)} ops, no finding. Every rank computes its part of attention exactly once,
        whatever the timing; no read meets a write; no signal is lost; it ends.
      </p>
    );
  }
  return (
    <ul class="results-findings">
      {findings.map(({ rule, ops, message }) => (
        <li key={rule + ops.join()}>
          <strong>{rule}</strong> {message}{" "}
          {ops.slice(0, 8).map((op) => (
            <button key={op} type="button" class="results-link" onClick={() => onOp(op)}>
              op {op}
            </button>
          ))}
        </li>
      ))}
    </ul>
  );
}
