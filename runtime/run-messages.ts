import type { ErrorCode } from "../plan/errors.ts";
import type { RunJob, RunProgress, RunResult } from "./job.ts";

/** What a supervisor says to the process of a run. */
export type ParentMessage = { readonly type: "run"; readonly job: RunJob } | { readonly type: "stop" };

/** What that process says. The last is `result` or `failed`. */
export type ChildMessage =
  | { readonly type: "progress"; readonly progress: RunProgress }
  | { readonly type: "result"; readonly result: RunResult }
  | {
      readonly type: "failed";
      readonly failure:
        | {
            readonly kind: "usage";
            readonly code: ErrorCode;
            readonly message: string;
            readonly path: string;
            readonly hint: string;
          }
        | { readonly kind: "run"; readonly message: string; readonly hint: string }
        | { readonly kind: "bug"; readonly message: string };
    };
