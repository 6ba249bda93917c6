import { useEffect, useState } from "preact/hooks";
import { readTrace } from "../../plan/trace/read-trace.ts";
import { connectServer, RunsView, type ServerClient } from "../runs/index.ts";
import { ErrorBox } from "./controls.tsx";
import type { Store } from "./store.ts";
import { theme } from "./theme.ts";

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
        };
  return (
    <>
      <ErrorBox error={store.fileError.value} />
      <RunsView
        server={server}
        schedule={schedule}
        onTrace={(packed) => {
          if (detail !== null) store.predicted.value = detail.trace;
          store.takeTrace(readTrace(packed));
        }}
        theme={theme.value}
      />
    </>
  );
}
