import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planSchedule } from "../../plan/methods/index.ts";
import { Kind } from "../../plan/schedule/schedule.ts";
import { seed } from "../../test/support/campaign.ts";
import { plans } from "../../test/support/plans.ts";
import { signalWords } from "../program.ts";
import { layWords, PARTS, readWord, writeWord } from "./words.ts";

const value = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe("words", () => {
  test("that have arrived in part count as nothing or as one of the two values", () => {
    fc.assert(
      fc.property(value, value, fc.integer({ min: 0, max: 8 }), fc.boolean(), (before, after, numBytes, isForward) => {
        const [words, next] = [new Int32Array(2), new Int32Array(2)];
        writeWord(words, 0, before);
        writeWord(next, 0, after);
        const bytes = new Uint8Array(words.buffer);
        const arriving = new Uint8Array(next.buffer);
        for (let i = 0; i < numBytes; i++) bytes[isForward ? i : 7 - i] = arriving[isForward ? i : 7 - i]!;
        expect([0, before, after]).toContain(readWord(words, 0));
        if (numBytes === 8) expect(readWord(words, 0)).toBe(after);
      }),
      { numRuns: 10_000, seed },
    );
  });

  test("count as 0 in fresh memory", () => {
    expect(readWord(new Int32Array(2), 0)).toBe(0);
  });

  test("have places of their own on every rank, before the heap", () => {
    fc.assert(
      fc.property(plans, (request) => {
        const schedule = planSchedule(request);
        const layout = layWords(schedule);
        const { kind, rank } = schedule.ops;
        const moves = [Kind.put, Kind.get, Kind.notify, Kind.send, Kind.receive] as readonly number[];
        for (let at = 0; at < schedule.ranks; at++) {
          const places = [layout.yes];
          for (const round of ["barrier", "meeting"] as const) {
            for (let other = 0; other < schedule.ranks; other++) places.push(layout.arrival(round, other));
            places.push(layout.release(round), layout.out(round, "arrival"), layout.out(round, "release"));
          }
          for (let other = 0; other < schedule.ranks; other++)
            for (let index = 0; index < PARTS; index++) places.push(layout.part(other, index));
          for (let word = 0; word < signalWords(schedule); word++) places.push(layout.signal(word));
          for (let op = 0; op < kind.length; op++) {
            if (rank[op] !== at || !moves.includes(kind[op]!)) continue;
            for (const what of ["mail", "landing", "out"] as const) places.push(layout.op(op, what));
          }
          expect(new Set(places).size).toBe(places.length);
          expect(places.every((place) => place % 8 === 0 && place + 8 <= layout.bytes)).toBe(true);
        }
      }),
      { numRuns: 100, seed },
    );
  });
});
