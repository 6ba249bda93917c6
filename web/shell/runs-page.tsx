import { useEffect, useState } from "preact/hooks";
import { connectServer, RunsView, type ServerClient } from "../runs/index.ts";
import type { PlanState } from "../engine/protocol.ts";
import { defaultState } from "../state/explorer-state.ts";
import { ErrorBox } from "./controls.tsx";
import type { Store } from "./store.ts";

/** What a laptop computes in a moment, by the method that was asked for. */
function smallPlan(plan: PlanState["plan"]): PlanState {
  return {
    topology: { ...defaultState.topology, preset: "threads", machines: 1 },
    workload: { tokens: 4096, heads: 8, headDim: 64, dtype: "fp32" },
    plan: { ...plan, ranks: 4 },
  };
}

/** Real runs on the machine that serves the page. */
export function RunsPage({ store }: { readonly store: Store }) {
  const [server, setServer] = useState<ServerClient | null>(null);
  const [bytes, setBytes] = useState<Uint8Array | null>(null);
  const detail = store.detail.value;
  useEffect(() => void connectServer(location).then(setServer), []);
  useEffect(() => {
    let isCurrent = true;
    if (detail === null) return;
    void store.packedSchedule(detail.key).then((packed) => {
      if (isCurrent) setBytes(packed);
    });
    return () => {
      isCurrent = false;
    };
  }, [detail]);
  const dtype = store.state.value.workload.dtype ?? "bf16";
  const why =
    dtype === "fp32"
      ? ""
      : `Runs on this machine compute in fp32, and the workload is ${dtype}: choose fp32 as its type.`;
  const schedule =
    detail === null || bytes === null
      ? null
      : {
          bytes,
          title: `${detail.candidate.method}, ${detail.candidate.transport}, ${detail.ranks.length} ranks`,
          ranks: detail.ranks.length,
          canRun: why === "",
          why,
          topology: detail.topology,
        };
  return (
    <>
      <ErrorBox error={store.fileError.value} />
      {why !== "" && (
        <p class="shell-panel shell-small">
          {why}{" "}
          <button type="button" onClick={() => store.updatePlan(smallPlan(store.state.peek().plan))}>
            Plan a small one for this machine
          </button>
        </p>
      )}
      <RunsView
        server={server}
        schedule={schedule}
        onTrace={(packed, { scheduleHash }) => {
          // A run of an earlier plan has no prediction here; its trace is shown by itself.
          store.predicted.value = detail?.trace.scheduleHash === scheduleHash ? detail.trace : null;
          void store.openFiles([new File([Uint8Array.from(packed)], "measured.toroid-trace")]);
        }}
      />
    </>
  );
}
