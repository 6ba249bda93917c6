import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { UsageError } from "../../../plan/errors.ts";
import {
  encode,
  kinetoProfile,
  loadSql,
  makeSqlite,
  nsightCsv,
  nsightLines,
  nsightTables,
} from "./formats.test-support.ts";
import { readForeignTrace } from "./read-foreign-trace.ts";

const files = await Promise.all([
  encode(kinetoProfile),
  Uint8Array.from(gzipSync(kinetoProfile)),
  makeSqlite(nsightTables),
  encode(nsightLines.join("\n")),
  encode(nsightCsv),
]);

const damage = fc.record({
  file: fc.constantFrom(...files),
  /** Where bytes are written over, as shares of the file, and with what. */
  edits: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 6 }),
  keep: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
});

test("damaged files are read as far as they are whole, are none, or are refused in words", async () => {
  await fc.assert(
    fc.asyncProperty(damage, async ({ file, edits, keep }) => {
      const bytes = file.slice(0, Math.floor(keep * file.length));
      for (const [share, byte] of edits) if (bytes.length > 0) bytes[Math.floor(share * (bytes.length - 1))] = byte;
      let trace: Awaited<ReturnType<typeof readForeignTrace>>;
      try {
        trace = await readForeignTrace("file", bytes, loadSql);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        return;
      }
      if (trace === null) return;
      const { lane, name, startNs, endNs, laneNames, laneGroups, names } = trace;
      expect(laneGroups.length).toBe(laneNames.length);
      for (let i = 0; i < lane.length; i++) {
        expect(lane[i]!).toBeLessThan(laneNames.length);
        expect(name[i]!).toBeLessThan(names.length);
        expect(Number.isFinite(startNs[i]) && startNs[i]! >= 0 && endNs[i]! >= startNs[i]!).toBe(true);
      }
    }),
    { numRuns: 400 },
  );
});
