import { expect, test } from "vitest";
import { EngineLane, type OnStale } from "./client.ts";
import type { AnswerMessage, RequestMessage } from "./messages.ts";

/** A worker that answers when it is told to. */
class FakeWorker {
  readonly posted: RequestMessage[] = [];
  isTerminated = false;
  #listener: (event: { data: AnswerMessage }) => void = () => {};

  addEventListener(type: string, listener: (event: never) => void): void {
    if (type === "message") this.#listener = listener as never;
  }
  postMessage(message: RequestMessage): void {
    this.posted.push(message);
  }
  terminate(): void {
    this.isTerminated = true;
  }
  answer(): void {
    const { id } = this.posted.at(-1)!;
    this.#listener({ data: { id, type: "answer", answer: { kind: "topology", topology: id as never } } });
  }
}

function lane(onStale: OnStale) {
  const workers: FakeWorker[] = [];
  const create = () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  };
  return { workers, lane: new EngineLane(create, onStale) };
}

const request = { kind: "topology", topology: {} as never } as const;

test("finish: what runs is finished and dropped, what waited is never posted", async () => {
  const { workers, lane: one } = lane("finish");
  const answers = [one.ask(request), one.ask(request), one.ask(request)];
  workers[0]!.answer();
  workers[0]!.answer();
  expect(await Promise.all(answers)).toEqual([null, null, { kind: "topology", topology: 3 }]);
  expect(workers).toHaveLength(1);
});

test("stop: a newer request ends the worker of the older", async () => {
  const { workers, lane: one } = lane("stop");
  const first = one.ask(request);
  const second = one.ask(request);
  expect(workers[0]!.isTerminated).toBe(true);
  workers[1]!.answer();
  expect(await first).toBeNull();
  expect(await second).toEqual({ kind: "topology", topology: 2 });
});

test("queue: all are answered in turn", async () => {
  const { workers, lane: one } = lane("queue");
  const answers = [one.ask(request), one.ask(request)];
  workers[0]!.answer();
  workers[0]!.answer();
  expect(await Promise.all(answers)).toEqual([
    { kind: "topology", topology: 1 },
    { kind: "topology", topology: 2 },
  ]);
});

test("cancel: nothing is answered, the lane goes on", async () => {
  const { workers, lane: one } = lane("stop");
  const first = one.ask(request);
  one.cancel();
  expect(await first).toBeNull();
  const second = one.ask(request);
  workers[1]!.answer();
  expect(await second).toEqual({ kind: "topology", topology: 2 });
});
