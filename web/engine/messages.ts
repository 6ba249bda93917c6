import type { EngineAnswer, EngineError, EngineRequest } from "./protocol.ts";

/** What goes to the worker and comes back; `id` counts requests. */
export interface RequestMessage {
  readonly id: number;
  readonly request: EngineRequest;
}

export type AnswerMessage =
  | { readonly id: number; readonly type: "answer"; readonly answer: EngineAnswer }
  | { readonly id: number; readonly type: "progress"; readonly done: number; readonly total: number }
  | { readonly id: number; readonly type: "error"; readonly error: EngineError };

/** The buffers under all typed arrays of a plain value, each once: they move to the other side instead of being copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const visit = (part: unknown): void => {
    if (ArrayBuffer.isView(part)) {
      if (part.buffer instanceof ArrayBuffer) buffers.add(part.buffer);
    } else if (part instanceof ArrayBuffer) buffers.add(part);
    else if (typeof part === "object" && part !== null) for (const inner of Object.values(part)) visit(inner);
  };
  visit(value);
  return [...buffers];
}
