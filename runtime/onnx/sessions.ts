import type { InferenceSession } from "onnxruntime-node";
import { loadOnnxruntime } from "./load-onnxruntime.ts";
import type { NamedModel } from "./onnx-model.ts";

/** One thread: a rank computes on one core, and ranks run side by side. */
const OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  logSeverityLevel: 3,
};

/** Sessions of this thread by the name of their model: compiled once, whatever the number of kernels. */
const sessions = new Map<string, Promise<InferenceSession>>();

/** The session of a model, which is built if no session has its name yet. */
export function sessionOf({ name, build }: NamedModel): Promise<InferenceSession> {
  let session = sessions.get(name);
  if (session === undefined) {
    session = loadOnnxruntime().then(({ InferenceSession }) => InferenceSession.create(build(), OPTIONS));
    sessions.set(name, session);
  }
  return session;
}
