import { UsageError } from "../errors.ts";
import type { CreateHasher } from "../packed/hasher.ts";
import { looksLikeJson } from "../packed/json-text.ts";
import { decodeChromeTrace } from "./codec-chrome.ts";
import { decodeTrace, isPackedTrace } from "./codec-packed.ts";
import type { Trace } from "./trace.ts";

/**
 * Reads a trace file, packed or Chrome JSON, whichever its first bytes say. The columns of a packed one are views of
 * `bytes`. Errors: those of `decodeTrace` and `decodeChromeTrace`; `format` for a file of neither kind.
 */
export function readTrace(bytes: Uint8Array, createHasher?: CreateHasher): Trace {
  if (isPackedTrace(bytes)) return decodeTrace(bytes, createHasher);
  if (looksLikeJson(bytes)) return decodeChromeTrace(bytes);
  const what = bytes.length === 0 ? "an empty file" : "neither of the two";
  throw new UsageError("format", `expected a trace, packed or Chrome JSON, got ${what}`, {
    hint: "Make one with `toroid simulate … --trace FILE`.",
  });
}
