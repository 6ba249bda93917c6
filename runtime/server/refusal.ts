import { UsageError } from "../../plan/errors.ts";

/** Statuses that a request is refused with. */
export type RefusalStatus = 401 | 403 | 404 | 405 | 409 | 413;

/** A request that is not served, with the status that says so. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: RefusalStatus;
  readonly hint: string | null;
  /** Methods that would be served, where the method was the fault. */
  readonly allow: string | null;

  constructor(status: RefusalStatus, message: string, details: { hint?: string; allow?: string } = {}) {
    super(message);
    this.status = status;
    this.hint = details.hint ?? null;
    this.allow = details.allow ?? null;
  }
}

/** What an error is to the client: its status and the JSON document of plan/http/run-api.ts. */
export interface ErrorAnswer {
  readonly status: RefusalStatus | 400 | 500;
  readonly document: {
    readonly error: {
      readonly code: string;
      readonly message: string;
      readonly path: string | null;
      readonly hint: string | null;
    };
  };
}

const codes: Readonly<Record<RefusalStatus, string>> = {
  401: "usage",
  403: "usage",
  404: "not-found",
  405: "usage",
  409: "usage",
  413: "limit",
};

/** Bad input is the client's fault, anything unknown is ours. */
export function answerOf(error: unknown): ErrorAnswer {
  if (error instanceof Refusal) {
    const { status, message, hint } = error;
    return { status, document: { error: { code: codes[status], message, path: null, hint } } };
  }
  if (error instanceof UsageError) {
    const { code, message, path, hint } = error;
    return { status: 400, document: { error: { code, message, path, hint } } };
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = "See what the server's terminal says; free some disk space if it is full.";
  return { status: 500, document: { error: { code: "bug", message, path: null, hint } } };
}
