import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowedPairs, countTokens, cutPieces, shardPieces, type Piece } from "./shards.ts";
import type { Mask, ShardOrder } from "./workload.ts";

const shardOrder = fc.constantFrom<ShardOrder>("contiguous", "zigzag");
const maxTokens = 2 ** 31 - 1;

/** Fails unless the pieces, sorted, tile `[0, tokens)` without gap or overlap. */
function expectPartition(pieces: readonly Piece[], tokens: number): void {
  let end = 0;
  for (const piece of [...pieces].sort((a, b) => a.start - b.start)) {
    expect(piece.start).toBe(end);
    expect(piece.end).toBeGreaterThan(piece.start);
    end = piece.end;
  }
  expect(end).toBe(tokens);
}

describe("shards", () => {
  test("small cases by hand", () => {
    const contiguous = (tokens: number, ranks: number) => shardPieces({ tokens, shardOrder: "contiguous" }, ranks);
    const zigzag = (tokens: number, ranks: number) => shardPieces({ tokens, shardOrder: "zigzag" }, ranks);
    expect(contiguous(7, 3)).toEqual([[{ start: 0, end: 2 }], [{ start: 2, end: 4 }], [{ start: 4, end: 7 }]]);
    expect(contiguous(1, 2)).toEqual([[], [{ start: 0, end: 1 }]]);
    expect(zigzag(8, 2)).toEqual([
      [
        { start: 0, end: 2 },
        { start: 6, end: 8 },
      ],
      [{ start: 2, end: 6 }],
    ]);
    expect(zigzag(1, 2)).toEqual([[{ start: 0, end: 1 }], []]);
    expect(zigzag(5, 1)).toEqual([[{ start: 0, end: 5 }]]);
  });

  test("are a partition in even shares, with at most two pieces a rank", () => {
    const tokens = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: maxTokens }));
    const ranks = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 300 }));
    fc.assert(
      fc.property(tokens, ranks, shardOrder, (numTokens, numRanks, order) => {
        const shards = shardPieces({ tokens: numTokens, shardOrder: order }, numRanks);
        expect(shards).toHaveLength(numRanks);
        expectPartition(shards.flat(), numTokens);
        const slack = order === "zigzag" ? 2 : 1;
        for (const pieces of shards) {
          expect(pieces.length).toBeLessThanOrEqual(slack);
          expect(Math.abs(countTokens(pieces) - numTokens / numRanks)).toBeLessThan(slack);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("are exact near 2^31 tokens on up to 4096 ranks, by BigInt", () => {
    for (const tokens of [maxTokens, maxTokens - 1, 2 ** 30 + 1]) {
      for (const ranks of [3, 1023, 4095, 4096]) {
        const cut = (index: number) => Number((BigInt(index) * BigInt(tokens)) / BigInt(ranks));
        const shards = shardPieces({ tokens, shardOrder: "contiguous" }, ranks);
        expect(shards).toEqual(Array.from({ length: ranks }, (_, rank) => [{ start: cut(rank), end: cut(rank + 1) }]));
        expectPartition(shardPieces({ tokens, shardOrder: "zigzag" }, ranks).flat(), tokens);
      }
    }
  });

  test("refuse what no topology has", () => {
    for (const ranks of [0, -1, 1.5, Number.NaN, 2 ** 30]) {
      expect(() => shardPieces({ tokens: maxTokens, shardOrder: "contiguous" }, ranks)).toThrow(/bug/);
    }
  });

  test("zigzag balances causal attention", () => {
    const tokens = 64_000;
    const whole = { start: 0, end: tokens };
    const pairs = shardPieces({ tokens, shardOrder: "zigzag" }, 8).map((pieces) =>
      pieces.reduce((sum, piece) => sum + allowedPairs(piece, whole, "causal"), 0),
    );
    expect(new Set(pairs).size).toBe(1);
  });
});

describe("cuts", () => {
  test("by hand", () => {
    const pieces = [
      { start: 0, end: 3 },
      { start: 10, end: 14 },
    ];
    expect(cutPieces(pieces, 2)).toEqual([[{ start: 0, end: 3 }], [{ start: 10, end: 14 }]]);
    expect(cutPieces(pieces, 3)).toEqual([
      [{ start: 0, end: 2 }],
      [
        { start: 2, end: 3 },
        { start: 10, end: 11 },
      ],
      [{ start: 11, end: 14 }],
    ]);
    expect(cutPieces([], 2)).toEqual([[], []]);
    expect(cutPieces([{ start: 5, end: 6 }], 2)).toEqual([[], [{ start: 5, end: 6 }]]);
  });

  test("of a shard are the floor cuts of its tokens laid end to end", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        shardOrder,
        (tokens, ranks, parts, order) => {
          for (const pieces of shardPieces({ tokens, shardOrder: order }, ranks)) {
            const listed = listTokens(pieces);
            const cuts = cutPieces(pieces, parts).map(listTokens);
            const expected = cuts.map((_, part) =>
              listed.slice(
                Math.floor((part * listed.length) / parts),
                Math.floor(((part + 1) * listed.length) / parts),
              ),
            );
            expect(cuts).toEqual(expected);
          }
        },
      ),
      { numRuns: 300, seed: 2 },
    );
  });
});

function listTokens(pieces: readonly Piece[]): number[] {
  return pieces.flatMap((piece) => Array.from({ length: piece.end - piece.start }, (_, index) => piece.start + index));
}

describe("allowed pairs", () => {
  /** The slow twin. */
  function countPairs(q: Piece, kv: Piece, mask: Mask): number {
    let count = 0;
    for (let query = q.start; query < q.end; query += 1) {
      for (let key = kv.start; key < kv.end; key += 1) if (mask === "full" || key <= query) count += 1;
    }
    return count;
  }

  test("equal the count one by one, empty ranges included", () => {
    for (let code = 0; code < 7 ** 4; code += 1) {
      const [a = 0, b = 0, c = 0, d = 0] = [0, 1, 2, 3].map((digit) => Math.floor(code / 7 ** digit) % 7);
      const [q, kv] = [
        { start: a, end: a + b },
        { start: c, end: c + d },
      ] as const;
      for (const mask of ["full", "causal"] as const) expect(allowedPairs(q, kv, mask)).toBe(countPairs(q, kv, mask));
    }
  });

  test("of pieces add up to those of the whole", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90_000_000 }),
        fc.integer({ min: 1, max: 12 }),
        shardOrder,
        (tokens, ranks, order) => {
          const pieces = shardPieces({ tokens, shardOrder: order }, ranks).flat();
          let sum = 0;
          for (const q of pieces) for (const kv of pieces) sum += allowedPairs(q, kv, "causal");
          expect(BigInt(sum)).toBe((BigInt(tokens) * BigInt(tokens + 1)) / 2n);
        },
      ),
      { numRuns: 100, seed: 3 },
    );
  });
});
