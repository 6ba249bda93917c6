import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { EventQueue } from "./event-queue.ts";

function drain(queue: EventQueue): [number, number][] {
  const out: [number, number][] = [];
  while (queue.size > 0) out.push([queue.peekTime(), queue.pop()]);
  return out;
}

describe("event queue", () => {
  test("gives events back by time, and in their order where times are equal", () => {
    const times = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ noNaN: true })), { maxLength: 300 });
    fc.assert(
      fc.property(times, (values) => {
        const queue = new EventQueue(1);
        for (const [payload, time] of values.entries()) queue.push(time, payload);
        const expected = values.map((time, payload): [number, number] => [time, payload]);
        // -0 and 0 are one time.
        expected.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1]));
        expect(drain(queue).map(([, payload]) => payload)).toEqual(expected.map(([, payload]) => payload));
      }),
      { seed, numRuns: campaign(1000) },
    );
  });

  test("stays in order when pushes and pops take turns", () => {
    const steps = fc.array(fc.option(fc.integer({ min: 0, max: 9 })), { maxLength: 400 });
    fc.assert(
      fc.property(steps, (values) => {
        const queue = new EventQueue();
        let model: [number, number][] = [];
        for (const [payload, time] of values.entries()) {
          if (time !== null) {
            queue.push(time, payload);
            model.push([time, payload]);
            model.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
          } else if (model.length > 0) {
            expect([queue.peekTime(), queue.peek(), queue.pop()]).toEqual([model[0]![0], model[0]![1], model[0]![1]]);
            model = model.slice(1);
          }
        }
        expect(drain(queue)).toEqual(model);
      }),
      { seed, numRuns: campaign(1000) },
    );
  });

  test("is empty at Infinity, and refuses to pop then", () => {
    const queue = new EventQueue();
    expect(queue.peekTime()).toBe(Infinity);
    expect(() => queue.pop()).toThrow("empty");
    queue.push(1, 7);
    queue.clear();
    expect(queue.size).toBe(0);
    expect(() => queue.push(Number.NaN, 3)).toThrow("event 3 has no time");
  });
});
