import type { AnswerMessage, RequestMessage } from "./messages.ts";
import type { EngineAnswer, EngineError, EngineRequest } from "./protocol.ts";

/** An error that the worker reported. */
export class EngineFailure extends Error {
  override readonly name = "EngineFailure";
  readonly error: EngineError;

  constructor(error: EngineError) {
    super(error.message);
    this.error = error;
  }
}

/** The answer to a request of some kind. */
export type AnswerOf<K extends EngineRequest["kind"]> = Extract<EngineAnswer, { kind: K }>;

interface Job {
  readonly message: RequestMessage;
  readonly resolve: (answer: EngineAnswer | null) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
}

/**
 * What becomes of older requests when a newer one comes: with `finish` and `stop` they are stale and their promises give
 * null; what already runs is finished (the worker stays warm), or stopped together with its worker. With `queue` all are
 * answered in turn.
 */
export type OnStale = "finish" | "stop" | "queue";

/** One purpose of the page (ranking, detail, sweep, files), with a worker of its own. */
export class EngineLane {
  readonly #create: () => Worker;
  readonly #onStale: OnStale;
  /** Started when it is first needed: a worker that nobody asks takes a core for a tenth of a second too. */
  #worker: Worker | null = null;
  #running: Job | null = null;
  #waiting: Job[] = [];
  #lastId = 0;

  constructor(create: () => Worker, onStale: OnStale) {
    this.#create = create;
    this.#onStale = onStale;
  }

  /** Starts the worker, so that the first request need not wait for it. */
  warm(): void {
    this.#worker ??= this.#start();
  }

  /** Null where a newer request made it stale; rejects with an `EngineFailure`. */
  ask<K extends EngineRequest["kind"]>(
    request: Extract<EngineRequest, { kind: K }>,
    onProgress?: (done: number, total: number) => void,
  ): Promise<AnswerOf<K> | null> {
    return new Promise((resolve, reject) => {
      const message = { id: ++this.#lastId, request };
      const job: Job = { message, resolve: resolve as Job["resolve"], reject, onProgress };
      if (this.#onStale !== "queue") this.#dropWaiting();
      this.#waiting.push(job);
      if (this.#running !== null && this.#onStale === "stop") this.#stop();
      this.#advance();
    });
  }

  /** What runs or waits becomes stale. */
  cancel(): void {
    this.#dropWaiting();
    if (this.#running !== null) this.#stop();
  }

  #dropWaiting(): void {
    for (const job of this.#waiting) job.resolve(null);
    this.#waiting = [];
  }

  #start(): Worker {
    const worker = this.#create();
    worker.addEventListener("message", ({ data }: MessageEvent<AnswerMessage>) => this.#receive(data));
    worker.addEventListener("error", (event) => this.#fail(event.message || "the worker could not be started"));
    return worker;
  }

  #stop(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#running?.resolve(null);
    this.#running = null;
  }

  #advance(): void {
    if (this.#running !== null) return;
    this.#running = this.#waiting.shift() ?? null;
    if (this.#running === null) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage(this.#running.message);
  }

  #receive(message: AnswerMessage): void {
    const job = this.#running;
    if (job === null || job.message.id !== message.id) return;
    if (message.type === "progress") {
      job.onProgress?.(message.done, message.total);
      return;
    }
    this.#running = null;
    // A stale answer is dropped: the newer request follows at once.
    if (this.#waiting.length > 0 && this.#onStale !== "queue") job.resolve(null);
    else if (message.type === "answer") job.resolve(message.answer);
    else job.reject(new EngineFailure(message.error));
    this.#advance();
  }

  #fail(message: string): void {
    const error = { code: "internal", message, path: null, hint: "Reload the page." };
    this.#running?.reject(new EngineFailure(error));
    this.#running = null;
    this.#worker?.terminate();
    this.#worker = null;
    this.#advance();
  }
}
