import { describe, expect, test } from "vitest";
import { smallWorkload } from "../../test/support/plans.ts";
import { chooseRows, tokensOfHead } from "./choose-rows.ts";

describe("rows to check", () => {
  test("are all below 2^32 FLOPs, and fewer from there on", () => {
    // 4·2·64·tokens² = 2^32 at 2896.3 tokens.
    expect(chooseRows(smallWorkload({ tokens: 2896, heads: 2, headDim: 64 }), 1).rowsPerHead).toBe(2896);
    const { rowsPerHead } = chooseRows(smallWorkload({ tokens: 2897, heads: 2, headDim: 64 }), 1);
    expect(rowsPerHead).toBe(2895);
    expect(chooseRows(smallWorkload({ tokens: 4000, heads: 2, headDim: 64, mask: "causal" }), 1).rowsPerHead).toBe(
      4000,
    );
  });

  test("are at least 256 of every head, or all that there are", () => {
    expect(chooseRows(smallWorkload({ tokens: 100_000, heads: 24, headDim: 128 }), 1).rowsPerHead).toBe(256);
    expect(chooseRows(smallWorkload({ tokens: 200, heads: 2 ** 12, headDim: 128 }), 1).rowsPerHead).toBe(200);
  });

  test.each([1, 2, 3, 255, 256, 257, 5000])(
    "of %i tokens are spread over the sequence, both ends among them",
    (tokens) => {
      const rowsPerHead = Math.min(tokens, 256);
      for (const head of [0, 1, 5]) {
        const list = tokensOfHead({ seed: 9, tokens, rowsPerHead }, 1, head);
        expect(list.length).toBe(rowsPerHead);
        expect(list[0]).toBe(0);
        expect(list.at(-1)).toBe(tokens - 1);
        list.forEach((token, part) => {
          expect(Math.floor((token * rowsPerHead + rowsPerHead - 1) / tokens)).toBe(part);
        });
      }
    },
  );

  test("are the same for the same seed, and others for another head, batch entry or seed", () => {
    const choice = chooseRows(smallWorkload({ tokens: 50_000, heads: 24, headDim: 128 }), 2 ** 40 + 1);
    const list = (seed: number, batch: number, head: number) => [...tokensOfHead({ ...choice, seed }, batch, head)];
    const first = list(1, 0, 0);
    expect(list(1, 0, 0)).toEqual(first);
    for (const other of [list(1, 0, 1), list(1, 1, 0), list(2, 0, 0), list(1 + 2 ** 32, 0, 0)])
      expect(other).not.toEqual(first);
    expect(first.slice(0, 6)).toMatchInlineSnapshot(`
      [
        0,
        230,
        392,
        716,
        950,
        1042,
      ]
    `);
  });
});
