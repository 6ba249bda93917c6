/** Machine-readable classes of bad input; `infeasible` is the only one that the CLI maps to exit code 3. */
export type ErrorCode =
  | "usage"
  | "not-found"
  | "parse"
  | "format"
  | "version"
  | "hash"
  | "limit"
  | "topology"
  | "route"
  | "workload"
  | "infeasible";

/**
 * Bad input, as opposed to a bug: says what was expected and what was there, where in the input, and what to do.
 * `path` is a place in the input (`links[3].bytesPerSecond`, `line 12`), `hint` one sentence that starts with a verb.
 */
export class UsageError extends Error {
  readonly code: ErrorCode;
  readonly path: string | null;
  readonly hint: string | null;
  /** The least amount that would do, where a limit was too low. */
  readonly least: number | null;

  constructor(code: ErrorCode, message: string, details: { path?: string; hint?: string; least?: number } = {}) {
    super(message);
    this.name = "UsageError";
    this.code = code;
    this.path = details.path ?? null;
    this.hint = details.hint ?? null;
    this.least = details.least ?? null;
  }
}

/** Stops on a broken invariant of our own: a bug, never bad input. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`);
}
