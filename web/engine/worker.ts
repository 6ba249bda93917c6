import { UsageError } from "../../plan/errors.ts";
import { compareTraces } from "../../plan/trace/compare.ts";
import { packedSchedule, planDetail, planFindings } from "./detail.ts";
import { explore } from "./explore.ts";
import { type AnswerMessage, buffersOf, type RequestMessage } from "./messages.ts";
import { openFile } from "./open-file.ts";
import type { EngineAnswer, EngineError, EngineRequest } from "./protocol.ts";
import { topologyOf } from "./resolve.ts";
import { computeSweep } from "./sweep.ts";

/** The page's worker: planner, checker and simulator. One request at a time; the page never waits for it. */

/** Between two messages about progress, ms. */
const PROGRESS_MS = 50;

const scope = self as unknown as { postMessage(message: AnswerMessage, transfer: ArrayBuffer[]): void };

addEventListener("message", async ({ data }: MessageEvent<RequestMessage>) => {
  const { id, request } = data;
  try {
    const answer = await answerTo(request, progressOf(id));
    scope.postMessage({ id, type: "answer", answer }, buffersOf(answer));
  } catch (error) {
    scope.postMessage({ id, type: "error", error: describeError(error) }, []);
  }
});

async function answerTo(
  request: EngineRequest,
  onProgress: (done: number, total: number) => void,
): Promise<EngineAnswer> {
  switch (request.kind) {
    case "topology":
      return { kind: "topology", topology: topologyOf(request.topology) };
    case "explore":
      return { kind: "explore", ranking: explore(request, () => performance.now(), onProgress) };
    case "detail":
      return { kind: "detail", detail: planDetail(request.state, request.point) };
    case "proof":
      return { kind: "proof", findings: planFindings(request.state, request.point) };
    case "schedule":
      return { kind: "schedule", bytes: packedSchedule(request.state, request.point) };
    case "sweep":
      return { kind: "sweep", sweep: computeSweep(request.state, request.axis, { topologyOf }, onProgress) };
    case "open":
      return { kind: "open", opened: await openFile(request.name, new Uint8Array(request.bytes)) };
    case "compare":
      return { kind: "compare", comparison: compareTraces(request.predicted, request.measured, { numWorst: 50 }) };
  }
}

function progressOf(id: number): (done: number, total: number) => void {
  let last = 0;
  return (done, total) => {
    const now = performance.now();
    if (now - last < PROGRESS_MS) return;
    last = now;
    scope.postMessage({ id, type: "progress", done, total }, []);
  };
}

function describeError(error: unknown): EngineError {
  if (error instanceof UsageError) {
    const { code, message, path, hint } = error;
    return { code, message, path: path ?? null, hint: hint ?? null };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "internal", message, path: null, hint: "This is a bug of Toroid: please report how you came here." };
}
