import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { IndexedHeap } from "./indexed-heap.ts";
import { LevelQueue } from "./level-queue.ts";
import { MinTree } from "./min-tree.ts";
import { NO_FLOW, TagHeaps } from "./tag-heaps.ts";

const keys = fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.double({ min: 0, max: 1e6, noNaN: true })), {
  minLength: 1,
  maxLength: 200,
});
const changes = fc.array(fc.tuple(fc.nat({ max: 199 }), fc.double({ min: 0, max: 1e6, noNaN: true })), {
  maxLength: 200,
});
const runs = { seed, numRuns: campaign(500) };

describe("indexed heap", () => {
  test("gives ids back by (key, id), keys changed in between", () => {
    fc.assert(
      fc.property(keys, changes, (first, later) => {
        const heap = new IndexedHeap(1);
        heap.reserve(200);
        const model = new Map<number, number>();
        for (const [id, key] of [...first.entries(), ...later]) {
          heap.set(id, key);
          model.set(id, key);
        }
        const expected = [...model].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
        for (const [id, key] of expected) expect([heap.minKey(), heap.pop()]).toEqual([key, id]);
        expect([heap.size, heap.minKey()]).toEqual([0, Infinity]);
      }),
      runs,
    );
  });
});

describe("min tree", () => {
  test("knows the least key and the ids up to a limit, after changes and growth", () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 40_000 }), keys, changes, (room, first, later) => {
        const tree = new MinTree(first.length);
        const model = new Map<number, number>();
        for (const [id, key] of first.entries()) {
          tree.set(id, key);
          model.set(id, key);
        }
        expect(tree.min()).toBe(Math.min(...first));
        tree.reserve(room);
        for (const [id, key] of later) {
          tree.set(id * Math.floor(room / 200), key);
          model.set(id * Math.floor(room / 200), key);
        }
        expect(tree.min()).toBe(Math.min(...model.values()));
        const limit = first[0]!;
        const ids = new Int32Array(room);
        const count = tree.atMost(limit, ids);
        const expected = [...model].filter(([, key]) => key <= limit).map(([id]) => id);
        expect([...ids.subarray(0, count)]).toEqual(expected.sort((a, b) => a - b));
      }),
      runs,
    );
  });
});

describe("level queue", () => {
  test("gives every id back once, in ascending order but for keys that are close", () => {
    fc.assert(
      fc.property(keys, (values) => {
        const queue = new LevelQueue(1, 1e6);
        queue.reserve(values.length);
        for (const [id, key] of values.entries()) queue.add(id, key);
        const order = values.map(() => queue.pop());
        expect(queue.size).toBe(0);
        expect(new Set(order).size).toBe(values.length);
        for (let i = 1; i < order.length; i++) {
          const [before, after] = [values[order[i - 1]!]!, values[order[i]!]!];
          // 1e6 / 2^16 is where the buckets begin.
          expect(Math.max(16, after) * (1 + 2 ** -11)).toBeGreaterThanOrEqual(before);
        }
      }),
      runs,
    );
  });

  test("has what was added, and never adds what is excluded by hand", () => {
    const queue = new LevelQueue(3, 10);
    queue.exclude(2);
    queue.add(1, 100);
    queue.add(0, 0);
    expect([0, 1, 2].map((id) => queue.has(id))).toEqual([true, true, true]);
    expect([queue.pop(), queue.pop(), queue.size]).toEqual([0, 1, 0]);
    expect([queue.has(0), queue.has(2)]).toEqual([false, true]);
  });
});

describe("tag heaps", () => {
  test("stay in order when flows leave from the middle", () => {
    fc.assert(
      fc.property(keys, fc.array(fc.nat(), { maxLength: 50 }), (tags, leaving) => {
        const heaps = new TagHeaps(1);
        heaps.reserve(tags.length);
        let root = NO_FLOW;
        for (const [flow, tag] of tags.entries()) root = heaps.insert(root, flow, tag);
        const left = new Set(tags.keys());
        for (const pick of leaving) {
          const flow = [...left][pick % Math.max(1, left.size)];
          if (flow === undefined) break;
          left.delete(flow);
          root = heaps.remove(root, flow);
        }
        const order: number[] = [];
        for (; root !== NO_FLOW; root = heaps.pop(root)) order.push(root);
        expect([...order].sort((a, b) => a - b)).toEqual([...left]);
        expect(order.map((flow) => tags[flow])).toEqual([...left].map((flow) => tags[flow]!).sort((a, b) => a - b));
      }),
      runs,
    );
  });
});
