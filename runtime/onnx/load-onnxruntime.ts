import { UsageError } from "../../plan/errors.ts";

export type Onnxruntime = typeof import("onnxruntime-node");

let loaded: Promise<Onnxruntime> | undefined;

/** onnxruntime for this process; throws a UsageError that says what to do where its library cannot be loaded. */
export function loadOnnxruntime(): Promise<Onnxruntime> {
  loaded ??= import("onnxruntime-node").catch((error: unknown) => {
    const cause = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new UsageError("not-found", `onnxruntime cannot be loaded: ${cause}`, {
      hint: "Run `npm ci`; onnxruntime-node has libraries for Linux and Windows (x64, arm64) and macOS (arm64).",
    });
  });
  return loaded;
}
